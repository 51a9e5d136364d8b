"""How often a planted mistake gets its right name, and whether a right gradient gets none.

``python -m benchmarks.diagnosis`` plants every mistake of ``tests/diagnosis_plants.py`` in every
network of ``tests/diagnosis_networks.py`` that it fits, with 100 random draws of weights and batch
(``--draws``; ``--large`` for the networks with thousands of weights, which are checked by
projections), and prints as Markdown how often the first cause has the right name, and what
was said instead. Where another mistake gives the same numbers, no look at them can tell: draws in
which the planted one is named after such a twin are counted on their own. Then come 10,000
right gradients (``--right``), which have to get no diagnosis; beside a kink of the function, where
there is no derivative to compare with, "a kink" is counted apart.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.measure import ROOT, environment

sys.path.insert(0, str(ROOT / "tests"))  # as pytest does: what is planted stands with the tests
os.environ.update(environment(1))

from diagnosis_networks import NETWORKS, draw
from diagnosis_plants import PLANTS
from diagnosis_right import verdict

from backprop.checking import check_network

RIGHT, TWIN = "named", "a twin first"
#: Two claims with no more than this between them, relative to the largest, are one.
SAME = 1e-7
#: The part of the draws that has to be named rightly.
GOAL = 0.95


@dataclass(frozen=True)
class Cell:
    """One plant in one network, and what was said in all draws."""

    plant: str
    network: str
    draws: int
    said: Counter[str]
    seconds: float

    @property
    def share(self) -> float:
        """The part of the draws named rightly, counting twins as far as they go."""
        return (self.said[RIGHT] + self.said[TWIN]) / self.draws


def measured(job: tuple[str, str, int]) -> Cell:
    """All draws of a cell."""
    plant, network, draws = job
    start = time.perf_counter()
    said = Counter(_answer(plant, network, seed) for seed in range(draws))
    return Cell(plant, network, draws, said, time.perf_counter() - start)


def _answer(plant: str, name: str, seed: int) -> str:
    """What was said about one draw."""
    planted, drawn = PLANTS[plant], draw(name, seed)
    method = "projections" if NETWORKS[name].large else "auto"
    report = check_network(planted.make(drawn), drawn.x, drawn.y, method=method)
    names = [cause.name for cause in report.causes]
    if report.ok:
        return "passes: the gradient is right" if _is_right(plant, drawn) else "passes"
    if names[0] == planted.wanted:
        return RIGHT
    twins = _twins(plant, name, drawn)
    return TWIN if planted.wanted in names and names[0] in twins else " + ".join(names)


def _claims(network: Any, drawn: Any) -> np.ndarray:
    """All gradients of a network after a step for another batch, as one long array."""
    network.evaluate(-drawn.x[::-1], drawn.y)
    weights = [layer.W for layer in network.layers]
    network.backprop()
    for layer, W in zip(network.layers, weights, strict=True):
        if W is not None:
            layer.W = W
    network.evaluate(drawn.x, drawn.y)
    return np.concatenate([np.ravel(gradient) for gradient in network.backprop()])


def _are_same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max() <= SAME * np.abs(b).max())


def _is_right(plant: str, drawn: Any) -> bool:
    """Whether the mistake does not show in this draw."""
    return _are_same(_claims(PLANTS[plant].make(drawn), drawn), _claims(drawn.build(), drawn))


def _twins(plant: str, name: str, drawn: Any) -> set[str]:
    """The names of the other plants that claim the same numbers in this draw."""
    own = _claims(PLANTS[plant].make(drawn), drawn)
    return {
        other.wanted
        for kind, other in PLANTS.items()
        if kind != plant
        and name in other.networks
        and _are_same(_claims(other.make(drawn), drawn), own)
    }


def in_processes(work: Callable[[Any], Any], jobs: list[Any], count: int) -> Iterator[Any]:
    """The results in the order in which they come, with a bar of progress."""
    # A process that has run PyTorch should not be forked.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        yield from tqdm(pool.map(work, jobs), total=len(jobs), smoothing=0, mininterval=5)


def table(cells: Iterable[Cell]) -> Iterator[str]:
    """The confusion table: a row for each plant, then the cells under the goal."""
    cells = list(cells)
    yield "| planted | its name | draws | named | twin first | instead |"
    yield "|---|---|--:|--:|--:|---|"
    for plant, (wanted, _, _) in PLANTS.items():
        mine = [cell for cell in cells if cell.plant == plant]
        said = sum((cell.said for cell in mine), Counter[str]())
        draws, named, twin = said.total(), said.pop(RIGHT, 0), said.pop(TWIN, 0)
        if draws:
            others = ", ".join(f"{name} {n}" for name, n in said.most_common())
            share = f"{named / draws:.1%}"
            yield f"| {plant} | {wanted} | {draws} | {share} | {twin} | {others} |"
    yield from _worst(cells)


def _worst(cells: list[Cell]) -> Iterator[str]:
    low = sorted((cell for cell in cells if cell.share < 1), key=lambda cell: cell.share)
    under = sum(cell.share < GOAL for cell in low)
    yield f"\n{len(cells)} cells, of which {under} have less than {GOAL:.0%}. Not all right in:\n"
    yield "| planted | in | named | twin first | instead |\n|---|---|--:|--:|---|"
    for cell in low:
        others = Counter(cell.said)
        named, twin = others.pop(RIGHT, 0), others.pop(TWIN, 0)
        told = ", ".join(f"{name} {n}" for name, n in others.most_common())
        yield f"| {cell.plant} | {cell.network} | {named}/{cell.draws} | {twin} | {told} |"


def verdicts(seeds: range) -> Counter[tuple[str, str]]:
    """What is said about the right gradients of these seeds, by family."""
    return Counter(map(verdict, seeds))


def right_table(counts: Counter[tuple[str, str]]) -> Iterator[str]:
    """What was said about right gradients, family by family."""
    yield "\n| right gradients | cases | pass | a kink | a diagnosis |\n|---|--:|--:|--:|--:|"
    families = sorted({family for family, _ in counts})
    for family in [*families, "all"]:
        said = Counter[str]()
        for (name, verdict_), n in counts.items():
            said[verdict_] += n if family in (name, "all") else 0
        total, passed, kinks = said.total(), said["passes"], said["a kink"]
        wrong = total - passed - kinks
        yield f"| {family} | {total} | {passed} | {kinks} | {wrong} |"


def main() -> None:
    """Measure both and print them."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--draws", type=int, default=100, help="draws of each cell")
    options.add_argument("--large", type=int, default=100, help="draws in large networks")
    options.add_argument("--right", type=int, default=10_000, help="right gradients")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--only", default="", help="plants whose name contains this")
    arguments = options.parse_args()
    start = time.perf_counter()
    jobs = [
        (plant, network, arguments.large if NETWORKS[network].large else arguments.draws)
        for plant, (_, networks, _) in PLANTS.items()
        for network in networks
        if arguments.only in plant
    ]
    jobs = [job for job in jobs if job[2]]
    for line in table(in_processes(measured, jobs, arguments.processes)):
        print(line, flush=True)
    print(f"\n{time.perf_counter() - start:.0f} seconds", flush=True)
    start, every = time.perf_counter(), range(arguments.right)
    chunks = [every[i : i + 50] for i in range(0, len(every), 50)]
    counts = sum(in_processes(verdicts, chunks, arguments.processes), Counter[tuple[str, str]]())
    for line in right_table(counts):
        print(line)
    print(f"\n{time.perf_counter() - start:.0f} seconds")


if __name__ == "__main__":
    main()
