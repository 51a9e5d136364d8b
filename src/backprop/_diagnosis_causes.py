"""What `backprop.diagnosis` is told about a gradient of a function that failed its check."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence

import numpy as np

from backprop import arrays, diagnosis
from backprop._diagnosis_differences import (
    MOST_ENTRIES,
    ROUNDINGS,
    Comparison,
    Function,
    Line,
    eps_of,
    finite_value,
    look,
    moved,
    natural_steps,
    real_values,
)
from backprop.arrays import Array
from backprop.diagnosis import Cause, Facts

#: Of an array too large to visit, this many entries are measured to look for a cause.
SAMPLED = 200
#: Reports are told in lines of so many characters.
WIDTH = 76


def told(causes: Sequence[Cause]) -> list[str]:
    """Causes as lines of a report; a picture in the evidence is moved in."""
    heads, lines = ["likely cause:", *["also:"] * (len(causes) - 1)], []
    for head, cause in zip(heads, causes, strict=False):
        text, *picture = cause.evidence.split("\n")
        lines.append(in_width(f"{cause.name}: {text}", f"  {head:14} ", " " * 6))
        lines += [f"      {row}" for row in picture]
    return lines


def in_width(text: str, first: str = "", others: str = "") -> str:
    """``text`` in lines that fit a narrow page, after a beginning for the first and the others."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def causes_of(
    f: Function,
    claim: np.ndarray,
    x: Array,
    point: np.ndarray,
    tolerance: float,
    found: list[Comparison] | None = None,
) -> tuple[Cause, ...]:
    """The causes for finite ``claim``; ``found`` holds all entries, if they were compared."""
    with arrays.without_graph(x):
        rounded = _rounding_in(f, x, point)
        if rounded:
            return (Cause("float32", rounded),)
        return diagnosis.diagnose(facts_of(f, claim, x, point, tolerance, found))


def facts_of(
    f: Function,
    claim: np.ndarray,
    x: Array,
    point: np.ndarray,
    tolerance: float,
    found: list[Comparison] | None,
) -> Facts:
    """What is known: from ``found``, or measured now."""
    numerical, noise = np.full(point.shape, np.nan), np.zeros(point.shape)
    for one in found or _sampled(f, x, point, tolerance):
        numerical[one.index], noise[one.index] = one.numerical, one.noise
    rows = ("rows", "columns") if point.ndim == 2 else ()
    sizes = {f"the number of {name} of x": n for name, n in zip(rows, point.shape, strict=False)}
    return Facts(
        claim.astype(np.float64),
        numerical,
        noise,
        tolerance,
        point.astype(np.float64),
        sizes | {"the number of entries of x": point.size},
        is_single(claim),
        lambda index: _kink(f, x, point, index),
    )


def _sampled(f: Function, x: Array, point: np.ndarray, tolerance: float) -> Iterator[Comparison]:
    """Comparisons of all entries, of some if there are too many, with a claim of 0."""
    places = list(np.ndindex(point.shape))
    if point.size > MOST_ENTRIES:
        chosen = np.random.default_rng(0).choice(point.size, SAMPLED, replace=False)
        places = [places[i] for i in sorted(chosen)]
    steps, eps = natural_steps(point), eps_of(point)
    for place in places:
        line = Line(place, None, 0.0, 0.0, eps, float(steps[place]))
        try:
            yield look(f, x, point, line, line.step, tolerance)
        except (TypeError, ValueError):
            continue  # f is not a finite number there: it stays unmeasured


def broken_causes(
    f: Function, claim: np.ndarray, x: Array, point: np.ndarray, tolerance: float
) -> tuple[Cause, ...]:
    """The causes for a claim of a wrong shape, or with numbers that are not finite."""
    bad = ~np.isfinite(claim)
    if not bad.any():
        return causes_of(f, claim, x, point, tolerance)
    evidence = f"{int(bad.sum())} of {claim.size} entries"
    if claim.shape == point.shape and not bad.all():
        whole = [
            f"all of {word} {', '.join(map(str, at[:6]))}"
            for word, axis in (("row", 1), ("column", 0))
            if point.ndim == 2 and len(at := np.flatnonzero(bad.all(axis=axis)))
        ]
        evidence += f" ({' and '.join(whole)})" if whole else ""
        with arrays.without_graph(x):
            facts = facts_of(f, np.where(bad, 0, claim), x, point, tolerance, None)
        evidence += "" if (facts.wrong & ~bad).any() else "; all others are right"
    return (
        Cause("not finite", evidence + ": look for a division by 0, a logarithm of 0, or 0 · inf"),
    )


def is_single(claim: np.ndarray) -> bool:
    """Whether float64 numbers come from float32, and not because they are short."""
    if claim.dtype != np.float64:
        return claim.dtype.kind == "f"
    with np.errstate(over="ignore"):
        same, short = claim.astype(np.float32) == claim, claim.astype(np.float16) == claim
    return bool(same.all() and not short.all())


def _rounding_in(f: Function, x: Array, point: np.ndarray) -> str | None:
    """Says so if ``f`` computes in float32 although ``x`` is float64."""
    if point.dtype != np.float64 or not point.size:
        return None
    rng, values = np.random.default_rng(0), []
    try:
        for _ in range(4):
            shift = 100 * natural_steps(point) * rng.uniform(-1, 1, point.shape)
            with np.errstate(all="ignore"):
                value = real_values(f(arrays.like(point + shift, x)), "the value of f")
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


def _kink(
    f: Function, x: Array, point: np.ndarray, index: tuple[int, ...]
) -> tuple[bool, float, float]:
    """Whether ``f`` has a kink at an entry, and its slopes on the left and on the right."""
    full, slopes = float(natural_steps(point)[index]), []
    try:
        for step in (full, full / 100):
            plus, minus, width = moved(point, index, step)
            low, middle, high = (finite_value(f, p, x, "") for p in (minus, point, plus))
            slopes.append(((middle - low) / (width / 2), (high - middle) / (width / 2)))
    except ValueError:
        return False, math.nan, math.nan
    (left, right), (near_left, near_right) = slopes
    jump, near = abs(right - left), abs(near_right - near_left)
    noise = ROUNDINGS * eps_of(point) * max(abs(middle), 1e-300) / (full / 100)
    # Where f only bends, a hundredth of the step leaves a hundredth of the jump.
    sharp = near > 0.5 * jump and near > 10 * noise + 1e-3 * max(abs(left), abs(right))
    return sharp, near_left, near_right
