"""Causes that show in the values of a gradient: how it went through an activation of x itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backprop.arrays import sigmoid
from backprop.diagnosis import _names as names
from backprop.diagnosis._facts import Facts, factor_causes, is_known_factor, times
from backprop.diagnosis._losses import softmax
from backprop.diagnosis._names import Cause

#: From this magnitude on, exp(-x) is lost beside 1 in float32.
SATURATES = 15.0


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
        return [Cause(names.MASK_MISSING, told)]
    if (empty == (known & ~nought)).all():
        told = (
            f"it is 0 exactly where the numerical gradient is not, and not 0 in its {count} zeros"
        )
        return [Cause(names.MASK_INVERTED, told)]
    if (wrong == (nought ^ empty)).all() and (empty & ~nought).any() and (nought & ~empty).any():
        told = f"where neither is 0 it is right, but its zeros are in other places in {here}"
        return [Cause(names.MASK_OF_ANOTHER, told)]
    return []


def saturated(facts: Facts) -> list[Cause]:
    """Nothing where x is large: a sigmoid was rounded to 0 or 1, or a logarithm cut off."""
    if not _has_point(facts):
        return []
    assert facts.point is not None
    wrong, right, size = facts.wrong, facts.measured & ~facts.wrong, np.abs(facts.point)
    largest = np.max(np.abs(facts.numerical[facts.measured]), initial=0.0)
    nothing = np.abs(facts.claim) <= 1e-12 * largest
    if not (wrong.any() and right.any() and nothing[wrong].all()):
        return []
    least = float(size[wrong].min())
    if least < SATURATES or least <= float(size[right].max()):
        return []
    told = (
        f"it is 0 in the {int(wrong.sum())} entries with the largest magnitude of x (from "
        f"{least:.4g} on), where the numerical gradient is up to "
        f"{np.abs(facts.numerical[wrong]).max():.4g}: a sigmoid or logarithm that was rounded or "
        "cut off"
    )
    return [Cause(names.SATURATED, told)]


def _slopes(x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The derivatives at x of the functions that a gradient may have to pass."""
    s, t = sigmoid(x), np.tanh(x)
    yield "sigmoid", s * (1 - s)
    yield "tanh", 1 - t * t
    yield "exponential", np.exp(np.minimum(x, 700))
    yield "softplus", s
    yield "sine", np.cos(x)


def activation(facts: Facts) -> list[Cause]:
    """The derivative of an activation of x left out."""
    if not _has_point(facts):
        return []
    assert facts.point is not None
    for name, slope in _slopes(facts.point):
        found = _up_to_factor(facts, facts.claim * slope, facts.numerical)
        if found is not None:
            told = f"times the derivative of the {name} at x it agrees with the numerical gradient"
            causes = [Cause(names.NO_DERIVATIVE, told), *found]
            if name == "sigmoid":
                told = "so it is also where the gradient of probabilities is taken for that of x"
                causes.append(Cause(names.LOGITS, told))
            return causes
    return []


def applied_twice(facts: Facts) -> list[Cause]:
    """The derivative of an activation of x once too often."""
    if not _has_point(facts):
        return []
    assert facts.point is not None
    for name, slope in _slopes(facts.point):
        found = _up_to_factor(facts, facts.claim, facts.numerical * slope)
        if found is not None:
            told = f"it is the numerical gradient times the derivative of the {name} at x"
            return [Cause(names.WRONG_DERIVATIVE, told + ": that is in it once too often"), *found]
    return []


def probabilities(facts: Facts) -> list[Cause]:
    """With respect to probabilities instead of logits, or the other way round."""
    if not _has_point(facts) or not facts.measured.all():
        return []
    for told, one, other in _readings(facts):
        found = _up_to_factor(facts, one, other)
        if found is not None:
            return [Cause(names.LOGITS, told), *found]
    return []


def _readings(facts: Facts) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Evidence, and two arrays that are equal if it holds."""
    x, claim, right = facts.point, facts.claim, facts.numerical
    assert x is not None
    if x.shape[-1] > 1:
        p = softmax(x)
        yield "through the derivative of the softmax at x it agrees", _back(p, claim), right
        yield "the derivative of the softmax at x is in it twice", claim, _back(p, right)
    if ((x > 0) & (x < 1)).all():
        told = "it is with respect to the logits, and x are the probabilities"
        yield told, claim, right * x * (1 - x)
        yield told, claim, _back(x, right)


def _back(p: np.ndarray, grad: np.ndarray) -> np.ndarray:
    """``grad`` with respect to probabilities, on its way back through the softmax."""
    return p * (grad - (grad * p).sum(axis=-1, keepdims=True))


def _has_point(facts: Facts) -> bool:
    known = facts.point is not None and facts.point.shape == facts.claim.shape
    return known and facts.claim.ndim > 0 and facts.claim.size > 1


def _up_to_factor(facts: Facts, claim: np.ndarray, expected: np.ndarray) -> list[Cause] | None:
    """The causes of a known factor between both, none if they agree; None if there is none."""
    c = times(facts, claim, expected, facts.noise)
    if c is None or not is_known_factor(c, facts.sizes):
        return None
    return factor_causes(c, facts.sizes, "what is left")
