"""The exercises of chapter 6, an audit of three layers."""

from __future__ import annotations

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import named
from backprop.exercises._sheet import exercise


def cross_entropy(z, y):
    """The mean cross-entropy of logits z for labels y, arrays of one shape."""
    return (np.logaddexp(0, z) - y * z).mean()


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def draw(seed: int, **shapes) -> dict[str, np.ndarray]:
    """Random arrays of these shapes, and labels for an array called y."""
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return values | {"y": np.where(values["y"] > 0.3, 1.0, 0.0)}


# 6.1


def column_loss(V1, V2, V3, x, y):
    return cross_entropy(V3 @ (V2 @ (V1 @ x)), y)


@exercise(
    "6.1",
    "The audit in columns",
    level=1,
    minutes=20,
    topics=("batches and shapes", "chain rule"),
)
def columns(attempt: Attempt) -> str:
    """(delta1, delta2, delta3, grad_V1, grad_V2, grad_V3) from V1, V2, V3, x, y in columns."""
    shapes = {"V1": (4, 3), "V2": (2, 4), "V3": (1, 2)}
    for seed, N in enumerate((5, 1, 6)):
        v = draw(seed, **shapes, x=(3, N), y=(1, N))
        result = named(
            attempt, attempt(*v.values()), "delta1 delta2 delta3 grad_V1 grad_V2 grad_V3"
        )
        from_z3 = {"delta3": np.eye(1), "delta2": v["V3"], "delta1": v["V3"] @ v["V2"]}
        z = {"delta1": v["V1"] @ v["x"]}
        z["delta2"] = v["V2"] @ z["delta1"]
        z["delta3"] = v["V3"] @ z["delta2"]
        for name, rest in from_z3.items():

            def of_z(z, rest=rest, y=v["y"]):
                return cross_entropy(rest @ z, y)

            attempt.gradient(of_z, z[name], result[name], name)
        for name in shapes:

            def of_matrix(V, name=name, v=v):
                return column_loss(**(v | {name: V}))

            attempt.gradient(of_matrix, v[name], result[f"grad_{name}"], f"grad_{name}")
    return "All six agree with central differences, for three batches."


def in_columns(V1, V2, V3, x, error):
    z1 = V1 @ x
    z2 = V2 @ z1
    delta2 = V3.T @ error
    delta1 = V2.T @ delta2
    return delta1, delta2, error, delta1 @ x.T, delta2 @ z1.T, error @ z2.T


def column_error(V1, V2, V3, x, y):
    return sigmoid(V3 @ V2 @ V1 @ x) - y


@columns.slip(
    "what came in on the left, as in rows",
    says="The entry (k, j) of a stored matrix joins unit k to what came in at j. Which of the two "
    "has to run along the rows of its gradient?",
    reveals="Remembers the product of the other convention and not the entry it comes from. Ask "
    "for one entry of the gradient, with indices.",
)
def _(V1, V2, V3, x, y):
    deltas = in_columns(V1, V2, V3, x, column_error(V1, V2, V3, x, y) / x.shape[1])
    return *deltas[:3], *(gradient.T for gradient in deltas[3:])


@columns.slip(
    "the number of rows in the place of the number of samples",
    says="Along which axis are the samples counted here?",
    reveals="Has the length of an array stand for the size of the batch, out of habit.",
)
def _(V1, V2, V3, x, y):
    return in_columns(V1, V2, V3, x, column_error(V1, V2, V3, x, y) / len(x))


@columns.slip(
    "the sum of the losses of the samples",
    says="One sample alone comes out right. What does the mean do to a batch?",
    reveals="Tests with one sample, where sum and mean are the same.",
)
def _(V1, V2, V3, x, y):
    return in_columns(V1, V2, V3, x, column_error(V1, V2, V3, x, y))


# 6.2

WITH_BIASES = {"W1": (3, 4), "b1": 4, "W2": (4, 2), "b2": 2, "W3": (2, 1), "b3": 1}


def bias_loss(x, y, W1, b1, W2, b2, W3, b3):
    h1 = np.maximum(x @ W1 + b1, 0)
    return cross_entropy(np.maximum(h1 @ W2 + b2, 0) @ W3 + b3, y)


@exercise(
    "6.2",
    "Give it biases",
    level=1,
    minutes=20,
    topics=("paths and sums", "batches and shapes", "activations and masks"),
)
def biases(attempt: Attempt) -> str:
    """(grad_b1, grad_b2, grad_b3) of the ReLU network from x, y, W1, b1, W2, b2, W3, b3."""
    for seed, N in enumerate((6, 5, 7), start=2):
        v = draw(seed, x=(N, 3), y=(N, 1), **WITH_BIASES)
        result = named(attempt, attempt(*v.values()), "grad_b1 grad_b2 grad_b3")
        for name in ("b1", "b2", "b3"):

            def of_bias(b, name=name, v=v):
                return bias_loss(**(v | {name: b}))

            attempt.gradient(of_bias, v[name], result[f"grad_{name}"], f"grad_{name}")
    return "All three agree with central differences, for three batches."


def bias_deltas(x, y, W1, b1, W2, b2, W3, b3, masks=True):
    z1 = x @ W1 + b1
    z2 = np.maximum(z1, 0) @ W2 + b2
    d3 = (sigmoid(np.maximum(z2, 0) @ W3 + b3) - y) / len(x)
    d2 = d3 @ W3.T * (z2 > 0 if masks else 1)
    return d2 @ W2.T * (z1 > 0 if masks else 1), d2, d3


@biases.slip(
    "a mean over the samples",
    says="Where is the 1/N of the loss already? Count how often it is in the result.",
    reveals="Knows that the rows have to go, not why: the paths from a bias to the loss add up.",
)
def _(*values):
    return tuple(d.mean(axis=0) for d in bias_deltas(*values))


@biases.slip(
    "the masks left out",
    says="A bias is added before the activation function. What stands between it and the loss?",
    reveals="Takes the local derivative 1 of the addition for the whole way.",
)
def _(*values):
    return tuple(d.sum(axis=0) for d in bias_deltas(*values, masks=False))


@biases.slip(
    "a sum over the units of a sample",
    says="The sum should leave one number for each unit. Which axis counts the units?",
    reveals="Adds along the other axis; with as many samples as units no shape would tell.",
)
def _(*values):
    return tuple(d.sum(axis=1) for d in bias_deltas(*values))


# 6.3

MATRICES = {"W1": (3, 4), "W2": (4, 2), "W3": (2, 1)}


def tanh_loss(x, y, W1, W2, W3):
    return cross_entropy(np.tanh(np.tanh(x @ W1) @ W2) @ W3, y)


@exercise(
    "6.3",
    "Another activation",
    level=1,
    minutes=15,
    topics=("activations and masks", "chain rule"),
)
def another_activation(attempt: Attempt) -> str:
    """(grad_W1, grad_W2, grad_W3) of the tanh network from x, y, W1, W2, W3."""
    for seed, N in enumerate((5, 1, 6), start=5):
        v = draw(seed, x=(N, 3), y=(N, 1), **MATRICES)
        result = named(attempt, attempt(*v.values()), "grad_W1 grad_W2 grad_W3")
        for name in ("W3", "W2", "W1"):

            def of_matrix(W, name=name, v=v):
                return tanh_loss(**(v | {name: W}))

            attempt.gradient(of_matrix, v[name], result[f"grad_{name}"], f"grad_{name}")
    return "All three agree with central differences, for three batches."


def with_slopes(x, y, W1, W2, W3, slope):
    """The gradients if the activation function had the slope ``slope(z, h)``."""
    z1 = x @ W1
    h1 = np.tanh(z1)
    z2 = h1 @ W2
    h2 = np.tanh(z2)
    d3 = (sigmoid(h2 @ W3) - y) / len(x)
    d2 = d3 @ W3.T * slope(z2, h2)
    d1 = d2 @ W2.T * slope(z1, h1)
    return x.T @ d1, h1.T @ d2, h2.T @ d3


@another_activation.slip(
    "the masks of the ReLU",
    says="A mask is the slope of one function. What is the slope of this one at a negative z?",
    reveals="Has learned the mask as a part of the backward pass, and not as a derivative.",
)
def _(*values):
    return with_slopes(*values, lambda z, h: z > 0)


@another_activation.slip(
    "the square of z where that of h belongs",
    says="For a large z the slope must be nearly 0. Is yours?",
    reveals="Knows the derivative in terms of the result, and puts the argument into it.",
)
def _(*values):
    return with_slopes(*values, lambda z, h: 1 - z**2)


@another_activation.slip(
    "the slope taken at h",
    says="Where is the slope wanted: at what went into the activation function, or at what came "
    "out of it?",
    reveals="Applies a function for the slope to the array that was cached for the weights.",
)
def _(*values):
    return with_slopes(*values, lambda z, h: 1 - np.tanh(h) ** 2)


# 6.4


@exercise(
    "6.4",
    "Uneven batches",
    level=1,
    minutes=10,
    topics=("batches and shapes", "losses", "training"),
)
def uneven(attempt: Attempt) -> str:
    """The gradient of the mean loss of all from grad_A, grad_B, N_A, N_B."""
    rng = np.random.default_rng(64)
    for N_A, N_B in ((3, 1), (2, 5), (4, 4), (1, 9)):
        each = rng.normal(size=(N_A + N_B, 3, 4))  # a gradient for each sample
        grad_A, grad_B = each[:N_A].mean(axis=0), each[N_A:].mean(axis=0)
        result = attempt(grad_A, grad_B, N_A, N_B)
        attempt.equal(result, sum(each) / len(each), f"The gradient for {N_A} and {N_B} samples")
    return "It is the mean over all samples, for four pairs of batches."


@uneven.slip(
    "the plain mean of the two",
    says="How much does a single sample count in a batch of one, and how much in a batch of three?",
    reveals="Thinks that a mean of means is the mean.",
)
def _(grad_A, grad_B, N_A, N_B):
    return (grad_A + grad_B) / 2


@uneven.slip(
    "the sum of the two",
    says="Two batches with the same gradient should give that gradient again. Do they?",
    reveals="Adds gradients wherever there are two, and does not ask which loss they belong to.",
)
def _(grad_A, grad_B, N_A, N_B):
    return grad_A + grad_B


@uneven.slip(
    "the weights exchanged",
    says="Which of the two batches should count more, the large one or the small one?",
    reveals="Gives the small batch more weight, as if to make up for its size.",
)
def _(grad_A, grad_B, N_A, N_B):
    return (N_B * grad_A + N_A * grad_B) / (N_A + N_B)


# 6.5

SAMPLES = np.array([[1.0, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]])
LABELS = np.array([[1.0], [0], [1], [0]])


@exercise(
    "6.5",
    "Weights that solve it",
    level=3,
    minutes=40,
    topics=("activations and masks", "losses"),
)
def weights_that_solve_it(attempt: Attempt) -> str:
    """(W1, W2, W3) for the ReLU network with which the four samples are classified."""
    result = named(attempt, attempt(), "W1 W2 W3")
    W = []
    for (name, shape), found in zip(MATRICES.items(), result.values(), strict=True):
        attempt.holds(
            np.shape(found) == shape,
            f"{name} has the shape {np.shape(found)}; the network needs {shape}.",
            "wrong shape",
        )
        W.append(np.asarray(found, dtype=np.float64))
    h = np.maximum(SAMPLES @ W[0], 0)
    z = np.maximum(h @ W[1], 0) @ W[2]
    attempt.holds(np.isfinite(z).all(), "Some of the logits are not finite.", "not finite")
    told = ", ".join(f"{logit:.4g}" for logit in z[:, 0])
    right = int((z * (2 * LABELS - 1) > 0).sum())
    attempt.holds(
        right == 4,
        f"{right} of the 4 samples are classified correctly: the logits are {told}, and should be "
        "positive for the label 1 and negative for 0.",
        "wrong labels",
    )
    loss = cross_entropy(z, LABELS)
    attempt.holds(
        loss < 0.001,
        f"All four samples are classified correctly, with the logits {told}, but the loss is "
        f"{loss:.4f}, not below 0.001.",
        "loss too large",
    )
    return "All four samples are right, with a loss below 0.001."


def kinked(scale, second):
    """Units that compute 1, t, max(0, t - 1) and max(0, t - 2), and what is made of them."""
    W1 = np.array([[-1.0, 2, 3, 4], [1, -1, -2, -3], [0, 0, 0, 0]])
    return W1, np.array(second), scale * np.array([[1.0], [-1]])


@weights_that_solve_it.slip(
    "logits of 1 and -1",
    says="The signs are right. How large must a logit be for a loss below 0.001, and which of the "
    "matrices can make it so without moving a sign?",
    reveals="Sees classification and loss as one thing.",
)
def _():
    return kinked(1, [[1.0, -1], [-2, 2], [4, -4], [-4, 4]])


@weights_that_solve_it.slip(
    "one unit of the second layer for a zigzag with both signs",
    says="The second layer ends in a ReLU as well. What has become of the negative values?",
    reveals="Forgets that every hidden layer cuts off at 0, and reads a logit of 0 as a label.",
)
def _():
    return kinked(10, [[1.0, 0], [-2, 0], [4, 0], [-4, 0]])


@weights_that_solve_it.slip(
    "a zigzag without its constant",
    says="The turns are where they should be. Look at the sample with t = 0.",
    reveals="Has the slopes right and forgets that there is no bias to lift the curve.",
)
def _():
    return kinked(10, [[0.0, 0], [-2, 2], [4, -4], [-4, 4]])


# 6.6


def guarded(z, guard):
    """What arrives at the logits: the guarded quotient, and the sigmoid's slope by differences."""
    y = sigmoid(z)

    def quotient(h):
        return (sigmoid(z + h) - sigmoid(z - h)) / (2 * h)

    slope = (4 * quotient(1e-3) - quotient(2e-3)) / 3  # without the error in h²
    return (y - 1) / np.maximum(y * (1 - y), guard) * slope


def where_it_begins(guard):
    """The logit at which the denominator reaches its guard, by bisection."""
    low, high = -100.0, 0.0
    for _ in range(100):
        middle = (low + high) / 2
        small = sigmoid(middle) * (1 - sigmoid(middle)) < guard
        low, high = (middle, high) if small else (low, middle)
    return high


@exercise(
    "6.6", "The gradient that fades", level=2, minutes=20, topics=("numerical traps", "losses")
)
def fading(attempt: Attempt) -> str:
    """(gradient, begins) for the logits z and the guard, with the label 1."""
    rng = np.random.default_rng(66)
    for guard in (1e-12, 1e-9, 1e-6):
        z = np.log(guard) + np.append(rng.uniform(-8, 8, size=7), [-3, 9])
        result = named(attempt, attempt(z, guard), "gradient begins")
        told = f"with the guard {guard:g}"
        attempt.equal(result["gradient"], guarded(z, guard), f"The gradient {told}", 1e-7)
        begins = where_it_begins(guard)
        attempt.equal(result["begins"], begins, f"The logit where it begins {told}", 1e-4)
    return "Gradients and where they fade are right, for three guards."


@fading.slip(
    "two factors that still cancel",
    says="That is the gradient as it should be. Which of the two factors has the guard, and which "
    "has not?",
    reveals="Cancels on paper what the program computes in two steps.",
)
def _(z, guard):
    return sigmoid(z) - 1, np.log(guard)


@fading.slip(
    "the gradient for the probability",
    says="One step is missing between the probability and the logit.",
    reveals="Stops at the loss's own derivative.",
)
def _(z, guard):
    y = sigmoid(z)
    return (y - 1) / np.maximum(y * (1 - y), guard), np.log(guard)


@fading.slip(
    "a logarithm to the base 10",
    says="The gradient is right. What power of what is practically equal to the output there?",
    reveals="Reads off the exponent of the guard.",
)
def _(z, guard):
    y = sigmoid(z)
    return (y - 1) / np.maximum(y * (1 - y), guard) * y * (1 - y), np.log10(guard)


@fading.slip(
    "a gradient that is 0 as soon as the guard acts",
    says="A guard keeps a divisor from getting smaller. Does that make the quotient 0 at once?",
    reveals="Takes the guard of the divisor for the cut-off of the logarithm.",
)
def _(z, guard):
    y = sigmoid(z)
    return np.where(y * (1 - y) < guard, 0, y - 1), np.log(guard)
