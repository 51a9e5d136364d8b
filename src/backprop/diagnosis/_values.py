"""Causes that show in the values of a gradient of the right shape, without the function itself.

Each function looks for one kind of mistake and returns the causes that it found, most often
none. `LOOKS` lists them in the order in which they are asked; the first answer counts.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from backprop.diagnosis import _names as names
from backprop.diagnosis._facts import (
    Facts,
    Index,
    factor_causes,
    is_known_factor,
    named_factor,
    times,
)
from backprop.diagnosis._names import Cause
from backprop.diagnosis._picture import picture
from backprop.diagnosis._through import (
    activation,
    applied_twice,
    mask,
    probabilities,
    saturated,
)

Look = Callable[[Facts], list[Cause]]

#: Up to this part of the entries is "a few".
A_FEW = 0.25


def causes(facts: Facts) -> tuple[Cause, ...]:
    """What may have happened to a gradient with right shape and wrong values; never empty."""
    for look in LOOKS:
        found = look(facts)
        if found:
            return tuple(found)
    told = "none of the known mistakes gives these numbers; this is where they are wrong: "
    return (Cause(names.UNKNOWN, told + picture(facts)),)


def zero(facts: Facts) -> list[Cause]:
    """A gradient that never arrived: a detached branch, a dead unit."""
    if facts.claim.any() or facts.wrong.sum() < min(2, facts.claim.size):
        return []
    told = "every entry is 0, and the function does depend on x: it may be detached, "
    return [Cause(names.ZERO, told + "overwritten or never filled")]


def float32(facts: Facts) -> list[Cause]:
    """Right to as many digits as float32 has."""
    known = facts.measured
    error = np.max(np.abs(facts.claim - facts.numerical)[known], initial=0.0)
    largest = np.max(np.abs(facts.numerical)[known], initial=0.0)
    if not facts.single or error > 3e-5 * largest:
        return []
    told = (
        f"all entries are float32 numbers, and off by at most {error:.0e} where the largest is "
        f"{largest:.2g}: its rounding. Compute in float64 to check"
    )
    return [Cause(names.FLOAT32, told)]


def near(facts: Facts) -> list[Cause]:
    """So little off that any mistake that changes little would fit."""
    if not facts.fits(facts.claim, facts.numerical, facts.noise):
        return []
    error = np.max(np.abs(facts.claim - facts.numerical)[facts.measured], initial=0.0)
    told = f"no entry is off by more than {error:.0e}: rounding, or an f that bends much near x"
    return [Cause(names.NEAR, told)]


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
            return [Cause(names.TRANSPOSED, told), *factor_causes(c, facts.sizes)]
    if claim.ndim > 1:
        turned, noise = (a.T.reshape(claim.shape) for a in (right, facts.noise))
        if facts.fits(claim, turned, noise):
            told = "the numbers are right, but lie as if reshape had been used to transpose"
            return [Cause(names.TRANSPOSED, told)]
    for axis in range(claim.ndim):
        if facts.fits(np.flip(claim, axis), right, facts.noise):
            told = f"the numbers are right, but axis {axis} runs the other way"
            return [Cause(names.ORDER, told)]
    if facts.measured.all():
        order, place = np.argsort(claim, axis=None), np.argsort(right, axis=None)
        if facts.fits(claim.flat[order], right.flat[place], facts.noise.flat[place]):
            return [Cause(names.ORDER, "the numbers are right, but stand in other places")]
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
            return [Cause(names.SUMMED, told), *factor_causes(c, facts.sizes)]
    return []


def at_a_kink(facts: Facts) -> list[Cause]:
    """A function that has no derivative wherever the gradient seems wrong."""
    if not facts.kinks or facts.wrong.any():
        return []
    told = "; ".join(
        f"at {_place(entry)} the slope is {left:.4g} on the left, {right:.4g} on the right, and "
        f"{facts.claim[entry]:.4g} is claimed"
        for entry, (left, right) in list(facts.kinks.items())[:4]
    )
    more = f"; and so at {len(facts.kinks) - 4} more" if len(facts.kinks) > 4 else ""
    told += f"{more}. There is no derivative on a kink; check beside it"
    return [Cause(names.KINK, told)]


def of_earlier_call(facts: Facts) -> list[Cause]:
    """Right for the x of the call before this one, or with its gradient added."""
    if facts.before is None:
        return []
    if facts.fits(facts.claim, facts.before, facts.noise):
        return [Cause(names.STALE, "it is the numerical gradient at the x before this one")]
    if facts.fits(facts.claim, facts.before + facts.numerical, 2 * facts.noise):
        told = "it is the sum of the numerical gradients at this x and at the one before"
        return [Cause(names.ACCUMULATED, told)]
    return []


def term(facts: Facts) -> list[Cause]:
    """A multiple of x or of 1 too much or too little: the gradient of a term of f."""
    if facts.point is None or facts.point.shape != facts.claim.shape or facts.claim.size < 3:
        return []
    extra = facts.claim - facts.numerical
    noise = facts.noise + facts.tolerance * np.abs(facts.claim)
    for basis, what in ((facts.point, "x"), (np.ones_like(facts.point), "1")):
        c = times(facts, extra, np.where(facts.measured, basis, np.nan), noise)
        if c is not None:
            return [_term_cause(c, what)]
    return []


def _term_cause(c: float, what: str) -> Cause:
    if what == "1":
        return Cause(names.CONSTANT_ADDED, f"every entry is {c:.4g} more than the numerical one")
    if c < 0:
        told = f"with {-c:.4g} times x added it agrees: the gradient of a penalty on x is left out"
        return Cause(names.TERM_MISSING, told)
    told = f"it is the numerical gradient plus {c:.4g} times x, as of a penalty on x"
    return Cause(names.X_ADDED, told)


def one_slice(facts: Facts) -> list[Cause]:
    """Wrong in one row or one column alone."""
    wrong, n = facts.wrong, facts.claim.ndim
    for axis in range(n) if n > 1 else ():
        places = np.flatnonzero(wrong.any(axis=tuple(a for a in range(n) if a != axis)))
        if len(places) != 1 or facts.claim.shape[axis] < 2 or wrong.sum() < 2:
            continue
        at, word = int(places[0]), {0: "row", 1: "column"}.get(axis, f"axis {axis},")
        last = word == "row" and at == facts.claim.shape[0] - 1
        return [_slice_cause(facts, axis, at, f"{word} {at}", last)]
    return []


def _slice_cause(facts: Facts, axis: int, at: int, place: str, last: bool) -> Cause:
    claim, right, noise = (
        np.take(a, at, axis) for a in (facts.claim, facts.numerical, facts.noise)
    )
    place += " (the bias, where the last row holds it)" if last else ""
    if not claim.any():
        return Cause(names.FEW, f"only {place} is wrong: it is 0 there")
    c = times(facts, claim, right, noise)
    if c is not None:
        named = named_factor(c, facts.sizes)
        told = f"only {place} is wrong: it is {c:.6g} times what it should be"
        return Cause(names.FEW, told + (f" ({named})" if named else ""))
    if facts.point is not None:
        rough = noise + facts.tolerance * np.abs(claim)
        c = times(facts, claim - right, np.take(facts.point, at, axis), rough)
        if c is not None:
            told = f"in {place} it is the numerical gradient plus {c:.4g} times x, as of a penalty"
            return Cause(names.X_ADDED, told + " on x; all else is right")
    return Cause(names.FEW, f"only {place} is wrong")


def few(facts: Facts) -> list[Cause]:
    """Right but for some entries: which, and the kinks beside them."""
    entries = _entries(facts.wrong)
    count = int(facts.measured.sum())
    if not entries or len(entries) > max(1, A_FEW * count) or count < 2:
        return []
    told = ", ".join(
        f"{_place(entry)} ({facts.claim[entry]:.4g} for {facts.numerical[entry]:.4g})"
        for entry in entries[:4]
    )
    more = f" and {len(entries) - 4} more" if len(entries) > 4 else ""
    told = f"{count - len(entries)} of {count} are right; not {told}{more}" + _kinks_near(facts)
    return [Cause(names.FEW, told)]


def _kinks_near(facts: Facts) -> str:
    told = "".join(
        f"; a kink is near: with {_place(entry)} of x moved by {move:.0e} that would be the slope"
        for entry, move in facts.across.items()
    )
    for entry in list(facts.kinks)[:1]:
        told += f"; {_place(entry)} lies on a kink, where there is nothing to compare with"
    return told


def unseen(facts: Facts) -> list[Cause]:
    """Nothing wrong among the entries that were measured one by one."""
    if facts.wrong.any():
        return []
    told = f"the {int(facts.measured.sum())} entries that were measured one by one are right"
    return [Cause(names.FEW, told + ", so others are wrong")]


def _entries(where: np.ndarray) -> list[Index]:
    return [tuple(int(i) for i in index) for index in np.argwhere(where)]


def _place(index: Index) -> str:
    return f"entry {index}" if index else "the only entry"


LOOKS: tuple[Look, ...] = (
    at_a_kink,
    unseen,
    of_earlier_call,
    zero,
    float32,
    near,
    factor,
    rearranged,
    summed,
    saturated,
    mask,
    activation,
    probabilities,
    applied_twice,
    unknown_factor,
    term,
    one_slice,
    few,
)
