"""What is known about a gradient that failed its check, and how causes are put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from backprop.diagnosis import _names as names
from backprop.diagnosis._names import Cause

#: The place of an entry.
Index = tuple[int, ...]


@dataclass(frozen=True)
class Facts:
    """A claimed gradient beside the numerical one.

    Attributes:
        claim: what was claimed, float64, finite, of any shape.
        numerical: by central differences, in the shape of x; NaN where nothing was measured, or
            where f has a kink and so no derivative.
        noise: how far each entry of ``numerical`` may be off.
        tolerance: the relative error that passes.
        point: x itself, if it is known.
        sizes: numbers that may have become a factor, by what they count.
        single: whether every entry of the claim is a float32 number.
        kinks: for the entries on a kink, the slopes on the left and on the right.
        across: for wrong entries near a kink, how far x has to move to where the claim is right.
        before: the numerical gradient at the x of an earlier call, if that is known.

    Source: chapter 1, ``eq-central-difference`` and ``def-relative-error``.
    """

    claim: np.ndarray
    numerical: np.ndarray
    noise: np.ndarray
    tolerance: float = 1e-6
    point: np.ndarray | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    single: bool = False
    kinks: Mapping[Index, tuple[float, float]] = field(default_factory=dict)
    across: Mapping[Index, float] = field(default_factory=dict)
    before: np.ndarray | None = None

    @property
    def measured(self) -> np.ndarray:
        """Where there is a number to compare with."""
        return ~np.isnan(self.numerical)

    @property
    def wrong(self) -> np.ndarray:
        """Where claim and numerical gradient, of one shape, differ."""
        return self.measured & ~self.close(self.claim, self.numerical, self.noise, slack=0.0)

    def close(
        self, claim: np.ndarray, expected: np.ndarray, noise: np.ndarray, slack: float = 1.0
    ) -> np.ndarray:
        """Entry by entry, whether ``claim`` is ``expected``; True where nothing was measured.

        ``slack`` forgives an error of ``tolerance`` times the largest entry: what small entries
        of a sum of large numbers may be off by.
        """
        known = ~np.isnan(expected)
        largest = np.max(np.abs(expected[known]), initial=0.0)
        both = np.maximum(np.abs(claim), np.abs(expected))
        allowed = np.maximum(self.tolerance * both * (1 + 9 * slack), noise * (1 + 2 * slack))
        allowed = np.maximum(allowed, slack * self.tolerance * largest)
        with np.errstate(invalid="ignore"):
            return ~known | (np.abs(claim - expected) <= allowed)

    def fits(self, claim: np.ndarray, expected: np.ndarray, noise: np.ndarray) -> bool:
        """Whether ``claim`` is ``expected`` and that says something: not all is noise."""
        if claim.shape != expected.shape:
            return False
        with np.errstate(invalid="ignore"):
            telling = np.abs(expected) > 10 * noise + np.finfo(float).tiny
        return bool(telling.any() and self.close(claim, expected, noise).all())


def times(facts: Facts, claim: np.ndarray, expected: np.ndarray, noise: np.ndarray) -> float | None:
    """The constant c for which ``claim`` is c times ``expected``; None if there is none but 0."""
    if claim.shape != expected.shape:
        return None
    known = ~np.isnan(expected)
    # Divided first, or squares of tiny numbers would be lost.
    size = float(np.max(np.abs(expected[known]), initial=0.0))
    if not size:
        return None
    unit = expected[known] / size
    c = float(np.sum(claim[known] / size * unit) / np.sum(unit * unit))
    if not c or not facts.fits(claim, c * expected, abs(c) * noise):
        return None
    unit = 1.0 if c > 0 else -1.0
    # In float32 the noise moves c itself.
    near = abs(c - unit) <= 10 * facts.tolerance or facts.fits(claim, unit * expected, noise)
    return unit if near else c


def named_factor(c: float, sizes: Mapping[str, int]) -> str | None:
    """What the factor ``c`` may be, from the sizes at hand; None if nobody knows."""
    known: list[tuple[float, str]] = [(2.0, "2, as of a square"), (0.5, "1/2, as of a square")]
    for what, size in sizes.items():
        if size > 1:
            known += [
                (size, f"{size}, {what}"),
                (1 / size, f"1/{size}, one over {what}"),
                (2 * size, f"2 · {size}, twice {what}"),
                (2 / size, f"2/{size}, two over {what}"),
                (size / 2, f"{size}/2, half of {what}"),
                (0.5 / size, f"1/(2 · {size}), one over twice {what}"),
            ]
    found = [words for value, words in known if abs(abs(c) / value - 1) < 1e-4]
    return ", or ".join(dict.fromkeys(found)) or None


def factor_causes(c: float, sizes: Mapping[str, int], which: str = "every entry") -> list[Cause]:
    """The causes that a factor ``c`` other than 1 stands for; none for 1."""
    causes = []
    if c < 0:
        told = f"{which} has the opposite sign of the numerical gradient"
        causes.append(Cause(names.SIGN, told))
    if abs(abs(c) - 1) > 1e-5:
        named = named_factor(c, sizes) or _whole(abs(c))
        told = f" ({named})" if named else ""
        causes.append(
            Cause(names.FACTOR, f"{which} is {abs(c):.6g}{told} times the numerical gradient")
        )
    return causes


def _whole(c: float) -> str | None:
    """A question about a factor n or 1/n, with a whole n that is the size of nothing known."""
    for factor, form in ((c, "{}"), (1 / c, "1/{}")):
        n = round(factor) if factor < 1e6 else 0
        if n > 2 and abs(factor / n - 1) < 1e-6:
            return f"{form.format(n)}: is {n} a number of samples?"
    return None


def is_known_factor(c: float, sizes: Mapping[str, int]) -> bool:
    """Whether ``c`` is 1, -1, or of a size that is known."""
    return abs(abs(c) - 1) <= 1e-5 or named_factor(c, sizes) is not None
