"""The network of chapter 2, made of single numbers, and candidates for one of its gradients."""

from __future__ import annotations

import numpy as np

from backprop.checking import numerical_gradient
from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import parts

NAMES = ("x", "w1", "b1", "w2", "b2", "y")
#: How many random points a formula is tried at, for each of its cases.
POINTS = 8


def points(on: bool, seed: int = 0) -> dict[str, np.ndarray]:
    """Random inputs of the chapter's network, shape (POINTS,) each, its ReLU on or off."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(200, len(NAMES)))
    u1 = drawn[:, 0] * drawn[:, 1] + drawn[:, 2]
    return dict(zip(NAMES, drawn[u1 > 0.3 if on else u1 < -0.3][:POINTS].T, strict=True))


def loss(x, w1, b1, w2, b2, y, slope=0.0):
    """The loss at each point; ``slope`` is what a leaky ReLU has left of 0."""
    u1 = x * w1 + b1
    return (y - (np.where(u1 > 0, u1, slope * u1) * w2 + b2)) ** 2


def error(x, w1, b1, w2, b2, y):
    """u1 and prediction minus target."""
    u1 = x * w1 + b1
    return u1, max(0.0, u1) * w2 + b2 - y


def columns(attempt: Attempt, results: list, *names: str) -> list[np.ndarray]:
    """The results at all points, numbers each, as one array for each name."""
    rows = [parts(attempt, result, *names) if len(names) > 1 else (result,) for result in results]
    attempt.holds(
        all(np.ndim(part) == 0 for row in rows for part in row),
        f"The arguments are numbers, and so should these be: {' and '.join(names)}.",
        "wrong shape",
    )
    return [np.array(column) for column in zip(*rows, strict=True)]


def compare(attempt, f, cases, *names):
    """Hold the answers to be the gradients of the losses ``f`` at points of several cases.

    All calls are made before the first comparison, so that a common wrong answer that is right
    in the first case is not taken for an answer that fails there.
    """
    called = {
        case: [attempt(*map(float, row)) for row in zip(*at.values(), strict=True)]
        for case, at in cases.items()
    }
    for case, at in cases.items():
        found = columns(attempt, called[case], *(f"grad_{name}" for name in names))
        for name, claimed in zip(names, found, strict=True):

            def total(moved, name=name, at=at):
                return f(**(at | {name: moved})).sum()

            attempt.gradient(total, at[name], claimed, f"grad_{name}, at {POINTS} points{case},")


def compare_both(attempt, f, *names):
    """The same where the ReLU is on, and where it is off."""
    cases = {" with the ReLU on": points(on=True), " with the ReLU off": points(on=False)}
    compare(attempt, f, cases, *names)


def candidates():
    """The four of exercise 2.5, by letter: functions of the inputs."""

    def a(x, w1, b1, w2, b2, y):
        return 2 * error(x, w1, b1, w2, b2, y)[1] * w2 * x

    def b(x, w1, b1, w2, b2, y):
        u1, e = error(x, w1, b1, w2, b2, y)
        return 2 * e * u1 * x if u1 > 0 else 0.0

    def c(x, w1, b1, w2, b2, y):
        u1, e = error(x, w1, b1, w2, b2, y)
        return 2 * e * w1 * x if u1 > 0 else 0.0

    def d(x, w1, b1, w2, b2, y):
        u1, _ = error(x, w1, b1, w2, b2, y)
        return -2 * (y - u1 * w2 + b2) * w2 * x if u1 > 0 else 0.0

    return a, b, c, d


def by_difference(x, w1, b1, w2, b2, y):
    """A candidate that is right up to the error of a central difference."""
    return float(numerical_gradient(lambda w: loss(x, w, b1, w2, b2, y), w1))


def by_cases(x, w1, b1, w2, b2, y):
    """A candidate that is right, the kink included: a difference that stays on one side of it."""
    u1 = x * w1 + b1
    if u1 <= 0 or not x:
        return 0.0
    h = min(1e-3, u1 / abs(x) / 2)
    # The loss is of second degree there, and its central difference has no truncation error.
    high, low = loss(x, w1 + h, b1, w2, b2, y), loss(x, w1 - h, b1, w2, b2, y)
    return float((high - low) / (2 * h))
