"""From nodes to a function: the schedule is fixed once and run any number of times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backprop.arrays import describe, is_tensor, namespace
from backprop.graph.backpropagation import ancestors
from backprop.graph.node import Node
from backprop.graph.schedule import Schedule

#: A function keeps so many schedules: one for each combination of shapes and dtypes.
MOST_SCHEDULES = 16


class Function:
    """A callable that takes the values of its inputs and returns those of its outputs.

    Source: chapter 8.
    """

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        """Find the order of computation; see `function`."""
        self.inputs, self.outputs = list(inputs), list(outputs)
        for node in [*self.inputs, *self.outputs]:
            if not isinstance(node, Node):
                raise TypeError(f"{node!r} stands among inputs and outputs; expected nodes")
        if len(set(self.inputs)) < len(self.inputs):
            raise ValueError("an input is named twice; expected each input once")
        given = set(self.inputs)
        needed = [node for node in ancestors(self.outputs, given) if node not in given]
        for node in needed:
            if node.operation == "variable":
                raise ValueError(
                    f"the outputs depend on {node!r}, which is not among the inputs; expected "
                    "every variable that they depend on"
                )
        self._constants = [node for node in needed if node.operation == "constant"]
        self._computed = [node for node in needed if node.operation != "constant"]
        self._whole = _indices(needed)
        self._schedules: dict[Any, tuple[Schedule, list[tuple[int, Callable[..., Any]]]]] = {}

    def __call__(self, *values: Any) -> list[Any]:
        """The values of the outputs, for values of the inputs in their order.

        The first call with new shapes or dtypes takes longer: it finds the schedule for them.

        Args:
            values: NumPy arrays and numbers, or PyTorch tensors and numbers. Python numbers, here
                and in the graph, take the floating-point dtype of the arrays; only those that an
                index is computed from stay whole numbers.

        Raises:
            TypeError: for another number of values than of inputs, for anything else than
                arrays and numbers, and for NumPy arrays beside tensors.
            ValueError, TypeError, ...: what an operation raises, with a note that names the
                node and the line that made it.

        Source: chapter 8.
        """
        if len(values) != len(self.inputs):
            raise TypeError(f"got {len(values)} values; expected {len(self.inputs)}, one an input")
        signature = tuple([_signature(value) for value in values])
        if signature not in self._schedules:
            if len(self._schedules) == MOST_SCHEDULES:
                self._schedules.clear()
            self._schedules[signature] = self._prepare(values)
        schedule, conversions = self._schedules[signature]
        arrays = list(values)
        for position, convert in conversions:
            arrays[position] = convert(values[position])
        return schedule.run(arrays)

    def _prepare(
        self, values: Sequence[Any]
    ) -> tuple[Schedule, list[tuple[int, Callable[..., Any]]]]:
        """The schedule for inputs like these, and which of them to convert before it."""
        for node, value in zip(self.inputs, values, strict=True):
            if not (isinstance(value, np.ndarray | np.generic | float | int) or is_tensor(value)):
                raise TypeError(
                    f"the value of {node!r} is {describe(value)}; expected an array, a tensor or "
                    "a number"
                )
        nodes = [*self.inputs, *self._constants]
        values = [*values, *(node.attributes["value"] for node in self._constants)]
        xp, device = _namespace(values[: len(self.inputs)], values[len(self.inputs) :])
        dtype = _number_dtype(xp, values)
        conversions, arrays = [], {}
        for position, (node, value) in enumerate(zip(nodes, values, strict=True)):
            convert = _conversion(xp, value, None if node in self._whole else dtype, device)
            arrays[node] = convert(value) if convert else value
            if convert and position < len(self.inputs):
                conversions.append((position, convert))
        given = {node: arrays.pop(node) for node in self.inputs}
        return Schedule(xp, given, arrays, self._computed, self.outputs), conversions


def function(inputs: Sequence[Node], outputs: Sequence[Node]) -> Function:
    """A callable that computes ``outputs`` from values of ``inputs``.

    Args:
        inputs: variables, or any other nodes whose values will be given.
        outputs: nodes.

    Returns:
        A function that takes one value an input, in this order, and returns a list with one
        value an output. What is given NumPy arrays returns NumPy arrays, and tensors tensors.

    Raises:
        TypeError: if anything is no node.
        ValueError: if an input is named twice, or if a variable is missing among the inputs.

    Source: chapter 8.
    """
    return Function(inputs, outputs)


def _indices(nodes: Sequence[Node]) -> set[Node]:
    """The nodes that indices are computed from."""
    position = {"rows": 1, "scatter_rows": 2}
    picks = [node for node in nodes if node.operation in position]
    return set(ancestors(node.inputs[position[node.operation]] for node in picks))


def _signature(value: Any) -> tuple[Any, ...]:
    """What a schedule was made for: the same for values that can share it."""
    if type(value) is np.ndarray:
        return value.shape, value.dtype
    attributes = [getattr(value, name, None) for name in ("shape", "dtype", "device")]
    return type(value), *attributes


def _namespace(inputs: Sequence[Any], constants: Sequence[Any]) -> tuple[Any, Any]:
    """The library that computes, and for tensors their device."""
    tensors = [value for value in inputs if is_tensor(value)]
    arrays = [value for value in inputs if isinstance(value, np.ndarray)]
    tensors += [value for value in constants if is_tensor(value)][:1]
    if tensors and arrays:
        raise TypeError(
            f"the values mix {describe(tensors[0])} and {describe(arrays[0])}; expected one library"
        )
    return (namespace(tensors[0]), tensors[0].device) if tensors else (np, None)


def _conversion(xp: Any, value: Any, dtype: Any, device: Any) -> Callable[..., Any] | None:
    """How ``value`` becomes an array of the library ``xp``, None if it is one."""
    if type(value) in (int, float):
        if xp is np:
            return lambda number: np.asarray(number, dtype=dtype)[()]
        return lambda number: xp.asarray(number, dtype=dtype, device=device)
    if xp is np or is_tensor(value):
        return None
    return lambda array: xp.asarray(np.asarray(array), device=device)


def _number_dtype(xp: Any, values: Sequence[Any]) -> Any:
    """The floating-point dtype that the arrays have together, which the numbers take."""
    arrays = [value for value in values if hasattr(value, "dtype")]
    dtypes = {value.dtype if is_tensor(value) else xp.asarray(value).dtype for value in arrays}
    floating = [dtype for dtype in dtypes if "float" in str(dtype)]
    return xp.result_type(*floating) if floating else xp.asarray(1.0).dtype
