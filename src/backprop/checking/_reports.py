"""What a check found, as an object and as a few lines to read."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from backprop.checking._differences import place_name
from backprop.diagnosis._names import Cause

#: Reports are told in lines of so many characters.
WIDTH = 76


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

    Source: chapter 1, ``def-relative-error`` and ``eq-projected-difference``.
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
        lines = [_in_width(f"The gradient {verdict}")]
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
        return "\n".join(lines + _told(self.causes))


@dataclass(frozen=True)
class NetworkReport:
    """What ``check_network`` found; print it to read it, and use it as a truth value.

    Attributes:
        ok: whether nothing speaks against any of the gradients.
        reports: one ``GradientReport`` for each parameter.
        names: what the parameters are called here.
        causes: what probably went wrong, most specific first; empty if ``ok``.

    Source: chapter 1, ``eq-central-difference``; chapter 11, ``eq-layers-walk``.
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
            lines.append(_in_width(f"{name}: {verdict}", "  ", "    "))
        return "\n".join(lines + _told(self.causes))


def _told(causes: Sequence[Cause]) -> list[str]:
    """Causes as lines of a report; a picture in the evidence is moved in."""
    heads, lines = ["likely cause:", *["also:"] * (len(causes) - 1)], []
    for head, cause in zip(heads, causes, strict=False):
        text, *picture = cause.evidence.split("\n")
        lines.append(_in_width(f"{cause.name}: {text}", f"  {head:14} ", " " * 6))
        lines += [f"      {row}" for row in picture]
    return lines


def _in_width(text: str, first: str = "", others: str = "") -> str:
    """``text`` in lines that fit a narrow page, after a beginning for the first and the others."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
