"""Central differences along one entry or one random direction, and the noise in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backprop import arrays
from backprop.arrays import Array

Function = Callable[[Any], Any]

#: ``method="auto"`` compares up to this many entries one by one, projections above.
MOST_ENTRIES = 2_000

#: Roundings that f is granted: its value may be off by this many times eps · abs(f).
ROUNDINGS = 10

#: Roundings that a claim of a coarser dtype than that of x is granted, of its largest entry.
CLAIM_ROUNDINGS = 100


# Comparing values. A line is a way through x along which f is a function of one number.


@dataclass(frozen=True)
class Line:
    """One entry of x, or one random direction."""

    index: tuple[int, ...]
    direction: np.ndarray | None  # None: along one entry
    claimed: float  # the slope along the line, by the claimed gradient
    size: float  # what a slope along the line may amount to, by the same gradient
    eps: float  # of the dtype of x
    step: float
    rounding: float = 0.0  # of the claimed slope, where its dtype is coarser than that of x


@dataclass(frozen=True)
class Comparison:
    """A claimed slope, a central difference, the noise of that, and the relative error."""

    index: tuple[int, ...]
    claimed: float
    numerical: float
    noise: float
    error: float


def entry_lines(point: np.ndarray, claim: np.ndarray) -> Iterator[Line]:
    steps, eps = natural_steps(point), eps_of(point)
    size = float(np.max(np.abs(claim * scales_of(point))))
    rounding = size * _coarser(claim, point)
    for entry in np.ndindex(point.shape):
        yield Line(entry, None, float(claim[entry]), size, eps, float(steps[entry]), rounding)


def _coarser(claim: np.ndarray, point: np.ndarray) -> float:
    """How far a claim may be off, relative to the largest entry, for its dtype alone."""
    return CLAIM_ROUNDINGS * eps_of(claim) if eps_of(claim) > eps_of(point) else 0.0


def random_lines(
    point: np.ndarray, claim: np.ndarray, projections: int, rng: np.random.Generator | None
) -> Iterator[Line]:
    rng = np.random.default_rng(0) if rng is None else rng
    step, eps = float(eps_of(point) ** (1 / 3)), eps_of(point)
    size = float(np.linalg.norm(claim * scales_of(point)))
    for number in range(projections):
        # Signs, not normal numbers: no entry of a direction is ever small.
        direction = rng.choice([-1.0, 1.0], size=point.shape) * scales_of(point)
        claimed = float(np.sum(claim * direction))
        yield Line((number,), direction, claimed, size, eps, step, size * _coarser(claim, point))


def compare(f: Function, x: Array, point: np.ndarray, line: Line, tolerance: float) -> Comparison:
    """A look along a line, or a second one with a hundredth of the step if that is better.

    The smaller step has a hundred times the noise. It decides where that is still below the
    tolerance, or where it refutes the larger step, as beside a kink; nowhere else, or a wrong
    gradient would pass for want of a closer look.
    """
    first = look(f, x, point, line, line.step, tolerance)
    if first.error <= tolerance:
        return first
    second = look(f, x, point, line, line.step / 100, tolerance)
    # Where the two differ by more than noise, f bends too much for the larger step.
    bent = abs(second.numerical - first.numerical) > 2 * (first.noise + second.noise)
    clear = second.noise <= tolerance * max(line.size, abs(second.numerical))
    if bent or (clear and second.error < first.error):
        return second
    return first if clear else _with_bend(f, x, point, line, tolerance, first)


def _with_bend(
    f: Function, x: Array, point: np.ndarray, line: Line, tolerance: float, first: Comparison
) -> Comparison:
    """A look with half the step, if it excuses the error of the first by how much f bends.

    The error of a central difference falls with the square of the step: at half the step it is a
    third of what both differ by. That matters in float32, whose step is wide.
    """
    half = look(f, x, point, line, line.step / 2, tolerance)
    noise = half.noise + abs(half.numerical - first.numerical)
    error = abs(half.claimed - half.numerical)
    scale = max(abs(half.claimed), abs(half.numerical), noise / tolerance)
    excused = replace(half, noise=noise, error=error / scale if scale else 0.0)
    return excused if excused.error <= tolerance else first


def look(
    f: Function, x: Array, point: np.ndarray, line: Line, step: float, tolerance: float
) -> Comparison:
    plus, minus, width = beside(point, line, step)
    method = "entries" if line.direction is None else "projections"
    place = f"{step:.3g} away from x {place_name(method, line.index)}"
    high, low = (finite_value(f, side, x, place) for side in (plus, minus))
    numerical = (high - low) / width
    # The terms of f may be larger than their sum; the size of the gradient tells by how much.
    largest = max(abs(high), abs(low), line.size)
    noise = ROUNDINGS * line.eps * largest / (width / 2) + line.rounding
    # A projection adds up entries of both signs and may come out near 0 by chance.
    least = line.size if line.direction is not None else 0.0
    scale = max(abs(line.claimed), abs(numerical), least, noise / tolerance)
    error = abs(line.claimed - numerical) / scale if scale else 0.0
    return Comparison(line.index, line.claimed, numerical, noise, error)


def beside(point: np.ndarray, line: Line, step: float) -> tuple[np.ndarray, np.ndarray, float]:
    """The points a step up and down the line, and the way between them."""
    if line.direction is None:
        return moved(point, line.index, step)
    shift = (step * line.direction).astype(point.dtype)
    return point + shift, point - shift, 2 * step


# Points, steps and values.


def real_values(x: Array, name: str) -> np.ndarray:
    values = arrays.to_numpy(x, name)
    if values.dtype.kind not in "fiu":
        raise TypeError(f"{name} is {arrays.describe(x)}; expected real numbers")
    return values


def floating_values(x: Array, name: str = "x") -> np.ndarray:
    """A copy of ``x`` as a NumPy array, fit for small steps."""
    arrays.require_floating(x, name)
    values = np.array(arrays.to_numpy(x, name))
    if not np.isfinite(values).all():
        entry = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise ValueError(
            f"{entry_name(entry)} of {name} is {values[entry]}; expected finite numbers"
        )
    return values


def positive(number: float, name: str) -> float:
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} is {number}; expected a positive, finite number")
    return float(number)


def eps_of(values: np.ndarray) -> float:
    return float(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 0.0


def scales_of(point: np.ndarray) -> np.ndarray:
    return np.maximum(1.0, np.abs(point.astype(np.float64)))


def natural_steps(point: np.ndarray) -> np.ndarray:
    return np.asarray(float(np.finfo(point.dtype).eps) ** (1 / 3) * scales_of(point))


def moved(
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
            f"step {step:g} is too small to move {entry_name(entry)} of x, {point[entry]:g}, "
            f"in {point.dtype}"
        )
    return plus, minus, width


def finite_value(f: Function, point: np.ndarray, x: Array, place: str) -> float:
    """The value of ``f`` at a fresh copy of ``point`` in the kind of ``x``."""
    result = f(arrays.like(point, x))
    value = real_values(result, "the value of f")
    if value.shape != ():
        raise ValueError(
            f"f returned an array of shape {value.shape}; expected a scalar, shape (): "
            "sum its entries, or weigh them, to ask for a gradient"
        )
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"f is {number} {place}; expected a finite number (try a smaller step)")
    return number


def entry_name(index: tuple[int, ...]) -> str:
    return f"entry {index}" if index else "the only entry"


def place_name(method: str, index: tuple[int, ...]) -> str:
    if method == "entries":
        return f"at {entry_name(index)}"
    return f"along random direction {index[0]}"
