"""Causes that show in the shape of a gradient: each undoes or repeats a mistake and compares."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from backprop.diagnosis import _names as names
from backprop.diagnosis._facts import Facts, factor_causes, is_known_factor, times
from backprop.diagnosis._names import Cause

#: A name, evidence, the claim as it should then be, and the values and noise it should equal.
Reading = tuple[str, str, np.ndarray, np.ndarray, np.ndarray]


def causes(facts: Facts) -> tuple[Cause, ...]:
    """What may have happened to a gradient whose shape is not that of x; never empty."""
    for name, evidence, claim, expected, noise in _readings(facts):
        # Where both are 0, as is the sum of a gradient through a softmax, the shape alone tells.
        nothing = _is_nothing(claim, facts) and _is_nothing(expected, facts)
        c = 1.0 if nothing else times(facts, claim, expected, noise)
        if claim.shape == expected.shape and c is not None and is_known_factor(c, facts.sizes):
            return (Cause(name, evidence), *factor_causes(c, facts.sizes, "what is left"))
    shape, wanted = facts.claim.shape, facts.numerical.shape
    if facts.claim.ndim > 1 and shape == wanted[::-1]:
        told = "the shape is that of x read backwards, but transposed its values are wrong too"
    else:
        told = f"{shape} instead of {wanted}, and no sum, mean or transpose of one is the other"
        if not facts.measured.all():
            told = f"{shape} instead of {wanted} (f was not measured everywhere: no sums and means)"
    return (Cause(names.WRONG_SHAPE, told),)


def _is_nothing(values: np.ndarray, facts: Facts) -> bool:
    """Whether ``values`` are 0, up to the rounding of a sum over the gradient."""
    known = facts.numerical[facts.measured]
    return bool(np.all(np.abs(values) <= 1e-9 * np.sum(np.abs(known))))


def _readings(facts: Facts) -> Iterator[Reading]:
    claim, right, noise = facts.claim, facts.numerical, facts.noise
    yield (
        names.TRANSPOSED,
        f"its transpose, of shape {claim.T.shape}, agrees with the numerical gradient",
        claim.T,
        right,
        noise,
    )
    yield from _not_summed(facts)
    yield from _summed(facts)
    if right.ndim == 2 and right.shape[0] == right.shape[1] and claim.shape == ():
        yield (
            names.TRACE,
            f"the one number is the trace of the numerical gradient: sum(a * b) for a.T @ b, "
            f"which has shape {right.shape}",
            claim,
            np.asarray(np.trace(right)),
            np.asarray(np.trace(noise)),
        )
    if claim.size == right.size:
        yield (
            names.WRONG_SHAPE,
            f"the values are right, in shape {claim.shape} instead of {right.shape}",
            claim.reshape(right.shape),
            right,
            noise,
        )
    yield from _broadcast_targets(facts)
    yield from _part_missing(facts)


def _broadcast_targets(facts: Facts) -> Iterator[Reading]:
    """A column beside a row: both have n entries, and their difference has n times n."""
    claim, right = facts.claim, facts.numerical
    n = right.size
    if n > 1 and claim.shape == (n, n):
        yield (
            names.NOT_SUMMED,
            f"only its diagonal is the numerical gradient: shapes ({n},) and ({n}, 1) broadcast "
            f"to ({n}, {n})",
            np.diag(claim).reshape(right.shape),
            right,
            facts.noise,
        )


def _not_summed(facts: Facts) -> Iterator[Reading]:
    claim, right = facts.claim, facts.numerical
    for axes in _axes(claim.ndim):
        for keep in (False, True):
            total = claim.sum(axis=axes, keepdims=keep)
            if total.shape == right.shape:
                yield (
                    names.NOT_SUMMED,
                    f"summed over axis {_list(axes)} it agrees with the numerical gradient: x is "
                    "used once for each entry of that axis",
                    total,
                    right,
                    facts.noise,
                )


def _summed(facts: Facts) -> Iterator[Reading]:
    claim, right = facts.claim, facts.numerical
    for axes in reversed(list(_axes(right.ndim))):
        for keep in (False, True):
            total = right.sum(axis=axes, keepdims=keep)
            if total.shape == claim.shape:
                noise = facts.noise.sum(axis=axes, keepdims=keep)
                yield (
                    names.SUMMED,
                    f"it is the numerical gradient summed over axis {_list(axes)}, where each "
                    "entry of x needs a number of its own",
                    claim,
                    total,
                    noise,
                )


def _part_missing(facts: Facts) -> Iterator[Reading]:
    claim, right = facts.claim, facts.numerical
    if claim.ndim != right.ndim:
        return
    for axis in range(right.ndim):
        missing = right.shape[axis] - claim.shape[axis]
        for side in ("last", "first") if missing > 0 else ():
            keep = slice(None, -missing) if side == "last" else slice(missing, None)
            part = tuple(keep if a == axis else slice(None) for a in range(right.ndim))
            if right[part].shape == claim.shape:
                which = {0: "row", 1: "column"}.get(axis, f"slice of axis {axis}")
                told = f"the {side} {missing} {which}{'s' * (missing > 1)}"
                yield (
                    names.PART_MISSING,
                    f"it is the numerical gradient without {told}",
                    claim,
                    right[part],
                    facts.noise[part],
                )


def _axes(ndim: int) -> Iterator[tuple[int, ...]]:
    for count in range(1, ndim + 1):
        yield from combinations(range(ndim), count)


def _list(axes: tuple[int, ...]) -> str:
    return " and ".join(str(axis) for axis in axes)
