"""What is known about a gradient that failed its check, and how causes are put into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Cause:
    """A likely cause of a wrong gradient.

    Attributes:
        name: the kind of mistake, a few words: one of `backprop.diagnosis.NAMES`.
        evidence: what in the numbers speaks for it.
    """

    name: str
    evidence: str

    def __str__(self) -> str:
        """Both in one line (a picture in the evidence adds its own)."""
        return f"{self.name}: {self.evidence}"


Sides = Callable[[tuple[int, ...]], tuple[bool, float, float]]


@dataclass(frozen=True)
class Facts:
    """A claimed gradient beside the numerical one.

    Attributes:
        claim: what was claimed, float64, finite, of any shape.
        numerical: by central differences, in the shape of x; NaN where nothing was measured.
        noise: how far each entry of ``numerical`` may be off.
        tolerance: the relative error that passes.
        point: x itself, if it is known.
        sizes: numbers that may have become a factor, by what they count.
        single: whether every entry of the claim is a float32 number.
        kink: for an entry, whether f has a kink beside it, and the slopes on its two sides.
    """

    claim: np.ndarray
    numerical: np.ndarray
    noise: np.ndarray
    tolerance: float = 1e-6
    point: np.ndarray | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    single: bool = False
    kink: Sides | None = None

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
    return 1.0 if abs(c - 1) <= 10 * facts.tolerance else c


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
        causes.append(Cause("sign", f"{which} has the opposite sign of the numerical gradient"))
    if abs(abs(c) - 1) > 1e-5:
        named = named_factor(c, sizes)
        told = f" ({named})" if named else ""
        causes.append(
            Cause("constant factor", f"{which} is {abs(c):.6g}{told} times the numerical gradient")
        )
    return causes


def is_known_factor(c: float, sizes: Mapping[str, int]) -> bool:
    """Whether ``c`` is 1, -1, or of a size that is known."""
    return abs(abs(c) - 1) <= 1e-5 or named_factor(c, sizes) is not None


#: A picture has no more rows and columns than these.
PICTURE = (16, 60)


def picture(facts: Facts) -> str:
    """Where the error sits, as text: a mark for each entry, or for the worst of a block."""
    claim, numerical = np.atleast_2d(facts.claim), np.atleast_2d(facts.numerical)
    rows = claim.reshape(-1, claim.shape[-1])
    others = numerical.reshape(rows.shape)
    wrong = np.atleast_2d(facts.wrong).reshape(rows.shape)
    scale = np.nanmax(np.abs(others), initial=np.finfo(float).tiny)
    level = np.where(wrong, np.where(np.abs(rows - others) > 0.1 * scale, 3, 2), 1)
    level[np.isnan(others)] = 0
    high, wide = (-(-size // most) for size, most in zip(rows.shape, PICTURE, strict=True))
    marks = "?·+#"
    lines = [
        "".join(
            marks[int(level[i : i + high, j : j + wide].max())]
            for j in range(0, rows.shape[1], wide)
        )
        for i in range(0, rows.shape[0], high)
    ]
    block = f"; a mark is a block of {high} by {wide} entries" if high * wide > 1 else ""
    unknown = ", ? not measured" if (level == 0).any() else ""
    return f"· right, + off, # off by much{unknown}{block}\n" + "\n".join(lines)
