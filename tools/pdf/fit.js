async () => {
  // Typeset, then make fit what is wider than the paper: formulas and tables get smaller
  // letters, down to a size that can still be read. Returns what is too wide even then.
  const SMALLEST = 0.55;
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;

  function shrink(box, width, available) {
    if (width <= available + 0.5) return false;
    const now = parseFloat(getComputedStyle(box).fontSize);
    const factor = Math.max(SMALLEST, (available / width) * 0.995);
    box.style.fontSize = `${now * factor}px`;
    return true;
  }

  // All widths are read before any is changed: the other way round is a layout for each.
  const formulas = [...document.querySelectorAll("mjx-container")].map((box) => {
    const shown = box.getAttribute("display") === "true";
    const around = shown ? box : box.closest("p, li, td, th, dd, dt, h1, h2, h3, h4") ?? box;
    const inner = box.querySelector("mjx-math");
    return [box, inner.getBoundingClientRect().width, around.clientWidth];
  });
  for (const [box, width, available] of formulas) shrink(box, width, available);

  for (let round = 0; round < 3; round += 1) {
    for (const table of document.querySelectorAll("table")) {
      shrink(table, table.offsetWidth, table.parentElement.clientWidth);
    }
  }

  // What is short is not worth a break. To paragraphs CSS would see (widows, orphans), but where
  // the browser goes back for a better break it forgets them.
  const whole = [...document.querySelectorAll("pre, p")].filter((block) => {
    const lines = block.clientHeight / parseFloat(getComputedStyle(block).lineHeight);
    return lines < (block.localName === "p" ? 5.5 : 24.5);
  });
  for (const block of whole) block.classList.add("paper-whole");

  const edge = document.body.getBoundingClientRect().right + 1;
  const wide = [...document.querySelectorAll("body *:not(svg *)")]
    .filter((element) => element.getBoundingClientRect().right > edge);
  return wide.map((element) => `${element.tagName} ${element.textContent.trim().slice(0, 60)}`);
}
