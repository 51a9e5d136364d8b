"""Small things that several answers need."""

from collections.abc import Sequence

import numpy as np
import torch


def show(value: float) -> str:
    """A number as the quizzes print it; a difference of less than 1e-9 does not show."""
    rounded = round(float(value), 9) + 0.0
    return f"{rounded:,.10g}" if abs(rounded) >= 10_000 else f"{rounded:.10g}"


def tex(*values: float) -> list[str]:
    """Each number as a formula of its own."""
    return [f"${show(value)}$" for value in values]


def row(values: Sequence[float]) -> str:
    """Numbers in parentheses, as shapes and small arrays are printed."""
    return f"$({', '.join(show(value) for value in values)})$"


def slopes(f, *points: float) -> list[float]:
    """The derivatives of ``f`` with respect to each of its arguments, by autograd."""
    tensors = [torch.tensor(point, dtype=torch.float64, requires_grad=True) for point in points]
    f(*tensors).backward()
    return [0.0 if t.grad is None else float(t.grad) for t in tensors]


def no_if(condition: object) -> str:
    return "**No**" if condition else "**Yes**"


def differ(one, other) -> bool:
    return not np.allclose(one, other, rtol=1e-6, atol=1e-9)


class Calls:
    """Counts the calls of the recursion over a graph: for each node those that read it."""

    def __init__(self, readers: dict, remember: bool) -> None:
        self.readers, self.remember, self.known = readers, remember, {}
        self.made = 0

    def ask(self, node) -> int:
        """All calls that follow from asking for one node."""
        if node in self.known:
            return 1 if self.remember else self.known[node]
        self.known[node] = 1 + sum(self.ask(reader) for reader in self.readers[node])
        return self.known[node]
