"""Tables of ratios: the package's time as a fraction of another library's, for the same numbers.

Before anything is timed, what the libraries compute is compared. What is not installed is named
as missing. Nothing is asserted about times: they depend on the machine, and on a busy one the
quartiles show it.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from math import isclose
from typing import Any, NamedTuple

from benchmarks.measure import Worker, rounds, spread

HEAD = (
    "| work | beside | fraction of its time | target | ours | its | processors |\n"
    + "|---" * 7
    + "|"
)


class Comparison(NamedTuple):
    """A piece of work, who does it here, and who does it elsewhere.

    ``others`` gives for each label in the table the program, and the fraction that is aimed at or
    None; a label is the library that runs it, and perhaps a comma and more.
    """

    name: str
    module: str
    ours: str
    program: str
    settings: list[Any]
    others: dict[str, tuple[str, float | None]]
    threads: int = 1


class Row(NamedTuple):
    """One line of the table; ``ratio`` is the median, the first and the third quartile."""

    name: str
    other: str
    ratio: tuple[float, float, float]
    aim: float | None
    ours: float
    theirs: float
    busy: float

    def __str__(self) -> str:
        """The line in Markdown."""
        middle, low, high = map(fraction, self.ratio)
        return (
            f"| {self.name} | {self.other} | **{middle}** ({low} to {high}) |"
            f" {fraction(self.aim) if self.aim else ''} | {duration(self.ours)} |"
            f" {duration(self.theirs)} | {self.busy:.2f} |"
        )


def compare(comparison: Comparison, arguments: argparse.Namespace) -> Iterator[Row | str]:
    """Measure one comparison; the lines of the table for it."""
    name, module, own, program, settings, others, threads = comparison
    workers = {w: Worker(module, w.split(",")[0], threads) for w in (own, *others)}
    programs = {own: program} | {other: p for other, (p, _) in others.items()}
    found = {other: w.ask("prepare", programs[other], *settings) for other, w in workers.items()}
    for other, answer in found.items():
        if "missing" in answer:
            yield f"| {name} | {other} | missing: {answer['missing']} | | | | |"
            workers.pop(other).close()
            if other == own:
                for worker in workers.values():
                    worker.close()
                return
        else:
            if answer["values"]:  # products alone compute nothing that could be compared
                _require_equal(name, other, answer["values"], found[own]["values"])
    for worker in workers.values():
        worker.ask("time", arguments.seconds, arguments.cpu)  # caches and clocks warm
    results = list(rounds(workers, arguments.rounds, arguments.seconds, arguments.cpu))
    for worker in workers.values():
        worker.close()
    times = {w: spread([result[w]["seconds"] for result in results])[0] for w in workers}
    busy = {w: spread([result[w]["busy"] for result in results])[0] for w in workers}
    for other in [other for other in others if other in workers]:
        ratio = spread([result[own]["seconds"] / result[other]["seconds"] for result in results])
        both = max(busy[own], busy[other])
        yield Row(name, other, ratio, others[other][1], times[own], times[other], both)


def _require_equal(name: str, other: str, values: list[float], expected: list[float]) -> None:
    equal = [isclose(a, b, rel_tol=1e-3) for a, b in zip(values, expected, strict=True)]
    if not all(equal):
        raise RuntimeError(f"{name}: {other} computes {values}, the package {expected}")


def fraction(ratio: float) -> str:
    """Three digits, or one by so many where it is small."""
    return f"{ratio:.3f}" if ratio > 0.01 else f"1/{1 / ratio:,.0f}"


def duration(seconds: float) -> str:
    """In seconds, milliseconds or microseconds."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e6:.0f} µs"


def parser(description: str) -> argparse.ArgumentParser:
    """The options that all benchmarks have."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--rounds", type=int, default=21, help="how often each is asked")
    options.add_argument("--seconds", type=float, default=0.1, help="how long each is timed")
    options.add_argument("--only", default="", help="comparisons with this in their names")
    options.add_argument(
        "--cpu", action="store_true", help="processor time, all threads, for a busy machine"
    )
    return options


def conditions(arguments: argparse.Namespace) -> str:
    """The machine, the versions, and how it is measured, in one line."""
    clock = "processor time" if arguments.cpu else "by the clock"
    return (
        f"Python {platform.python_version()}, {platform.platform()}; {arguments.rounds} rounds of "
        f"{arguments.seconds} s {clock}; {_versions()}; {load()}"
    )


def _versions() -> str:
    found = []
    for name in ("numpy", "torch", "autograd", "jax", "micrograd"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def load() -> str:
    """How busy the machine was in the last minute."""
    if not hasattr(os, "getloadavg"):
        return "load unknown"
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
