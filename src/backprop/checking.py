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
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from backprop import arrays
from backprop.arrays import Array

Function = Callable[[Any], Any]

#: Below this magnitude ``relative_error`` becomes absolute. Default central differences of a
#: function near 1 carry noise of about 4e-11; over this floor it counts 4e-7, below the
#: tolerance of 1e-6.
FLOOR = 1e-4

#: ``method="auto"`` compares up to this many entries one by one, projections above.
MOST_ENTRIES = 2_000

#: Roundings that f is granted: its value may be off by this many times eps · abs(f).
ROUNDINGS = 10


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
    point = _values(x)
    steps = _natural_steps(point) if step is None else np.full(point.shape, _positive(step, "step"))
    gradient = np.zeros(point.shape)
    with arrays.without_graph(x):
        for entry in np.ndindex(point.shape):
            plus, minus, width = _moved(point, entry, float(steps[entry]))
            place = f"with {_entry(entry)} of x moved from {point[entry]:.6g} to "
            high = _finite(f, plus, x, f"{place}{plus[entry]:.6g}")
            low = _finite(f, minus, x, f"{place}{minus[entry]:.6g}")
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
    point = _values(x)
    arrays.require_same_shape(direction, x, ("direction", "x"))
    way = _values(direction, "direction").astype(np.float64)
    if not way.any():
        return arrays.like(0.0, x)
    if step is None:
        moving = way != 0
        step = float(np.min(_natural_steps(point)[moving] / np.abs(way[moving])))
    shift = _positive(step, "step") * way
    plus, minus = (point + shift).astype(point.dtype), (point - shift).astype(point.dtype)
    if np.array_equal(plus, minus):
        raise ValueError(f"step {step:g} is too small to move x along direction in {point.dtype}")
    with arrays.without_graph(x):
        high = _finite(f, plus, x, f"at x + {step:.3g} · direction")
        low = _finite(f, minus, x, f"at x - {step:.3g} · direction")
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
    floor = max(_positive(floor, "floor"), float(np.finfo(np.float64).tiny))
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

    def __bool__(self) -> bool:
        """Whether the gradient passed, so that ``assert check_gradient(...)`` means it."""
        return self.ok

    def __str__(self) -> str:
        """The report in a few lines."""
        verdict = "agrees with central differences" if self.ok else f"is wrong: {self.diagnosis}"
        lines = [f"The gradient {verdict}"]
        if self.worst is not None:
            place = _place(self.method, self.worst)
            lines += [
                f"  compared:      {self.compared} {self.method}",
                f"  largest error: {self.max_error:.2e} (tolerance {self.tolerance:.0e}), {place}",
                f"  claimed there: {self.claimed:.10g}",
                f"  numerical:     {self.numerical:.10g} (± {self.noise:.0e})",
            ]
        elif self.ok:
            lines.append("  compared:      nothing, the array has no entries")
        return "\n".join(lines)


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

    Two evaluations of ``f`` an entry or projection, two more where the first two leave doubt.
    ``f`` is given copies, and for tensors runs under ``torch.no_grad()``.

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
    point = _values(x)
    claim = _real(grad, "grad")
    if method not in ("auto", "entries", "projections"):
        raise ValueError(f"method is {method!r}; expected 'auto', 'entries' or 'projections'")
    if projections < 1:
        raise ValueError(f"projections is {projections}; expected at least 1")
    if method == "auto":
        method = "entries" if point.size <= MOST_ENTRIES else "projections"
    blank = GradientReport(True, 0.0, None, _positive(tolerance, "tolerance"), method)
    broken = _broken(claim, point)
    if broken is not None:
        return replace(blank, ok=False, max_error=math.inf, diagnosis=broken)
    if point.size == 0:
        return blank
    with arrays.without_graph(x):
        lines = (
            _entries(point, claim)
            if method == "entries"
            else _random(point, claim, projections, rng)
        )
        found = [_compare(f, x, point, line, tolerance) for line in lines]
    worst = max(found, key=lambda comparison: comparison.error)
    wrong = sum(comparison.error > tolerance for comparison in found)
    place = _place(method, worst.index)
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
    )


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
            f"{_entry(entry)}: {claim[entry]}."
        )
    return None


# Comparing values. A line is a way through x along which f is a function of one number.


@dataclass(frozen=True)
class _Line:
    """One entry of x, or one random direction."""

    index: tuple[int, ...]
    direction: np.ndarray | None  # None: along one entry
    claimed: float  # the slope along the line, by the claimed gradient
    size: float  # what a slope along the line may amount to, by the same gradient
    eps: float  # of the coarser dtype of x and of the gradient
    step: float


@dataclass(frozen=True)
class _Comparison:
    """A claimed slope, a central difference, the noise of that, and the relative error."""

    index: tuple[int, ...]
    claimed: float
    numerical: float
    noise: float
    error: float


def _entries(point: np.ndarray, claim: np.ndarray) -> Iterator[_Line]:
    steps, eps = _natural_steps(point), max(_eps(point), _eps(claim))
    size = float(np.max(np.abs(claim * _scales(point))))
    for entry in np.ndindex(point.shape):
        yield _Line(entry, None, float(claim[entry]), size, eps, float(steps[entry]))


def _random(
    point: np.ndarray, claim: np.ndarray, projections: int, rng: np.random.Generator | None
) -> Iterator[_Line]:
    rng = np.random.default_rng(0) if rng is None else rng
    step, eps = float(_eps(point) ** (1 / 3)), max(_eps(point), _eps(claim))
    size = float(np.linalg.norm(claim * _scales(point)))
    for number in range(projections):
        # Signs, not normal numbers: no entry of a direction is ever small.
        direction = rng.choice([-1.0, 1.0], size=point.shape) * _scales(point)
        claimed = float(np.sum(claim * direction))
        yield _Line((number,), direction, claimed, size, eps, step)


def _compare(
    f: Function, x: Array, point: np.ndarray, line: _Line, tolerance: float
) -> _Comparison:
    """A look along a line, or a second one with a hundredth of the step if that is better.

    The smaller step has a hundred times the noise. It decides only where that is still below
    the tolerance: else a wrong gradient would pass for want of a closer look.
    """
    first = _look(f, x, point, line, line.step, tolerance)
    if first.error <= tolerance:
        return first
    second = _look(f, x, point, line, line.step / 100, tolerance)
    clear = second.noise <= tolerance * max(line.size, abs(second.numerical))
    return second if clear and second.error < first.error else first


def _look(
    f: Function, x: Array, point: np.ndarray, line: _Line, step: float, tolerance: float
) -> _Comparison:
    if line.direction is None:
        plus, minus, width = _moved(point, line.index, step)
    else:
        shift = (step * line.direction).astype(point.dtype)
        plus, minus, width = point + shift, point - shift, 2 * step
    method = "entries" if line.direction is None else "projections"
    place = f"{step:.3g} away from x {_place(method, line.index)}"
    high, low = (_finite(f, side, x, place) for side in (plus, minus))
    numerical = (high - low) / width
    # The terms of f may be larger than their sum; the size of the gradient tells by how much.
    largest = max(abs(high), abs(low), line.size)
    noise = ROUNDINGS * line.eps * largest / (width / 2)
    # A projection adds up entries of both signs and may come out near 0 by chance.
    least = line.size if line.direction is not None else 0.0
    scale = max(abs(line.claimed), abs(numerical), least, noise / tolerance)
    error = abs(line.claimed - numerical) / scale if scale else 0.0
    return _Comparison(line.index, line.claimed, numerical, noise, error)


# Points, steps and values.


def _real(x: Array, name: str) -> np.ndarray:
    values = arrays.to_numpy(x, name)
    if values.dtype.kind not in "fiu":
        raise TypeError(f"{name} is {arrays.describe(x)}; expected real numbers")
    return values


def _values(x: Array, name: str = "x") -> np.ndarray:
    """A copy of ``x`` as a NumPy array, fit for small steps."""
    arrays.require_floating(x, name)
    values = np.array(arrays.to_numpy(x, name))
    if not np.isfinite(values).all():
        entry = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise ValueError(f"{_entry(entry)} of {name} is {values[entry]}; expected finite numbers")
    return values


def _positive(number: float, name: str) -> float:
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} is {number}; expected a positive, finite number")
    return float(number)


def _eps(values: np.ndarray) -> float:
    return float(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 0.0


def _scales(point: np.ndarray) -> np.ndarray:
    return np.maximum(1.0, np.abs(point.astype(np.float64)))


def _natural_steps(point: np.ndarray) -> np.ndarray:
    return np.asarray(float(np.finfo(point.dtype).eps) ** (1 / 3) * _scales(point))


def _moved(
    point: np.ndarray, entry: tuple[int, ...], step: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """``point`` with one entry moved up, the same moved down, and the exact way between."""
    plus, minus = point.copy(), point.copy()
    # What is added has to be a difference of two numbers of this dtype: h = (x + h) - x.
    h = (point[entry] + point.dtype.type(step)) - point[entry]
    plus[entry] += h
    minus[entry] -= h
    width = float(plus[entry]) - float(minus[entry])
    if not width > 0:
        raise ValueError(
            f"step {step:g} is too small to move {_entry(entry)} of x, {point[entry]:g}, "
            f"in {point.dtype}"
        )
    return plus, minus, width


def _finite(f: Function, point: np.ndarray, x: Array, place: str) -> float:
    """The value of ``f`` at a fresh copy of ``point`` in the kind of ``x``."""
    result = f(arrays.like(point, x))
    value = _real(result, "the value of f")
    if value.shape != ():
        raise ValueError(
            f"f returned an array of shape {value.shape}; expected a scalar, shape (): "
            "sum its entries, or weigh them, to ask for a gradient"
        )
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"f is {number} {place}; expected a finite number (try a smaller step)")
    return number


def _entry(index: tuple[int, ...]) -> str:
    return f"entry {index}" if index else "the only entry"


def _place(method: str, index: tuple[int, ...]) -> str:
    if method == "entries":
        return f"at {_entry(index)}"
    return f"along random direction {index[0]}"
