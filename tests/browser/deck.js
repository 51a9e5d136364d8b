// Runs inside a deck. Goes through all slides, each with its last step shown (a step that has not
// come keeps its place), and returns sentences, one for each thing that is wrong.
window.deckChecks = (() => {
  const SMALLEST_TEXT = 24;
  const SMALLEST_IN_CHARTS = 13; // at 720 pixels of height; it grows with the window
  const SKIPPED = "aside.notes, mjx-assistive-mml, .visually-hidden, defs, .bp-chart-static, h2";

  const said = (element) => {
    const owner = element.getAttribute("class") || "";
    return `${element.tagName.toLowerCase()}.${owner.trim().split(/\s+/)[0]}`;
  };
  const slideName = (slide) =>
    `slide ${Reveal.getSlidePastCount(slide) + 1} (${slide.querySelector("h1, h2").textContent.trim()})`;

  // Half of the edge is free, and what stands lower would cover the number of the slide.
  function outside(slide) {
    const edge = 28 * Math.min(innerWidth / 1280, innerHeight / 720);
    const [right, bottom] = [innerWidth - edge, innerHeight - edge];
    const problems = [];
    for (const element of slide.querySelectorAll("*")) {
      if (element.closest(SKIPPED)) continue;
      const box = element.getBoundingClientRect();
      if (box.width < 1 || box.height < 1) continue;
      if (box.left < edge - 1 || box.top < 0 || box.right > right || box.bottom > bottom) {
        const edges = [box.left, box.top, box.right, box.bottom].map(Math.round);
        problems.push(`${said(element)} reaches outside: ${edges}`);
      }
    }
    return problems.slice(0, 3);
  }

  // Parts that lie over each other: the cells of a slide, one after the other or side by side.
  function overlapping(slide) {
    const cells = [...slide.querySelectorAll(".deck-cell")];
    const boxes = cells.map((cell) => {
      const parts = [...cell.querySelectorAll("mjx-math, pre, p, li, td, svg")].filter(
        (part) => !part.closest(SKIPPED),
      );
      const all = parts.map((part) => part.getBoundingClientRect()).filter((box) => box.width);
      return {
        left: Math.min(...all.map((box) => box.left)),
        right: Math.max(...all.map((box) => box.right)),
        top: Math.min(...all.map((box) => box.top)),
        bottom: Math.max(...all.map((box) => box.bottom)),
      };
    });
    const apart = (a, b) =>
      a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 4 || b.bottom <= a.top + 4;
    return boxes.flatMap((box, i) =>
      boxes.slice(i + 1).some((other) => !apart(box, other)) ? [`cell ${i + 1} lies under another`] : [],
    );
  }

  function small(slide) {
    const unit = Math.min(innerWidth / 1280, innerHeight / 720);
    const problems = [];
    for (const element of slide.querySelectorAll("*")) {
      const own = [...element.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
      if (!own || element.closest(SKIPPED) || element.closest("mjx-container, sub, sup")) continue;
      const chart = element.closest(".bp-chart-live");
      if (element.closest("svg") && !chart) continue; // diagrams are scaled with their boxes
      const scale = chart ? Number(chart.closest(".bp-chart").dataset.scale) : 1;
      const size = parseFloat(getComputedStyle(element).fontSize) * scale;
      const least = chart ? SMALLEST_IN_CHARTS * unit : SMALLEST_TEXT;
      if (size < least - 0.01) problems.push(`${said(element)} has text of ${size.toFixed(1)} px`);
    }
    return problems.slice(0, 3);
  }

  function dead(slide) {
    const problems = [];
    for (const chart of slide.querySelectorAll(".bp-chart"))
      if (chart.dataset.state !== "live") problems.push(`a chart is ${chart.dataset.state ?? "dead"}`);
    for (const math of slide.querySelectorAll(".math"))
      if (!math.querySelector("mjx-math")) problems.push("a formula is not typeset");
    if (slide.querySelector("mjx-merror")) problems.push("a formula has an error");
    return problems;
  }

  // Shows a slide as it is in its last step, charts drawn.
  async function show(slide) {
    const { h, v } = Reveal.getIndices(slide);
    Reveal.slide(h, v, slide.querySelectorAll(".fragment").length);
    await bookChecks.painted();
    const charts = [...slide.querySelectorAll(".bp-chart")];
    await bookChecks.until(() => charts.every((c) => c.dataset.scale || c.dataset.state === "failed"));
    if (charts.length) await bookChecks.calm(150);
  }

  async function measure() {
    const problems = [];
    for (const slide of Reveal.getSlides()) {
      await show(slide);
      const found = [...outside(slide), ...overlapping(slide), ...small(slide), ...dead(slide)];
      const size = `${innerWidth} x ${innerHeight}`;
      problems.push(...found.map((problem) => `${slideName(slide)} at ${size}: ${problem}`));
    }
    Reveal.slide(0, 0);
    return problems;
  }

  return { measure, show, outside, overlapping, small };
})();
