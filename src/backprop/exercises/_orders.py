"""Multiplications of a chain of matrices, counted one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

Shape = tuple[int, int]


def chain(n: Sequence[int]) -> list[Shape]:
    """The shapes of the layers' Jacobians for the widths n, the last layer first."""
    return [(rows, columns) for columns, rows in itertools.pairwise(n)][::-1]


def multiplied(left: Shape, right: Shape) -> tuple[Shape, int]:
    """The shape of a product, and its multiplications."""
    (p, q), (_, r) = left, right
    return (p, r), sum(1 for _ in itertools.product(range(p), range(q), range(r)))


def from_the_left(factors: Sequence[Shape]) -> int:
    """Multiplications for the product of the factors, one after the other."""
    in_hand, total = factors[0], 0
    for shape in factors[1:]:
        in_hand, cost = multiplied(in_hand, shape)
        total += cost
    return total


def from_both_ends(n: Sequence[int]) -> tuple[int, int, int, int]:
    """Multiplications in reverse and forward: in products of matrices, and in walks."""
    J, turned = chain(n), chain(n[::-1])
    reverse = sum(from_the_left([(1, n[-1]), *J]) for _ in range(n[-1]))
    forward = sum(from_the_left([(1, n[0]), *turned]) for _ in range(n[0]))
    return from_the_left(J), from_the_left(turned), reverse, forward


def all_orders(shapes: Sequence[Shape]) -> list[int]:
    """The cost of every order of multiplying the factors, reverse last."""
    if len(shapes) == 1:
        return [0]
    costs = []
    for k in range(1, len(shapes)):
        _, last = multiplied((shapes[0][0], shapes[k][0]), (shapes[k][0], shapes[-1][1]))
        costs += [a + b + last for a in all_orders(shapes[:k]) for b in all_orders(shapes[k:])]
    return costs


def most_outputs(n: Sequence[int]) -> int:
    """The most outputs, in place of the last width, for which no order is cheaper than reverse."""
    outputs = 0
    while True:
        *_, reverse = costs = all_orders(chain((*n[:-1], outputs + 1)))
        if reverse > min(costs):
            return outputs
        outputs += 1
