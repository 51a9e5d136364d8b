"use strict";
/* On every page. Kept apart from charts.js, which only pages with charts load. */

// Over file:// a browser lets no script read another page, so the search results do without
// the summaries that it would cut from the pages found.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// Paper is white: a page printed from the dark theme is printed in the light one.
(() => {
  const root = document.documentElement;
  let theme;
  window.addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => {
    root.dataset.theme = theme;
  });
})();

// The arrow that unfolds the pages under a page has no text of its own.
window.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll(".has-children > details > summary")) {
    const page = arrow.parentElement.parentElement.querySelector("a");
    arrow.setAttribute("aria-label", `Pages under: ${page ? page.textContent.trim() : ""}`);
  }
});

// What scrolls must be reachable by the keyboard; what does not should be no stop for it.
(() => {
  const BOXES =
    "mjx-container, div.highlight pre, .bp-chart-live, .bp-diagram, .pst-scrollable-table-container";

  function mark(box) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }

  const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));

  function watch() {
    for (const box of document.querySelectorAll(BOXES)) {
      observer.observe(box);
      mark(box);
    }
  }

  window.addEventListener("load", async () => {
    watch();
    await window.MathJax?.startup?.promise;
    await document.fonts.ready;
    watch();
  });
  document.addEventListener("bp-chart-live", watch);
})();
