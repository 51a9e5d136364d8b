"""Which mistake explains the gradients that a whole network claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backprop.diagnosis import _names as names
from backprop.diagnosis import _shape, _values
from backprop.diagnosis._facts import Facts, factor_causes, is_known_factor
from backprop.diagnosis._mistakes import MISTAKES
from backprop.diagnosis._model import Trace, walk
from backprop.diagnosis._names import Cause
from backprop.diagnosis._scene import Candidate, Scene

#: How closely a candidate has to give the claimed numbers, relative to the largest of them.
CLOSE = {"float64": 1e-7, "float32": 1e-4, "float16": 1e-2}


@dataclass(frozen=True)
class Claims:
    """What a network claims, and what is known about it.

    Attributes:
        gradients: the claimed gradients, one for each parameter.
        wrong: which of them failed their check.
        names: what evidence calls the parameters.
        dtype: the dtype that they were computed in.
        single: whether each of them consists of float32 numbers.

    Source: chapter 11, ``eq-layers-walk``.
    """

    gradients: Sequence[np.ndarray]
    wrong: Sequence[bool]
    names: Sequence[str]
    dtype: str = "float64"
    single: Sequence[bool] = ()

    @property
    def close(self) -> float:
        """The relative distance that counts as none."""
        return CLOSE.get(self.dtype, CLOSE["float64"])


def explain(trace: Trace, before: Trace | None, claims: Claims) -> tuple[Cause, ...]:
    """The likely causes of wrong gradients, most specific first; never empty.

    One mistake for all gradients is looked for first, then one for each wrong gradient.

    Args:
        trace: the forward pass that the gradients belong to.
        before: the forward pass before that, if it is known.
        claims: the claimed gradients, at least one of them wrong.

    Source: chapter 11, ``eq-layers-walk``.
    """
    right, sizes = walk(trace), sizes_of(trace)
    wanted = right.gradients
    if any(c.shape != r.shape for c, r in zip(claims.gradients, wanted, strict=True)):
        return _each(claims, wanted, [], sizes)
    c = _common_factor(claims, wanted, sizes)
    if c is not None:
        return _common(c, len(trace.outputs), sizes)
    scene = Scene(trace, right, before, claims.gradients)
    candidates = [
        candidate
        for mistake in MISTAKES
        for candidate in mistake(scene)
        if _differs(candidate, wanted, claims)
    ]
    return (
        _fitting(claims, candidates)
        or _up_to_factor(claims, candidates, sizes)
        or _each(claims, wanted, candidates, sizes)
    )


def sizes_of(trace: Trace) -> dict[str, int]:
    """What a factor may come from."""
    samples, outputs = trace.outputs.shape
    return {
        "the number of samples": samples,
        "the number of outputs": outputs,
        "the number of entries of the outputs": samples * outputs,
    }


def _common(c: float, samples: int, sizes: Mapping[str, int]) -> tuple[Cause, ...]:
    """A factor between all the claims and the right gradients."""
    causes = factor_causes(c, sizes, "every entry of every gradient")
    if samples > 1 and min(abs(abs(c) * samples - 1), abs(abs(c) / samples - 1)) < 1e-4:
        way = ("mean", "sum") if abs(c) < 1 else ("sum", "mean")
        told = f"so it is where the {way[0]} over the batch is taken for the {way[1]}"
        causes.append(Cause(names.MEAN, told))
    return tuple(causes)


def _fitting(claims: Claims, candidates: Sequence[Candidate], most: int = 3) -> tuple[Cause, ...]:
    """The first candidate of each name: different mistakes may give the same numbers."""
    first: dict[str, Cause] = {}
    for candidate in candidates:
        if _distance(claims, candidate.gradients, 1.0) <= claims.close:
            first.setdefault(candidate.name, Cause(candidate.name, candidate.evidence))
    return tuple(first.values())[:most]


def _up_to_factor(
    claims: Claims, candidates: Sequence[Candidate], sizes: Mapping[str, int]
) -> tuple[Cause, ...]:
    """The first candidate that gives the claims but for a known factor."""
    for candidate in candidates:
        c = _common_factor(claims, candidate.gradients, sizes)
        if c is not None:
            cause = Cause(candidate.name, candidate.evidence + ", up to a factor")
            return (cause, *factor_causes(c, sizes))
    return ()


def _each(
    claims: Claims,
    right: Sequence[np.ndarray],
    candidates: Sequence[Candidate],
    sizes: Mapping[str, int],
) -> tuple[Cause, ...]:
    """A cause for each wrong gradient on its own."""
    found: list[Cause] = []
    for i, (claim, wrong) in enumerate(zip(claims.gradients, claims.wrong, strict=True)):
        if not wrong:
            continue
        # Numbers that fit a layer's mistake exactly say more than numbers alone.
        causes = _alone(i, claim, right[i], candidates, claims.close)
        if not causes:
            facts = _facts(claims, i, right[i], sizes)
            same = claim.shape == right[i].shape
            causes = (_values if same else _shape).causes(facts)
        found += [Cause(cause.name, f"{claims.names[i]}: {cause.evidence}") for cause in causes]
    return tuple(found)


def _facts(claims: Claims, i: int, right: np.ndarray, sizes: Mapping[str, int]) -> Facts:
    """One gradient beside the right one, which takes the place of a numerical one."""
    claim, double = claims.gradients[i], claims.dtype == "float64"
    noise = claims.close * np.abs(right) / (100 if double else 1)
    single = double and bool(claims.single) and claims.single[i]
    return Facts(claim, right, noise, 1e-6 if double else 1e-3, None, sizes, single)


def _alone(
    i: int, claim: np.ndarray, right: np.ndarray, candidates: Sequence[Candidate], close: float
) -> tuple[Cause, ...]:
    for candidate in candidates:
        one = candidate.gradients[i]
        if _apart(one, right) > 100 * close and _apart(claim, one) <= close:
            return (Cause(candidate.name, candidate.evidence),)
    return ()


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, relative to the largest number; infinite for other shapes."""
    if a.shape != b.shape:
        return np.inf
    largest = max(np.max(np.abs(a), initial=0.0), np.max(np.abs(b), initial=0.0))
    return float(np.max(np.abs(a - b), initial=0.0) / largest) if largest else 0.0


def _distance(claims: Claims, gradients: Sequence[np.ndarray], c: float) -> float:
    return max(
        _apart(claim, c * gradient)
        for claim, gradient in zip(claims.gradients, gradients, strict=True)
    )


def _differs(candidate: Candidate, right: Sequence[np.ndarray], claims: Claims) -> bool:
    """Whether the mistake shows at all in these numbers."""
    pairs = zip(candidate.gradients, right, strict=True)
    return max(_apart(a, b) for a, b in pairs) > 100 * claims.close


def _common_factor(
    claims: Claims, gradients: Sequence[np.ndarray], sizes: Mapping[str, int]
) -> float | None:
    """The known factor other than 1 between all the claims and these gradients."""
    if any(c.shape != g.shape for c, g in zip(claims.gradients, gradients, strict=True)):
        return None
    claim = np.concatenate([g.ravel() for g in claims.gradients])
    other = np.concatenate([g.ravel() for g in gradients])
    size = np.max(np.abs(other), initial=0.0)
    if not size:
        return None
    unit = other / size
    c = float(np.sum(claim / size * unit) / np.sum(unit * unit))
    known = c and abs(c - 1) > 1e-5 and is_known_factor(c, sizes)
    return c if known and _distance(claims, gradients, c) <= claims.close else None
