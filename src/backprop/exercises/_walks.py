"""Small graphs with nodes that are names, gone through path by path or call by call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Consumers = dict[str, list[tuple[str, float]]]
Name = str | int
Arrow = tuple[Name, Name, int]


class Readers(list):
    """The consumers of a node; counts how often the consumers of any node are gone through."""

    gone_through = 0

    def __iter__(self) -> Iterator:
        """Go through them."""
        Readers.gone_through += 1
        return super().__iter__()


def over_paths(V: str, z: str, consumers: Mapping) -> float:
    """The gradient of z with respect to V, one path at a time."""
    if z == V:
        return 1.0
    return sum(local * over_paths(W, z, consumers) for W, local in consumers[V])


def diamonds(levels: int) -> Consumers:
    """The consumers of v0, ..., each of which reaches the next on two ways."""
    graph: Consumers = {f"v{levels}": Readers()}
    for n in range(levels):
        graph[f"v{n}"] = Readers([(f"p{n}", 0.5), (f"q{n}", -1.5)])
        graph[f"p{n}"] = Readers([(f"v{n + 1}", 1.25)])
        graph[f"q{n}"] = Readers([(f"v{n + 1}", 0.75)])
    return graph


def paths(V: str, z: str, reads: Mapping[str, Sequence[str]]) -> list[list[Arrow]]:
    """All paths from V to z, as lists of arrows: a node, its reader, and the position."""
    if z == V:
        return [[]]
    arrows = [(V, W, p) for W, inputs in reads.items() for p, U in enumerate(inputs) if U == V]
    return [[arrow, *rest] for arrow in arrows for rest in paths(arrow[1], z, reads)]


def calls(T: Sequence[Name], z: Name, arrows: Sequence[Arrow], remember: bool = True) -> int:
    """How many calls of build_grad there are, by making them."""
    known, made, waiting = {z}, 0, list(T)
    while waiting:
        V = waiting.pop()
        made += 1
        if V not in known:
            waiting += [W for U, W, _ in arrows if U == V]
            known |= {V} if remember else set()
    return made
