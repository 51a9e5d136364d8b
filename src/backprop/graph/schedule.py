"""The steps of a function for inputs of known shapes.

Once the shapes are known, less is left to do than the graph says. Some values depend on
nothing else, such as the zeros, the counts and the 1 that a gradient starts with, and all that
is computed from these: they are computed once. Summing to a shape that is there already, or
repeating to it, leaves a value as it is. And where an operation looks only at the shape of an
input, that input need not be computed for it, or kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from backprop.arrays import is_tensor
from backprop.graph.computing import insert_axes
from backprop.graph.node import Node
from backprop.graph.operations import OPERATIONS

#: The inputs of which an operation uses only shape and dtype, by their positions. With no other
#: input, its result is computed once; with another one, it needs to know only the shape.
SHAPE_ONLY: dict[str, Container[int]] = {
    "broadcast_like": (1,),
    "count": (0,),
    "expand": (1,),
    "ones_like": (0,),
    "piece": range(1, sys.maxsize),
    "reshape_like": (1,),
    "scatter": (1,),
    "scatter_rows": (1,),
    "seed": (0,),
    "sum_to": (1,),
    "zeros_like": (0,),
}
#: The operations that do nothing to a value that has the shape of the result already.
RESHAPING = {
    "broadcast_like",
    "broadcast_to",
    "expand",
    "reshape",
    "reshape_like",
    "seed",
    "sum_to",
}
#: The operations whose result may be another view of their input's memory.
VIEWS = RESHAPING | {"einsum", "getitem", "matrix_transpose", "piece", "rows", "transpose"}
#: The operations that repeat their inputs to a common shape as they compute.
ENTRY_BY_ENTRY = {"add", "divide", "maximum", "multiply", "power", "subtract", "where"}


@dataclass(frozen=True)
class Shape:
    """Stands where an array would, for an operation that looks only at its shape.

    Source: chapter 8.
    """

    shape: tuple[int, ...]


#: The function; the slot of its value, or what picks several values from the slots; the slot of
#: a second value, or None; the slot of the result; the slots to empty; the node.
Step = tuple[Callable[..., Any], Any, int | None, int, tuple[int, ...], Node]


class Schedule:
    """What to compute, in which order, and where to keep it for how long.

    Values stand in numbered slots. As soon as a value is not needed any more, the slot goes to
    another value or is emptied, so that the memory is free for what comes next.

    Source: chapter 8.
    """

    def __init__(
        self,
        xp: Any,
        inputs: dict[Node, Any],
        constants: dict[Node, Any],
        computed: Sequence[Node],
        outputs: Sequence[Node],
    ) -> None:
        """Compute everything once, to see the shapes, and find the steps.

        Args:
            xp: the namespace of NumPy or of PyTorch.
            inputs: the inputs of the function, in their order, and values for them.
            constants: the constants and their values.
            computed: all other nodes that the outputs need, each after its inputs.
            outputs: the nodes whose values are wanted.

        Raises:
            ValueError, TypeError, ...: what an operation raises, with a note that names the
                node and the line that made it.
        """
        self._xp = xp
        given = inputs | constants
        self._given = set(given)
        self._known = {x: value for x, value in constants.items() if _is_number(x)}
        self._shapes = {x: _shape(value) for x, value in given.items()}
        self._same: dict[Node, Node] = {}
        self._reads: dict[Node, list[Node]] = {}
        self._spared: set[Node] = set()
        with np.errstate(all="ignore"):  # the run itself will warn
            self._look(given, computed)
        self._slots: list[Any] = [None] * len(inputs) + list(constants.values())
        self._slot_of: dict[Node | Shape, int] = {x: slot for slot, x in enumerate(given)}
        self._steps: list[Step] = []
        self._results = self._arrange(outputs, computed)

    def run(self, values: Sequence[Any]) -> list[Any]:
        """The values of the outputs, for inputs of the same shapes and dtypes."""
        slots = self._slots.copy()
        slots[: len(values)] = values
        try:
            for compute, first, second, result, done, node in self._steps:  # noqa: B007
                if second is not None:
                    slots[result] = compute(slots[first], slots[second])
                elif type(first) is int:
                    slots[result] = compute(slots[first])
                else:
                    slots[result] = compute(*first(slots))
                for slot in done:
                    slots[slot] = None
        except Exception as error:
            error.add_note(f"This happened in {node!r}.")
            raise
        return [slots[slot] for slot in self._results]

    def _look(self, values: dict[Node, Any], computed: Sequence[Node]) -> None:
        """Find out the shapes, what depends on them alone, and what does nothing."""
        values = values.copy()
        given = set(values)
        last = {x: node for node in computed for x in node.inputs}
        for node in computed:
            try:
                value = self._function(node)(*(values[x] for x in node.inputs))
            except Exception as error:
                error.add_note(f"This happened in {node!r}.")
                raise
            values[node], self._shapes[node] = value, _shape(value)
            reads = self._reads[node] = self._resolve(node)
            if all(x in self._known for x in reads):
                self._known[node] = self._compact(value)
            elif node.operation in RESHAPING and self._shapes[reads[0]] == _shape(value):
                self._same[node] = reads[0]
            for x in set(node.inputs) - given:
                if last[x] is node:
                    del values[x]

    def _compact(self, value: Any) -> Any:
        """The value, or if all its entries are equal, a view that repeats the first of them."""
        if 0 in _shape(value) or _shape(value) == ():
            return value
        first = value[(0,) * value.ndim]
        return self._xp.broadcast_to(first, value.shape) if (value == first).all() else value

    def _function(self, node: Node) -> Callable[..., Any]:
        if node in self._spared:
            return insert_axes(self._xp, **node.attributes)
        return OPERATIONS[node.operation].compute(self._xp, **node.attributes)

    def _resolve(self, node: Node) -> list[Node]:
        """The nodes whose values a step for ``node`` takes."""
        only = SHAPE_ONLY.get(node.operation, ())
        inputs = [x for position, x in enumerate(node.inputs) if position not in only]
        return [self._same.get(x, x) for x in inputs]

    def _arrange(self, outputs: Sequence[Node], computed: Sequence[Node]) -> list[int]:
        """Fill the list of steps, and return the slots where the outputs will stand."""
        kept = {self._same.get(x, x) for x in outputs}
        needed, nodes = set(kept), []
        for node in reversed(computed):
            if node in needed and node not in self._known:
                needed.update(self._reads[node])
                nodes.append(node)
        self._spared = self._repeated_anyway(nodes, kept)
        nodes = self._order(nodes[::-1], kept)
        last = {x: node for node in nodes for x in self._reads[node]}
        temporary = set(nodes) - kept
        free: list[int] = []
        for node in nodes:
            taken = [self._slot(x) for x in self._arguments(node)]
            done = [
                self._slot_of[x]
                for x in dict.fromkeys(self._reads[node])
                if x in temporary and last[x] is node
            ]
            # The result goes where one of them stood; only the others have to be emptied.
            place = (done or free or [self._new_slot(None)]).pop()
            self._slot_of[node] = place
            free += done
            self._steps.append(_step(self._function(node), taken, place, done, node))
        results: list[int] = []
        for x in outputs:
            results.append(self._result(self._same.get(x, x), results))
        return results

    def _repeated_anyway(self, nodes: Sequence[Node], outputs: set[Node]) -> set[Node]:
        """The `expand` nodes that need not repeat: they only meet a value of the full shape."""
        spared = {node for node in nodes if node.operation == "expand"} - outputs
        for node in nodes:
            reads = self._reads[node]
            full = [self._shapes[x] == self._shapes[node] and x not in spared for x in reads]
            if not (node.operation in ENTRY_BY_ENTRY and any(full)):
                spared.difference_update(reads)
        return spared

    def _order(self, nodes: Sequence[Node], outputs: set[Node]) -> list[Node]:
        """``nodes`` in an order in which few values wait, each after those that it takes.

        One output after the other, from that with the shortest way to it, and before an output
        only what it needs: so a layer's gradients are finished before the layer before it has
        its turn, and what they were computed from can go.
        """
        depth: dict[Node, int] = {}
        for node in nodes:
            depth[node] = 1 + max((depth.get(x, 0) for x in self._reads[node]), default=0)
        done: dict[Node, None] = {}
        waiting = sorted(outputs & depth.keys(), key=lambda x: (depth[x], x.number), reverse=True)
        while waiting:
            node = waiting[-1]
            missing = [x for x in self._reads[node] if x in depth and x not in done]
            if node not in done and missing:
                waiting += sorted(missing, key=lambda x: depth[x])
            else:
                done[waiting.pop()] = None
        return list(done)

    def _arguments(self, node: Node) -> list[Node | Shape]:
        only = SHAPE_ONLY.get(node.operation, ())
        return [
            Shape(self._shapes[x]) if position in only else self._same.get(x, x)
            for position, x in enumerate(node.inputs)
        ]

    def _slot(self, x: Node | Shape) -> int:
        if x not in self._slot_of:
            self._slot_of[x] = self._new_slot(x if isinstance(x, Shape) else self._known[x])
        return self._slot_of[x]

    def _new_slot(self, value: Any) -> int:
        self._slots.append(value)
        return len(self._slots) - 1

    def _result(self, x: Node, before: Sequence[int]) -> int:
        """The slot of an output, as an array of its own: the caller may change it."""
        slot = self._slot(x)
        own = x.operation not in VIEWS and x not in self._known and x not in self._given
        if own and slot not in before:
            return slot
        place = self._new_slot(None)
        self._steps.append(_step(_copy, [slot], place, [], x))
        return place


def _copy(value: Any) -> Any:
    if is_tensor(value):
        return value.clone()
    return value.copy() if isinstance(value, np.ndarray) else value


def _step(
    compute: Callable[..., Any], taken: list[int], place: int, done: list[int], node: Node
) -> Step:
    if len(taken) > 2:
        return compute, itemgetter(*taken), None, place, tuple(done), node
    return compute, taken[0], taken[1] if len(taken) == 2 else None, place, tuple(done), node


def _is_number(node: Node) -> bool:
    return node.operation == "constant" and type(node.attributes["value"]) in (int, float)


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))
