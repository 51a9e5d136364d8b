"""The same pieces of work in each library: what a worker process runs.

Every function takes the settings of a piece of work and returns a callable that does it once
and returns a few numbers by which the libraries can be compared: the loss, and the sums of the
absolute gradients. A library is imported only by the process that measures it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.measure import serve_library

Work = Callable[[], list[float]]


def problem(sizes: Sequence[int], batch: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Inputs, one-hot targets, and weights and biases of a network, in float32."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, sizes[0])).astype(np.float32)
    targets = np.eye(sizes[-1], dtype=np.float32)[rng.integers(sizes[-1], size=batch)]
    parameters: list[np.ndarray] = []
    for rows, columns in pairwise(sizes):
        parameters.append((rng.normal(size=(rows, columns)) / rows**0.5).astype(np.float32))
        parameters.append(rng.normal(size=columns).astype(np.float32))
    return x, targets, parameters


def digest(loss: Any, gradients: Sequence[Any]) -> list[float]:
    """The loss and, one number a gradient, the sum of its absolute entries."""
    return [float(loss), *(float(abs(g).sum()) for g in gradients)]


def outputs(x: Any, parameters: Sequence[Any], relu: Callable[[Any], Any]) -> Any:
    """What a network of two layers says, in any library."""
    W1, b1, W2, b2 = parameters
    return relu(x @ W1 + b1) @ W2 + b2


def moons() -> tuple[np.ndarray, np.ndarray]:
    """A hundred points on two half circles, with noise, and their classes -1 and 1."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, size=50)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([upper, [1.0, 0.5] - upper])
    return points + rng.normal(scale=0.1, size=points.shape), np.repeat([-1.0, 1.0], 50)


# ---- each library: the work that it takes part in ----


def graph_programs() -> dict[str, Callable[..., Any]]:
    """The package's graph."""
    from benchmarks import graph_programs

    return {
        "cross-entropy": graph_programs.cross_entropy,
        "squared-error": graph_programs.squared_error,
        "chain": graph_programs.chain,
        "chain-anew": graph_programs.chain_anew,
        "moons": graph_programs.moons_step,
        "chain-bytes": graph_programs.chain_bytes,
        "network-memory": graph_programs.network_memory,
    }


def layers_programs() -> dict[str, Callable[..., Any]]:
    """The package's hand-written layers."""

    def squared_error(sizes: Sequence[int], batch: int) -> Work:
        from backprop.layers import Linear, ReLU
        from backprop.losses import MeanSquaredError
        from backprop.network import NeuralNet

        x, targets, (W1, b1, W2, b2) = problem(sizes, batch)
        first, last = Linear(sizes[0], sizes[1]), Linear(sizes[1], sizes[2])
        first.W, last.W = np.vstack([W1, b1]), np.vstack([W2, b2])
        network = NeuralNet([first, ReLU(), last], MeanSquaredError())

        def work() -> Any:
            return network.evaluate(x, targets), network.backprop()

        loss, (G1, G2) = work()
        return checked(work, digest(loss, [G1[:-1], G1[-1], G2[:-1], G2[-1]]))

    return {"squared-error": squared_error}


def checked(work: Callable[[], Any], values: list[float]) -> Any:
    """``work``, which on its first call returns ``values`` instead of its own result."""
    first = [values]
    return lambda: first.pop() if first else work()


def torch_programs() -> dict[str, Callable[..., Any]]:
    """PyTorch's autograd; "fused" with its own loss and its own layers' product and sum."""
    import torch

    torch.set_num_threads(1)

    def cross_entropy(sizes: Sequence[int], batch: int, fused: bool = False) -> Work:
        x, targets, *parameters = map(torch.from_numpy, _flat(sizes, batch))
        for p in parameters:
            p.requires_grad_()

        def work() -> Any:
            if fused:
                W1, b1, W2, b2 = parameters
                y = torch.addmm(b2, torch.relu(torch.addmm(b1, x, W1)), W2)
                loss = torch.nn.functional.cross_entropy(y, targets)
            else:
                y = outputs(x, parameters, torch.relu)
                loss = (torch.logsumexp(y, dim=1) - (y * targets).sum(dim=1)).mean()
            return loss.detach(), torch.autograd.grad(loss, parameters)

        return checked(work, digest(*work()))

    def chain(links: int, size: int) -> Work:
        x = torch.linspace(0.5, 1.5, size, dtype=torch.float64).requires_grad_()
        steps = [lambda y: y * 1.25, torch.exp, torch.log, lambda y: y * 0.8]

        def work() -> Any:
            y = x
            for k in range(links):
                y = steps[k % 4](y)
            loss = y.sum()
            return loss.detach(), torch.autograd.grad(loss, [x])

        return checked(work, digest(*work()))

    return {
        "cross-entropy": cross_entropy,
        "fused": lambda *settings: cross_entropy(*settings, fused=True),
        "chain": chain,
    }


def _flat(sizes: Sequence[int], batch: int) -> list[np.ndarray]:
    x, targets, parameters = problem(sizes, batch)
    return [x, targets, *parameters]


def autograd_programs() -> dict[str, Callable[..., Any]]:
    """HIPS autograd; the largest logit is taken out as a constant, which costs it least."""
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.tracer import getval

    def cross_entropy(sizes: Sequence[int], batch: int) -> Work:
        x, targets, parameters = problem(sizes, batch)

        def loss(parameters: list[Any]) -> Any:
            y = outputs(x, parameters, lambda z: anp.maximum(z, 0))
            top = np.max(getval(y), axis=1, keepdims=True)
            logsumexp = anp.log(anp.sum(anp.exp(y - top), axis=1)) + top[:, 0]
            return anp.mean(logsumexp - anp.sum(y * targets, axis=1))

        both = value_and_grad(loss)
        return checked(lambda: both(parameters), digest(*both(parameters)))

    return {"cross-entropy": cross_entropy}


def jax_programs() -> dict[str, Callable[..., Any]]:
    """JAX, jitted."""
    import jax
    import jax.numpy as jnp

    def cross_entropy(sizes: Sequence[int], batch: int) -> Work:
        x, targets, *parameters = map(jnp.asarray, _flat(sizes, batch))

        def loss(parameters: list[Any], x: Any, targets: Any) -> Any:
            y = outputs(x, parameters, jax.nn.relu)
            return jnp.mean(jax.nn.logsumexp(y, axis=1) - jnp.sum(y * targets, axis=1))

        both = jax.jit(jax.value_and_grad(loss))

        def work() -> Any:
            return jax.block_until_ready(both(parameters, x, targets))

        return checked(work, digest(*work()))

    return {"cross-entropy": cross_entropy}


def micrograd_programs() -> dict[str, Callable[..., Any]]:
    """A step of micrograd's demo: loss, zeros, backward, and the parameters moved."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    def step(rate: float, weight: float) -> Work:
        random.seed(0)
        model = MLP(2, [16, 16, 1])
        points, classes = moons()

        def work() -> list[float]:
            scores = [model([Value(a) for a in point]) for point in points.tolist()]
            losses = [
                (1 + -c * score).relu() for c, score in zip(classes.tolist(), scores, strict=True)
            ]
            parameters = model.parameters()
            loss = sum(losses) * (1.0 / len(losses)) + weight * sum(p * p for p in parameters)
            model.zero_grad()
            loss.backward()
            for p in parameters:
                p.data -= rate * p.grad
            return [loss.data, sum(abs(p.grad) for p in parameters)]

        return work

    return {"moons": step}


if __name__ == "__main__":
    serve_library(globals())
