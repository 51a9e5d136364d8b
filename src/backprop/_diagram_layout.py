"""Where the boxes of a computation graph stand. Lengths are CSS pixels; y grows upward."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from itertools import pairwise

from backprop._diagram_text import SMALL, measure

Point = tuple[float, float]
#: An edge: the names of the nodes that it leaves and reaches, and its label.
Link = tuple[str, str, str]

#: The least room for an arrow between two columns, and between the boxes of a column.
ARROW_ROOM, ROW_GAP = 32.0, 22.0
#: How much of an arrow stays visible beside its label.
LABEL_ROOM = 30.0


@dataclass(frozen=True)
class Box:
    """A box with rounded corners around its center."""

    x: float
    y: float
    width: float
    height: float
    radius: float = 0.0

    def distance(self, point: Point) -> float:
        """How far a point lies outside the border; negative inside."""
        dx = abs(point[0] - self.x) - self.width / 2 + self.radius
        dy = abs(point[1] - self.y) - self.height / 2 + self.radius
        return math.hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - self.radius

    def overlaps(self, other: Box) -> bool:
        """Whether the two boxes, without their rounding, share points."""
        return (
            abs(self.x - other.x) < (self.width + other.width) / 2
            and abs(self.y - other.y) < (self.height + other.height) / 2
        )


def snap(length: float) -> float:
    """The next multiple of a half pixel; the last bits of a sum do not change which."""
    return math.ceil(2 * length - 1e-6) / 2


def in_order(names: Iterable[str], links: Sequence[Link]) -> list[str]:
    """The nodes, each after those that lead to it.

    Raises:
        graphlib.CycleError: when there is no such order.
    """
    before: dict[str, list[str]] = {name: [] for name in names}
    for source, target, _ in links:
        before[target].append(source)
    return list(TopologicalSorter(before).static_order())


def place(
    boxes: Mapping[str, Box], given: Mapping[str, Point], links: Sequence[Link]
) -> dict[str, Box]:
    """The boxes moved to their places, with room for arrows and labels between them.

    Args:
        boxes: the nodes' boxes, wherever they stand.
        given: the (column, row) of every node, or nothing to have them chosen.
        links: the edges.

    Raises:
        ValueError: when two boxes overlap.
    """
    cells = given or _cells(boxes, links)
    across = _across(boxes, {name: column for name, (column, _) in cells.items()}, links)
    step = snap(max(box.height for box in boxes.values()) + ROW_GAP)
    placed: dict[str, Box] = {}
    for name, box in boxes.items():
        moved = replace(box, x=across[cells[name][0]], y=snap(cells[name][1] * step))
        for other, present in placed.items():
            if moved.overlaps(present):
                raise ValueError(f"the boxes of {other!r} and {name!r} overlap; move them apart")
        placed[name] = moved
    return placed


def _across(
    boxes: Mapping[str, Box], columns: Mapping[str, float], links: Sequence[Link]
) -> dict[float, float]:
    """Where the columns' centers stand: each is only as wide as it must be.

    That keeps text large on a small screen.
    """
    widths: dict[float, float] = {}
    for name, box in boxes.items():
        widths[columns[name]] = max(box.width, widths.get(columns[name], 0.0))
    gaps: dict[tuple[float, float], float] = {}
    for source, target, label in links:
        left, right = sorted((columns[source], columns[target]))
        room = measure(label, SMALL)[0] + LABEL_ROOM if label else ARROW_ROOM
        gaps[left, right] = max(room, gaps.get((left, right), 0.0))
    order = sorted(widths)
    center = {order[0]: 0.0}
    for left, right in pairwise(order):
        gap = gaps.get((left, right), ARROW_ROOM)
        center[right] = center[left] + snap((widths[left] + widths[right]) / 2 + gap)
    return center


def _cells(names: Iterable[str], links: Sequence[Link]) -> dict[str, Point]:
    """(column, row) of each node, such that all arrows lead to the right."""
    columns = _columns(names, links)
    rows = _rows(columns, links)
    return {name: (float(column), rows[name]) for name, column in columns.items()}


def _columns(names: Iterable[str], links: Sequence[Link]) -> dict[str, int]:
    """Each node right of all its inputs; a node without inputs just left of its first use."""
    columns = dict.fromkeys(names, 0)
    order = in_order(columns, links)
    for name in order:
        columns[name] = max((columns[s] + 1 for s, t, _ in links if t == name), default=0)
    fed = {target for _, target, _ in links}
    for name in order:
        if name not in fed:
            columns[name] = min((columns[t] - 1 for s, t, _ in links if s == name), default=0)
    return columns


def _rows(columns: Mapping[str, int], links: Sequence[Link]) -> dict[str, float]:
    """Heights that bring nodes near their neighbors: each column is sorted by their mean."""
    members: dict[int, list[str]] = {}
    for name, column in columns.items():
        members.setdefault(column, []).append(name)
    rows: dict[str, float] = {}
    for group in members.values():
        rows |= _stacked(group)
    inputs = [(target, source) for source, target, _ in links]
    users = [(source, target) for source, target, _ in links]
    # Sweeps from right to left look at a node's users, those back at its inputs.
    for neighbors, leftward in ((users, True), (inputs, False)) * 2:
        for column in sorted(members, reverse=leftward):
            mean = {}
            for name in members[column]:
                near = [rows[other] for node, other in neighbors if node == name]
                mean[name] = sum(near) / len(near) if near else rows[name]
            members[column].sort(key=mean.__getitem__, reverse=True)
            rows |= _stacked(members[column])
    return rows


def _stacked(group: Sequence[str]) -> dict[str, float]:
    """Rows from top to bottom, around 0."""
    return {name: (len(group) - 1) / 2 - index for index, name in enumerate(group)}
