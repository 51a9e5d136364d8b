r"""Gradients by central differences, and the check of a claimed gradient against them.

A central difference (chapter 1, ``eq-central-difference``) is wrong for two reasons:

- the step h is not infinitely small: about h² f'''(x) / 6;
- f is rounded: about eps · abs(f) / h, where eps is 2.2e-16 in float64.

Their sum is least near h = eps^(1/3) (chapter 1, ``eq-best-step-central``), 6e-6 in float64,
and is then about 1e-10 for a function whose values and derivatives are near 1. A function
with values near 1e8 is left with a rounding error of 4e-3 at that step, however right the
claimed gradient is. So ``check_gradient`` estimates that noise for every number and
compares no closer than it allows; the report says how much it was.

Rounding *inside* f that its value does not show, as in ``(1e8 + g(x)) - 1e8``, is not seen, so a
right gradient of such an f may be called wrong. On a kink (ReLU at exactly 0) there is no
gradient to compare with; a central difference gives the mean of both sides.

Where a check fails, `backprop.diagnosis` looks for the likely cause, and the report names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from backprop import arrays, diagnosis
from backprop._diagnosis_causes import broken_causes, causes_of, in_width, is_single, told
from backprop._diagnosis_copies import (
    claimed,
    double,
    in_double,
    loss_of,
    mixed,
    trace_of,
    trainable_layers,
)
from backprop._diagnosis_differences import (
    MOST_ENTRIES,
    Function,
    compare,
    entry_lines,
    entry_name,
    finite_value,
    floating_values,
    moved,
    natural_steps,
    place_name,
    positive,
    random_lines,
    real_values,
)
from backprop._diagnosis_model import Trace, walk
from backprop.arrays import Array
from backprop.diagnosis import Cause

#: Below this magnitude ``relative_error`` becomes absolute. Default central differences of a
#: function near 1 carry noise of about 4e-11; over this floor it counts 4e-7, below the
#: tolerance of 1e-6.
FLOOR = 1e-4


def numerical_gradient(f: Function, x: Array, *, step: float | None = None) -> Array:
    """The gradient of ``f`` at ``x`` by central differences, one entry at a time.

    Two evaluations of ``f`` an entry. ``x`` stays as it is: ``f`` is given copies, and for
    tensors runs under ``torch.no_grad()``, whether or not ``x`` requires a gradient. All is
    computed in the dtype of ``x``, and float64 is wanted: the default step leaves about ten
    right digits there, and four in float32.

    Args:
        f: takes an array like ``x``, returns a scalar (shape ()).
        x: a floating-point NumPy array or PyTorch tensor of any shape, or a Python float.
        step: the h of every entry. By default eps^(1/3) · max(1, abs(x_i)), where eps is that
            of the dtype of ``x``.

    Returns:
        The gradient, of the kind, shape, dtype and device of ``x``.

    Raises:
        TypeError: if ``x`` is of an integer, boolean or complex dtype or is no array, or if
            ``f`` returns no real number.
        ValueError: if ``f`` returns more than a scalar or a value that is not finite (the message
            names the entry), if ``x`` is not finite, or if ``step`` is not positive or too small
            to move an entry.

    Source: chapter 1, ``eq-central-difference`` and ``eq-best-step-central``.
    """
    point = floating_values(x)
    steps = natural_steps(point) if step is None else np.full(point.shape, positive(step, "step"))
    gradient = np.zeros(point.shape)
    with arrays.without_graph(x):
        for entry in np.ndindex(point.shape):
            plus, minus, width = moved(point, entry, float(steps[entry]))
            place = f"with {entry_name(entry)} of x moved from {point[entry]:.6g} to "
            high = finite_value(f, plus, x, f"{place}{plus[entry]:.6g}")
            low = finite_value(f, minus, x, f"{place}{minus[entry]:.6g}")
            gradient[entry] = (high - low) / width
    return arrays.like(gradient, x)


def directional_derivative(
    f: Function, x: Array, direction: Array, *, step: float | None = None
) -> Array:
    """The rate of change of ``f`` at ``x`` along ``direction``, by a central difference.

    It is the inner product of the gradient and ``direction``, from two evaluations of ``f``
    whatever the size of ``x``: with random directions, a check for arrays too large to
    visit entry by entry.

    Args:
        f: takes an array like ``x``, returns a scalar (shape ()).
        x: a floating-point array, tensor or Python float of any shape; stays as it is.
        direction: numbers of the shape of ``x``; its length scales the result.
        step: how many times ``direction`` is added to ``x`` and subtracted. By default as far
            as no entry moves by more than its step in ``numerical_gradient``.

    Returns:
        A scalar (shape ()) of the kind, dtype and device of ``x``.

    Raises:
        TypeError: as ``numerical_gradient``.
        ValueError: as ``numerical_gradient``, and if ``direction`` is not finite or its shape is
            not that of ``x``.

    Source: chapter 1, ``eq-central-difference``.
    """
    point = floating_values(x)
    arrays.require_same_shape(direction, x, ("direction", "x"))
    way = floating_values(direction, "direction").astype(np.float64)
    if not way.any():
        return arrays.like(0.0, x)
    if step is None:
        moving = way != 0
        step = float(np.min(natural_steps(point)[moving] / np.abs(way[moving])))
    shift = positive(step, "step") * way
    plus, minus = (point + shift).astype(point.dtype), (point - shift).astype(point.dtype)
    if np.array_equal(plus, minus):
        raise ValueError(f"step {step:g} is too small to move x along direction in {point.dtype}")
    with arrays.without_graph(x):
        high = finite_value(f, plus, x, f"at x + {step:.3g} · direction")
        low = finite_value(f, minus, x, f"at x - {step:.3g} · direction")
    return arrays.like((high - low) / (2 * step), x)


def relative_error(a: Array, b: Array, *, floor: float = FLOOR) -> Array:
    """Entry by entry, abs(a - b) / max(abs(a), abs(b), floor): symmetric, from 0 to 2.

    Near 0 a plain relative error says nothing: 1e-11 of rounding against an exact 0 would be
    an error of 1. Where both magnitudes are below ``floor`` the error is absolute, in units of
    ``floor``. A good floor is the noise of the numbers divided by the tolerance.

    Args:
        a: a floating-point array, tensor or Python float of any shape.
        b: the same shape; it may be of another kind and dtype.
        floor: positive; the default, 1e-4, suits numbers near 1 from central differences in
            float64 and a tolerance of 1e-6.

    Returns:
        The errors, of the kind, shape, dtype and device of ``a``; NaN where either is not finite.

    Raises:
        TypeError: if ``a`` or ``b`` is not of a floating-point dtype.
        ValueError: if the shapes differ or ``floor`` is not positive.
    """
    arrays.require_floating(a, "a")
    arrays.require_floating(b, "b")
    arrays.require_same_shape(a, b, ("a", "b"))
    floor = max(positive(floor, "floor"), float(np.finfo(np.float64).tiny))
    left, right = (arrays.to_numpy(side).astype(np.float64) for side in (a, b))
    scale = np.maximum(np.maximum(np.abs(left), np.abs(right)), floor)
    with np.errstate(invalid="ignore"):
        # Halves, since the difference of two huge numbers may overflow.
        return arrays.like(2 * (np.abs(left / 2 - right / 2) / scale), a)


@dataclass(frozen=True)
class GradientReport:
    """What ``check_gradient`` found; print it to read it, and use it as a truth value.

    Attributes:
        ok: whether nothing speaks against the gradient.
        max_error: the largest relative error met, as compared with ``tolerance``; 0 if there
            was nothing to compare, infinite if the comparison stopped before the values.
        diagnosis: what is wrong, in words; None if ``ok``.
        tolerance: the largest relative error that passes.
        method: ``entries`` or ``projections``.
        compared: how many entries or projections were compared.
        worst: the index of the entry (or the number of the projection, as a 1-tuple) with the
            largest error; None if nothing was compared.
        claimed: the slope that the gradient claims there.
        numerical: the slope by central differences there.
        noise: how far rounding may have moved ``numerical``.
        causes: what probably went wrong, most specific first, each a `backprop.diagnosis.Cause`
            with ``name`` and ``evidence``; empty if ``ok``. For a gradient of a wrong shape
            ``f`` is not called before this is read (printing the report does).
    """

    ok: bool
    max_error: float
    diagnosis: str | None
    tolerance: float
    method: str
    compared: int = 0
    worst: tuple[int, ...] | None = None
    claimed: float = math.nan
    numerical: float = math.nan
    noise: float = math.nan
    _explain: Callable[[], tuple[Cause, ...]] | None = field(
        default=None, repr=False, compare=False
    )

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """The likely causes, most specific first; none for a gradient that passed."""
        return () if self.ok or self._explain is None else self._explain()

    def __bool__(self) -> bool:
        """Whether the gradient passed, so that ``assert check_gradient(...)`` means it."""
        return self.ok

    def __str__(self) -> str:
        """The report in a few lines."""
        verdict = "agrees with central differences" if self.ok else f"is wrong: {self.diagnosis}"
        lines = [in_width(f"The gradient {verdict}")]
        if self.worst is not None:
            place = place_name(self.method, self.worst)
            lines += [
                f"  compared:      {self.compared} {self.method}",
                f"  largest error: {self.max_error:.2e} (tolerance {self.tolerance:.0e}), {place}",
                f"  claimed there: {self.claimed:.10g}",
                f"  numerical:     {self.numerical:.10g} (± {self.noise:.0e})",
            ]
        elif self.ok:
            lines.append("  compared:      nothing, the array has no entries")
        return "\n".join(lines + told(self.causes))


def check_gradient(
    f: Function,
    grad: Array,
    x: Array,
    *,
    method: Literal["auto", "entries", "projections"] = "auto",
    tolerance: float = 1e-6,
    projections: int = 20,
    rng: np.random.Generator | None = None,
) -> GradientReport:
    """Compare a claimed gradient of ``f`` at ``x`` with central differences.

    The shape first: no numbers are compared when it is wrong. Then NaN and infinities. Then
    the values: a number passes if it is within ``tolerance``, relative to the larger of the
    two, or within the noise of the central difference (see the head of this module). One that
    does not pass is measured again with a hundredth of the step, for an f that bends strongly
    or has a kink nearby.

    A projection compares slopes along a random direction (each entry moved up or down by its
    own step) and sees every entry at once, but one among n entries only by its part of the
    whole: an error of a single entry shows if it exceeds about ``tolerance`` times the norm
    of the gradient.

    Where the gradient is wrong, ``causes`` of the report names the likely mistake, with evidence.

    Two evaluations of ``f`` an entry or projection, two more where the first two leave doubt, and
    a few hundred at most to find a cause. ``f`` is given copies, and for tensors runs under
    ``torch.no_grad()``.

    Args:
        f: takes an array like ``x``, returns a scalar (shape ()).
        grad: the claimed gradient, an array, tensor or number, not always of the kind of ``x``.
        x: a floating-point NumPy array or PyTorch tensor of any shape, or a Python float;
            float64 is wanted, float32 can confirm about three digits.
        method: ``entries`` one by one, random ``projections``, or ``auto``: entries up to 2,000.
        tolerance: the largest relative error that passes.
        projections: how many random directions.
        rng: where the directions come from; by default ``np.random.default_rng(0)``.

    Returns:
        A ``GradientReport``.

    Raises:
        TypeError: as ``numerical_gradient``, and if ``grad`` is no array of real numbers (None,
            say, which a tensor's ``.grad`` is before the backward pass).
        ValueError: as ``numerical_gradient``, and for an unknown ``method``, a ``tolerance`` that
            is not positive or fewer than one projection.

    Source: chapter 1, ``eq-central-difference`` and ``eq-best-step-central``.
    """
    report = _checked(f, grad, x, method, tolerance, projections, rng)
    if report.worst is not None:
        report.causes  # noqa: B018 - now: f may stand for another function later
    return report


def assert_gradient(
    f: Function,
    grad: Array,
    x: Array,
    *,
    method: Literal["auto", "entries", "projections"] = "auto",
    tolerance: float = 1e-6,
    projections: int = 20,
    rng: np.random.Generator | None = None,
) -> None:
    """Raise what ``check_gradient`` reports, unless the gradient passes; same arguments.

    Raises:
        AssertionError: with the printed report, if the gradient is wrong.
        TypeError: as ``check_gradient``.
        ValueError: as ``check_gradient``.

    Source: chapter 1, ``eq-central-difference``.
    """
    report = check_gradient(
        f, grad, x, method=method, tolerance=tolerance, projections=projections, rng=rng
    )
    if not report.ok:
        raise AssertionError(str(report))


@dataclass(frozen=True)
class NetworkReport:
    """What ``check_network`` found; print it to read it, and use it as a truth value.

    Attributes:
        ok: whether nothing speaks against any of the gradients.
        reports: one ``GradientReport`` for each parameter.
        names: what the parameters are called here.
        causes: what probably went wrong, most specific first; empty if ``ok``.
    """

    ok: bool
    reports: tuple[GradientReport, ...]
    names: tuple[str, ...]
    causes: tuple[Cause, ...] = ()

    @property
    def diagnosis(self) -> str | None:
        """Which gradients are wrong, in words; None if ``ok``."""
        wrong = [name for name, r in zip(self.names, self.reports, strict=True) if not r.ok]
        return f"wrong with respect to {', '.join(wrong)}" if wrong else None

    def __bool__(self) -> bool:
        """Whether all gradients passed."""
        return self.ok

    def __str__(self) -> str:
        """The report in a few lines."""
        if self.ok:
            return (
                f"The gradients of all {len(self.names)} parameters agree with central differences"
            )
        lines = ["The gradients of the network are wrong:"]
        for name, report in zip(self.names, self.reports, strict=True):
            verdict = "right" if report.ok else f"wrong: {report.diagnosis}"
            lines.append(in_width(f"{name}: {verdict}", "  ", "    "))
        return "\n".join(lines + told(self.causes))


def check_network(
    network: Any,
    x: Array,
    y: Array,
    *,
    gradients: Sequence[Array] | None = None,
    before: tuple[Array, Array] | None = None,
    tolerance: float = 1e-6,
) -> NetworkReport:
    """Check all gradients of a network at once, and say which mistake explains them.

    The network makes a forward pass for another batch, then one for this batch, and a backward
    pass: what it kept from the first shows. Its gradients are compared with central differences
    of its loss. If any differs, the mistakes of `backprop.diagnosis` are made one by one in a
    right backward pass through the same layers, and the one that gives the claimed numbers is
    named. All of this happens in copies; ``network`` stays as it is.

    Args:
        network: has ``layers``, each callable, with parameters ``W`` (None or absent for none);
            ``evaluate(x, y)``, the loss; and ``backprop()``, the gradients in the order of
            the layers: a `backprop.network.NeuralNet`, or anything built like one.
        x: a batch, shape (batch, in). In float32 the network claims its gradients as it is, and
            they are compared with central differences of its loss in float64.
        y: the targets, as the loss takes them.
        gradients: the claimed gradients, if they come from elsewhere than ``network.backprop()``:
            from a backward pass written out by hand, say.
        before: the batch and targets that were gone through before these; by default ``x`` and
            ``y`` with their entries mixed.
        tolerance: the largest relative error that passes.

    Returns:
        A ``NetworkReport``.

    Raises:
        TypeError: as ``check_gradient``.
        ValueError: as ``check_gradient``, and unless there is one gradient for each parameter.

    Source: chapter 1, ``eq-central-difference``.
    """
    before = mixed(x, y) if before is None else before
    claims = claimed(network, x, y, before) if gradients is None else list(gradients)
    work, x, y = in_double(network, x, y)
    work.evaluate(x, y)
    trainable = trainable_layers(work)
    if len(claims) != len(trainable):
        raise ValueError(
            f"there are {len(claims)} gradients for {len(trainable)} layers with parameters; "
            "expected one for each"
        )
    losses = [loss_of(work, layer, x, y) for _, layer in trainable]
    weights = [layer.W for _, layer in trainable]
    reports = tuple(
        _checked(f, claim, W, tolerance=tolerance)
        for f, claim, W in zip(losses, claims, weights, strict=True)
    )
    names = tuple(f"W of layer {number}" for number, _ in trainable)
    if all(reports):
        return NetworkReport(True, reports, names)
    causes = _network_causes(work, (x, y), before, claims, reports, names, losses, weights)
    return NetworkReport(False, reports, names, causes)


def _network_causes(
    network: Any,
    now: tuple[Array, Array],
    before: tuple[Array, Array],
    claims: Sequence[Array],
    reports: Sequence[GradientReport],
    names: Sequence[str],
    losses: Sequence[Function],
    weights: Sequence[Array],
) -> tuple[Cause, ...]:
    trace, values = trace_of(network, now), [real_values(claim, "grad") for claim in claims]
    finite = all(np.isfinite(value).all() for value in values)
    if trace is None or not finite or not _is_right(trace, reports, losses, weights):
        # The layers are not known well enough: each gradient is looked at on its own.
        return tuple(
            Cause(cause.name, f"{name}: {cause.evidence}")
            for name, report in zip(names, reports, strict=True)
            for cause in report.causes
        )
    known = diagnosis.Claims(
        [value.astype(np.float64) for value in values],
        [not report.ok for report in reports],
        names,
        min((value.dtype for value in values), key=lambda dtype: dtype.itemsize).name,
        [is_single(value) for value in values],
    )
    old = trace_of(network, (double(before[0]), double(before[1])))
    return diagnosis.explain(trace, old, known)


def _is_right(
    trace: Trace,
    reports: Sequence[GradientReport],
    losses: Sequence[Function],
    weights: Sequence[Array],
) -> bool:
    """Whether the backward pass through ``trace`` passes where the claimed one does not."""
    return all(
        report.ok or _checked(f, arrays.like(gradient, W), W, tolerance=report.tolerance).ok
        for report, f, gradient, W in zip(
            reports, losses, walk(trace).gradients, weights, strict=True
        )
    )


# The check without the search for causes, which waits in the report.


def _checked(
    f: Function,
    grad: Array,
    x: Array,
    method: Literal["auto", "entries", "projections"] = "auto",
    tolerance: float = 1e-6,
    projections: int = 20,
    rng: np.random.Generator | None = None,
) -> GradientReport:
    point = floating_values(x)
    claim = real_values(grad, "grad")
    if method not in ("auto", "entries", "projections"):
        raise ValueError(f"method is {method!r}; expected 'auto', 'entries' or 'projections'")
    if projections < 1:
        raise ValueError(f"projections is {projections}; expected at least 1")
    if method == "auto":
        method = "entries" if point.size <= MOST_ENTRIES else "projections"
    blank = GradientReport(True, 0.0, None, positive(tolerance, "tolerance"), method)
    broken = _broken(claim, point)
    if broken is not None:

        def explain_broken() -> tuple[Cause, ...]:
            return broken_causes(f, claim, x, point, tolerance)

        return replace(
            blank, ok=False, max_error=math.inf, diagnosis=broken, _explain=explain_broken
        )
    if point.size == 0:
        return blank
    with arrays.without_graph(x):
        lines = (
            entry_lines(point, claim)
            if method == "entries"
            else random_lines(point, claim, projections, rng)
        )
        found = [compare(f, x, point, line, tolerance) for line in lines]
    worst = max(found, key=lambda comparison: comparison.error)
    wrong = sum(comparison.error > tolerance for comparison in found)
    place = place_name(method, worst.index)

    def explain() -> tuple[Cause, ...]:
        by_entry = found if method == "entries" else None
        return causes_of(f, claim, x, point, tolerance, by_entry)

    return replace(
        blank,
        ok=wrong == 0,
        max_error=worst.error,
        diagnosis=f"{wrong} of {len(found)} {method} differ, most of all {place}"
        if wrong
        else None,
        compared=len(found),
        worst=worst.index,
        claimed=worst.claimed,
        numerical=worst.numerical,
        noise=worst.noise,
        _explain=explain if wrong else None,
    )


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
