"""Steps and epochs of training, the same numbers in each library: what a worker process runs.

A program takes its settings and returns a callable that does one step or one epoch. Its first
call answers the losses of the first three steps, or of the first epoch, by which the libraries
are compared. A library is imported only by the process that measures it.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.measure import serve_library
from benchmarks.programs import checked

Step = Callable[[], float]
Programs = dict[str, Callable[..., Any]]

#: Rates at which the classifiers learn and the fit to numbers stays finite.
RATE, FIT_RATE = 0.01, 1e-6
SAMPLES, BATCH = 60_000, 64


def numbers(sizes: Sequence[int], batch: int, dtype: str) -> tuple[np.ndarray, np.ndarray, list]:
    """Inputs, labels, and for each layer its weights over its bias, which is zero."""
    rng = np.random.default_rng(0)
    x = rng.random((batch, sizes[0])).astype(dtype)
    labels = rng.integers(sizes[-1], size=batch)
    weights = []
    for rows, columns in pairwise(sizes):
        drawn = rng.normal(size=(rows, columns)) / rows**0.5
        weights.append(np.vstack([drawn, np.zeros(columns)]).astype(dtype))
    return x, labels, weights


def targets(labels: np.ndarray, classes: int, dtype: str) -> np.ndarray:
    """What the squared error compares with: some numbers, one row a sample."""
    return np.cos(labels[:, None] + np.arange(classes)).astype(dtype)


def three(step: Step) -> Step:
    """``step``, which on its first call answers the losses of three steps."""
    return checked(step, [float(step()) for _ in range(3)])


def batches(seed: int) -> Iterator[np.ndarray]:
    """The numbers of the samples of one epoch, shuffled, 64 at a time."""
    order = np.random.default_rng(seed).permutation(SAMPLES)
    for start in range(0, SAMPLES, BATCH):
        yield order[start : start + BATCH]


def layers_programs() -> Programs:
    """The package's layers."""
    from backprop.layers import Layer, Linear, ReLU
    from backprop.losses import Loss, SoftmaxCrossEntropy, SumSquaredError
    from backprop.network import NeuralNet

    def network(weights: Sequence[Any], loss: Loss, bias: bool = True) -> NeuralNet:
        layers: list[Layer] = []
        for W in weights:
            linear = Linear(len(W) - 1, W.shape[1], bias=bias)
            linear.W = W if bias else W[:-1]
            layers += [linear, ReLU()]
        return NeuralNet(layers[:-1], loss)

    def step_of(net: NeuralNet, x: Any, y: Any, rate: float = RATE) -> Step:
        def step() -> float:
            loss = net.evaluate(x, y)
            net.gradient_descent(rate)
            return loss

        return step

    def classify(sizes: Sequence[int], batch: int, dtype: str) -> Step:
        x, labels, weights = numbers(sizes, batch, dtype)
        return three(step_of(network(weights, SoftmaxCrossEntropy()), x, labels))

    def fit(sizes: Sequence[int], batch: int, dtype: str) -> Step:
        x, labels, weights = numbers(sizes, batch, dtype)
        net = network(weights, SumSquaredError(), bias=False)
        return three(step_of(net, x, targets(labels, sizes[-1], dtype), FIT_RATE))

    def tensors(sizes: Sequence[int], batch: int, device: str) -> Step:
        torch = torch_with(device)
        x, labels, weights = numbers(sizes, batch, "float32")
        x, y, *weights = [torch.from_numpy(a).to(device) for a in (x, labels, *weights)]
        step = step_of(network(weights, SoftmaxCrossEntropy()), x, y)
        return three(lambda: done(device, step()))

    def epoch(sizes: Sequence[int], dtype: str) -> Step:
        x, labels, weights = numbers(sizes, SAMPLES, dtype)
        net = network(weights, SoftmaxCrossEntropy())

        def work() -> float:
            total, right = 0.0, 0
            for chosen in batches(0):
                y = labels[chosen]
                total += float(net.evaluate(x[chosen], y)) * len(y)
                right += int((net.outputs.argmax(1) == y).sum())
                net.gradient_descent(RATE)
            return total / SAMPLES

        return checked(work, [work()])

    def forward_backward(sizes: Sequence[int], batch: int, count: int) -> list[float]:
        """``count`` times: both passes together, as a multiple of the forward pass alone."""
        x, labels, weights = numbers(sizes, batch, "float32")
        net = network(weights, SoftmaxCrossEntropy())

        def both() -> None:
            net.evaluate(x, labels)
            net.backprop()

        def seconds(work: Callable[[], Any]) -> float:
            start, calls = time.perf_counter(), 0
            while not calls or time.perf_counter() < start + 0.05:
                work()
                calls += 1
            return (time.perf_counter() - start) / calls

        both()
        return [seconds(both) / seconds(lambda: net.evaluate(x, labels)) for _ in range(count)]

    def memory(sizes: Sequence[int], batch: int) -> dict[str, int]:
        """Bytes that the forward pass leaves, the highest of a step, and those of the weights."""
        x, labels, weights = numbers(sizes, batch, "float32")
        net = network(weights, SoftmaxCrossEntropy())
        net.evaluate(x, labels)
        net.gradient_descent(RATE)  # from here on the layers change arrays of their own
        tracemalloc.start()
        net.evaluate(x, labels)
        stored = tracemalloc.get_traced_memory()[0]
        net.gradient_descent(RATE)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return {"stored": stored, "peak": peak, "weights": sum(W.nbytes for W in weights)}

    return {
        "classify": classify,
        "fit": fit,
        "tensors": tensors,
        "epoch": epoch,
        "forward-backward": forward_backward,
        "memory": memory,
    }


def torch_with(device: str) -> Any:
    """PyTorch, or an ImportError where it does not find the device."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ImportError("PyTorch finds no GPU")
    return torch


def done(device: str, loss: Any) -> Any:
    """``loss``, when the device has done all that was asked of it."""
    if device == "cuda":
        torch_with(device).cuda.synchronize()
    return loss


def torch_programs() -> Programs:
    """``torch.nn`` with its losses and its optimizer; as many threads as the environment says."""
    import torch
    from torch.nn import functional

    def model(weights: Sequence[np.ndarray], bias: bool = True) -> Any:
        parts: list[Any] = []
        for W in weights:
            linear = torch.nn.Linear(len(W) - 1, W.shape[1], bias=bias)
            linear.weight.data = torch.from_numpy(W[:-1].T.copy())
            if bias:
                linear.bias.data = torch.from_numpy(W[-1].copy())
            parts += [linear, torch.nn.ReLU()]
        return torch.nn.Sequential(*parts[:-1])

    def step_of(net: Any, error: Any, rate: float = RATE) -> Callable[[Any, Any], tuple]:
        optimizer = torch.optim.SGD(net.parameters(), lr=rate)

        def step(x: Any, y: Any) -> tuple[Any, Any]:
            outputs = net(x)
            loss = error(outputs, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.detach(), outputs

        return step

    def classify(sizes: Sequence[int], batch: int, dtype: str) -> Step:
        x, labels, weights = numbers(sizes, batch, dtype)
        step = step_of(model(weights), functional.cross_entropy)
        x, labels = torch.from_numpy(x), torch.from_numpy(labels)
        return three(lambda: step(x, labels)[0])

    def fit(sizes: Sequence[int], batch: int, dtype: str) -> Step:
        x, labels, weights = numbers(sizes, batch, dtype)
        y = torch.from_numpy(targets(labels, sizes[-1], dtype))
        step = step_of(model(weights, bias=False), torch.nn.MSELoss(reduction="sum"), FIT_RATE)
        x = torch.from_numpy(x)
        return three(lambda: step(x, y)[0])

    def tensors(sizes: Sequence[int], batch: int, device: str) -> Step:
        torch_with(device)
        x, labels, weights = numbers(sizes, batch, "float32")
        step = step_of(model(weights).to(device), functional.cross_entropy)
        x, labels = torch.from_numpy(x).to(device), torch.from_numpy(labels).to(device)
        return three(lambda: done(device, step(x, labels)[0]))

    def epoch(sizes: Sequence[int], dtype: str) -> Step:
        x, labels, weights = numbers(sizes, SAMPLES, dtype)
        x, labels = torch.from_numpy(x), torch.from_numpy(labels)
        return _torch_epoch(step_of(model(weights), functional.cross_entropy), x, labels)

    return {"classify": classify, "fit": fit, "tensors": tensors, "epoch": epoch}


def _torch_epoch(step: Callable[[Any, Any], tuple[Any, Any]], x: Any, labels: Any) -> Step:
    import torch

    def work() -> float:
        total, right = 0.0, 0
        for chosen in map(torch.from_numpy, batches(0)):
            y = labels[chosen]
            loss, outputs = step(x[chosen], y)
            total += float(loss) * len(y)
            right += int((outputs.argmax(1) == y).sum())
        return total / SAMPLES

    return checked(work, [work()])


def plain_programs() -> Programs:
    """Tensors without autograd: a column of ones, one-hot labels, updates out of place."""
    import torch

    def with_ones(x: Any) -> Any:
        return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)

    def step_of(W1: Any, W2: Any) -> Callable[[Any, Any], tuple[Any, Any]]:
        def step(x: Any, labels: Any) -> tuple[Any, Any]:
            nonlocal W1, W2
            first = with_ones(x)
            z = first @ W1
            second = with_ones(z.clamp(min=0))
            outputs = second @ W2
            shifted = outputs - outputs.amax(dim=1, keepdim=True)
            p = torch.exp(shifted) / torch.exp(shifted).sum(dim=1, keepdim=True)
            y = torch.nn.functional.one_hot(labels, W2.shape[1]).to(x.dtype)
            loss = (-y * torch.log(p)).sum(dim=1).mean()
            grad = (p - y) / len(x)
            grad_W2 = second.T @ grad
            grad_W1 = first.T @ ((grad @ W2.T)[:, :-1] * (z > 0).to(x.dtype))
            W1, W2 = W1 - RATE * grad_W1, W2 - RATE * grad_W2
            return loss, outputs

        return step

    def classify(sizes: Sequence[int], batch: int, dtype: str) -> Step:
        x, labels, weights = numbers(sizes, batch, dtype)
        step = step_of(*map(torch.from_numpy, weights))
        x, labels = torch.from_numpy(x), torch.from_numpy(labels)
        return three(lambda: step(x, labels)[0])

    def epoch(sizes: Sequence[int], dtype: str) -> Step:
        x, labels, weights = numbers(sizes, SAMPLES, dtype)
        x, labels = torch.from_numpy(x), torch.from_numpy(labels)
        return _torch_epoch(step_of(*map(torch.from_numpy, weights)), x, labels)

    return {"classify": classify, "epoch": epoch}


def numpy_programs() -> Programs:
    """NumPy: the matrix products of a step and nothing else, and a step out of place."""

    def products(sizes: Sequence[int], batch: int, dtype: str) -> Callable[[], list[float]]:
        x, _, (W1, W2) = numbers(sizes, batch, dtype)
        W1, W2 = W1[:-1], W2[:-1]

        def work() -> list[float]:
            h = x @ W1
            y = h @ W2
            _ = h.T @ y
            g = y @ W2.T
            _ = x.T @ g
            return []  # nothing that could be compared

        return work

    def fit(sizes: Sequence[int], batch: int, dtype: str) -> Step:
        x, labels, (W1, W2) = numbers(sizes, batch, dtype)
        y, W1, W2 = targets(labels, sizes[-1], dtype), W1[:-1], W2[:-1]

        def step() -> float:
            nonlocal W1, W2
            z = x.dot(W1)
            h = np.maximum(z, 0)
            error = h.dot(W2) - y
            grad_y = 2.0 * error
            grad_W2 = h.T.dot(grad_y)
            grad_z = grad_y.dot(W2.T).copy()
            grad_z[z < 0] = 0
            grad_W1 = x.T.dot(grad_z)
            W1 = W1 - FIT_RATE * grad_W1
            W2 = W2 - FIT_RATE * grad_W2
            return np.square(error).sum()

        return three(step)

    return {"products": products, "fit": fit}


def jax_programs() -> Programs:
    """JAX: the whole step in one jitted function."""
    import jax
    import jax.numpy as jnp

    def classify(sizes: Sequence[int], batch: int, dtype: str) -> Step:
        jax.config.update("jax_enable_x64", dtype == "float64")
        x, labels, weights = numbers(sizes, batch, dtype)
        parameters = [(jnp.asarray(W[:-1]), jnp.asarray(W[-1])) for W in weights]

        def loss(parameters: Any, x: Any, labels: Any) -> Any:
            (W1, b1), (W2, b2) = parameters
            y = jax.nn.relu(x @ W1 + b1) @ W2 + b2
            at_label = jnp.take_along_axis(y, labels[:, None], axis=1)[:, 0]
            return jnp.mean(jax.nn.logsumexp(y, axis=1) - at_label)

        @jax.jit
        def update(parameters: Any, x: Any, labels: Any) -> tuple[Any, Any]:
            value, grads = jax.value_and_grad(loss)(parameters, x, labels)
            return value, jax.tree.map(lambda p, g: p - RATE * g, parameters, grads)

        x, labels = jnp.asarray(x), jnp.asarray(labels)

        def step() -> float:
            nonlocal parameters
            value, parameters = jax.block_until_ready(update(parameters, x, labels))
            return value

        return three(step)

    return {"classify": classify}


if __name__ == "__main__":
    serve_library(globals())
