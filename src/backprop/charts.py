"""Altair for the book: its theme, its renderer, and the stepper that walks through a graph.

A chapter begins with ``charts.use_book_style()``. From then on a chart that ends a cell is
stored as two pictures of the same thing: a Vega-Lite specification, which JupyterLab and
the built book draw live without a network, and an SVG, for print and for code hosts. Both
are the same in every run, so that nbval compares them, the data included.
"""

import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from backprop import _chart_training, palette

#: What JupyterLab, VS Code and the built book draw live.
VEGA_LITE_MIME = "application/vnd.vegalite.v5+json"

#: Digits that survive in a chart's data: more than a picture can show, fewer than the last
#: bits in which two processors or two thread counts may differ.
SIGNIFICANT_DIGITS = 6

#: The first of these is the one that vl-convert carries, so that a static picture has the
#: same layout on every machine; the others are what a reader's browser has.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"

#: Pixels; a page's text column on a desktop. Narrower screens shrink a chart, see charts.js.
WIDTH = 620

_AUTOMATIC_NAME = re.compile(r"\b(view|param)_(\d+)\b")
_DATASET_NAME = re.compile(r"data-[0-9a-f]{32}")
_SVG_ID = re.compile(r"(?<=[\"#])(clip|gradient_)(\d+)(?=[\")])")


def use_book_style() -> None:
    """Give every Altair chart of this kernel the book's theme and renderer.

    Source: chapter 1, and every chapter after it.
    """
    alt.renderers.register("backprop", render)
    alt.renderers.enable("backprop")
    alt.theme.register("backprop", enable=True)(_theme)


def _theme() -> alt.theme.ThemeConfig:
    ink, muted, grid = (palette.light(name) for name in ("ink", "muted", "grid"))
    series = [palette.light(name) for name in palette.SERIES]
    text = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 13}
    config: dict[str, Any] = {
        "background": palette.light("paper"),
        "font": FONT,
        "view": {"continuousWidth": WIDTH, "continuousHeight": 300, "stroke": grid},
        "mark": {"color": series[0]},
        "line": {"strokeWidth": 2.5},
        "rule": {"color": muted},
        "text": {"color": ink, "fontSize": 13},
        "range": {"category": series},
        "axis": text | {"gridColor": grid, "domainColor": muted, "tickColor": muted},
        "legend": text
        | {"orient": "top", "title": None, "labelLimit": 400, "symbolStrokeWidth": 3},
        "title": {
            "anchor": "start",
            "color": ink,
            "fontSize": 15,
            "offset": 12,
            "subtitleColor": muted,
            "subtitleFontSize": 13,
        },
    }
    return {"config": config}  # type: ignore[typeddict-item]


def explain(chart: Any, *, title: str, todo: str, description: str) -> Any:
    """The chart with its heading, what a reader can do with it, and what it shows in words.

    Args:
        chart: an Altair chart of any kind.
        title: what is drawn.
        todo: an instruction ("Move the slider ..."), set under the title.
        description: what a reader who does not see the picture needs to know; screen
            readers announce it. The renderer refuses a chart without these three.

    Source: chapter 1, and every chapter after it.
    """
    heading = alt.TitleParams(text=title, subtitle=todo)
    return chart.properties(title=heading, description=description)


def slider(
    name: str, label: str, value: float, low: float, high: float, step: float
) -> alt.Parameter:
    """A parameter ``name`` that a reader moves from ``low`` to ``high`` in steps of ``step``.

    Source: chapter 1, and every chapter after it.
    """
    binding = alt.binding_range(min=low, max=high, step=step, name=f"{label} ")
    return alt.param(name=name, value=value, bind=binding)


def render(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The book's Altair renderer: a specification becomes a bundle of MIME types.

    Args:
        spec: a Vega-Lite specification, as ``chart.to_dict()`` gives it.

    Returns:
        The live chart, its static picture and a line of text, but no text/html, which
        JupyterLab would show in place of the live chart.

    Raises:
        ValueError: if the chart has no description, or no title with a subtitle that says
            what to do with it, or if a number in it is not finite.

    Source: chapter 1, and every chapter after it.
    """
    title = spec.get("title")
    if not spec.get("description"):
        raise ValueError(
            "this chart has no description for those who cannot see it: charts.explain"
        )
    if not isinstance(title, dict) or not title.get("text") or not title.get("subtitle"):
        raise ValueError("this chart does not say what it is and what to do: charts.explain")
    spec = _normalized(spec)
    return {
        VEGA_LITE_MIME: spec,
        "image/svg+xml": _static_picture(spec),
        "text/plain": f"<chart: {title['text']}>",
    }


def _static_picture(spec: dict[str, Any]) -> str:
    """The chart as SVG; its ids count from 1, though vl-convert counts through all charts."""
    names: dict[str, str] = {}

    def rename(match: re.Match[str]) -> str:
        return names.setdefault(match[0], f"{match[1]}{len(names) + 1}")

    return _SVG_ID.sub(rename, vl_convert.vegalite_to_svg(spec, vl_version="6.1"))


def _normalized(spec: dict[str, Any]) -> dict[str, Any]:
    """The same chart, written in one way: rounded, sorted, its automatic names renumbered."""
    names: dict[str, str] = {}

    def rename(match: re.Match[str]) -> str:
        kind = match[1] if match.re is _AUTOMATIC_NAME else "rows"
        taken = sum(name.startswith(kind) for name in names.values())
        return names.setdefault(match[0], f"{kind}_{taken + 1}")

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            pairs = ((walk(key), walk(item)) for key, item in sorted(value.items()))
            return dict(sorted(pairs))
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, float):
            return _rounded(value)
        if isinstance(value, str):
            return _DATASET_NAME.sub(rename, _AUTOMATIC_NAME.sub(rename, value))
        return value

    # The data come last: their names hold a hash of the data before rounding, which must
    # not decide the order in which they are numbered.
    rest = walk({key: value for key, value in spec.items() if key != "datasets"})
    data = walk({key: value for key, value in spec.items() if key == "datasets"})
    return dict(sorted((rest | data).items()))


def _rounded(value: float) -> float | int:
    if not math.isfinite(value):
        raise ValueError(f"a chart cannot show {value}: filter the data first")
    short = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def loss_and_accuracy(
    history: pd.DataFrame,
    split: str = "running",
    *,
    title: str,
    description: str,
    todo: str = "Move over the chart: a rule reads off both curves.",
) -> Any:
    """Loss and accuracy of one split over the epochs, each with an axis of its own.

    Args:
        history: a table of `backprop.training.train`.
        split: ``running``, ``train`` or ``test``.
        title, description, todo: as for `explain`.

    Raises:
        ValueError: if the table has no such split.

    Source: chapter 13.
    """
    chart = _chart_training.loss_and_accuracy(history, split)
    return explain(chart, title=title, todo=todo, description=description)


def learning_curves(
    history: pd.DataFrame,
    value: str = "accuracy",
    *,
    title: str,
    description: str,
    todo: str = "Point at a curve, or at a name in the legend; scroll to zoom, drag to move.",
) -> Any:
    """All splits of a table over the epochs, and several runs compared.

    Args:
        history: a table of `backprop.training.train`; with a column ``run``, the tables of
            several runs one below the other.
        value: ``accuracy`` or ``loss``.
        title, description, todo: as for `explain`.

    Raises:
        ValueError: for another ``value``.

    Source: chapter 13.
    """
    chart = _chart_training.learning_curves(history, value)
    return explain(chart, title=title, todo=todo, description=description)


@dataclass(frozen=True)
class Step:
    """One step of a walk through a graph.

    Attributes:
        sentence: what happens, shown above the graph.
        node: the node whose number is computed.
        reads: the nodes whose numbers it is computed from.
        value: the node's value, as text, from this step on.
        gradient: the gradient of the output with respect to the node, as text, from
            this step on.

    Source: chapter 2, ``eq-backward-steps``.
    """

    sentence: str
    node: str
    reads: tuple[str, ...] = ()
    value: str | None = None
    gradient: str | None = None


def stepper(
    nodes: Mapping[str, tuple[float, float]],
    edges: Iterable[tuple[str, str]],
    steps: Sequence[Step],
    *,
    title: str,
    description: str,
    todo: str = "Drag the slider, or press the arrow keys on it: each step computes one number.",
    given: Mapping[str, str] | None = None,
    start: int = 0,
    height: int = 320,
) -> Any:
    """A drawn graph through which a slider walks, one number a step.

    Args:
        nodes: label -> (x, y), in units of your own, y upwards. Six columns at most stay
            legible on a phone.
        edges: pairs of labels, from the node that is read to the one that is computed.
        steps: what the positions 1, 2, ... of the slider do; position 0 shows the bare graph.
        title: what is computed.
        description: the walk in words.
        todo: what to do with it, the chart's subtitle.
        given: label -> value, for nodes whose values are known before the first step.
        start: the slider's first position.
        height: pixels.

    Raises:
        ValueError: if a step or an edge names a node that is not there.

    Source: chapter 2, ``eq-backward-steps``.
    """
    edges = list(edges)
    named = {name for edge in edges for name in edge}
    named.update(name for step in steps for name in (step.node, *step.reads))
    named.update(given or {})
    if unknown := sorted(named - set(nodes)):
        raise ValueError(f"no such node: {', '.join(unknown)}")
    position = slider("step", "step", start, 0, len(steps), 1)
    rows = _step_rows(nodes, edges, steps, given or {})
    layers = _draw_steps(nodes, steps, *rows)
    chart = alt.layer(*layers).add_params(position).configure_view(stroke=None)
    chart = chart.properties(height=height)
    return explain(chart, title=title, todo=todo, description=description)


def _step_rows(
    nodes: Mapping[str, tuple[float, float]],
    edges: list[tuple[str, str]],
    steps: Sequence[Step],
    given: Mapping[str, str],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The nodes and the edges as they stand at each position of the slider."""
    node_rows, edge_rows = [], []
    values = dict(given)
    gradients: dict[str, str] = {}
    for number in range(len(steps) + 1):
        step = steps[number - 1] if number else Step("", "")
        if step.value is not None:
            values[step.node] = step.value
        if step.gradient is not None:
            gradients[step.node] = step.gradient
        for name, (x, y) in nodes.items():
            state = "computed" if name == step.node else "read" if name in step.reads else "idle"
            row = {"step": number, "node": name, "x": x, "y": y, "state": state}
            row |= {"value": values.get(name, ""), "gradient": gradients.get(name, "")}
            node_rows.append(row)
        for start, end in edges:
            used = step.node in (start, end) and (start in step.reads or end in step.reads)
            (x, y), (x2, y2) = nodes[start], nodes[end]
            row = {"step": number, "x": x, "y": y, "x2": x2, "y2": y2}
            edge_rows.append(row | {"state": "read" if used else "idle"})
    return node_rows, edge_rows


def _draw_steps(
    nodes: Mapping[str, tuple[float, float]],
    steps: Sequence[Step],
    node_rows: list[dict[str, Any]],
    edge_rows: list[dict[str, Any]],
) -> list[Any]:
    xs, ys = zip(*nodes.values(), strict=True)
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[min(xs) - 0.5, max(xs) + 0.5]))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[min(ys) - 0.7, max(ys) + 1.1]))
    states = ["idle", "read", "computed"]
    hues = [palette.light(name) for name in ("muted", "blue", "vermilion")]
    color = alt.Color("state:O", legend=None, scale=alt.Scale(domain=states, range=hues))
    width = alt.StrokeWidth(
        "state:O", legend=None, scale=alt.Scale(domain=states, range=[1.5, 3.5, 3.5])
    )
    first = "Position 0: the graph before anything is computed."
    sentences = [first] + [f"{n}. {step.sentence}" for n, step in enumerate(steps, 1)]
    lines = ["\n".join(textwrap.wrap(sentence, 50)) for sentence in sentences]
    told = pd.DataFrame({"step": range(len(lines)), "sentence": lines})
    now = "datum.step == step"  # each layer has rows of its own, so each filters its own
    graph = alt.Chart(pd.DataFrame(node_rows)).transform_filter(now).encode(x=x, y=y)
    wires = alt.Chart(pd.DataFrame(edge_rows)).transform_filter(now)
    wires = wires.encode(x=x, y=y, x2="x2:Q", y2="y2:Q")
    disc = graph.mark_point(size=1700, filled=True, opacity=1, fill=palette.light("paper"))
    return [
        wires.mark_rule().encode(color=color, strokeWidth=width),
        disc.encode(stroke=color, strokeWidth=width),
        graph.mark_text(dy=-32, fontWeight="bold").encode(text="node:N"),
        graph.mark_text(fontSize=12).encode(text="value:N"),
        graph.mark_text(dy=33, fontSize=12, color=palette.light("vermilion")).encode(
            text="gradient:N"
        ),
        alt.Chart(told)
        .transform_filter(now)
        .mark_text(align="left", baseline="top", lineBreak="\n", lineHeight=17)
        .encode(text="sentence:N", x=alt.value(0), y=alt.value(4)),
    ]
