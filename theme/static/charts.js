"use strict";
/* Makes the charts of a page live.

   A chart arrives as <div class="bp-chart"> with a static picture and its Vega-Lite
   specification. This script draws the specification in the reader's theme and width, and
   draws it again when either changes. Whatever goes wrong, the static picture stays. */

(() => {
  const MAX_WIDTH = 720; // pixels; beyond this a chart gains nothing
  const NARROW = 480; // below this, legends are set as lists
  const vegaUrl = new URL("vega.js", document.currentScript.src);
  const root = document.documentElement;
  const pen = document.createElement("canvas").getContext("2d");

  function loadVega() {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = vegaUrl;
      script.onload = () => (window.vegaEmbed ? resolve() : reject(new Error("no vegaEmbed")));
      script.onerror = () => reject(new Error(`cannot load ${vegaUrl}`));
      document.head.append(script);
    });
  }

  // The lines into which a heading breaks so that none is wider than `width` pixels.
  function lines(text, width, font) {
    pen.font = font;
    const result = [];
    for (const line of [text].flat()) {
      let start = "";
      for (const word of line.split(" ")) {
        const longer = start ? `${start} ${word}` : word;
        if (start && pen.measureText(longer).width > width) {
          result.push(start);
          start = word;
        } else {
          start = longer;
        }
      }
      result.push(start);
    }
    return result;
  }

  function wrapHeadings(view, config, width) {
    const style = config?.title ?? {};
    const family = config?.font ?? "sans-serif";
    if (typeof view.title === "string" || Array.isArray(view.title)) {
      view.title = { text: view.title };
    }
    if (view.title?.text && !view.title.text.expr) {
      const size = view.title.fontSize ?? style.fontSize ?? 13;
      view.title.text = lines(view.title.text, width, `bold ${size}px ${family}`);
    }
    if (view.title?.subtitle && !view.title.subtitle.expr) {
      const size = view.title.subtitleFontSize ?? style.subtitleFontSize ?? 13;
      view.title.subtitle = lines(view.title.subtitle, width, `${size}px ${family}`);
    }
    for (const child of view.vconcat ?? []) wrapHeadings(child, config, width);
  }

  // On a slide, a chart whose plots are less high can be drawn larger as a whole.
  function lower(spec, factor) {
    if (typeof spec.height === "number") spec.height *= factor;
    for (const view of spec.vconcat ?? []) lower(view, factor);
  }

  // The specification for this theme and this width. In a column of views each needs a width
  // of its own, without the `room` that axes take; a single view can be told the whole.
  function prepared(text, width, room) {
    const dark = root.dataset.theme === "dark";
    const colored = dark
      ? text.replace(/#[0-9a-f]{6}\b/gi, (hex) => window.bpDark[hex.toLowerCase()] ?? hex)
      : text;
    const spec = JSON.parse(colored);
    wrapHeadings(spec, spec.config, width - 16);
    if (spec.vconcat) {
      for (const view of spec.vconcat) view.width = width - room;
    } else if (typeof spec.width !== "object") {
      spec.width = Math.min(width, (spec.width ?? MAX_WIDTH) + room);
      spec.autosize = { type: "fit-x", contains: "padding" };
    }
    if ((spec.width ?? width) < NARROW) {
      spec.config = { ...spec.config, legend: { ...spec.config?.legend, columns: 1 } };
    }
    return spec;
  }

  // Reader's state: what the sliders say and what has been selected.
  function keepState(view, names) {
    return view.getState({
      signals: (name) => names.has(name),
      data: (name) => name.endsWith("_store"),
    });
  }

  // The names of the signals that hold what the reader chose. A selection of a field that is
  // bound to inputs has a signal for each field beside its own.
  function paramNames(spec) {
    const own = (spec.params ?? []).flatMap((param) => [
      param.name,
      ...(param.bind && param.select?.fields ? param.select.fields : []).map(
        (field) => `${param.name}_${field}`,
      ),
    ]);
    const inner = [...(spec.layer ?? []), ...(spec.vconcat ?? [])];
    return new Set(inner.reduce((names, view) => [...names, ...paramNames(view)], own));
  }

  // Vega calls every mark a symbol, also one that says nothing (a rule, an empty layer). A screen
  // reader should hear only of those that have a name.
  function hideNameless(live) {
    for (const mark of live.querySelectorAll('[role^="graphics-"]')) {
      const nameless = mark.matches('[role="graphics-symbol"]:not([aria-label])');
      if (nameless) mark.setAttribute("aria-hidden", "true");
      else mark.removeAttribute("aria-hidden");
    }
  }

  class Chart {
    constructor(element) {
      this.element = element;
      this.live = element.querySelector(".bp-chart-live");
      this.text = element.querySelector("script").textContent;
      this.names = paramNames(JSON.parse(this.text));
      this.drawing = Promise.resolve();
      this.room = 70;
      new MutationObserver(() => hideNameless(this.live)).observe(this.live, {
        subtree: true,
        childList: true,
        attributeFilter: ["role", "aria-label"],
      });
    }

    width() {
      return Math.floor(Math.min(this.live.clientWidth, MAX_WIDTH));
    }

    // One drawing at a time, in the order asked for.
    draw() {
      this.drawing = this.drawing.then(() => this.drawNow()).catch((error) => this.fail(error));
      return this.drawing;
    }

    async drawNow() {
      const [width, theme] = [this.width(), root.dataset.theme];
      if (width === 0 || matchMedia("print").matches) return;
      if (width === this.drawnWidth && theme === this.drawnTheme) return;
      this.element.style.minHeight = `${this.element.offsetHeight}px`;
      await this.embed(width);
      const excess = this.live.querySelector("svg").clientWidth - width;
      if (excess > 0) {
        this.room += excess;
        await this.embed(width);
      }
      this.drawnWidth = width;
      this.drawnTheme = theme;
      this.element.style.minHeight = "";
      this.element.dispatchEvent(new Event("bp-chart-live", { bubbles: true }));
    }

    async embed(width) {
      const before = this.element.bpView && keepState(this.element.bpView, this.names);
      const target = document.createElement("div");
      this.live.append(target);
      const options = { mode: "vega-lite", renderer: "svg", actions: false, tooltip: { theme: root.dataset.theme } };
      const spec = prepared(this.text, width, this.room);
      lower(spec, Number(this.element.closest("[data-height]")?.dataset.height ?? 1));
      const result = await window.vegaEmbed(target, spec, options);
      if (before) {
        result.view.setState(before);
        await result.view.runAsync();
      }
      this.finish?.();
      this.finish = () => {
        result.finalize();
        target.remove();
      };
      for (const input of target.querySelectorAll(".vega-bind input")) {
        const name = input.closest(".vega-bind").querySelector(".vega-bind-name");
        input.setAttribute("aria-label", name.textContent.trim());
      }
      this.element.bpView = result.view;
      this.element.dataset.state = "live";
    }

    fail(error) {
      console.warn("A chart stays a static picture:", error);
      this.finish?.();
      this.live.replaceChildren();
      this.element.style.minHeight = "";
      this.element.dataset.state = "failed";
    }
  }

  async function start() {
    const charts = [...document.querySelectorAll(".bp-chart")].map((div) => new Chart(div));
    try {
      await loadVega();
    } catch (error) {
      charts.forEach((chart) => chart.fail(error));
      return;
    }
    const drawAll = () => charts.forEach((chart) => chart.draw());
    drawAll();
    new MutationObserver(drawAll).observe(root, { attributeFilter: ["data-theme"] });
    let waiting;
    const resized = () => {
      clearTimeout(waiting);
      waiting = setTimeout(drawAll, 200);
    };
    // The size of each chart, not of the window: a folded part that opens counts too.
    const observer = new ResizeObserver(resized);
    charts.forEach((chart) => observer.observe(chart.element));
  }

  start();
})();
