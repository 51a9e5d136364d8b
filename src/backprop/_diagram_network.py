"""The layers of a fully connected network as circles, lines and captions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

from backprop._diagram_layout import Box, Point, snap
from backprop._diagram_svg import Shape, lines, rectangle, text
from backprop._diagram_text import SMALL, measure

#: Layers with more units than this show the first and the last three.
MOST_UNITS = 7
#: From unit to unit, the width of a unit, and from line to line of the captions.
UNIT_STEP, UNIT, LINE_STEP = 31.0, 22.0, 21.0


def draw_layers(
    sizes: Sequence[int], names: Sequence[str], below: Sequence[str], above: Sequence[str]
) -> list[Shape]:
    """Layers from left to right.

    Args:
        sizes: the number of units of each layer.
        names: the layers' names or empty texts, shown beneath them.
        below: texts beneath the names.
        above: for each pair of neighbors, a text above its connections, or an empty one.
    """
    step = _step([*names, *below], above)
    layers = [_units(size, step * column) for column, size in enumerate(sizes)]
    bottom = min(layer[-1][1] for layer in layers)
    shapes = [lines(list(product(left, right))) for left, right in pairwise(layers)]
    for column, size in enumerate(sizes):
        shapes += _circles(layers[column], size)
        y = bottom - 30
        for line, color in ((names[column], "ink"), (below[column], "muted")):
            if line:
                shapes.append(text(line, step * column, y, SMALL, color))
                y -= LINE_STEP
    for column, line in enumerate(above):
        if line:
            shapes.append(text(line, step * (column + 0.5), 26 - bottom, SMALL, "ink"))
    return shapes


def _step(captions: Sequence[str], above: Sequence[str]) -> float:
    """From layer to layer, such that no two texts touch."""
    caption = max(measure(line, SMALL)[0] for line in captions)
    weight = max((measure(line, SMALL)[0] for line in above), default=0.0)
    return snap(max(caption + 14, weight + 60, 100))


def _units(size: int, x: float) -> list[Point]:
    """The centers of a layer's circles from top to bottom, around y = 0."""
    slots = min(size, MOST_UNITS)
    heights = [UNIT_STEP * ((slots - 1) / 2 - k) for k in range(slots)]
    if size > MOST_UNITS:
        del heights[MOST_UNITS // 2]
    return [(x, y) for y in heights]


def _circles(centers: Sequence[Point], size: int) -> list[Shape]:
    """A layer's circles, and dots for those left out."""
    circles = [rectangle(Box(x, y, UNIT, UNIT, UNIT / 2), "blue", "panel") for x, y in centers]
    if size > MOST_UNITS:
        x = centers[0][0]
        circles += [rectangle(Box(x, y, 4, 4, 2), fill="ink") for y in (8, 0, -8)]
    return circles
