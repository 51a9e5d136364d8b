"""The harness of the equation checks: what a check returns, and what the suite demands of it.

A check evaluates both sides of one displayed equation and returns them; it does not compare
them itself. So every comparison is made in the same way (shape first), and a pair of sides
that could not differ is refused before it is believed.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from backprop.checking import numerical_gradient

#: Largest difference allowed between two float64 evaluations, relative to the larger side.
EXACT = 1e-10
#: The same against central differences, whose own error is near 1e-9 for entries near 1.
NUMERICAL = 1e-6
#: Each check runs for so many independent draws of its inputs.
DRAWS = 3


@dataclass(frozen=True)
class Pair:
    """Two sides of an equation, as two routes gave them."""

    name: str
    left: np.ndarray
    right: np.ndarray
    tolerance: float


class Comparison(list[Pair]):
    """Pairs that compare one statement of an equation by several routes: they count as one."""


Result = Pair | Sequence["Result"]
CheckFunction = Callable[[np.random.Generator], Result]


@dataclass(frozen=True)
class Check:
    """A check with the equation it belongs to.

    ``given`` holds the parts of the equation that are not compared, each with the reason:
    a definition that stands beside what it is used in, or what the others are said under.
    ``harmless`` holds the changes of the check's code that change nothing, as the sweep prints
    them, each with the reason.
    """

    label: str
    latex: str
    run: CheckFunction
    given: Mapping[str, str] = field(default_factory=dict)
    harmless: Mapping[str, str] = field(default_factory=dict)


CHECKS: dict[str, Check] = {}


def check(
    label: str,
    latex: str,
    *,
    given: Mapping[str, str] | None = None,
    harmless: Mapping[str, str] | None = None,
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check for the equation ``label``, whose LaTeX in the chapter is ``latex``.

    Each statement of the LaTeX needs a comparison, except those in ``given`` (see `Check`).
    """

    def register(function: CheckFunction) -> CheckFunction:
        if label in CHECKS:
            raise ValueError(f"{label} has two checks")
        CHECKS[label] = Check(label, latex, function, given or {}, harmless or {})
        return function

    return register


def load() -> dict[str, Check]:
    """All checks of the book, by label."""
    for module in sorted(Path(__file__).parent.glob("chapter_*.py")):
        importlib.import_module(f"equations.{module.stem}")
    return CHECKS


def equal(left: object, right: object, *, tolerance: float = EXACT) -> Pair:
    """The two sides of an identity, each evaluated by its own route."""
    return Pair("left and right side", left, right, tolerance)  # type: ignore[arg-type]


def at_most(small: np.ndarray, large: np.ndarray) -> Pair:
    """An inequality, entry by entry: the smaller of the two sides is the left one."""
    return Pair("left side and the smaller one", small, np.minimum(small, large), EXACT)


def positive(values: np.ndarray) -> Pair:
    """That no entry is negative: each is its own absolute value."""
    return Pair("left side and its absolute value", values, np.abs(values), EXACT)


def gradient(
    f: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray, claimed: np.ndarray
) -> Comparison:
    """The gradient of ``f`` at ``x``, by two routes, each against what the equation claims.

    Args:
        f: a function of one float64 tensor of the shape of ``x``; returns a scalar tensor.
        x: the point, float64.
        claimed: what the equation's right-hand side gives, computed without autograd; it must
            have the shape of ``x``.
    """
    point = torch.tensor(x, requires_grad=True)
    (automatic,) = torch.autograd.grad(f(point), point)
    exactly = Pair("PyTorch's autograd", automatic.numpy(), claimed, EXACT)
    if not _numerically:
        return Comparison([exactly])
    numerical = numerical_gradient(lambda a: float(f(torch.tensor(a)).item()), x)
    roughly = Pair("central differences", np.asarray(numerical), claimed, NUMERICAL)
    return Comparison([exactly, roughly])


_numerically = True


@contextmanager
def by_autograd_alone() -> Iterator[None]:
    """Leave out the central differences, which take most of the time, within this context."""
    global _numerically
    _numerically = False
    try:
        yield
    finally:
        _numerically = True


def threshold(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition begins to hold, between ``low`` and ``high``, by bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def as_told(
    weight: float,
    found: Sequence[float],
    exact: Sequence[float],
    told: Sequence[float],
    half_digit: float,
) -> list[Pair]:
    """Measured numbers against their formula, and that against what is printed, one by one.

    Beside the largest, an error in the smallest would not count.
    """
    pairs = []
    for measured, formula, printed in zip(*map(np.array, (found, exact, told)), strict=True):
        pairs.append(equal(weight * measured, weight * formula, tolerance=1e-6))
        near = half_digit / abs(printed)
        pairs.append(equal(weight * formula, weight * printed, tolerance=near))
    return pairs


def pairs(result: Result) -> list[Pair]:
    """All the pairs in what a check returned."""
    if isinstance(result, Pair):
        return [result]
    return [pair for part in result for pair in pairs(part)]


def comparisons(result: Result) -> int:
    """How many statements of its equation the result of one draw compares."""
    if isinstance(result, Pair | Comparison):
        return 1
    return sum(comparisons(part) for part in result)


def refuse(pair: Pair) -> str | None:
    """Why this pair proves nothing, or None."""
    for side, value in (("left", pair.left), ("right", pair.right)):
        if not isinstance(value, (np.ndarray, np.floating)) or value.dtype != np.float64:
            return f"the {side} side is no NumPy float64 array but {type(value).__name__}"
        if value.size == 0:
            return f"the {side} side is empty"
        if not np.isfinite(value).all():
            return f"the {side} side is not finite"
        if not np.any(value):
            return f"the {side} side is all zero"
        if value.size > 1 and np.ptp(value) == 0:
            return f"the {side} side is constant: all entries are {value.flat[0]}"
    if pair.left is pair.right or np.shares_memory(pair.left, pair.right):
        return "both sides are the same object"
    return None


def difference(pair: Pair) -> str | None:
    """How the sides differ, shape first, or None."""
    left, right = np.asarray(pair.left), np.asarray(pair.right)
    if left.shape != right.shape:
        return f"{pair.name}: shape {left.shape} against {right.shape}"
    scale = max(np.abs(left).max(), np.abs(right).max())
    error = np.abs(left - right)
    if error.max() <= pair.tolerance * scale:
        return None
    worst = tuple(int(i) for i in np.unravel_index(error.argmax(), error.shape))
    return (
        f"{pair.name}: entry {worst} is {left[worst]!r} against {right[worst]!r}, "
        f"{error.max() / scale:.1e} of the largest entry, allowed {pair.tolerance:.0e}"
    )


def verify(run: CheckFunction, draws: int = DRAWS) -> list[str]:
    """Run a check for several draws; returns what is wrong with it or with its equation."""
    found: list[str] = []
    seen: list[list[Pair]] = []
    for seed in range(draws):
        drawn = pairs(run(np.random.default_rng(seed)))
        if not drawn:
            return ["the check returned nothing to compare"]
        seen.append(drawn)
        for pair in drawn:
            reason = refuse(pair)
            found.append(f"refused: {reason}") if reason else None
            if reason is None and (wrong := difference(pair)):
                found.append(wrong)
    for first, second in zip(seen[0], seen[1], strict=False):
        if np.array_equal(first.left, second.left) or np.array_equal(first.right, second.right):
            found.append(f"refused: {first.name}: a side does not change between two draws")
    return found
