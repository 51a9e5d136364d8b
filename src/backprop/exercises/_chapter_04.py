"""The exercises of chapter 4, from one sample to a batch."""

from __future__ import annotations

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import parts
from backprop.exercises._sheet import exercise

NAMES = ("x", "W1", "b1", "W2", "b2", "y")


def two_layers(seed: int, outputs: int = 1) -> dict[str, np.ndarray]:
    """Random arrays for the chapter's network: 5 samples, 3 features, 4 hidden units."""
    rng = np.random.default_rng(seed)
    shapes = [(5, 3), (3, 4), (4,), (4, outputs), (outputs,), (5, outputs)]
    return {name: rng.normal(size=size) for name, size in zip(NAMES, shapes, strict=True)}


def forward(x, W1, b1, W2, b2, y):
    """u1, shape (N, H), and the errors e, shape (N, K)."""
    u1 = x @ W1 + b1
    return u1, np.maximum(u1, 0) @ W2 + b2 - y


def loss(x, W1, b1, W2, b2, y, c=None):
    """The mean of the squared errors, weighted by c, shape (N, 1), if it is given."""
    e = forward(x, W1, b1, W2, b2, y)[1]
    return (e**2).mean() if c is None else (c * e**2).sum() / c.sum()


def moved(values: dict[str, np.ndarray], name: str):
    """The loss as a function of the array ``name`` alone."""
    return lambda array: loss(**(values | {name: array}))


@exercise(
    "4.1", "Back to the input", level=1, minutes=10, topics=("batches and shapes", "chain rule")
)
def input_gradient(attempt: Attempt) -> str:
    """grad_x of the two-layer network, from x, W1, b1, W2, b2, y."""
    for seed in range(3):
        values = two_layers(seed)
        attempt.gradient(moved(values, "x"), values["x"], attempt(*values.values()))
    return "The gradient agrees with central differences for three random batches."


@input_gradient.slip(
    "a sum over the samples",
    says="Row i of x acts on row i of u1 and on no other. What is there to add?",
    reveals="Takes the sum in the rule for the weights for a part of every rule. Ask through "
    "which rows of u1 the sample acts.",
)
def _(x, W1, b1, W2, b2, y):
    u1, e = forward(x, W1, b1, W2, b2, y)
    return (2 / len(x) * ((e @ W2.T) * (u1 > 0)) @ W1.T).sum(axis=0)


@input_gradient.slip(
    "the gradient of the sum of the squared errors",
    says="The loss is a mean: what does that make of the first step on the way back?",
    reveals="Thinks that 1/N belongs to sums over samples and vanishes where none is left.",
)
def _(x, W1, b1, W2, b2, y):
    u1, e = forward(x, W1, b1, W2, b2, y)
    return 2 * ((e @ W2.T) * (u1 > 0)) @ W1.T


@input_gradient.slip(
    "a network without its ReLU",
    says="One step between the two affine ones has been passed over on the way back.",
    reveals="Treats the way back as a product of weight matrices.",
)
def _(x, W1, b1, W2, b2, y):
    _, e = forward(x, W1, b1, W2, b2, y)
    return 2 / len(x) * (e @ W2.T) @ W1.T


@exercise(
    "4.2", "The first bias", level=1, minutes=10, topics=("batches and shapes", "paths and sums")
)
def first_bias(attempt: Attempt) -> str:
    """grad_b1 of the two-layer network, from x, W1, b1, W2, b2, y."""
    for seed in range(3):
        values = two_layers(seed)
        attempt.gradient(moved(values, "b1"), values["b1"], attempt(*values.values()))
    return "The gradient agrees with central differences for three random batches."


def grad_u1(x, W1, b1, W2, b2, y):
    u1, e = forward(x, W1, b1, W2, b2, y)
    return 2 / len(x) * (e @ W2.T) * (u1 > 0)


@first_bias.slip(
    "a mean over the samples in place of the sum",
    says="The 1/N of the loss is already in the gradient that arrives at u1. How often does "
    "b1 act?",
    reveals="Knows that the batch axis has to go, and chooses the operation by habit.",
)
def _(*values):
    return grad_u1(*values).mean(axis=0)


@first_bias.slip(
    "a sum over samples and units",
    says="b1 has one entry for each hidden unit. Which entries of u1 does entry h act on?",
    reveals="Reads the sum in the formula as a sum over everything; NumPy broadcasts the number "
    "into an update without a word.",
)
def _(*values):
    return grad_u1(*values).sum()


@first_bias.slip(
    "the gradient for W1",
    says="Down to u1 this is right. What is the factor between u1 and b1? It is not x.",
    reveals="Repeats the rule for the weights; does not see the bias as a weight of the input 1.",
)
def _(x, *values):
    return x.T @ grad_u1(x, *values)


@exercise("4.3", "The second layer", level=1, minutes=10, topics=("batches and shapes",))
def second_layer(attempt: Attempt) -> str:
    """(grad_W2, grad_b2) of the two-layer network, from x, W1, b1, W2, b2, y."""
    for seed in range(3):
        values = two_layers(seed)
        result = parts(attempt, attempt(*values.values()), "grad_W2", "grad_b2")
        for name, claimed in zip(("W2", "b2"), result, strict=True):
            attempt.gradient(moved(values, name), values[name], claimed, f"grad_{name}")
    return "Both gradients agree with central differences for three random batches."


@second_layer.slip(
    "the input of the first layer in the place of that of the second",
    says="What does W2 multiply?",
    reveals="Learned the formula with the letter x, and not as input of this layer.",
)
def _(x, W1, b1, W2, b2, y):
    _, e = forward(x, W1, b1, W2, b2, y)
    return 2 / len(x) * x.T @ e, 2 / len(x) * e.sum(axis=0)


@second_layer.slip(
    "parentheses that end too early",
    says="What belongs to the error, and under the sum? Look at where b2 - y stands.",
    reveals="Writes the error out and loses its parentheses, so that b2 - y is added once, or "
    "with another factor.",
)
def _(x, W1, b1, W2, b2, y):
    u1, e = forward(x, W1, b1, W2, b2, y)
    u2 = np.maximum(u1, 0)
    return 2 / len(x) * u2.T @ e, (2 / len(x) * u2 @ W2 + b2 - y).sum(axis=0)


@second_layer.slip(
    "the hidden values before their ReLU",
    says="Which array does W2 multiply: the one before the ReLU, or the one behind it?",
    reveals="Caches the wrong array; with all units on nobody notices.",
)
def _(x, W1, b1, W2, b2, y):
    u1, e = forward(x, W1, b1, W2, b2, y)
    return 2 / len(x) * u1.T @ e, 2 / len(x) * e.sum(axis=0)


@exercise("4.4", "The hidden units", level=1, minutes=8, topics=("batches and shapes",))
def hidden_units(attempt: Attempt) -> str:
    """grad_u2, from u2, W2, b2, y."""
    for seed in range(3):
        values = two_layers(seed)
        W2, b2, y = (values[name] for name in ("W2", "b2", "y"))
        u2 = np.maximum(values["x"] @ values["W1"] + values["b1"], 0)

        def from_u2(u2, W2=W2, b2=b2, y=y):
            return ((u2 @ W2 + b2 - y) ** 2).mean()

        attempt.gradient(from_u2, u2, attempt(u2, W2, b2, y))
    return "The gradient agrees with central differences for three random batches."


@hidden_units.slip(
    "the ReLU's mask",
    says="Does the way back from the loss to u2 pass the ReLU?",
    reveals="Is one step too far: the mask belongs to u1.",
)
def _(u2, W2, b2, y):
    return 2 / len(y) * (u2 @ W2 + b2 - y) @ W2.T * (u2 > 0)


@hidden_units.slip(
    "the target minus the prediction",
    says="Which of the two depends on u2, and with which sign?",
    reveals="Differentiates a square from memory and forgets the inner derivative's sign.",
)
def _(u2, W2, b2, y):
    return 2 / len(y) * (y - u2 @ W2 - b2) @ W2.T


@hidden_units.slip(
    "the 2 left out",
    says="What is the derivative of a square?",
    reveals="Comes from a loss with a factor 1/2 in front.",
)
def _(u2, W2, b2, y):
    return 1 / len(y) * (u2 @ W2 + b2 - y) @ W2.T


@exercise(
    "4.5", "Samples that count more", level=2, minutes=15, topics=("batches and shapes", "losses")
)
def weighted_samples(attempt: Attempt) -> str:
    """grad_W1 of the weighted loss, from x, W1, b1, W2, b2, y, c."""
    for seed in range(3):
        values = two_layers(seed)
        c = np.random.default_rng(seed + 10).integers(0, 4, size=(5, 1)) + np.eye(5, 1)

        def of_W1(W1, values=values, c=c):
            return loss(**(values | {"W1": W1}), c=c)

        attempt.gradient(of_W1, values["W1"], attempt(*values.values(), c))
    return "The gradient agrees with central differences for three random batches and weights."


def weighted(x, W1, b1, W2, b2, y, factor):
    u1, e = forward(x, W1, b1, W2, b2, y)
    return 2 * x.T @ (((factor * e) @ W2.T) * (u1 > 0))


@weighted_samples.slip(
    "N where the sum of the weights belongs",
    says="What is the error divided by in this loss?",
    reveals="Changes the terms of the loss and keeps its 1/N.",
)
def _(x, W1, b1, W2, b2, y, c):
    return weighted(x, W1, b1, W2, b2, y, c / len(x))


@weighted_samples.slip(
    "squared weights",
    says="The weight stands outside the square.",
    reveals="Weighs the error itself, so that the square weighs it twice.",
)
def _(x, W1, b1, W2, b2, y, c):
    return weighted(x, W1, b1, W2, b2, y, c**2 / c.sum())


@weighted_samples.slip(
    "no division at all",
    says="A sample with weight 2 should do as much as two copies of it in the batch. Compare the "
    "size of the two gradients.",
    reveals="Takes the weighted sum for the weighted mean.",
)
def _(x, W1, b1, W2, b2, y, c):
    return weighted(x, W1, b1, W2, b2, y, c)


@exercise(
    "4.6", "Several outputs", level=2, minutes=15, topics=("batches and shapes", "paths and sums")
)
def several_outputs(attempt: Attempt) -> str:
    """(grad_W1, grad_W2, grad_b2) for K outputs, from x, W1, b1, W2, b2, y."""
    for seed, outputs in enumerate((2, 3, 1)):
        values = two_layers(seed, outputs)
        result = parts(attempt, attempt(*values.values()), "grad_W1", "grad_W2", "grad_b2")
        for name, claimed in zip(("W1", "W2", "b2"), result, strict=True):
            attempt.gradient(moved(values, name), values[name], claimed, f"grad_{name}")
    return "All three agree with central differences, for 2, 3 and 1 outputs."


def several(x, W1, b1, W2, b2, y, factor):
    u1, e = forward(x, W1, b1, W2, b2, y)
    u2 = np.maximum(u1, 0)
    grad_W1 = x.T @ ((e @ W2.T) * (u1 > 0))
    return factor * grad_W1, factor * u2.T @ e, factor * e.sum(axis=0)


@several_outputs.slip(
    "the 1/N of a single output",
    says="Over how many numbers is the mean taken now?",
    reveals="Keeps the factor of the chapter; counts samples, not entries.",
)
def _(x, W1, b1, W2, b2, y):
    return several(x, W1, b1, W2, b2, y, 2 / len(x))


@several_outputs.slip(
    "a sum over the outputs before W2",
    says="Each output reaches a hidden unit through a weight of its own. In which order do "
    "weighing and adding come?",
    reveals="Adds the errors of the outputs first, as if all weights of a unit were equal.",
)
def _(x, W1, b1, W2, b2, y):
    u1, e = forward(x, W1, b1, W2, b2, y)
    grad_W1, grad_W2, grad_b2 = several(x, W1, b1, W2, b2, y, 2 / e.size)
    added = e.sum(axis=1, keepdims=True) * W2.sum(axis=1)
    return 2 / e.size * x.T @ (added * (u1 > 0)), grad_W2, grad_b2


@several_outputs.slip(
    "one number for all biases of the outputs",
    says="b2 has K entries. Which errors does each of them move?",
    reveals="Sums over everything, which was right for one output.",
)
def _(x, W1, b1, W2, b2, y):
    grad_W1, grad_W2, grad_b2 = several(x, W1, b1, W2, b2, y, 2 / y.size)
    return grad_W1, grad_W2, np.full(grad_b2.shape, grad_b2.sum())
