"""The exercises of chapter 11 about networks of layers: 11.4 and 11.5."""

from __future__ import annotations

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import parts
from backprop.exercises._sheet import exercise
from backprop.layers import Linear, Tanh
from backprop.losses import MeanSquaredError
from backprop.network import NeuralNet


@exercise(
    "11.4",
    "Which zeros are harmless?",
    level=3,
    minutes=30,
    topics=("initialization", "activations and masks"),
)
def zeros(attempt: Attempt) -> str:
    """Units with no gradient into them, with none out of them, and pairs alike for ever."""
    for name, (W1, W2) in _beginnings().items():
        into, out_of, alike = _tried(W1, W2)
        names = ("the units without a gradient into them", "those without one out of them")
        result = parts(attempt, attempt(W1, W2), *names, "the pairs that stay alike")
        told = f"Beginning with {name}"
        for mine, tried, what in zip(result, (into, out_of, alike), (*names, ""), strict=True):
            which = f"the list of {what}" if what else "the table of pairs that stay alike"
            attempt.equal(mine, tried, f"{told}, {which}")
    return "All agrees with networks that were trained, from ten beginnings."


def _beginnings() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Weights and biases (last row) of 2 inputs, 4 units and 3 outputs, in ten ways."""
    rng = np.random.default_rng(1)
    W1, W2 = rng.normal(size=(3, 4)), rng.normal(size=(5, 3))
    no_weights, no_weights2 = W1 * [[0], [0], [1]], W2 * [[0], [0], [0], [0], [1]]
    twins, twin_out = W1[:, [0, 1, 1, 3]], W2[[0, 1, 1, 3, 4]]
    dead = W1 * [1, 1, 0, 1]
    return {
        "all at random": (W1, W2),
        "(a)": (W1, 0 * W2),
        "(b)": (no_weights, W2),
        "(c)": (no_weights, no_weights2),
        "all at 0": (0 * W1, 0 * W2),
        "all at 0.5": (0 * W1 + 0.5, 0 * W2 + 0.5),
        "two units alike in everything": (twins, twin_out),
        "two units alike in what goes in, not in what goes out": (twins, W2),
        "one unit with nothing going in": (dead, W2),
        "one unit with nothing going out": (W1, W2 * [[1], [0], [1], [1], [1]]),
    }


def _tried(W1: np.ndarray, W2: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is zero in the first step, and which units are alike after thirty, by training."""
    rng = np.random.default_rng(2)
    net = NeuralNet([Linear(2, 4), Tanh(), Linear(4, 3)], MeanSquaredError())
    net.layers[0].W, net.layers[2].W = W1, W2
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 3))
    net.evaluate(x, y)
    grad1, grad2 = net.backprop()
    for _ in range(30):
        net.evaluate(x, y)
        net.gradient_descent(0.1)
    units = np.vstack([net.parameters[0], net.parameters[1][:-1].T])
    apart = np.abs(units[:, :, None] - units[:, None, :]).max(axis=0)
    return ~grad1.any(axis=0), ~grad2[:-1].any(axis=1), apart < 1e-9


def equal_columns(values):
    return (values[:, :, None] == values[:, None, :]).all(axis=0)


def in_everything(W1, W2):
    return equal_columns(np.vstack([W1, W2[:-1].T]))


@zeros.slip(
    "no gradient for weights that are zero",
    says="Does a weight occur in its own gradient? Read off which factors do.",
    reveals="Takes a weight of 0 for one that cannot move.",
)
def _(W1, W2):
    return ~W1.any(axis=0), ~W2[:-1].any(axis=1), in_everything(W1, W2)


@zeros.slip(
    "the biases of the hidden units forgotten",
    says="What does a unit say whose weights are 0 and whose bias is not?",
    reveals="Takes zero weights for zero outputs.",
)
def _(W1, W2):
    return ~W2[:-1].any(axis=1), ~W1[:-1].any(axis=0), in_everything(W1, W2)


@zeros.slip(
    "units compared by what goes in only",
    says="The zeros are right. Two units have the same output. What else decides on how the "
    "weights into them move?",
    reveals="Knows that equal units stay equal, and forgets that the weights out of them belong "
    "to the units, too.",
)
def _(W1, W2):
    return ~W2[:-1].any(axis=1), ~W1.any(axis=0), equal_columns(W1)


@zeros.slip(
    "units compared by the weights into them, biases left out",
    says="The zeros are right. Does the bias of a unit belong to what it begins with?",
    reveals="Reads 'weights' as the matrix without its last row.",
)
def _(W1, W2):
    alike = equal_columns(np.vstack([W1[:-1], W2[:-1].T]))
    return ~W2[:-1].any(axis=1), ~W1.any(axis=0), alike


@exercise(
    "11.5",
    "One matrix in two places",
    level=1,
    minutes=15,
    topics=("paths and sums", "batches and shapes"),
)
def shared(attempt: Attempt) -> str:
    """grad_W of the mean squared error of tanh(x W) W, from x, y, W."""
    for seed, (N, D) in enumerate(((6, 3), (2, 4), (5, 2))):
        rng = np.random.default_rng(seed)
        x, y, W = (rng.normal(size=size) for size in ((N, D), (N, D), (D, D)))

        def loss(W, x=x, y=y):
            return ((np.tanh(x @ W) @ W - y) ** 2).mean()

        attempt.gradient(loss, W, attempt(x, y, W))
    return "The gradient agrees with central differences, for three sizes."


def places(x, y, W):
    """The gradients of the first place and the second, the hidden values and the errors."""
    h = np.tanh(x @ W)
    e = 2 / y.size * (h @ W - y)
    return x.T @ (e @ W.T * (1 - h**2)), h.T @ e


@shared.slip(
    "the second place only",
    says="Where else does W stand?",
    reveals="Takes what is behind the hidden values for all that depends on W.",
)
def _(x, y, W):
    return places(x, y, W)[1]


@shared.slip(
    "the first place only",
    says="Where else does W stand?",
    reveals="Walks back to the first layer and keeps what was computed last, as an assignment in "
    "place of an addition does.",
)
def _(x, y, W):
    return places(x, y, W)[0]


@shared.slip(
    "the mean of both places",
    says="W moves by a little. By how much does each of the two places move?",
    reveals="Averages copies as one averages samples.",
)
def _(x, y, W):
    return sum(places(x, y, W)) / 2


@shared.slip(
    "the slope of tanh left out",
    says="Between the first place and the second something stands whose slope is not 1.",
    reveals="Adds the paths rightly, and treats one of them as a product of matrices.",
)
def _(x, y, W):
    h = np.tanh(x @ W)
    e = 2 / y.size * (h @ W - y)
    return x.T @ (e @ W.T) + h.T @ e
