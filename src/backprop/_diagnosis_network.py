"""Which mistake explains the gradients that a whole network claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backprop import _diagnosis_shape, _diagnosis_values
from backprop._diagnosis_facts import Cause, Facts, factor_causes, is_known_factor
from backprop._diagnosis_mistakes import MISTAKES, Candidate, Scene
from backprop._diagnosis_model import Trace, walk

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
    """
    scene = Scene(trace, walk(trace), before, claims.gradients)
    sizes = sizes_of(trace)
    right = scene.right.gradients
    if all(c.shape == r.shape for c, r in zip(claims.gradients, right, strict=True)):
        c = _common_factor(claims, right, sizes)
        if c is not None:
            return _common(c, len(trace.outputs), sizes)
        candidates = [candidate for mistake in MISTAKES for candidate in mistake(scene)]
        candidates = [x for x in candidates if _differs(x, right, claims)]
        fitting = [x for x in candidates if _distance(claims, x.gradients, 1.0) <= claims.close]
        if fitting:
            return _different(fitting)
        for candidate in candidates:
            c = _common_factor(claims, candidate.gradients, sizes)
            if c is not None:
                cause = Cause(candidate.name, candidate.evidence + ", up to a factor")
                return (cause, *factor_causes(c, sizes, "every entry"))
    else:
        candidates = []
    return _each(claims, right, candidates, sizes)


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
        causes.append(Cause("mean for sum", told))
    return tuple(causes)


def _different(fitting: Sequence[Candidate], most: int = 3) -> tuple[Cause, ...]:
    """The first candidate of each name: different mistakes may give the same numbers."""
    first: dict[str, Cause] = {}
    for candidate in fitting:
        first.setdefault(candidate.name, Cause(candidate.name, candidate.evidence))
    return tuple(first.values())[:most]


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
        single = bool(claims.single) and claims.single[i]
        facts = Facts(
            claim, right[i], claims.close * np.abs(right[i]) / 100, 1e-6, None, sizes, single
        )
        if claims.dtype != "float64":
            facts = Facts(claim, right[i], claims.close * np.abs(right[i]), 1e-3, None, sizes)
        if claim.shape != right[i].shape:
            causes = _diagnosis_shape.causes(facts)
        else:
            causes = _diagnosis_values.causes(facts)
            # Numbers that fit a layer's mistake say more than numbers that fit none or a factor.
            if causes[0].name in ("unknown", "a few entries") or _is_unknown_factor(causes):
                causes = _alone(i, claim, right[i], candidates, claims.close) or causes
        found += [Cause(cause.name, f"{claims.names[i]}: {cause.evidence}") for cause in causes]
    return tuple(found)


def _is_unknown_factor(causes: Sequence[Cause]) -> bool:
    return causes[0].name == "constant factor" and "(" not in causes[0].evidence


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
