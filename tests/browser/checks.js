// Runs inside a page of the book. Every check returns sentences, one for each thing that is wrong,
// that name the element; an empty list says that all is well.
window.bookChecks = (() => {
  const PATIENCE_MS = 300000; // only a page with a mistake is waited for so long
  const QUIET_MS = 400; // longer than the page's scripts wait before they follow a new width
  const SHAPES = "path, text, tspan, rect, line, circle, ellipse, polygon, polyline, use";

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const painted = () =>
    new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

  async function until(condition, patience = PATIENCE_MS) {
    const end = performance.now() + patience;
    while (!condition()) {
      if (performance.now() > end) return false;
      await pause(25);
    }
    return true;
  }

  function name(element) {
    const owner = element.closest("[id]");
    const classes = element.getAttribute("class") || "";
    const own = element.tagName.toLowerCase() + classes.trim().replace(/^|\s+/g, ".");
    const self = classes ? own : element.tagName.toLowerCase();
    return owner && owner !== element ? `${self} in #${owner.id}` : self + (owner ? `#${owner.id}` : "");
  }

  const charts = () => [...document.querySelectorAll(".bp-chart")];
  const chartName = (chart) => `chart ${charts().indexOf(chart) + 1}`;

  // Unfolds hints, solutions and hidden cells, so that what they hold is checked too; then waits
  // for the mathematics, the fonts and the charts, and says what never came.
  async function settle() {
    const problems = [];
    for (const details of document.querySelectorAll("details")) details.open = true;
    for (const button of document.querySelectorAll(".toggle-hidden > .toggle-button")) button.click();
    if (document.querySelector(".math")) {
      if (await until(() => window.MathJax?.startup?.promise)) {
        await window.MathJax.startup.promise;
      } else {
        problems.push("the page has equations, and MathJax did not start");
      }
    }
    await document.fonts.ready;
    await (charts().length ? calm() : painted());
    return problems;
  }

  // Waits until the page has followed a new width or theme: every chart that has a place (those on
  // slides that are not shown have none) is drawn or has failed, no chart has changed for a while,
  // and no color is still on its way.
  async function calm(quiet = QUIET_MS) {
    await painted();
    const laidOut = () => charts().filter((chart) => chart.getClientRects().length);
    await until(() => laidOut().every((chart) => ["live", "failed"].includes(chart.dataset.state)));
    if (charts().length) await unchanged(quiet);
    for (const motion of document.getAnimations())
      if (Number.isFinite(motion.effect.getComputedTiming().endTime)) motion.finish();
  }

  async function unchanged(quiet) {
    let last = performance.now();
    const watcher = new MutationObserver(() => (last = performance.now()));
    const everything = { childList: true, subtree: true, attributes: true, characterData: true };
    for (const chart of charts()) watcher.observe(chart, everything);
    await until(() => performance.now() - last > quiet);
    watcher.disconnect();
  }

  function math() {
    const problems = [];
    for (const element of document.querySelectorAll(".math")) {
      const source = element.textContent.trim().slice(0, 60);
      if (!element.querySelector("mjx-container"))
        problems.push(`equation not typeset: ${name(element)}: ${source}`);
    }
    for (const error of document.querySelectorAll("mjx-merror"))
      problems.push(`TeX error in ${name(error)}: ${error.getAttribute("data-mjx-error")}`);
    // MathJax sets a macro that it does not know in red, as it stands.
    for (const text of document.querySelectorAll('mjx-mtext[style*="color: red"]'))
      problems.push(`macro that MathJax does not know in ${name(text)}`);
    return problems.concat(rawTex());
  }

  function rawTex() {
    const skip = "pre, code, script, style, noscript, textarea, mjx-container, svg, .math";
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const problems = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.parentElement.closest(skip)) continue;
      if (/\$\$|\\[([\])]|\\(frac|partial|sum|begin|nabla|mathrm)\b/.test(node.data))
        problems.push(`raw TeX in ${name(node.parentElement)}: ${node.data.trim().slice(0, 60)}`);
    }
    return problems;
  }

  function drawn(chart) {
    const marks = chart.querySelectorAll('.bp-chart-live svg g[class*="role-mark"] *');
    const box = (mark) => mark.getBBox?.() ?? { width: 0, height: 0 };
    return [...marks].some((mark) => box(mark).width > 0 || box(mark).height > 0);
  }

  function chartsAreDrawn() {
    const problems = [];
    for (const chart of charts()) {
      if (chart.dataset.state !== "live") {
        const state = chart.dataset.state || "none";
        problems.push(`${chartName(chart)} is not live: data-state is ${state}`);
        continue;
      }
      if (!drawn(chart)) problems.push(`${chartName(chart)} is live, but shows no mark`);
      const label = chart.querySelector(".bp-chart-live [aria-label]");
      if (!label) problems.push(`${chartName(chart)} has no label for screen readers`);
    }
    return problems;
  }

  // Which of the two pictures of each chart is shown: "live" or "static".
  function shown(expected) {
    const problems = [];
    for (const chart of charts()) {
      for (const kind of ["live", "static"]) {
        const picture = chart.querySelector(`.bp-chart-${kind} svg`);
        const box = picture?.getBoundingClientRect();
        const visible = Boolean(picture?.checkVisibility() && box.width > 50 && box.height > 50);
        if (visible !== (kind === expected))
          problems.push(`the ${kind} picture of ${chartName(chart)} is ${visible ? "" : "not "}shown`);
      }
    }
    return problems;
  }

  function hex(color) {
    const numbers = color.match(/^rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)$/);
    if (!numbers || numbers[4] === "0") return null;
    return "#" + numbers.slice(1, 4).map((n) => Number(n).toString(16).padStart(2, "0")).join("");
  }

  function colorsOf(picture) {
    const colors = new Map();
    for (const shape of picture.querySelectorAll(SHAPES)) {
      if (shape.closest("defs, clipPath")) continue;
      const style = getComputedStyle(shape);
      for (const property of ["fill", "stroke"]) {
        const color = hex(style[property]);
        if (color && !colors.has(color)) colors.set(color, `${property} of ${name(shape)}`);
      }
    }
    return colors;
  }

  // `allowed`: the palette's column for the theme in force, as #rrggbb.
  function colors(allowed) {
    const problems = [];
    const pictures = document.querySelectorAll(".bp-chart-live svg, .bp-diagram svg");
    for (const picture of pictures) {
      const chart = picture.closest(".bp-chart");
      const diagrams = [...document.querySelectorAll(".bp-diagram svg")];
      const what = chart ? chartName(chart) : `diagram ${diagrams.indexOf(picture) + 1}`;
      for (const [color, where] of colorsOf(picture)) {
        if (!allowed.includes(color))
          problems.push(`${what} has ${color}, no color of the theme in force (${where})`);
      }
    }
    return problems;
  }

  function scrolls(element) {
    for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
      if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(box).overflowX)) return true;
    return false;
  }

  function width() {
    const root = document.documentElement;
    if (root.scrollWidth <= window.innerWidth) return [];
    const wide = [...document.body.querySelectorAll("*")].filter((element) => {
      const edge = element.getBoundingClientRect().right + window.scrollX;
      return edge > window.innerWidth + 0.5 && !scrolls(element);
    });
    const causes = wide.slice(-3).map(name).join("; ");
    const size = `${root.scrollWidth} px wide on a screen of ${window.innerWidth} px`;
    return [`the page scrolls sideways: ${size} (${causes || "no single element"})`];
  }

  function searchFields() {
    const fields = [...document.querySelectorAll('input[name="q"]')];
    const visible = fields.filter((field) => field.checkVisibility());
    return visible.length > 1 ? [`${visible.length} search fields are shown at once`] : [];
  }

  // axe-core builds a picture of its own of every element, which takes long where there are
  // thousands. Of leaves that are alike one is kept: highlighted code loses the spans that repeat a
  // class, and a chart the marks that differ in place and wording only. Static pictures, hidden from
  // everyone on the screen, are left out. Typeset formulas, drawn without text, become empty boxes
  // of their size, and the MathML that screen readers get beside them becomes one text.
  function thin() {
    // First everything is looked up, then changed: between changes each look-up costs a layout.
    const first = () => {
      const seen = new Set();
      return (look) => !seen.has(look) && Boolean(seen.add(look));
    };
    const isNewToken = first();
    const tokens = [...document.querySelectorAll("pre span[class]:not([id])")];
    const repeats = tokens.filter((token) => !isNewToken(tokenLook(token)));
    const marks = [...document.querySelectorAll(".bp-chart-live svg")].flatMap((picture) => {
      const isNewMark = first();
      const leaves = [...picture.querySelectorAll("*:not(:has(*), defs *, clipPath *)")];
      return leaves.filter((leaf) => !isNewMark(markLook(leaf)));
    });
    const formulas = [...document.querySelectorAll("mjx-container > mjx-math")];
    const sizes = formulas.map((formula) => formula.getBoundingClientRect());
    for (const token of repeats) token.replaceWith(...token.childNodes);
    for (const mark of marks) mark.remove();
    for (const picture of document.querySelectorAll(".bp-chart-static")) picture.replaceChildren();
    formulas.forEach((formula, index) => {
      const { width, height } = sizes[index];
      formula.style.cssText = `display: inline-block; width: ${width}px; height: ${height}px`;
      formula.replaceChildren();
    });
    for (const read of document.querySelectorAll("mjx-assistive-mml"))
      read.replaceChildren(read.textContent);
    for (const pre of document.querySelectorAll("pre")) pre.normalize();
  }

  // The block's classes count because a class may have another color in it, in one theme only.
  function tokenLook(token) {
    const block = token.closest(".highlight")?.parentElement?.className;
    const cell = token.closest(".cell_input, .cell_output")?.className;
    const style = token.getAttribute("style");
    return [token.className, style, getComputedStyle(token).color, block, cell].join("|");
  }

  // What a rule may ask of a mark: its role, which attributes it has, and which of them say nothing.
  function markLook(mark) {
    const attributes = [...mark.attributes].map(({ name, value }) => {
      const isSaid = /^(role|id|tabindex|aria-(?!label$))/.test(name);
      return isSaid ? `${name}=${value}` : `${name}${value.trim() ? "" : " is empty"}`;
    });
    const words = mark.textContent.trim() ? "text" : "";
    const owner = mark.parentElement;
    return [mark.tagName, ...attributes.sort(), words, owner.getAttribute("role")].join("|");
  }

  // A link has to stand out from the words around it, where there are any.
  function linkLook(link) {
    const around = link.parentElement;
    const isAmongWords = around.textContent.trim() !== link.textContent.trim();
    const inherited = getComputedStyle(around).color;
    return [around.tagName, isAmongWords, inherited, getComputedStyle(link).textDecorationLine];
  }

  // For each way in which text looks, a few of the elements that have text of their own: the two
  // colors, size and weight are all that a rule on contrast weighs. An ancestor that is placed by
  // position may cover something else than its parents, so texts in it stand apart, and so do links
  // from their surroundings.
  function looks(kept = 3) {
    const grounds = new Map();
    const ground = (element) => {
      if (!element) return "";
      if (!grounds.has(element)) {
        const style = getComputedStyle(element);
        const layers = [
          style.backgroundColor === "rgba(0, 0, 0, 0)" ? "" : style.backgroundColor,
          style.backgroundImage === "none" ? "" : style.backgroundImage,
          style.opacity === "1" ? "" : style.opacity,
          style.filter === "none" ? "" : style.filter,
          /absolute|fixed|sticky/.test(style.position) ? `at ${element.getAttribute("class")}` : "",
        ];
        grounds.set(element, [ground(element.parentElement), ...layers].filter(Boolean).join("|"));
      }
      return grounds.get(element);
    };
    const hasText = (element) =>
      element.matches("input, select, textarea") ||
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const counts = new Map();
    return [...document.body.querySelectorAll("*:not(script, style, noscript)")].filter((element) => {
      if (!hasText(element) || !element.checkVisibility({ visibilityProperty: true })) return false;
      const style = getComputedStyle(element);
      const own = [style.color, style.fontSize, style.fontWeight, style.textShadow];
      const link = element.closest("a") ? linkLook(element.closest("a")) : [];
      const look = [...own, ...link, ground(element)].join(" / ");
      counts.set(look, (counts.get(look) ?? 0) + 1);
      return counts.get(look) <= kept;
    });
  }

  const picture = (index) => charts()[index].querySelector(".bp-chart-live svg").outerHTML;
  const allColors = (index) =>
    [...colorsOf(charts()[index].querySelector(".bp-chart-live")).keys()].sort();

  return {
    settle, calm, until, painted,
    math, chartsAreDrawn, shown, colors, width, searchFields, thin, looks,
    picture, allColors,
  };
})();
