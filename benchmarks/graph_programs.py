"""The pieces of work of `benchmarks.programs`, for the package's graph, and its memory."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backprop import graph
from backprop.graph.backpropagation import ancestors
from backprop.graph.schedule import SHAPE_ONLY
from benchmarks.programs import Work, checked, digest, moons, outputs, problem


def _parameters() -> list[graph.Node]:
    return [graph.variable(name) for name in ("W1", "b1", "W2", "b2")]


def _network(
    sizes: Sequence[int], batch: int, error: Callable[[graph.Node, graph.Node], graph.Node]
) -> Work:
    x, targets, parameters = graph.variable("x"), graph.variable("targets"), _parameters()
    loss = error(outputs(x, parameters, graph.relu), targets)
    step = graph.function([x, targets, *parameters], [loss, *graph.gradients(loss, parameters)])
    inputs, classes, values = problem(sizes, batch)
    first, *gradients = step(inputs, classes, *values)
    return checked(lambda: step(inputs, classes, *values), digest(first, gradients))


def cross_entropy(sizes: Sequence[int], batch: int) -> Work:
    """Softmax cross-entropy, by way of logsumexp."""

    def error(y: graph.Node, targets: graph.Node) -> graph.Node:
        return graph.mean(graph.logsumexp(y, axis=1) - graph.sum(y * targets, axis=1))

    return _network(sizes, batch, error)


def squared_error(sizes: Sequence[int], batch: int) -> Work:
    """The mean of the squared errors, as in `backprop.losses`."""

    def error(y: graph.Node, targets: graph.Node) -> graph.Node:
        difference = y - targets
        return graph.mean(difference * difference)

    return _network(sizes, batch, error)


def _chain(links: int) -> tuple[graph.Node, graph.Node]:
    x = graph.variable("x")
    steps = [lambda y: y * 1.25, graph.exp, graph.log, lambda y: y * 0.8]
    y = x
    for k in range(links):
        y = steps[k % 4](y)
    return x, graph.sum(y)


def _chain_function(links: int) -> Any:
    x, loss = _chain(links)
    return graph.function([x], [loss, *graph.gradients(loss, [x])])


def chain(links: int, size: int) -> Work:
    """Loss and gradient of a chain, with a schedule that is fixed already."""
    x, step = np.linspace(0.5, 1.5, size), _chain_function(links)
    loss, *gradients = step(x)
    return checked(lambda: step(x), digest(loss, gradients))


def chain_anew(links: int, size: int) -> Work:
    """The same, with the graph, its gradient and its schedule made anew each time."""
    x = np.linspace(0.5, 1.5, size)
    loss, *gradients = _chain_function(links)(x)
    return checked(lambda: _chain_function(links)(x), digest(loss, gradients))


def moons_step(rate: float, weight: float) -> Work:
    """A step of micrograd's demo, all points at once; the same parameters to begin with."""
    random.seed(0)
    values: list[np.ndarray] = []
    for rows, columns in ((2, 16), (16, 16), (16, 1)):
        weights = [[random.uniform(-1, 1) for _ in range(rows)] for _ in range(columns)]
        values += [np.array(weights).T.copy(), np.zeros(columns)]
    points, classes = moons()
    x, c = graph.variable("x"), graph.variable("c")
    parameters = [graph.variable(f"{letter}{k}") for k in (1, 2, 3) for letter in "Wb"]
    W1, b1, W2, b2, W3, b3 = parameters
    scores = graph.relu(graph.relu(x @ W1 + b1) @ W2 + b2) @ W3 + b3
    loss = graph.mean(graph.relu(1 - c * scores))
    for p in parameters:
        loss = loss + weight * graph.sum(p * p)
    moved = [
        p - rate * g for p, g in zip(parameters, graph.gradients(loss, parameters), strict=True)
    ]
    step = graph.function([x, c, *parameters], [loss, *moved])
    state = [values]

    def work() -> list[Any]:
        value, *state[0] = step(points, classes[:, None], *state[0])
        return [value]

    before = values
    (first,) = work()
    gradients = [(old - new) / rate for old, new in zip(before, state[0], strict=True)]
    return checked(work, [float(first), sum(float(abs(g).sum()) for g in gradients)])


# ---- memory ----


def _traced(work: Callable[[], Any]) -> tuple[int, int, Any]:
    """What ``work`` occupies at most, what of it is left when it is done, and its result."""
    tracemalloc.start()
    result = work()
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak, left, result


def chain_bytes(links: int, size: int) -> dict[str, float]:
    """Bytes a link: what graph, gradient and schedule occupy, and what a call adds at most."""
    x = np.linspace(0.5, 1.5, size)

    def build() -> Any:
        step = _chain_function(links)
        step(x)
        return step

    start = time.perf_counter()
    _chain_function(links)(x)
    seconds = time.perf_counter() - start
    _, built, step = _traced(build)
    called, _, _ = _traced(lambda: step(x))
    return {"built": built / links, "called": called / links, "seconds": seconds / links}


def network_memory(depth: int, width: int, batch: int) -> dict[str, float]:
    """Bytes that a network of ``depth`` layers of tanh needs, in float64.

    ``stored``: the activations that the backward pass reads, after a forward pass that keeps
    just these. ``peak``: the most that loss and gradients together occupy at any time of their
    call, results included. ``results``: the gradients that are returned.
    """
    x, weights = graph.variable("x"), [graph.variable(f"W{k}") for k in range(depth)]
    y = x
    for W in weights:
        y = graph.tanh(y @ W)
    loss = graph.mean(y * y)
    gradients = graph.gradients(loss, weights)
    forward = set(ancestors([loss]))
    read = {
        x
        for node in ancestors(gradients)
        if node not in forward
        for position, x in enumerate(node.inputs)
        if position not in SHAPE_ONLY.get(node.operation, ())
    }
    kept = [node for node in forward & read if node.inputs]
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(batch, width))]
    values += [rng.normal(size=(width, width)) / width**0.5 for _ in weights]
    only_forward = graph.function([x, *weights], [loss, *kept])
    both = graph.function([x, *weights], [loss, *gradients])
    only_forward(*values)
    both(*values)
    _, stored, _ = _traced(lambda: only_forward(*values))
    peak, _, results = _traced(lambda: both(*values))
    return {"stored": stored, "peak": peak, "results": sum(g.nbytes for g in results[1:])}
