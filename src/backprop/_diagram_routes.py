"""The ways of arrows around boxes, and the spots of the arrows' labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backprop._diagram_layout import Box, Link, Point
from backprop._diagram_text import SMALL, measure

#: How far an arrow may leave the straight line to pass a box, in the order of preference.
BENDS = (0.0, 0.25, -0.25, 0.5, -0.5, 0.75, -0.75, 1.0, -1.0)
#: The bend between neighbors among the arcs that join the same two nodes.
APART = 0.8
#: Where on its arrow a label may stand, in the order of preference.
SPOTS = (0.45, 0.4, 0.5, 0.35, 0.55, 0.3, 0.6, 0.25, 0.65)
#: Room between an arrow and the boxes: those it passes, the one it leaves, the one it reaches.
PASS, LEAVE, REACH = 5.0, 1.0, 3.0


@dataclass(frozen=True)
class Curve:
    """A quadratic Bézier curve."""

    start: Point
    control: Point
    end: Point

    def at(self, t: float) -> Point:
        """The point at parameter t, from 0 to 1."""
        return _mix(_mix(self.start, self.control, t), _mix(self.control, self.end, t), t)

    def part(self, t0: float, t1: float) -> Curve:
        """The piece between two parameters."""
        control = _mix(_mix(self.start, self.control, t0), _mix(self.control, self.end, t0), t1)
        return Curve(self.at(t0), control, self.at(t1))

    def points(self) -> list[Point]:
        """Points along the curve, dense enough to see what it meets."""
        return [self.at(k / 40) for k in range(41)]


def route(boxes: Mapping[str, Box], links: Sequence[Link]) -> list[Curve]:
    """A curve from border to border for each edge."""
    copies = Counter((source, target) for source, target, _ in links)
    drawn: Counter[tuple[str, str]] = Counter()
    curves = []
    for source, target, _ in links:
        pair = (source, target)
        arc = APART * ((copies[pair] - 1) / 2 - drawn[pair])
        drawn[pair] += 1
        others = [box for name, box in boxes.items() if name not in pair]
        bends = (arc,) if copies[pair] > 1 else BENDS
        curves.append(_between(boxes[source], boxes[target], bends, others))
    return curves


def label_spots(curves: Sequence[Curve], links: Sequence[Link], boxes: Sequence[Box]) -> list[Box]:
    """For each edge with a label, where on its arrow the label covers the least."""
    taken = list(boxes)
    for curve, (_, _, label) in zip(curves, links, strict=True):
        if label:
            others = [p for other in curves if other is not curve for p in other.points()]
            taken.append(_free_spot(curve, label, taken, others))
    return taken[len(boxes) :]


def _between(source: Box, target: Box, bends: Sequence[float], others: Sequence[Box]) -> Curve:
    """The first of the bent curves that passes all other boxes, else the first."""
    curves = [_bent(source, target, bend) for bend in bends]
    clear = (c for c in curves if all(b.distance(p) > PASS for b in others for p in c.points()))
    curve = next(clear, curves[0])
    leave = _crossing(lambda t: source.distance(curve.at(t)) - LEAVE)
    arrive = 1 - _crossing(lambda t: target.distance(curve.at(1 - t)) - REACH)
    return curve.part(leave, arrive)


def _bent(source: Box, target: Box, bend: float) -> Curve:
    """A curve between two centers that leaves the line by half of ``bend`` of its length."""
    dx, dy = target.x - source.x, target.y - source.y
    middle = ((source.x + target.x) / 2 - bend * dy, (source.y + target.y) / 2 + bend * dx)
    return Curve((source.x, source.y), middle, (target.x, target.y))


def _crossing(outside: Callable[[float], float]) -> float:
    """The parameter at which a curve that starts inside a box is first outside."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if outside(middle) > 0 else (middle, high)
    return high


def _free_spot(curve: Curve, label: str, taken: Sequence[Box], others: Sequence[Point]) -> Box:
    """Where a label covers no box, if that can be, and the fewest points of other arrows."""
    width, height = measure(label, SMALL)
    spots = [Box(*curve.at(t), width + 8, height + 3) for t in SPOTS]

    def covered(spot: Box) -> tuple[int, int]:
        points = sum(spot.distance(point) < 2 for point in others)
        return sum(spot.overlaps(box) for box in taken), points

    return min(spots, key=covered)


def _mix(a: Point, b: Point, t: float) -> Point:
    return (a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))
