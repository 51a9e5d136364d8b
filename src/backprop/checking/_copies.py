"""Copies of a network, in which it may be run and its parameters moved."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from backprop import arrays
from backprop.arrays import Array
from backprop.checking._differences import Function
from backprop.diagnosis._model import Trace, record


def claimed(network: Any, x: Array, y: Array, before: tuple[Array, Array]) -> list[Array]:
    """What a copy of ``network`` claims, after a whole step back for another batch."""
    work = copied(network)
    work.evaluate(*before)
    kept = [copied(layer.W) for _, layer in trainable_layers(work)]
    work.backprop()
    for (_, layer), W in zip(trainable_layers(work), kept, strict=True):
        if not np.array_equal(arrays.to_numpy(layer.W), arrays.to_numpy(W)):
            layer.W = W  # a backward pass that moves the weights
    work.evaluate(x, y)
    return list(work.backprop())


def copied(thing: Any) -> Any:
    """A deep copy, in which tensors that PyTorch has computed stand without their graph."""
    memo: dict[int, Any] = {}
    _detach(thing, memo, set())
    return copy.deepcopy(thing, memo)


def _detach(thing: Any, memo: dict[int, Any], seen: set[int]) -> None:
    """Put copies of the tensors in ``thing`` that PyTorch refuses to copy into ``memo``."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if arrays.is_tensor(thing):
        if not thing.is_leaf:
            memo[id(thing)] = thing.detach().clone()
    elif isinstance(thing, list | tuple):
        for part in thing:
            _detach(part, memo, seen)
    else:
        for part in (thing if isinstance(thing, dict) else getattr(thing, "__dict__", {})).values():
            _detach(part, memo, seen)


def trainable_layers(network: Any) -> list[tuple[int, Any]]:
    """The layers with parameters, with their numbers."""
    if not hasattr(network, "layers"):
        raise TypeError(
            f"network is {arrays.describe(network)}, without layers; expected layers with "
            "parameters W, evaluate(x, y) and backprop(). Any other model can be checked by "
            "check_gradient, one array of parameters at a time"
        )
    layers = enumerate(network.layers)
    return [(number, layer) for number, layer in layers if getattr(layer, "W", None) is not None]


def in_double(network: Any, x: Array, y: Array) -> tuple[Any, Array, Array]:
    """A copy of ``network`` with the same parameters in float64, and the batch in float64.

    In float32 the steps of a central difference are so wide that they cross kinks.
    """
    work = copied(network)
    work.evaluate(x, y)  # parameters that were drawn take the dtype of the first batch
    for _, layer in trainable_layers(work):
        if arrays.dtype_name(layer.W) != "float64":
            layer.W = double(layer.W)
    return work, double(x), double(y)


def double(a: Array) -> Array:
    """``a`` in float64, if its dtype is a floating-point one."""
    if arrays.dtype_name(a) not in arrays.FLOATING or arrays.dtype_name(a) == "float64":
        return a
    xp = arrays.namespace(a)
    with arrays.without_graph(a):
        return xp.astype(a, xp.float64)


def loss_of(network: Any, layer: Any, x: Array, y: Array) -> Function:
    """The loss as a function of one layer's parameters, which it leaves as they were."""

    def f(values: Array) -> Any:
        kept, layer.W = layer.W, values
        try:
            return network.evaluate(x, y)
        finally:
            layer.W = kept

    return f


def trace_of(network: Any, batch: tuple[Array, Array]) -> Trace | None:
    work = copied(network)
    value = float(arrays.to_numpy(work.evaluate(*batch)))
    return record(work.layers, value, *batch)


def mixed(x: Array, y: Array) -> tuple[Array, Array]:
    """Another batch with numbers like those of ``x``, and targets of ``y``.

    Every other row has the opposite sign: a ReLU that was on is off there.
    """
    rng, values = np.random.default_rng(0), arrays.to_numpy(x)
    values = rng.permuted(values, axis=0 if len(values) > 1 else -1)
    values = values * rng.uniform(0.5, 1.5, size=values.shape)
    values[::2] *= -1
    targets = arrays.to_numpy(y)
    return arrays.like(values, x), arrays.like(targets[rng.permutation(len(targets))], y)
