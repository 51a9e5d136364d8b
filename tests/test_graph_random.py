"""Random graphs with shared parts, and a whole network, against PyTorch and the layers."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backprop import graph
from backprop.layers import Linear, ReLU, Sigmoid, Tanh
from backprop.losses import BinaryCrossEntropy, MeanSquaredError, SumSquaredError
from backprop.network import NeuralNet

SHAPE = (2, 3)
TORCH = SimpleNamespace(
    **{name: getattr(torch, name) for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "abs")},
    **{name: getattr(torch, name) for name in ("relu", "where", "einsum", "sum", "mean")},
    maximum=torch.maximum,
    max=lambda x, axis: torch.amax(x, axis),
    logsumexp=lambda x, axis: torch.logsumexp(x, axis),
    concatenate=torch.cat,
    transpose=lambda x: x.T,
    reshape=torch.reshape,
    broadcast_to=torch.broadcast_to,
)

#: Functions of two arrays of SHAPE to an array of SHAPE. Entries stay between about -3 and 3,
#: and where there is a kink, the arrays are moved away from it by a fixed pattern.
APART = np.array([[0.3, -0.4, 0.5], [-0.6, 0.7, -0.8]])
STEPS = [
    lambda xp, a, b, c: a + 0.5 * b,
    lambda xp, a, b, c: a * b - a,
    lambda xp, a, b, c: a / (1.5 + b * b),
    lambda xp, a, b, c: (1 + a * a) ** (0.5 * xp.tanh(b)),
    lambda xp, a, b, c: a**3 - 2 * b**2,
    lambda xp, a, b, c: xp.exp(-a * a) - xp.sigmoid(b),
    lambda xp, a, b, c: xp.log(2 + a * b * a * b) + xp.sqrt(1 + b * b),
    lambda xp, a, b, c: xp.relu(0.1 * xp.tanh(a) + c) * b,
    lambda xp, a, b, c: xp.abs(0.1 * xp.tanh(b) + c) - a,
    lambda xp, a, b, c: xp.maximum(0.1 * xp.tanh(a) + c, 0.1 * xp.tanh(b) - c) * a,
    lambda xp, a, b, c: xp.where(c > 0, a * b, a - b),
    lambda xp, a, b, c: a - xp.sum(b, 0) * xp.mean(a, 1)[:, None],
    lambda xp, a, b, c: xp.logsumexp(a, 1)[:, None] + b,
    lambda xp, a, b, c: xp.max(0.1 * xp.tanh(b) + c, 0) * a,
    lambda xp, a, b, c: xp.concatenate([a[1:], b[[0]]], 0) * a,
    lambda xp, a, b, c: xp.reshape(xp.transpose(a), SHAPE) - b,
    lambda xp, a, b, c: a @ (xp.transpose(b) @ a),
    lambda xp, a, b, c: xp.einsum("ij,kj,kl->il", a, b, a),
    lambda xp, a, b, c: xp.broadcast_to(a[1, :2][:, None] * b[:, 0][None], (2, 2)) @ b,
    lambda xp, a, b, c: a[:, [2, 0, 2]] * b,
]


@st.composite
def programs(draw):
    """Steps with the numbers of what they take: near the end mostly, so that depth comes up."""
    steps = draw(st.integers(4, 24))
    return [
        (draw(st.integers(0, len(STEPS) - 1)), draw(st.integers(0, n + 1)), n + 1)
        if draw(st.booleans())
        else (draw(st.integers(0, len(STEPS) - 1)), n + 1, draw(st.integers(0, n + 1)))
        for n in range(steps)
    ]


def run_program(xp, program, x, y, c):
    """The sum of the last array, after each step has been brought between -2 and 2 by tanh."""
    arrays = [x, y]
    for which, a, b in program:
        arrays.append(2 * xp.tanh(0.5 * STEPS[which](xp, arrays[a], arrays[b], c)))
    return xp.sum(arrays[-1] * (1 + 0.1 * c)) + 0.1 * xp.sum(x * y)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(programs(), st.integers(0, 2**32 - 1))
def test_random_graphs_to_the_second_order(program, seed):
    rng = np.random.default_rng(seed)
    X, Y, V, U = rng.normal(size=(4, *SHAPE))
    leaves = [torch.tensor(X, requires_grad=True), torch.tensor(Y, requires_grad=True)]
    z = run_program(TORCH, program, *leaves, torch.tensor(APART))
    first = torch.autograd.grad(z, leaves, create_graph=True)
    slope = (first[0] * torch.tensor(V)).sum() + (first[1] * torch.tensor(U)).sum()
    expected = [z, *first, *torch.autograd.grad(slope, leaves)]

    x, y, v, u = (graph.variable(name) for name in "xyvu")
    z = run_program(graph, program, x, y, graph.constant(APART))
    grads = graph.gradients(z, [x, y])
    slope = graph.sum(grads[0] * v) + graph.sum(grads[1] * u)
    run = graph.function([x, y, v, u], [z, *grads, *graph.gradients(slope, [x, y])])
    values = X, Y, V, U
    for kind in (np.array, torch.tensor):
        run(*(kind(0.5 * value) for value in values))  # nothing of this may be left below
        found = run(*map(kind, values))
        for mine, theirs in zip(found, expected, strict=True):
            theirs = theirs.detach().numpy()
            # Large derivatives lose digits: those of a sum are measured by its largest entry.
            scale = max(1.0, float(np.abs(theirs).max()))
            np.testing.assert_allclose(np.asarray(mine) / scale, theirs / scale, atol=1e-9)


# ---- the layers ----

ACTIVATIONS = {ReLU: graph.relu, Sigmoid: graph.sigmoid, Tanh: graph.tanh}


def softplus(x):
    return graph.logsumexp(graph.concatenate([x[None], 0 * x[None]]), 0)


LOSSES = {
    SumSquaredError: lambda out, y: graph.sum((out - y) ** 2),
    MeanSquaredError: lambda out, y: graph.mean((out - y) ** 2),
    BinaryCrossEntropy: lambda out, y: graph.mean(y * softplus(-out) + (1 - y) * softplus(out)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("to", [np.array, torch.tensor])
def test_a_network_of_layers_and_its_graph_agree(activation, loss, dtype, to):
    rng = np.random.default_rng(0)
    X = to(rng.normal(size=(8, 30)).astype(dtype))
    Y = to(rng.integers(0, 2, size=(8, 4)).astype(dtype))
    layers = [Linear(30, 12, rng=1), activation(), Linear(12, 7, rng=2), activation()]
    network = NeuralNet([*layers, Linear(7, 4, rng=3, bias=False)], loss())
    value = network.evaluate(X, Y)

    x, y, *weights = (graph.variable(name) for name in ("x", "y", "W0", "W1", "W2"))
    act = ACTIVATIONS[activation]
    hidden = act(x @ weights[0][:-1] + weights[0][-1])
    hidden = act(hidden @ weights[1][:-1] + weights[1][-1])
    z = LOSSES[loss](hidden @ weights[2], y)
    run = graph.function([x, y, *weights], [z, *graph.gradients(z, weights)])
    found = run(X, Y, *network.parameters)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for mine, theirs in zip(found, [value, *network.backprop()], strict=True):
        assert type(mine) is type(theirs)
        assert mine.dtype == theirs.dtype
        np.testing.assert_allclose(
            np.asarray(mine), np.asarray(theirs), rtol=tolerance, atol=tolerance
        )
