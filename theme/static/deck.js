"use strict";
/* Runs a deck: typesets it, lets derivations and steppers go step by step, fits the charts, and
   starts reveal.js. */

(() => {
  const root = document.documentElement;
  const DRAWN_WIDTH = 720; // as wide as charts.js draws; what is left is filled by scaling

  // ---- steps: what the next key shows ----

  // The rows of an aligned derivation: of the outermost table with more than one.
  function rows(math) {
    let level = [math.querySelector("mjx-math")];
    while (level.length && level[0]) {
      const tables = level.flatMap((part) => inner(part, "mjx-mtable"));
      const found = tables.map((table) => inner(table, "mjx-mtr, mjx-mlabeledtr"));
      const long = found.find((table) => table.length > 1);
      if (long) return long;
      level = found.flat();
    }
    return [];
  }

  // The descendants that match, not those inside of them.
  function inner(part, selector) {
    return [...part.children].flatMap((child) =>
      child.matches(selector) ? [child] : inner(child, selector),
    );
  }

  // Puts each line of a cell's code into an element of its own.
  function codeLines(cell) {
    const pre = cell.querySelector(".cell_input pre, .highlight-ipython3 pre, .highlight pre");
    if (!pre) return [];
    pre.innerHTML = pre.innerHTML
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => `<span class="deck-line">${line}\n</span>`)
      .join("");
    return [...pre.querySelectorAll(".deck-line")];
  }

  // Gives the parts of a slide their places in the order of steps. Code whose metadata names its
  // lines goes beside the rows of the formula before it, a line or two a row.
  function number(slide) {
    let next = 0;
    let starts = []; // the step of each row of the last formula; -1 is there from the beginning
    const step = (element, index) => {
      element.classList.add("fragment");
      element.dataset.fragmentIndex = index;
    };
    for (const cell of slide.querySelectorAll(".deck-cell")) {
      if (cell.classList.contains("deck-later")) step(cell, next++);
      if (cell.dataset.rows !== "together") {
        for (const math of cell.querySelectorAll("div.math")) {
          const lines = rows(math);
          if (lines.length < 2) continue;
          starts = lines.map((_, row) => (row === 0 ? next - 1 : next++));
          lines.slice(1).forEach((line, row) => step(line, starts[row + 1]));
        }
      }
      const shown = JSON.parse(cell.dataset.lines);
      if (!shown.length) continue;
      const code = codeLines(cell);
      shown.forEach((numbers, row) => {
        for (const at of [numbers].flat()) {
          if (starts[row] >= 0 && code[at - 1]) step(code[at - 1], starts[row]);
        }
      });
    }
    for (const cell of slide.querySelectorAll("[data-stepper]")) next = stepper(cell, next);
  }

  // ---- steppers: the first slider of a chart, moved by the keys that move the slides ----

  function sliderOf(chart) {
    const spec = JSON.parse(chart.querySelector("script").textContent);
    return (spec.params ?? []).find((param) => param.bind?.input === "range");
  }

  // The steps after the one with which the slide begins: where the chart's author left the slider,
  // or where the cell says ("stepper": 10).
  function stepper(cell, next) {
    const chart = cell.querySelector(".bp-chart");
    const param = chart && sliderOf(chart);
    if (!param) return next;
    const { max, step } = param.bind;
    if (cell.dataset.stepper === "true") cell.dataset.stepper = param.value;
    for (let value = Number(cell.dataset.stepper) + step; value <= max + step / 2; value += step) {
      const mark = document.createElement("span");
      mark.className = "fragment deck-step";
      mark.dataset.fragmentIndex = next++;
      mark.dataset.value = Math.min(value, max);
      cell.append(mark);
    }
    chart.addEventListener("bp-chart-live", () => follow(cell), { once: true });
    return next;
  }

  // Lets the slider of a stepper stand where the steps are.
  function follow(cell) {
    const slider = cell.querySelector(".bp-chart-live input[type=range]");
    if (!slider) return;
    const last = [...cell.querySelectorAll(".deck-step.visible")].at(-1);
    slider.value = last ? last.dataset.value : cell.dataset.stepper;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // The Tab key reaches what is on this slide. In the overview each slide can be clicked.
  function confine() {
    const everywhere = Reveal.isOverview();
    for (const slide of Reveal.getSlides())
      slide.inert = !everywhere && slide !== Reveal.getCurrentSlide();
  }

  const followAll = () => {
    for (const cell of Reveal.getCurrentSlide().querySelectorAll("[data-stepper]")) follow(cell);
  };

  // ---- charts: drawn at the width they were made for, then scaled to the slide ----

  function fit(chart) {
    const live = chart.querySelector(".bp-chart-live");
    const room = chart.getBoundingClientRect();
    if (!room.width || !live.offsetHeight) return;
    const scale = Math.min(room.width / live.offsetWidth, room.height / live.offsetHeight);
    live.style.transform = `translateX(${(room.width - scale * live.offsetWidth) / 2}px) scale(${scale})`;
    chart.dataset.scale = scale;
  }

  // Vega measures from the corner of its picture in screen pixels, and knows of no scale. What is
  // dragged or turned gets the place that it would have without; pointing needs none.
  function unscale(event) {
    const chart = event.target.closest?.(".bp-chart");
    const dragged = event.type === "wheel" || event.type.endsWith("down") || event.buttons;
    if (!chart?.dataset.scale || !dragged || event.target.closest("input")) return;
    const corner = chart.querySelector(".bp-chart-live svg").getBoundingClientRect();
    for (const [name, from] of [["clientX", corner.left], ["clientY", corner.top]]) {
      const value = from + (event[name] - from) / chart.dataset.scale;
      Object.defineProperty(event, name, { value });
    }
  }

  // ---- keys ----

  const toggleTheme = () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  };

  // A slider keeps the arrow keys while it has the focus; these give them back to the slides.
  function release(event) {
    const active = document.activeElement;
    if (!active?.matches("input, select")) return;
    if (["Escape", "PageDown", "PageUp"].includes(event.key)) active.blur();
    if (event.key === "Escape") event.stopPropagation();
  }

  // ?lecture: what one lecture on the whole book has time for.
  function shorten() {
    for (const slide of document.querySelectorAll("[data-long]")) slide.remove();
    for (const stack of document.querySelectorAll(".slides > section:not([class]):empty")) stack.remove();
  }

  async function start() {
    if (new URLSearchParams(location.search).has("lecture")) shorten();
    await window.MathJax?.startup?.promise;
    await document.fonts.ready;
    for (const slide of document.querySelectorAll(".slides section:not(.stack)")) number(slide);
    const charts = document.querySelectorAll(".bp-chart");
    const observer = new ResizeObserver((entries) => entries.forEach((entry) => fit(entry.target)));
    for (const chart of charts) {
      chart.querySelector(".bp-chart-live").style.width = `${DRAWN_WIDTH}px`;
      chart.addEventListener("bp-chart-live", () => fit(chart));
      observer.observe(chart);
    }
    for (const type of ["wheel", "pointerdown", "mousedown", "pointermove", "mousemove"])
      addEventListener(type, unscale, { capture: true });
    addEventListener("keydown", release, { capture: true });
    await Reveal.initialize({
      width: "100%",
      height: "100%",
      margin: 0,
      minScale: 1,
      maxScale: 1,
      center: false,
      display: "flex",
      hash: true,
      history: false,
      slideNumber: "c/t",
      showSlideNumber: "all",
      transition: "none",
      backgroundTransition: "none",
      controlsTutorial: false,
      pdfSeparateFragments: false,
      scrollActivationWidth: null,
      sortFragmentsOnSync: true,
      plugins: [RevealNotes],
    });
    for (const event of ["slidechanged", "fragmentshown", "fragmenthidden"])
      Reveal.on(event, followAll);
    for (const event of ["slidechanged", "overviewshown", "overviewhidden"])
      Reveal.on(event, confine);
    if (!Reveal.isPrintView()) confine();
    Reveal.addKeyBinding({ keyCode: 68, key: "D", description: "dark or light" }, toggleTheme);
    root.dataset.deck = "ready";
  }

  start();
})();
