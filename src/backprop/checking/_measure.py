"""What `backprop.diagnosis` is told about a gradient of a function that failed its check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backprop import arrays, diagnosis
from backprop.arrays import Array
from backprop.checking._differences import (
    MOST_ENTRIES,
    Comparison,
    Function,
    Line,
    compare,
    eps_of,
    natural_steps,
    real_values,
)
from backprop.checking._kinks import across_a_kink, kinks_along, kinks_at
from backprop.diagnosis import _names as names
from backprop.diagnosis._facts import Facts
from backprop.diagnosis._names import Cause

#: Of an array too large to visit, this many entries are measured to look for a cause.
SAMPLED = 200
#: A slope is known if its noise is no more than this part of the gradient's largest entry.
CLEAR = 0.3


@dataclass(frozen=True)
class Case:
    """A gradient that failed its check.

    Attributes:
        f: the function.
        claim: the claimed gradient.
        x: where, as it was given; ``point`` as a NumPy array.
        point: the same values.
        tolerance: the relative error that passes.
        found: what was compared, if values were.
        by_entry: whether that was all entries, one by one.
        before: the x of an earlier call, if it is known.
    """

    f: Function
    claim: np.ndarray
    x: Array
    point: np.ndarray
    tolerance: float
    found: Sequence[tuple[Line, Comparison]] = ()
    by_entry: bool = False
    before: np.ndarray | None = None


def causes_of(case: Case) -> tuple[Cause, ...]:
    """The likely causes, most specific first; never empty."""
    bad = ~np.isfinite(case.claim)
    with arrays.without_graph(case.x):
        if bad.any():
            return (Cause(names.NOT_FINITE, _not_finite(case, bad)),)
        rounded = _rounding_in(case)
        if rounded:
            return (Cause(names.FLOAT32, rounded),)
        facts = facts_of(case)
        if case.found and not facts.measured.any() and not facts.kinks:
            return (_hidden(case),)
        if case.found and not facts.wrong.any() and not facts.kinks:
            kinks = kinks_along(case.f, case.x, case.point, case.found, case.tolerance)
            if kinks:
                return (Cause(names.KINK, kinks),)
        return diagnosis.diagnose(facts)


def facts_of(case: Case) -> Facts:
    """What is known: from what was compared, or measured now."""
    point = case.point
    numerical, noise = np.full(point.shape, np.nan), np.zeros(point.shape)
    known = [one for _, one in case.found] if case.by_entry else _sampled(case, point)
    for one in known:
        numerical[one.index], noise[one.index] = one.numerical, one.noise
    rows = ("rows", "columns") if point.ndim == 2 else ()
    sizes = {f"the number of {name} of x": n for name, n in zip(rows, point.shape, strict=False)}
    facts = Facts(
        case.claim.astype(np.float64),
        numerical,
        noise,
        case.tolerance,
        point.astype(np.float64),
        sizes | {"the number of entries of x": point.size},
        is_single(case.claim),
        before=_at_before(case),
    )
    return _known(case, facts) if case.claim.shape == point.shape else facts


def _hidden(case: Case) -> Cause:
    """What is said where f is too large beside its slopes for one entry to be seen."""
    noise = max(one.noise for _, one in case.found)
    single = case.point.dtype != np.float64
    advice = "compute in float64" if single else "take away what does not depend on x"
    told = f"f is so large that rounding hides single entries (slopes are ± {noise:.0e}): {advice}"
    return Cause(names.FLOAT32 if single else names.UNKNOWN, told)


def _known(case: Case, facts: Facts) -> Facts:
    """The same without entries on a kink, and without those that rounding hides."""
    kinks, possible = kinks_at(case.f, case.x, case.point, facts)
    largest = np.maximum(np.max(np.abs(facts.claim), initial=0.0), np.abs(facts.numerical))
    hidden = facts.noise > CLEAR * largest if case.found else False
    facts = replace(
        facts, numerical=np.where(possible | hidden, np.nan, facts.numerical), kinks=kinks
    )
    return replace(facts, across=across_a_kink(case.f, case.x, case.point, facts))


def _sampled(case: Case, point: np.ndarray) -> Iterator[Comparison]:
    """Comparisons of all entries, of some if there are too many."""
    places = list(np.ndindex(point.shape))
    if point.size > MOST_ENTRIES:
        chosen = np.random.default_rng(0).choice(point.size, SAMPLED, replace=False)
        places = [places[i] for i in sorted(chosen)]
    steps, eps = natural_steps(point), eps_of(point)
    claim = case.claim if case.claim.shape == point.shape else np.zeros(point.shape)
    for place in places:
        line = Line(place, None, float(claim[place]), 0.0, eps, float(steps[place]))
        try:
            yield compare(case.f, case.x, point, line, case.tolerance)
        except (TypeError, ValueError):
            continue  # f is not a finite number there: it stays unmeasured


def _at_before(case: Case) -> np.ndarray | None:
    """The numerical gradient at the x of the earlier call."""
    if case.before is None:
        return None
    numerical = np.full(case.point.shape, np.nan)
    for one in _sampled(case, case.before):
        numerical[one.index] = one.numerical
    return numerical


def _not_finite(case: Case, bad: np.ndarray) -> str:
    """Which entries are not finite, and whether the others are right."""
    evidence = f"{int(bad.sum())} of {bad.size} entries"
    if bad.shape == case.point.shape and not bad.all():
        whole = [
            f"all of {word} {', '.join(map(str, at[:6]))}"
            for word, axis in (("row", 1), ("column", 0))
            if bad.ndim == 2 and len(at := np.flatnonzero(bad.all(axis=axis)))
        ]
        evidence += f" ({' and '.join(whole)})" if whole else ""
        facts = facts_of(replace(case, claim=np.where(bad, 0, case.claim)))
        evidence += "" if (facts.wrong & ~bad).any() else "; all others are right"
    return evidence + ": look for a division by 0, a logarithm of 0, or 0 · inf"


def is_single(claim: np.ndarray) -> bool:
    """Whether float64 numbers come from float32, and not because they are short."""
    if claim.dtype != np.float64:
        return claim.dtype.kind == "f"
    with np.errstate(over="ignore"):
        same, short = claim.astype(np.float32) == claim, claim.astype(np.float16) == claim
    return bool(same.all() and not short.all())


def _rounding_in(case: Case) -> str | None:
    """Says so if ``f`` computes in float32 although ``x`` is float64."""
    point = case.point
    if point.dtype != np.float64 or not point.size:
        return None
    rng, values = np.random.default_rng(0), []
    try:
        for _ in range(4):
            shift = 100 * natural_steps(point) * rng.uniform(-1, 1, point.shape)
            with np.errstate(all="ignore"):
                value = real_values(case.f(arrays.like(point + shift, case.x)), "the value of f")
            values.append(float(value))
    except Exception:
        return None  # f has a domain, and its own way to say so
    same = len(set(values)) == 1
    if same or not np.isfinite(values).all() or not is_single(np.asarray(values)):
        return None
    return (
        "x is float64, but the values of f are float32 numbers: it computes in float32, whose "
        "rounding hides small steps. Let f compute in float64"
    )
