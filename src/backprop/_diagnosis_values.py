"""Causes that show in the values of a gradient of the right shape, without the function itself.

Each function looks for one kind of mistake and returns the causes that it found, most often
none. `LOOKS` lists them in the order in which they are asked; the first answer counts.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from backprop._diagnosis_facts import (
    Cause,
    Facts,
    factor_causes,
    is_known_factor,
    named_factor,
    picture,
    times,
)

Look = Callable[[Facts], list[Cause]]

#: Up to this part of the entries is "a few".
FEW = 0.25


def causes(facts: Facts) -> tuple[Cause, ...]:
    """What may have happened to a gradient with right shape and wrong values; never empty."""
    for look in LOOKS:
        found = look(facts)
        if found:
            return tuple(found)
    told = "none of the known mistakes gives these numbers; this is where they are wrong: "
    return (Cause("unknown", told + picture(facts)),)


def zero(facts: Facts) -> list[Cause]:
    """A gradient that never arrived: a detached branch, a dead unit."""
    if facts.claim.any() or facts.wrong.sum() < min(2, facts.claim.size):
        return []
    return [
        Cause("zero everywhere", "every entry is 0, and the function does depend on x: it may be "
              "detached, overwritten or never filled")
    ]  # fmt: skip


def float32(facts: Facts) -> list[Cause]:
    """Right to as many digits as float32 has."""
    known = facts.measured
    error = np.max(np.abs(facts.claim - facts.numerical)[known], initial=0.0)
    largest = np.max(np.abs(facts.numerical)[known], initial=0.0)
    if not facts.single or error > 3e-5 * largest:
        return []
    return [
        Cause("float32", f"all entries are float32 numbers, and off by at most {error:.0e} where "
              f"the largest is {largest:.2g}: its rounding. Compute in float64 to check")
    ]  # fmt: skip


def near(facts: Facts) -> list[Cause]:
    """So little off that any mistake that changes little would fit."""
    if not facts.fits(facts.claim, facts.numerical, facts.noise):
        return []
    error = np.max(np.abs(facts.claim - facts.numerical)[facts.measured], initial=0.0)
    told = f"no entry is off by more than {error:.0e}: rounding, or an f that bends much near x"
    return [Cause("near the tolerance", told)]


def factor(facts: Facts) -> list[Cause]:
    """The opposite sign, and a factor that is the size of something."""
    c = times(facts, facts.claim, facts.numerical, facts.noise)
    if c is None or c == 1 or not is_known_factor(c, facts.sizes):
        return []
    return factor_causes(c, facts.sizes)


def unknown_factor(facts: Facts) -> list[Cause]:
    """A constant factor that is the size of nothing: it takes several entries to believe it."""
    c = times(facts, facts.claim, facts.numerical, facts.noise)
    telling = facts.measured & (np.abs(facts.numerical) > 10 * facts.noise)
    return [] if c is None or c == 1 or telling.sum() < 2 else factor_causes(c, facts.sizes)


def rearranged(facts: Facts) -> list[Cause]:
    """Transposed in a square; reshaped where it should be transposed; in another order."""
    claim, right = facts.claim, facts.numerical
    if claim.size < 2:
        return []
    if claim.T.shape == right.shape:
        c = times(facts, claim.T, right, facts.noise)
        if c is not None and is_known_factor(c, facts.sizes):
            told = "its transpose agrees with the numerical gradient"
            return [Cause("transposed", told), *factor_causes(c, facts.sizes)]
    if claim.ndim > 1:
        turned, noise = (a.T.reshape(claim.shape) for a in (right, facts.noise))
        if facts.fits(claim, turned, noise):
            told = "the numbers are right, but lie as if reshape had been used to transpose"
            return [Cause("transposed", told)]
    for axis in range(claim.ndim):
        if facts.fits(np.flip(claim, axis), right, facts.noise):
            told = f"the numbers are right, but axis {axis} runs the other way"
            return [Cause("another order", told)]
    if facts.measured.all():
        order, place = np.argsort(claim, axis=None), np.argsort(right, axis=None)
        if facts.fits(claim.flat[order], right.flat[place], facts.noise.flat[place]):
            return [Cause("another order", "the numbers are right, but stand in other places")]
    return []


def summed(facts: Facts) -> list[Cause]:
    """One sum, broadcast, where each entry needs its own number."""
    right, noise = facts.numerical, facts.noise
    axes = range(right.ndim)
    for over in (c for n in axes for c in combinations(axes, n + 1)):
        total = np.broadcast_to(right.sum(axis=over, keepdims=True), right.shape)
        rough = np.broadcast_to(noise.sum(axis=over, keepdims=True), right.shape)
        c = times(facts, facts.claim, total, rough)
        if c is not None and is_known_factor(c, facts.sizes) and facts.wrong.sum() > 1:
            where = " and ".join(map(str, over))
            told = f"along axis {where} all its entries are the sum of the numerical gradient there"
            return [Cause("summed where per entry", told), *factor_causes(c, facts.sizes)]
    return []


def at_a_kink(facts: Facts) -> list[Cause]:
    """A function that has no derivative where the gradient seems wrong."""
    if facts.kink is None:
        return []
    entries = _entries(facts.wrong)
    if len(entries) > 20:
        return []
    found = {entry: facts.kink(entry) for entry in entries}
    if not entries or not all(sharp for sharp, _, _ in found.values()):
        return []
    told = "; ".join(
        f"at {_place(entry)} the slope is {left:.4g} on the left, {right:.4g} on the right, and "
        f"{facts.claim[entry]:.4g} is claimed"
        for entry, (_, left, right) in list(found.items())[:4]
    )
    return [Cause("a kink", f"{told}. There is no derivative on a kink; check beside it")]


def mask(facts: Facts) -> list[Cause]:
    """Zeros in the wrong places: a mask missing, inverted, or taken from another array."""
    known, wrong = facts.measured, facts.wrong
    largest = np.max(np.abs(facts.numerical[known]), initial=0.0)
    nought = known & (np.abs(facts.numerical) <= np.maximum(facts.noise, 1e-9 * largest))
    empty = known & (facts.claim == 0)
    if not (nought.any() and (known & ~nought).any() and wrong.sum() > 1):
        return []
    here, count = f"{int(wrong.sum())} of {int(known.sum())} entries", int(nought.sum())
    if (wrong == nought).all():
        told = f"it is right except for all {count} entries where the numerical gradient is 0"
        return [Cause("mask missing", told)]
    if (empty == (known & ~nought)).all():
        told = (
            f"it is 0 exactly where the numerical gradient is not, and not 0 in its {count} zeros"
        )
        return [Cause("mask inverted", told)]
    if (wrong == (nought ^ empty)).all() and (empty & ~nought).any() and (nought & ~empty).any():
        told = f"where neither is 0 it is right, but its zeros are in other places in {here}"
        return [Cause("mask from the wrong array", told)]
    return []


def activation(facts: Facts) -> list[Cause]:
    """The derivative of an activation of x itself left out."""
    if facts.point is None or facts.point.shape != facts.claim.shape or facts.claim.size < 2:
        return []
    x = facts.point
    with np.errstate(over="ignore"):
        s, t = 1 / (1 + np.exp(-x)), np.tanh(x)
    slopes = {"sigmoid": s * (1 - s), "tanh": 1 - t * t, "exponential": np.exp(np.minimum(x, 700))}
    for name, slope in slopes.items():
        if facts.fits(facts.claim * slope, facts.numerical, facts.noise):
            told = f"times the derivative of the {name} at x it agrees with the numerical gradient"
            return [Cause("activation derivative left out", told)]
    return []


def decay(facts: Facts) -> list[Cause]:
    """A multiple of x too much: the gradient of a penalty that f does not have, or lacks."""
    if facts.point is None or facts.point.shape != facts.claim.shape or facts.claim.size < 3:
        return []
    extra = facts.claim - facts.numerical
    noise = facts.noise + facts.tolerance * np.abs(facts.claim)
    c = times(facts, extra, np.where(facts.measured, facts.point, np.nan), noise)
    if c is None:
        return []
    told = f"it is the numerical gradient plus {c:.4g} times x, as of a penalty on x"
    return [Cause("multiple of x added", told)]


def one_slice(facts: Facts) -> list[Cause]:
    """Wrong in one row or one column alone."""
    wrong, n = facts.wrong, facts.claim.ndim
    for axis in range(n) if n > 1 else ():
        places = np.flatnonzero(wrong.any(axis=tuple(a for a in range(n) if a != axis)))
        if len(places) != 1 or facts.claim.shape[axis] < 2 or wrong.sum() < 2:
            continue
        at, word = int(places[0]), {0: "row", 1: "column"}.get(axis, f"axis {axis},")
        claim, right, noise = (
            np.take(a, at, axis) for a in (facts.claim, facts.numerical, facts.noise)
        )
        c = times(facts, claim, right, noise)
        told = f"only {word} {at} is wrong"
        if not claim.any():
            told += ": it is 0 there"
        elif c is not None:
            named = named_factor(c, facts.sizes)
            told += f": it is {c:.6g} times what it should be" + (f" ({named})" if named else "")
        last = " (the bias, where the last row holds it)" if word == "row" else ""
        last = last if at == facts.claim.shape[0] - 1 else ""
        return [Cause("a few entries", told + last)]
    return []


def few(facts: Facts) -> list[Cause]:
    """Right but for some entries: which, and the kinks beside them."""
    entries = _entries(facts.wrong)
    count = int(facts.measured.sum())
    if not entries or len(entries) > max(1, FEW * count) or count < 2:
        return []
    told = ", ".join(
        f"{_place(entry)} ({facts.claim[entry]:.4g} for {facts.numerical[entry]:.4g})"
        for entry in entries[:4]
    )
    more = f" and {len(entries) - 4} more" if len(entries) > 4 else ""
    return [
        Cause("a few entries", f"{count - len(entries)} of {count} are right; not {told}{more}")
    ]


def unseen(facts: Facts) -> list[Cause]:
    """Nothing wrong among the entries that were measured one by one."""
    if facts.wrong.any():
        return []
    told = f"the {int(facts.measured.sum())} entries that were measured one by one are right"
    return [Cause("a few entries", told + ", so others are wrong")]


def _entries(where: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(int(i) for i in index) for index in np.argwhere(where)]


def _place(index: tuple[int, ...]) -> str:
    return f"entry {index}" if index else "the only entry"


LOOKS: tuple[Look, ...] = (
    unseen,
    zero,
    float32,
    at_a_kink,
    near,
    factor,
    rearranged,
    summed,
    mask,
    activation,
    decay,
    unknown_factor,
    one_slice,
    few,
)
