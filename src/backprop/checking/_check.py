"""The check of a gradient; the search for causes waits in the report until somebody asks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np

from backprop import arrays
from backprop.arrays import Array
from backprop.checking._differences import (
    MOST_ENTRIES,
    Function,
    compare,
    entry_lines,
    entry_name,
    floating_values,
    place_name,
    positive,
    random_lines,
    real_values,
)
from backprop.checking._measure import Case, causes_of
from backprop.checking._reports import GradientReport

Method = Literal["auto", "entries", "projections"]


def checked(
    f: Function,
    grad: Array,
    x: Array,
    method: Method = "auto",
    tolerance: float = 1e-6,
    projections: int = 20,
    rng: np.random.Generator | None = None,
    before: Array | None = None,
    appeal: bool = False,
) -> GradientReport:
    """The report of `backprop.checking.check_gradient`, whose arguments and errors these are.

    With ``appeal``, projections that fail are not the last word for arrays that can be visited.
    """
    point = floating_values(x)
    claim = real_values(grad, "grad")
    if method not in ("auto", "entries", "projections"):
        raise ValueError(f"method is {method!r}; expected 'auto', 'entries' or 'projections'")
    if projections < 1:
        raise ValueError(f"projections is {projections}; expected at least 1")
    if method == "auto":
        method = "entries" if point.size <= MOST_ENTRIES else "projections"
    blank = GradientReport(True, 0.0, None, positive(tolerance, "tolerance"), method)
    case = Case(f, claim, x, point, tolerance, before=_earlier(before, x))
    broken = _broken(claim, point)
    if broken is not None:
        return _failed(replace(blank, max_error=math.inf), broken, case)
    if point.size == 0:
        return blank
    with arrays.without_graph(x):
        if method == "entries":
            return _judged(blank, _by_entry(case))
        found = [
            (line, compare(f, x, point, line, tolerance))
            for line in random_lines(point, claim, projections, rng)
        ]
        report = _judged(blank, replace(case, found=found))
        if report.ok or not appeal or point.size > MOST_ENTRIES:
            return report
        # Along a direction the roundings and kinks of all entries add up.
        case = _by_entry(case)
    alone = _judged(replace(blank, method="entries"), case)
    return alone if alone.ok else replace(report, _explain=alone._explain)


def _by_entry(case: Case) -> Case:
    lines = entry_lines(case.point, case.claim)
    found = [(line, compare(case.f, case.x, case.point, line, case.tolerance)) for line in lines]
    return replace(case, found=found, by_entry=True)


def _earlier(before: Array | None, x: Array) -> np.ndarray | None:
    if before is None:
        return None
    arrays.require_same_shape(before, x, ("before", "x"))
    return floating_values(before, "before").astype(arrays.dtype_name(x))


def _judged(report: GradientReport, case: Case) -> GradientReport:
    """The report on what was compared."""
    found = [one for _, one in case.found]
    worst = max(found, key=lambda comparison: comparison.error)
    wrong = sum(comparison.error > report.tolerance for comparison in found)
    report = replace(
        report,
        max_error=worst.error,
        compared=len(found),
        worst=worst.index,
        claimed=worst.claimed,
        numerical=worst.numerical,
        noise=worst.noise,
    )
    if not wrong:
        return report
    place = place_name(report.method, worst.index)
    diagnosis = f"{wrong} of {len(found)} {report.method} differ, most of all {place}"
    return _failed(report, diagnosis, case)


def _failed(report: GradientReport, diagnosis: str, case: Case) -> GradientReport:
    return replace(report, ok=False, diagnosis=diagnosis, _explain=lambda: causes_of(case))


# What is asked of a gradient before its values are compared, most telling first.


def _broken(claim: np.ndarray, point: np.ndarray) -> str | None:
    if claim.shape != point.shape:
        return (
            f"its shape is {claim.shape}, that of x is {point.shape}. The gradient of a scalar "
            "with respect to x has one entry for each entry of x, so the same shape; no values "
            "were compared."
        )
    bad = ~np.isfinite(claim)
    if bad.any():
        entry = tuple(int(i) for i in np.argwhere(bad)[0])
        return (
            f"{int(bad.sum())} of its {claim.size} entries are NaN or infinite, first "
            f"{entry_name(entry)}: {claim[entry]}."
        )
    return None
