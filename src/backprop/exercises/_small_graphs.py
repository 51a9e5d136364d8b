"""Small graphs for the exercises of chapter 3, with slow ways to look at all paths and orders."""

from __future__ import annotations

from collections.abc import Callable

Arrows = dict[str, list[tuple[str, float]]]

#: Graphs as the chapter writes them: the arrows that arrive at each node, arguments first.
EXERCISE: Arrows = {
    "x": [],
    "p": [("x", 2.0), ("x", 2.0)],
    "q": [("p", 1.0), ("x", 1.0)],
    "r": [("p", 6.0), ("q", 4.0)],
    "s": [("q", 1.0), ("r", 1.0)],
}
DIAMOND: Arrows = {
    "a": [],
    "l": [("a", 0.5)],
    "r": [("a", -3.0)],
    "t": [("l", 2.0), ("a", 1.5), ("r", 0.25)],
}
#: Two inputs, and a node that the output does not depend on.
ASIDE: Arrows = {
    "u": [],
    "v": [],
    "m": [("u", 1.5), ("v", -2.0)],
    "n": [("m", 0.5), ("m", 0.5), ("u", 3.0)],
    "aside": [("n", 7.0), ("v", 1.0)],
    "z": [("n", -1.0), ("m", 4.0)],
}
SWAPPED: Arrows = {
    "a": [],
    "b": [("a", 3.0), ("a", 3.0)],
    "c": [("b", 1.0), ("a", 1.0)],
    "d": [("c", 9.0), ("b", 12.0)],
}


def routes(arrows: Arrows, start: str, end: str) -> list[float]:
    """The product of the local derivatives along each path, one after another."""
    if start == end:
        return [1.0]
    return [
        product * local
        for argument, local in arrows[end]
        for product in routes(arrows, start, argument)
    ]


def all_orders(arrows: Arrows) -> set[tuple[str, ...]]:
    """Every order of a backward pass: as long as nodes are left, one nobody left waits for."""
    if not arrows:
        return {()}
    read = {argument for found in arrows.values() for argument, _ in found}
    return {
        (node, *rest)
        for node in arrows
        if node not in read
        for rest in all_orders({key: arrows[key] for key in arrows if key != node})
    }


def waits(order: list[str], arrows: Arrows, rule: Callable[..., bool]) -> bool:
    """Whether ``rule`` (all or any) holds for the arrows that leave each node that has some."""
    place = {node: number for number, node in enumerate(order)}
    leaving: dict[str, list[bool]] = {node: [] for node in arrows}
    for node, found in arrows.items():
        for argument, _ in found:
            leaving[argument].append(place.get(node, -1) < place.get(argument, len(arrows)))
    return all(rule(found) for found in leaving.values() if found)
