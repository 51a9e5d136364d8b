"""Pictures of networks and of computation graphs, drawn as SVG.

A drawing is a `Diagram`: a notebook shows its picture and keeps its description as the
text. The same call gives the same bytes in every run, so that executed notebooks can be
compared with new runs.

>>> diagram = computation_graph(
...     {"x": Node("$x$", "input"), "y": Node("$x^2$", "loss")},
...     [("x", "y")],
...     title="Squaring",
...     alt="An arrow leads from the input x to its square.",
... )
>>> diagram
Diagram('Squaring')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError
from typing import Any

from backprop._diagram_layout import Box, Link, Point, in_order, place, snap
from backprop._diagram_network import MOST_UNITS, draw_layers
from backprop._diagram_routes import label_spots, route
from backprop._diagram_svg import Shape, arrow, picture, rectangle, text
from backprop._diagram_text import LABEL, SMALL, book_fonts, measure

#: Around a box's text, and between its lines.
PADDING, LINE_GAP = 9.0, 6.0

#: kind of node -> (color of its outline, width of the outline, radius of its corners).
KINDS: dict[str, tuple[str, float, float]] = {
    "input": ("blue", 1.6, 3.0),
    "parameter": ("green", 1.6, 10.0),
    "operation": ("ink", 1.6, 18.0),
    "loss": ("vermilion", 3.2, 3.0),
}


@dataclass(frozen=True, repr=False)
class Diagram:
    """A finished picture: its title, its description in words, and its SVG.

    Source: chapters 3 and 4.
    """

    title: str
    alt: str
    svg: str

    def __repr__(self) -> str:
        """The title; the SVG is too long to be read."""
        return f"Diagram({self.title!r})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.alt}


@dataclass(frozen=True)
class Node:
    """One box of a computation graph.

    ``label``, ``value`` and ``grad`` are lines of text, in which ``$...$`` is math (of
    fractions, ``\\dfrac`` stays legible where ``\\frac`` gets small). ``value`` and
    ``grad`` stand under the label when given. ``kind`` is ``input``,
    ``parameter``, ``operation`` or ``loss``. ``at`` is the box's place as
    (column, row). Rows have one height, and y grows upward; columns are as wide as they
    must be, so that only the order of their numbers counts.

    Raises:
        ValueError: for another kind.

    Source: chapter 3.
    """

    label: str
    kind: str = "operation"
    value: str = ""
    grad: str = ""
    at: Point | None = None

    def __post_init__(self) -> None:
        """Refuse a kind that cannot be drawn."""
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; expected one of {', '.join(KINDS)}")

    def lines(self) -> list[tuple[str, float, str]]:
        """The lines of text from top to bottom, as (text, size, color)."""
        lines = [(self.label, LABEL, "ink"), (self.value, SMALL, "blue")]
        return [line for line in [*lines, (self.grad, SMALL, "vermilion")] if line[0]]


def computation_graph(
    nodes: Mapping[str, Node | str],
    edges: Iterable[tuple[str, str] | tuple[str, str, str]],
    *,
    title: str,
    alt: str,
) -> Diagram:
    """Draw a graph of nodes joined by arrows.

    Args:
        nodes: name -> `Node`, or name -> label for an operation. Either every node has a
            place ``at``, or none has and the graph is laid out from left to right.
        edges: (from, to) or (from, to, label), by names of nodes. A pair that occurs
            more than once is drawn as so many arcs.
        title: a short name of the picture.
        alt: what the picture shows, in words, for those who cannot see it.

    Raises:
        ValueError: when the title, the description or the graph is empty, when an edge
            names an unknown node, when edges form a cycle, when only some nodes have a
            place, or when two boxes overlap.

    Source: chapters 3 and 8.
    """
    _require(title, alt)
    graph = {name: Node(n) if isinstance(n, str) else n for name, n in nodes.items()}
    links = [(edge[0], edge[1], edge[2] if len(edge) > 2 else "") for edge in edges]
    _check_graph(graph, links)
    given = _given_places(graph)
    with book_fonts():
        boxes = place({name: _box(node) for name, node in graph.items()}, given, links)
        curves = route(boxes, links)
        shapes = [shape for curve in curves for shape in arrow(curve)]
        labels = [label for _, _, label in links if label]
        spots = label_spots(curves, links, list(boxes.values()))
        for label, spot in zip(labels, spots, strict=True):
            shapes.append(rectangle(spot, fill="paper"))
            shapes.append(text(label, spot.x, spot.y, SMALL, "ink"))
        for name, node in graph.items():
            shapes += _draw_node(node, boxes[name])
        return Diagram(title, alt, picture(shapes, title, alt))


def network(
    sizes: Sequence[int],
    *,
    title: str,
    alt: str,
    labels: Sequence[str] | None = None,
    shapes: Sequence[str] | None = None,
    weights: Sequence[str] | None = None,
) -> Diagram:
    """Draw the layers of a fully connected network, from left to right.

    Args:
        sizes: the number of units of each layer. A layer of more than `MOST_UNITS` units
            shows its first and last three, with dots between them.
        title: a short name of the picture.
        alt: what the picture shows, in words, for those who cannot see it.
        labels: the layers' names, shown beneath them.
        shapes: the shapes of the layers' outputs, shown beneath the names;
            ``(batch, size)`` when omitted.
        weights: what to write above the connections, one for each pair of neighbors.

    Raises:
        ValueError: when the title or the description is empty, when there is no layer or
            a layer without units, or when there are too many or too few texts.

    Source: chapters 4 and 6.
    """
    _require(title, alt)
    if not sizes or min(sizes) < 1:
        raise ValueError(f"sizes are {list(sizes)}; expected one or more positive numbers")
    names = _texts("labels", labels, [""] * len(sizes))
    below = _texts("shapes", shapes, [f"(batch, {size})" for size in sizes])
    above = _texts("weights", weights, [""] * (len(sizes) - 1))
    with book_fonts():
        return Diagram(title, alt, picture(draw_layers(sizes, names, below, above), title, alt))


def _require(title: str, alt: str) -> None:
    for name, given in (("title", title), ("alt", alt)):
        if not isinstance(given, str) or not given.strip():
            raise ValueError(f"{name} is empty; every diagram needs a title and a description")


def _texts(name: str, given: Sequence[str] | None, default: list[str]) -> list[str]:
    if given is None:
        return default
    if isinstance(given, str) or len(given) != len(default):
        raise ValueError(f"{name} is {given!r}; expected a list of {len(default)} texts")
    return list(given)


def _check_graph(graph: Mapping[str, Node], links: Sequence[Link]) -> None:
    if not graph:
        raise ValueError("the graph has no nodes")
    for source, target, _ in links:
        for name in (source, target):
            if name not in graph:
                known = ", ".join(map(repr, graph))
                raise ValueError(
                    f"edge {source!r} -> {target!r}: no node {name!r}; the nodes are {known}"
                )
    try:
        in_order(graph, links)
    except CycleError as error:
        cycle = " -> ".join(map(repr, error.args[1]))
        raise ValueError(f"a computation graph has no cycles, but this one has {cycle}") from None


def _given_places(graph: Mapping[str, Node]) -> dict[str, Point]:
    given = {name: node.at for name, node in graph.items() if node.at is not None}
    missing = ", ".join(repr(name) for name in graph if name not in given)
    if given and missing:
        raise ValueError(f"some nodes have a position, but {missing} has not")
    return given


def _box(node: Node) -> Box:
    """The box that holds a node's lines of text, not yet in its place."""
    sizes = [measure(line, size) for line, size, _ in node.lines()]
    height = sum(high + LINE_GAP for _, high in sizes) - LINE_GAP + 2 * PADDING
    width = max(max(wide for wide, _ in sizes) + 2 * PADDING, height)
    return Box(0, 0, snap(width), snap(height), min(KINDS[node.kind][2], snap(height) / 2))


def _draw_node(node: Node, box: Box) -> list[Shape]:
    color, thickness, _ = KINDS[node.kind]
    shapes = [rectangle(box, color, "panel", thickness, "node")]
    y = box.y + box.height / 2 - PADDING
    for line, size, ink in node.lines():
        height = measure(line, size)[1]
        shapes.append(text(line, box.x, y - height / 2, size, ink))
        y -= height + LINE_GAP
    return shapes


__all__ = ["MOST_UNITS", "Diagram", "Node", "computation_graph", "network"]
