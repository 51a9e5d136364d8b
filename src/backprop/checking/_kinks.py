"""Kinks of a function: where it has two slopes, and so no number to compare a gradient with.

A kink counts if it lies within a step of x: then a central difference sees both of its sides. Of
a kink within the smaller of the two steps that a check tries (6e-8 where x is about 1), nothing
can be known; of one within the larger, only where rounding leaves the smaller one useless.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backprop.arrays import Array
from backprop.checking._differences import (
    ROUNDINGS,
    Comparison,
    Function,
    Line,
    beside,
    eps_of,
    finite_value,
    look,
    natural_steps,
)
from backprop.diagnosis._facts import Facts, Index

#: At so many entries or directions that seem wrong, a kink is looked for.
MOST_KINKS = 50
#: How far a kink counts as near, in units of the scale of x.
MOVES = (1e-4, 1e-3, 1e-2)

Sides = tuple[float, float]


def kinks_at(
    f: Function, x: Array, point: np.ndarray, facts: Facts
) -> tuple[dict[Index, Sides], np.ndarray]:
    """The slopes on both sides of wrong entries on a kink, and where ``f`` may have a kink.

    Of many wrong entries, some are looked at. If there is a kink among these, the others may lie
    on one too.
    """
    entries, steps = [tuple(map(int, at)) for at in np.argwhere(facts.wrong)], natural_steps(point)
    chosen = entries[:: max(1, -(-len(entries) // MOST_KINKS))]
    found = {}
    for entry in chosen:
        claim, step = float(facts.claim[entry]), float(steps[entry])
        line = Line(entry, None, claim, 0.0, eps_of(point), step)
        sides = _kink(f, x, point, line, facts.tolerance)
        if sides is not None:
            found[entry] = sides
    possible = np.array(facts.wrong & bool(found))  # an array also where x is a number
    for entry in chosen:
        possible[entry] = entry in found
    return found, possible


def kinks_along(
    f: Function,
    x: Array,
    point: np.ndarray,
    found: Sequence[tuple[Line, Comparison]],
    tolerance: float,
) -> str | None:
    """Evidence, if kinks explain all the directions along which a gradient seems wrong."""
    wrong = [(line, one) for line, one in found if one.error > tolerance]
    every = [_between(f, x, point, *pair, tolerance) for pair in wrong[:MOST_KINKS]]
    line, sides = wrong[0][0], every[0] if all(every) else None
    if sides is None:
        return None
    return (
        f"along random direction {line.index[0]} the slope is {sides[0]:.4g} on the left, "
        f"{sides[1]:.4g} on the right, and {line.claimed:.4g} is claimed. There is no derivative "
        "on a kink; check beside it"
    )


def _between(
    f: Function, x: Array, point: np.ndarray, line: Line, one: Comparison, tolerance: float
) -> Sides | None:
    """The slopes on both sides of a kink along ``line``, if the claim lies between them."""
    sides = _kink(f, x, point, line, tolerance)
    if sides is None:
        return None
    doubt = 100 * one.noise + tolerance * max(map(abs, sides))  # of the smaller step
    return sides if min(sides) - doubt <= line.claimed <= max(sides) + doubt else None


def _kink(f: Function, x: Array, point: np.ndarray, line: Line, tolerance: float) -> Sides | None:
    """The slopes on the left and on the right of a kink along ``line``; None if there is none."""
    sides = _two_slopes(f, x, point, line, tolerance)
    if sides is None:
        return None
    middle = finite_value(f, point, x, "at x")
    near = _sides(f, x, point, line, line.step / 100, middle)
    jump, small = abs(sides[1] - sides[0]), abs(near[1] - near[0])
    far = _doubt(line, middle, sides, line.step, tolerance)
    close = _doubt(line, middle, near, line.step / 100, tolerance)
    # Where f only bends, a hundredth of the step leaves a hundredth of the jump. With kinks about,
    # one side of x is free of them most often, and a right claim is the slope there.
    if small > 3 * close and (small > 0.5 * jump or _is_one_of(near, line.claimed, 2 * close)):
        return near
    hidden = close > 0.1 * jump  # by rounding, which the smaller step makes worse
    return sides if hidden and _is_one_of(sides, line.claimed, 2 * far) else None


def _two_slopes(
    f: Function, x: Array, point: np.ndarray, line: Line, tolerance: float
) -> Sides | None:
    """The slopes a step to the left and to the right, if they differ by more than rounding."""
    try:
        middle = finite_value(f, point, x, "at x")
        sides = _sides(f, x, point, line, line.step, middle)
    except Exception:
        return None  # f has a domain, and its own way to say so
    doubt = _doubt(line, middle, sides, line.step, tolerance)
    return sides if abs(sides[1] - sides[0]) > doubt else None


def _is_one_of(sides: Sides, claimed: float, doubt: float) -> bool:
    return min(abs(claimed - side) for side in sides) <= doubt


def _doubt(line: Line, middle: float, sides: Sides, step: float, tolerance: float) -> float:
    """How far a slope may be off for rounding, or by the tolerance."""
    rounding = ROUNDINGS * line.eps * max(abs(middle), line.size) / step
    return max(rounding, tolerance * max(map(abs, sides)))


def _sides(
    f: Function, x: Array, point: np.ndarray, line: Line, step: float, middle: float
) -> Sides:
    plus, minus, width = beside(point, line, step)
    high, low = (finite_value(f, side, x, "beside x") for side in (plus, minus))
    return (middle - low) / (width / 2), (high - middle) / (width / 2)


def across_a_kink(f: Function, x: Array, point: np.ndarray, facts: Facts) -> dict[Index, float]:
    """For a few wrong entries, how far x has to move for its slope to be the claimed one."""
    entries = [tuple(map(int, at)) for at in np.argwhere(facts.wrong)]
    moves = {}
    for entry in entries if len(entries) <= 4 else ():
        for move in (sign * scale for scale in MOVES for sign in (1, -1)):
            if _is_slope(f, x, point, facts, entry, move):
                moves[entry] = move
                break
    return moves


def _is_slope(
    f: Function, x: Array, point: np.ndarray, facts: Facts, entry: Index, move: float
) -> bool:
    """Whether the claim is the slope with an entry moved, to first order in the move."""
    there = point.copy()
    there[entry] += move * max(1.0, abs(float(point[entry])))
    step = float(natural_steps(there)[entry])
    claim, here = float(facts.claim[entry]), float(facts.numerical[entry])
    try:
        line = Line(entry, None, claim, 0.0, eps_of(there), step)
        slope = look(f, x, there, line, step, facts.tolerance)
    except Exception:
        return False  # as above
    near = 2 * abs(move) * max(abs(claim), abs(here)) + slope.noise
    return abs(slope.numerical - claim) <= near < 0.1 * abs(claim - here)
