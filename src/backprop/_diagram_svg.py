"""The shapes of a diagram as SVG in the page's colors.

Colors are CSS variables with the palette's light values to fall back on. A picture has no
ids, styles or scripts that could reach beyond it, and no number that varies between runs.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.path import Path

from backprop import palette
from backprop._diagram_layout import Box, Point
from backprop._diagram_routes import Curve
from backprop._diagram_text import SMALL, measure, outline

#: The widest picture that a page holds; a larger one shrinks.
PAGE = 640
#: The smallest size at which text may be shown before the picture scrolls instead.
LEGIBLE = 11.0
#: The rim around a picture, and the length of an arrow's tip.
MARGIN, TIP = 5.0, 8.0

_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}


@dataclass(frozen=True)
class Shape:
    """An element of SVG, drawn where y grows upward, and the room that it takes."""

    element: str
    room: Box


def rectangle(
    box: Box, stroke: str = "", fill: str = "", thickness: float = 1.6, name: str = ""
) -> Shape:
    """A box with rounded corners; a circle when both sides are twice the radius.

    Args:
        box: where it stands.
        stroke: the name of its outline's color; no outline when empty.
        fill: the name of the color inside; transparent when empty.
        thickness: the width of the outline.
        name: the element's class.
    """
    corner = {"x": box.x - box.width / 2, "y": box.y - box.height / 2}
    sizes = corner | {"width": box.width, "height": box.height, "rx": box.radius}
    element = f"<rect {_style(stroke, fill, thickness, name)}"
    element += "".join(f' {key}="{_number(value)}"' for key, value in sizes.items()) + "/>"
    return Shape(element, Box(box.x, box.y, box.width + thickness, box.height + thickness))


def text(line: str, x: float, y: float, size: float, color: str) -> Shape:
    """A line of text around its center."""
    data = ""
    for points, code in outline(line, size, x, y).iter_segments(simplify=False):
        data += _LETTERS[code] + _numbers(points.tolist()) if code in _LETTERS else "Z"
    return Shape(
        f'<path {_style("", color, name="text")} d="{data}"/>', Box(x, y, *measure(line, size))
    )


def lines(segments: Sequence[tuple[Point, Point]]) -> Shape:
    """Thin straight lines."""
    data = "".join(f"M{_numbers(start)}L{_numbers(end)}" for start, end in segments)
    element = f'<path {_style("muted", "", 0.8)} d="{data}"/>'
    return Shape(element, _around([point for segment in segments for point in segment]))


def arrow(curve: Curve) -> list[Shape]:
    """A curve that ends in a triangle, whose tip is the curve's end."""
    (x, y), (x0, y0) = curve.end, curve.control
    length = math.hypot(x - x0, y - y0) or 1.0
    ux, uy = TIP * (x - x0) / length, TIP * (y - y0) / length
    back = (x - ux, y - uy)
    wings = [(back[0] - side * uy, back[1] + side * ux) for side in (0.45, -0.45)]
    shaft = f"M{_numbers(curve.start)}Q{_numbers(curve.control)} {_numbers(back)}"
    head = f"M{_numbers(curve.end)}L{_numbers(wings[0])}L{_numbers(wings[1])}Z"
    return [
        Shape(f'<path {_style("muted", "", 1.5, "edge")} d="{shaft}"/>', _around(curve.points())),
        Shape(f'<path {_style("", "muted", 0, "tip")} d="{head}"/>', _around([curve.end, *wings])),
    ]


def picture(shapes: Sequence[Shape], title: str, alt: str) -> str:
    """The shapes on a canvas that just holds them, named for screen readers."""
    rooms = [shape.room for shape in shapes]
    left = math.floor(min(room.x - room.width / 2 for room in rooms) - MARGIN)
    right = math.ceil(max(room.x + room.width / 2 for room in rooms) + MARGIN)
    low = math.floor(min(room.y - room.height / 2 for room in rooms) - MARGIN)
    top = math.ceil(max(room.y + room.height / 2 for room in rooms) + MARGIN)
    wide, high = right - left, top - low
    most = min(wide, PAGE)
    least = min(most, math.ceil(wide * LEGIBLE / SMALL))
    # A dark notebook shows the picture outside the page, where the colors are the light
    # ones: they need a light ground of their own.
    style = f"width:100%;min-width:{least}px;max-width:{most}px;height:auto;background:"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left} {-top} {wide} {high}"'
        f' role="img" aria-label="{html.escape(alt)}" style="{style}{_color("paper")}">'
        f"<title>{html.escape(title)}</title><desc>{html.escape(alt)}</desc>"
        f'<g transform="scale(1 -1)" stroke-linejoin="round">'
        f"{''.join(shape.element for shape in shapes)}</g></svg>"
    )


def _around(points: Sequence[Point]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    center = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    return Box(*center, max(xs) - min(xs), max(ys) - min(ys))


def _color(name: str) -> str:
    return f"var(--bp-{name}, {palette.light(name)})"


def _style(stroke: str, fill: str, thickness: float = 0.0, name: str = "") -> str:
    """The attributes ``class`` and ``style``."""
    style = f"fill:{_color(fill) if fill else 'none'}"
    if stroke:
        style += f";stroke:{_color(stroke)};stroke-width:{_number(thickness)}"
    return (f'class="bp-{name}" ' if name else "") + f'style="{style}"'


def _numbers(values: Sequence[float]) -> str:
    return " ".join(map(_number, values))


def _number(value: float) -> str:
    # The nudge keeps halves, which are frequent here, from falling to either side with
    # the last bits of a sum, which may differ between processors.
    short = f"{value + 3.3e-6:.2f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short
