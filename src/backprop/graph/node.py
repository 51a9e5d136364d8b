"""Nodes: a calculation written down, with nothing computed.

A node is the name of an operation, the nodes that it is applied to, and its attributes.
Operators and the functions of `backprop.graph` build nodes from nodes; plain numbers become
constants. Graphs are made of nothing else: a node knows what it is computed from.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from backprop.arrays import describe, is_tensor

_numbering = itertools.count()
# While gradients are built: the forward node on whose account new nodes are made.
_account: list[Node] = []


class Node:
    """One operation of a calculation.

    Attributes:
        operation: its name in the table of `backprop.graph.operations`.
        inputs: the nodes that it is applied to.
        attributes: what else it needs to be computed (an axis, a shape), by name.
        name: what the user called it, or None.
        number: nodes are numbered as they are made, so inputs have lower numbers.

    Source: chapter 8.
    """

    __array_ufunc__ = None  # lets NumPy arrays on the left of an operator give way to the node
    __slots__ = ("_origin", "attributes", "inputs", "name", "number", "operation")

    def __init__(
        self,
        operation: str,
        inputs: tuple[Node, ...] = (),
        attributes: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        """Write down an operation; use the functions of `backprop.graph` instead."""
        self.operation, self.inputs, self.name = operation, inputs, name
        self.attributes = attributes or {}
        self.number = next(_numbering)
        self._origin: str | Node = _account[-1] if _account else _calling_line()

    @property
    def line(self) -> str:
        """Its origin, the file and line of the user's program, or whose gradient it serves."""
        if isinstance(self._origin, str):
            return self._origin
        return f"the gradient of {self._origin!r}"

    def __repr__(self) -> str:
        """The name if there is one, the operation, and the line that made the node."""
        named = f" {self.name!r}" if self.name else ""
        return f"<{self.operation}{named}, made by {self.line}>"

    def __bool__(self) -> bool:
        """Refuse: a node has no value yet that could be true or false."""
        raise TypeError(f"{self!r} has no value while the graph is built; use graph.where")

    def __iter__(self) -> Iterator[Node]:
        """Refuse: a node does not know how long it will be."""
        raise TypeError(f"{self!r} has no length while the graph is built; use node[0], node[1], …")

    def __add__(self, other: Any) -> Node:
        """The sum, entry by entry."""
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Node:
        """The sum, entry by entry."""
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Node:
        """The difference, entry by entry."""
        return apply("subtract", self, other)

    def __rsub__(self, other: Any) -> Node:
        """The difference, entry by entry."""
        return apply("subtract", other, self)

    def __mul__(self, other: Any) -> Node:
        """The product, entry by entry."""
        return apply("multiply", self, other)

    def __rmul__(self, other: Any) -> Node:
        """The product, entry by entry."""
        return apply("multiply", other, self)

    def __truediv__(self, other: Any) -> Node:
        """The quotient, entry by entry."""
        return apply("divide", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        """The quotient, entry by entry."""
        return apply("divide", other, self)

    def __pow__(self, other: Any) -> Node:
        """The power, entry by entry."""
        return apply("power", self, other)

    def __rpow__(self, other: Any) -> Node:
        """The power, entry by entry."""
        return apply("power", other, self)

    def __matmul__(self, other: Any) -> Node:
        """The product of matrices, or of stacks of them."""
        return apply("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Node:
        """The product of matrices, or of stacks of them."""
        return apply("matmul", other, self)

    def __neg__(self) -> Node:
        """The negative."""
        return apply("negative", self)

    def __gt__(self, other: Any) -> Node:
        """Where this is greater: a node of truth values, which has no gradient."""
        return apply("greater", self, other)

    def __lt__(self, other: Any) -> Node:
        """Where this is less: a node of truth values, which has no gradient."""
        return apply("greater", other, self)

    def __getitem__(self, index: Any) -> Node:
        """A part: whole numbers, slices, ..., None, and rows picked by integers."""
        from backprop.graph.operations import getitem

        return getitem(self, index)


def variable(name: str) -> Node:
    """A node whose value is given when a function of it is called.

    Raises:
        TypeError: if ``name`` is no text.

    Source: chapter 8.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name is {name!r}; expected a text that is not empty")
    return Node("variable", name=name)


def constant(value: Any, name: str | None = None) -> Node:
    """A node whose value is known: a number, a NumPy array, or a PyTorch tensor (not copied).

    Raises:
        TypeError: for anything else, and for a tensor that requires a gradient, whose graph is
            another one than this.

    Source: chapter 8.
    """
    if is_tensor(value):
        if value.requires_grad:
            raise TypeError(
                f"{describe(value)} that requires a gradient belongs to PyTorch's graph; the two "
                "graphs do not mix: use tensor.detach(), or a variable"
            )
    elif type(value) not in (int, float) and not _is_numeric(value):
        raise TypeError(f"{describe(value)} cannot be part of a graph; expected a node or numbers")
    return Node("constant", attributes={"value": value}, name=name)


def _is_numeric(value: Any) -> bool:
    known = isinstance(value, np.ndarray | np.generic | int | float)
    return known and np.asarray(value).dtype.kind in "biuf"


def as_node(x: Any) -> Node:
    """``x`` itself if it is a node, else a constant.

    Source: chapter 8.
    """
    return x if isinstance(x, Node) else constant(x)


def apply(operation: str, *inputs: Any, **attributes: Any) -> Node:
    """The node of ``operation`` applied to ``inputs``; what is no node becomes a constant.

    Source: chapter 8.
    """
    return Node(operation, tuple(as_node(x) for x in inputs), attributes)


@contextmanager
def on_account_of(node: Node) -> Iterator[None]:
    """Let the nodes that are made meanwhile say that they belong to the gradient of ``node``.

    Source: chapter 8.
    """
    _account.append(node)
    try:
        yield
    finally:
        _account.pop()


def _calling_line() -> str:
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("backprop.graph"):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
