"""The sweep over the checks: a mistake planted in each must be caught.

``python -m equations.sweep`` (with ``tests`` on the path) plants every mistake of `planting` in
every check, one at a time, runs the check, and prints how many were caught; labels after it
sweep these checks alone, numbers these chapters.
"""

import ast
import inspect
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from equations import harness
from equations.harness import Check, CheckFunction, Pair, difference, load, pairs, refuse
from equations.planting import TRANSPOSED, Mistake, mistakes

#: A mistake that makes a check raise these has been noticed: shapes do not fit, or a value.
NOTICED = (ValueError, RuntimeError, LookupError, ArithmeticError, AssertionError)
#: These say that the changed code is no program: nothing was planted.
NO_PROGRAM = (TypeError, AttributeError)


class DoesNotApplyError(Exception):
    """The mistake cannot be made here: a number has no transpose."""


def transposed(value: object) -> object:
    """The transpose of an array or tensor of two axes or more (its last two)."""
    if getattr(value, "ndim", 0) < 2:
        raise DoesNotApplyError
    return value.T if value.ndim == 2 else value.swapaxes(-1, -2)  # type: ignore[attr-defined]


@dataclass
class Swept:
    """What became of the mistakes in some checks."""

    checks: int = 0
    caught: Counter[str] = field(default_factory=Counter)
    both: list[tuple[str, Mistake]] = field(default_factory=list)
    harmless: Counter[str] = field(default_factory=Counter)
    stale: list[tuple[str, str]] = field(default_factory=list)
    survived: list[tuple[str, Mistake]] = field(default_factory=list)


def draws(run: CheckFunction) -> Iterator[list[Pair]]:
    """The pairs of each draw."""
    for seed in range(harness.DRAWS):
        yield pairs(run(np.random.default_rng(seed)))


def moved(before: np.ndarray, now: np.ndarray, tolerance: float) -> bool:
    """Whether one side has changed by more than a comparison would forgive."""
    return difference(Pair("", before, now, tolerance)) is not None


def judge(run: CheckFunction, before: list[list[Pair]]) -> str:
    """Whether a check with a mistake is "caught"; if it passes, on "both" sides or "neither"."""
    both = False
    try:
        for now, then in zip(draws(run), before, strict=True):
            if len(now) != len(then) or any(refuse(pair) or difference(pair) for pair in now):
                return "caught"
            both = both or any(
                moved(old.left, new.left, old.tolerance)
                and moved(old.right, new.right, old.tolerance)
                for old, new in zip(then, now, strict=True)
            )
    except NOTICED:
        return "caught"
    except (DoesNotApplyError, *NO_PROGRAM):
        return "not planted"
    return "both" if both else "neither"


def source_of(module: ModuleType) -> dict[str, ast.FunctionDef]:
    """The trees of the functions of a module, by name."""
    tree = ast.parse(inspect.getsource(module))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


@contextmanager
def quietly() -> Iterator[None]:
    """Without warnings of wrong numbers, which are wanted, and by the faster route alone."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), harness.by_autograd_alone():
        warnings.simplefilter("ignore")
        yield


@quietly()
def sweep_check(check: Check, tree: ast.FunctionDef, swept: Swept) -> None:
    """Plant every mistake in the tree of one check."""
    space = dict(inspect.getmodule(check.run).__dict__) | {TRANSPOSED: transposed}
    tree.decorator_list = []
    before, excused = list(draws(check.run)), set()
    swept.checks += 1
    for mistake in mistakes(tree):
        mistake.put(True)
        exec(compile(ast.Module([tree], []), f"<{check.label}>", "exec"), space)
        mistake.put(False)
        outcome = judge(space[tree.name], before)
        if outcome == "caught":
            swept.caught[mistake.kind] += 1
        elif outcome == "both":
            swept.both.append((check.label, mistake))
        elif outcome == "neither":
            reason = mistake.harmless or check.harmless.get(mistake.change, "")
            excused.add(mistake.change)
            if reason:
                swept.harmless[reason] += 1
            else:
                swept.survived.append((check.label, mistake))
    swept.stale += [(check.label, change) for change in check.harmless if change not in excused]


def sweep(checks: list[Check]) -> Swept:
    """Plant every mistake in every one of these checks."""
    swept, trees = Swept(), {}
    for check in checks:
        module = inspect.getmodule(check.run)
        if module not in trees:
            trees[module] = source_of(module)
        sweep_check(check, trees[module][check.run.__name__], swept)
    return swept


def chosen(words: list[str]) -> list[Check]:
    """The checks with these labels or of these chapters; all if there are none."""
    chapters = {f"equations.chapter_{word.zfill(2)}" for word in words}
    return [
        check
        for check in load().values()
        if not words or check.label in words or check.run.__module__ in chapters
    ]


def report(swept: Swept) -> str:
    """The figure: what was caught, by kind, and what passed, by reason."""
    caught = sum(swept.caught.values())
    lines = [f"{swept.checks} checks, {caught} mistakes caught:"]
    lines += [f"{times:6} {kind}" for kind, times in swept.caught.most_common()]
    lines += [f"{len(swept.both)} changes of what both sides use, under which the equation holds"]
    lines += [f"{sum(swept.harmless.values())} changes that change nothing:"]
    lines += [f"{times:6} {reason}" for reason, times in swept.harmless.most_common()]
    lines += [f"{len(swept.survived)} mistakes not caught, {len(swept.stale)} excuses not needed"]
    return "\n".join(lines)


def main(words: list[str]) -> int:
    """Print the figure, and before it what survived; with --both, what both sides use too."""
    swept = sweep(chosen([word for word in words if not word.startswith("-")]))
    for label, mistake in swept.survived:
        print(f"{label}: {mistake}")
    for label, change in swept.stale:
        print(f"{label}: not needed: {change}")
    for label, mistake in swept.both if "--both" in words else []:
        print(f"BOTH {label}: {mistake}")
    print(report(swept))
    return bool(swept.survived or swept.stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
