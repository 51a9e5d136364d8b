"""Differences for derivatives, found slowly: what exercises of chapter 1 are compared with."""

from __future__ import annotations

import math

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import parts

#: A point, a step and a smooth function, away from where they are special.
DIFFERENCES = ((0.7, 0.2, np.exp), (1.9, 0.15, np.sin), (-0.6, 0.1, np.arctan))
#: Sizes of a derivative, and of the error of one value of the function.
SIZES = ((1.875, 1.1e-16), (0.4, 3e-8), (30.0, 2e-12))


def weights(offsets: tuple[int, ...], order: int) -> np.ndarray:
    """Weights of f(x + p h) for all p in ``offsets`` that give h**order times the derivative.

    They are found from what they must do to polynomials, by solving a linear system.
    """
    powers = np.vander(np.array(offsets, dtype=float), increasing=True).T
    return np.linalg.solve(powers, math.factorial(order) * np.eye(len(offsets))[order])


def difference(f, x, h, offsets, order):
    """The difference that belongs to these offsets, term by term."""
    terms = zip(weights(offsets, order), offsets, strict=True)
    return sum(w * f(x + p * h) for w, p in terms) / h**order


def least_error(M, delta, offsets, order, first_left):
    """Best step and error there of a difference, by a search; the first power left is given."""
    w, p = weights(offsets, order), np.array(offsets, dtype=float)
    truncation = abs((w * p**first_left).sum()) / math.factorial(first_left) * M
    rounding = np.abs(w).sum() * delta

    def error(log_h):
        h = math.exp(log_h)
        return truncation * h ** (first_left - order) + rounding / h**order

    low, high = -30.0, 5.0
    for _ in range(200):
        third = (high - low) / 3
        if error(low + third) < error(high - third):
            high -= third
        else:
            low += third
    return math.exp(low), error(low)


def examine_difference(
    attempt: Attempt, offsets: tuple[int, ...], order: int, first_left: int
) -> None:
    """Compare (difference, best step, error there) with the slow ways above."""
    names = "the difference", "the best step", "the error there"
    cases = list(zip(DIFFERENCES, SIZES, strict=True))
    results = [
        parts(attempt, attempt(f, x, h, M, delta), *names) for (x, h, f), (M, delta) in cases
    ]
    slow = [difference(f, x, h, offsets, order) for x, h, f in DIFFERENCES]
    attempt.equal([found for found, _, _ in results], slow, "The difference, for three functions,")
    for (_, step, error), (M, delta) in zip(results, SIZES, strict=True):
        best, least = least_error(M, delta, offsets, order, first_left)
        attempt.equal(step, best, "The best step", tolerance=1e-6)
        attempt.equal(error, least, "The error at the best step", tolerance=1e-6)
