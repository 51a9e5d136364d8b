"""How fast the graph is, beside other libraries: ``python -m benchmarks.graph`` or ``make bench``.

Measured is loss and gradients, forward pass and backward pass together, of the same numbers in
each library; before anything is timed, the libraries' losses and gradients are compared. The
table gives the time of the package's graph as a fraction of the other library's: the median
over the rounds, with the first and the third quartile, and the times themselves as medians.
What is not installed is named as missing. Nothing is asserted: times depend on the machine,
and on a busy one the quartiles show it.

The chain repeats ``y * 1.25``, ``exp``, ``log``, ``y * 0.8`` on 64 numbers. PyTorch, HIPS
autograd and micrograd record their graph anew in each call; the package's is fixed before
("fixed once") or made anew as well ("made anew").
"""

from __future__ import annotations

import argparse
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from math import isclose
from typing import Any

from benchmarks.measure import Worker, rounds, spread

SMALL, LARGE = [[784, 32, 10], 64], [[1000, 100, 10], 64]
CHAINS = [[1_000, 64], [10_000, 64], [100_000, 64]]

#: What is compared: its name; the graph's program; its settings; for each other library its
#: program and the fraction that is aimed at.
Comparison = tuple[str, str, list[Any], dict[str, tuple[str, float | None]]]
COMPARISONS: list[Comparison] = [
    (
        "784-32-10, batch 64, float32, cross-entropy",
        "cross-entropy",
        SMALL,
        {
            "torch": ("cross-entropy", 0.50),
            "torch, fused": ("fused", None),
            "autograd": ("cross-entropy", 0.15),
            "jax": ("cross-entropy", None),
        },
    ),
    (
        "784-32-10, batch 64, float32, squared error",
        "squared-error",
        SMALL,
        {"layers": ("squared-error", 1.25)},
    ),
    (
        "1000-100-10, batch 64, float32, cross-entropy",
        "cross-entropy",
        LARGE,
        {
            "torch": ("cross-entropy", 0.70),
            "torch, fused": ("fused", None),
            "jax": ("cross-entropy", None),
        },
    ),
    (
        "1000-100-10, batch 64, float32, squared error",
        "squared-error",
        LARGE,
        {"layers": ("squared-error", 1.15)},
    ),
    *(
        (f"chain of {chain[0]:,}, float64, {how}", program, chain, {"torch": ("chain", target)})
        for chain in CHAINS
        for how, program, target in (
            ("fixed once", "chain", 0.35),
            ("made anew", "chain-anew", None),
        )
    ),
    (
        "2-16-16-1 on 100 moons, a step of micrograd's demo",
        "moons",
        [0.05, 1e-4],
        {"micrograd": ("moons", 1 / 5000)},
    ),
]


def compare(comparison: Comparison, count: int, seconds: float, cpu: bool) -> None:
    """Measure one comparison, and print its lines of the table."""
    name, program, settings, others = comparison
    workers = {other: Worker(other.split(",")[0]) for other in ("graph", *others)}
    programs = {"graph": program} | {other: p for other, (p, _) in others.items()}
    found = {other: w.ask("prepare", programs[other], *settings) for other, w in workers.items()}
    for other, answer in found.items():
        if "missing" in answer:
            print(f"| {name} | {other} | missing: {answer['missing']} | | | | |", flush=True)
            workers.pop(other).close()
        else:
            _require_equal(name, other, answer["values"], found["graph"]["values"])
    for worker in workers.values():
        worker.ask("time", seconds, cpu)  # caches and clocks warm
    results = list(rounds(workers, count, seconds, cpu))
    for worker in workers.values():
        worker.close()
    ours = spread([result["graph"]["seconds"] for result in results])[0]
    for other in [other for other in others if other in workers]:
        theirs = spread([result[other]["seconds"] for result in results])[0]
        ratios = [result["graph"]["seconds"] / result[other]["seconds"] for result in results]
        middle, low, high = map(_fraction, spread(ratios))
        aim = others[other][1]
        busy = max(spread([r[who]["busy"] for r in results])[0] for who in ("graph", other))
        print(
            f"| {name} | {other} | **{middle}** ({low} to {high}) | {_fraction(aim) if aim else ''}"
            f" | {_time(ours)} | {_time(theirs)} | {busy:.2f} |",
            flush=True,
        )


def _require_equal(name: str, other: str, values: list[float], expected: list[float]) -> None:
    equal = [isclose(a, b, rel_tol=1e-3) for a, b in zip(values, expected, strict=True)]
    if not all(equal):
        raise RuntimeError(f"{name}: {other} computes {values}, the graph {expected}")


def _fraction(ratio: float) -> str:
    return f"{ratio:.3f}" if ratio > 0.01 else f"1/{1 / ratio:,.0f}"


def _time(seconds: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e6:.0f} µs"


def memory() -> None:
    """Measure bytes with tracemalloc, which sees NumPy's arrays, and print them."""
    worker = Worker("graph")
    print("\nMemory that the backward pass adds to the activations that it reads:\n")
    print("| network of tanh layers, float64 | stored | peak | gradients | added |")
    print("|---|---|---|---|---|")
    for depth, width, batch in ((20, 64, 1024), (100, 64, 1024), (100, 128, 256)):
        m = worker.ask("ask", "network-memory", depth, width, batch)
        stored, peak, results = m["stored"], m["peak"], m["results"]
        added, without = (peak - stored) / stored, (peak - stored - results) / stored
        print(
            f"| {depth} layers of {width}, batch {batch} | {stored / 1e6:.1f} MB |"
            f" {peak / 1e6:.1f} MB | {results / 1e6:.1f} MB |"
            f" **{without:.3f}** ({added:.3f} with the gradients themselves) |"
        )
    print("\nThe chain, a link:\n")
    print("| links | graph and schedule | a call at most | made and called once |")
    print("|---|---|---|---|")
    for links, size in CHAINS:
        m = worker.ask("ask", "chain-bytes", links, size)
        print(
            f"| {links:,} | {m['built']:,.0f} bytes | {m['called']:,.0f} bytes |"
            f" {m['seconds'] * 1e6:.1f} µs |"
        )
    worker.close()


def main() -> None:
    """Measure everything, and print it as Markdown."""
    parser = argparse.ArgumentParser(description="Time the graph beside other libraries.")
    parser.add_argument("--rounds", type=int, default=21, help="how often each is asked")
    parser.add_argument("--seconds", type=float, default=0.1, help="how long each is timed")
    parser.add_argument("--only", default="", help="comparisons with this in their names")
    parser.add_argument(
        "--cpu", action="store_true", help="processor time, all threads, for a busy machine"
    )
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.platform()}; one thread;", end=" ")
    print(f"{arguments.rounds} rounds of {arguments.seconds} s", end=" ")
    print(f"{'processor time' if arguments.cpu else 'by the clock'}; {_versions()}; {_load()}\n")
    print("| work | beside | graph's time as a fraction | target | graph | other | processors |")
    print("|---|---|---|---|---|---|---|")
    for comparison in COMPARISONS:
        if arguments.only in comparison[0]:
            compare(comparison, arguments.rounds, arguments.seconds, arguments.cpu)
    if arguments.only in "memory":
        memory()
    print(f"\nAt the end: {_load()}")


def _versions() -> str:
    found = []
    for name in ("numpy", "torch", "autograd", "jax", "micrograd"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def _load() -> str:
    if not hasattr(os, "getloadavg"):
        return "load unknown"
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


if __name__ == "__main__":
    main()
