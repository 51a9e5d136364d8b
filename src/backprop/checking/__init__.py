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
right gradient of such an f may be called wrong. An f that computes in float32 although x is in
float64 cannot be checked: the report then says so (``float32``).

On a kink (ReLU at exactly 0, or so near that both sides are within a step) there is no gradient to
compare with: a central difference gives the mean of both sides. Such an entry does not pass, but
what is said about it is ``a kink`` and never a mistake, and causes are looked for without it.

Where a check fails, `backprop.diagnosis` looks for the likely cause, and the report names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from backprop import arrays
from backprop.arrays import Array
from backprop.checking._check import Method, checked
from backprop.checking._check_network import NetworkCase, network_causes
from backprop.checking._copies import claimed, in_double, loss_of, mixed, trainable_layers
from backprop.checking._differences import (
    Function,
    entry_name,
    finite_value,
    floating_values,
    moved,
    natural_steps,
    positive,
)
from backprop.checking._reports import GradientReport, NetworkReport

__all__ = [
    "FLOOR",
    "GradientReport",
    "NetworkReport",
    "assert_gradient",
    "check_gradient",
    "check_network",
    "directional_derivative",
    "numerical_gradient",
    "relative_error",
]

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

    Source: chapter 1, ``eq-central-difference-entry`` and ``eq-best-step-central``.
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

    Source: chapter 1, ``eq-directional-derivative`` and ``eq-projected-difference``.
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

    Source: chapter 1, ``def-relative-error``.
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


def check_gradient(
    f: Function,
    grad: Array,
    x: Array,
    *,
    method: Method = "auto",
    tolerance: float = 1e-6,
    projections: int = 20,
    rng: np.random.Generator | None = None,
    before: Array | None = None,
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
    of the gradient. Of up to 2,000 entries a projection that fails is not the last word: they are
    compared one by one, and pass if these do.

    Where the gradient is wrong, ``causes`` of the report names the likely mistake, with evidence.

    Two evaluations of ``f`` an entry or projection, two to four more where the first two leave
    doubt, and up to about a thousand to find a cause. ``f`` is given copies, and for tensors runs
    under ``torch.no_grad()``.

    Args:
        f: takes an array like ``x``, returns a scalar (shape ()).
        grad: the claimed gradient, an array, tensor or number, not always of the kind of ``x``.
        x: a floating-point NumPy array or PyTorch tensor of any shape, or a Python float;
            float64 is wanted, float32 can confirm about three digits.
        method: ``entries`` one by one, random ``projections``, or ``auto``: entries up to 2,000.
        tolerance: the largest relative error that passes.
        projections: how many random directions.
        rng: where the directions come from; by default ``np.random.default_rng(0)``.
        before: the x of an earlier call of what computed ``grad``, if there was one. A gradient
            that is right for that x, or the sum of both, is then recognized.

    Returns:
        A ``GradientReport``.

    Raises:
        TypeError: as ``numerical_gradient``, and if ``grad`` is no array of real numbers (None,
            say, which a tensor's ``.grad`` is before the backward pass).
        ValueError: as ``numerical_gradient``, and for an unknown ``method``, a ``tolerance`` that
            is not positive or fewer than one projection.

    Source: chapter 1, ``eq-central-difference`` and ``eq-best-step-central``.
    """
    report = checked(f, grad, x, method, tolerance, projections, rng, before, appeal=True)
    if report.worst is not None:
        report.causes  # noqa: B018 - now: f may stand for another function later
    return report


def assert_gradient(
    f: Function,
    grad: Array,
    x: Array,
    *,
    method: Method = "auto",
    tolerance: float = 1e-6,
    projections: int = 20,
    rng: np.random.Generator | None = None,
    before: Array | None = None,
) -> None:
    """Raise what ``check_gradient`` reports, unless the gradient passes; same arguments.

    Raises:
        AssertionError: with the printed report, if the gradient is wrong.
        TypeError: as ``check_gradient``.
        ValueError: as ``check_gradient``.

    Source: chapter 1, ``eq-central-difference``.
    """
    report = check_gradient(
        f,
        grad,
        x,
        method=method,
        tolerance=tolerance,
        projections=projections,
        rng=rng,
        before=before,
    )
    if not report.ok:
        raise AssertionError(str(report))


def check_network(
    network: Any,
    x: Array,
    y: Array,
    *,
    gradients: Sequence[Array] | None = None,
    before: tuple[Array, Array] | None = None,
    method: Method = "auto",
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
            ``y`` with their entries mixed and every other row of ``x`` negated.
        method: as for ``check_gradient``, for each parameter; ``projections`` is faster in
            networks with many.
        tolerance: the largest relative error that passes.

    Returns:
        A ``NetworkReport``.

    Raises:
        TypeError: as ``check_gradient``.
        ValueError: as ``check_gradient``, and unless there is one gradient for each parameter.

    Source: chapter 1, ``eq-central-difference``.
    """
    trainable_layers(network)  # refuses what has no layers
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
        checked(f, claim, W, method, tolerance)
        for f, claim, W in zip(losses, claims, weights, strict=True)
    )
    names = tuple(f"W of layer {number}" for number, _ in trainable)
    if all(reports):
        return NetworkReport(True, reports, names)
    case = NetworkCase(work, (x, y), before, claims, reports, names, losses, weights)
    return NetworkReport(False, reports, names, network_causes(case))
