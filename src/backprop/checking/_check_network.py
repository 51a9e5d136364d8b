"""From the wrong gradients of a whole network to their causes, if its layers are recognized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backprop import arrays, diagnosis
from backprop.arrays import Array
from backprop.checking._check import checked
from backprop.checking._copies import double, trace_of
from backprop.checking._differences import Function, real_values
from backprop.checking._measure import is_single
from backprop.checking._reports import GradientReport
from backprop.diagnosis._model import Trace, walk
from backprop.diagnosis._names import Cause

Batch = tuple[Array, Array]

#: Along so many random directions the recognized layers are compared with the network.
PROJECTIONS = 4


@dataclass(frozen=True)
class NetworkCase:
    """A network of which at least one gradient failed its check.

    Attributes:
        network: a copy to work with, in float64.
        now: the batch and targets of the gradients, ``before`` those gone through before them.
        before: as the check was given them, or mixed.
        claims: the claimed gradients, one for each parameter.
        reports: what the checks found.
        names: what evidence calls the parameters.
        losses: the loss as a function of each parameter.
        weights: the parameters.
    """

    network: Any
    now: Batch
    before: Batch
    claims: Sequence[Array]
    reports: Sequence[GradientReport]
    names: Sequence[str]
    losses: Sequence[Function]
    weights: Sequence[Array]


def network_causes(case: NetworkCase) -> tuple[Cause, ...]:
    """The likely causes, most specific first; never empty."""
    trace, values = trace_of(case.network, case.now), [real_values(c, "grad") for c in case.claims]
    finite = all(np.isfinite(value).all() for value in values)
    if trace is None or not finite or not _is_right(trace, case):
        # The layers are not known well enough: each gradient is looked at on its own.
        return tuple(
            Cause(cause.name, f"{name}: {cause.evidence}")
            for name, report in zip(case.names, case.reports, strict=True)
            for cause in report.causes
        )
    claims = diagnosis.Claims(
        [value.astype(np.float64) for value in values],
        [not report.ok for report in case.reports],
        case.names,
        min((value.dtype for value in values), key=lambda dtype: dtype.itemsize).name,
        [is_single(value) for value in values],
    )
    old = trace_of(case.network, (double(case.before[0]), double(case.before[1])))
    return diagnosis.explain(trace, old, claims)


def _is_right(trace: Trace, case: NetworkCase) -> bool:
    """Whether the backward pass through ``trace`` passes where the claimed one does not.

    A few projections are enough to see that layers and loss are what they were taken for.
    """
    return all(
        report.ok
        or checked(f, arrays.like(gradient, W), W, "projections", report.tolerance, PROJECTIONS).ok
        for report, f, gradient, W in zip(
            case.reports, case.losses, walk(trace).gradients, case.weights, strict=True
        )
    )
