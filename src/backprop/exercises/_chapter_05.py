"""The exercises of chapter 5, an example reversed."""

from __future__ import annotations

import numpy as np

from backprop.exercises._attempt import Attempt, numbers
from backprop.exercises._parts import parts, truth_values
from backprop.exercises._program import apart, compare, draw, mean_of_first_loss, variants
from backprop.exercises._sheet import exercise


@exercise("5.1", "Biases", level=1, minutes=10, topics=("batches and shapes",))
def biases(attempt: Attempt) -> str:
    """(grad_b1, grad_b2) of the network with biases, from x, y, w1, b1, w2, b2."""

    def loss(x, y, w1, b1, w2, b2):
        return ((np.maximum(x @ w1 + b1, 0) @ w2 + b2 - y) ** 2).sum()

    for seed in range(3):
        sizes = {"x": (5, 3), "y": (5, 2), "w1": (3, 4), "b1": (4,), "w2": (4, 2), "b2": (2,)}
        compare(attempt, loss, draw(seed, **sizes), "b1", "b2")
    return "Both gradients agree with central differences for three random batches."


def at_both(x, y, w1, b1, w2, b2):
    """h, and the gradients for the predictions and for the activations."""
    h = x @ w1 + b1
    grad_y_pred = 2 * (np.maximum(h, 0) @ w2 + b2 - y)
    return h, grad_y_pred, grad_y_pred @ w2.T


@biases.slip(
    "a mean over the samples in place of the sum",
    says="A bias acts once in each row. Does this loss divide by the number of rows?",
    reveals="Reaches for the mean out of habit; the loss of this program is a sum.",
)
def _(*values):
    h, grad_y_pred, grad_a = at_both(*values)
    return (grad_a * (h > 0)).mean(axis=0), grad_y_pred.mean(axis=0)


@biases.slip(
    "the mask of the network without biases",
    says="Which units are on now? Print the array that the ReLU is given.",
    reveals="Adds lines for the biases and leaves the forward pass, or its cache, as it was.",
)
def _(x, y, w1, b1, w2, b2):
    _, grad_y_pred, grad_a = at_both(x, y, w1, b1, w2, b2)
    return (grad_a * (x @ w1 > 0)).sum(axis=0), grad_y_pred.sum(axis=0)


@biases.slip(
    "no mask for the hidden layer",
    says="Where does the bias b1 enter: before the ReLU, or behind it?",
    reveals="Takes the gradient for the activations for that of the pre-activations.",
)
def _(*values):
    _, grad_y_pred, grad_a = at_both(*values)
    return grad_a.sum(axis=0), grad_y_pred.sum(axis=0)


@exercise(
    "5.2",
    "Three layers, and tanh",
    level=2,
    minutes=25,
    topics=("activations and masks", "batches and shapes"),
)
def three_layers(attempt: Attempt) -> str:
    """(grad_v1, grad_v2, grad_v3) of three layers with tanh between, from x, y, v1, v2, v3."""

    def loss(x, y, v1, v2, v3):
        return ((np.tanh(np.tanh(x @ v1) @ v2) @ v3 - y) ** 2).sum()

    for seed in range(3):
        sizes = {"x": (6, 3), "y": (6, 2), "v1": (3, 5), "v2": (5, 4), "v3": (4, 2)}
        compare(attempt, loss, draw(seed, **sizes), "v1", "v2", "v3")
    return "All three agree with central differences for three random batches."


def back(x, y, v1, v2, v3, slope, last=np.tanh):
    """The backward pass, with ``slope`` of a pre-activation and ``last``, what v3 is given."""
    z1 = x @ v1
    z2 = np.tanh(z1) @ v2
    delta3 = 2 * (np.tanh(z2) @ v3 - y)
    delta2 = delta3 @ v3.T * slope(z2)
    delta1 = delta2 @ v2.T * slope(z1)
    return x.T @ delta1, np.tanh(z1).T @ delta2, last(z2).T @ delta3


@three_layers.slip(
    "the tanh of an activation in its slope",
    says="At which array is the slope taken, and which array does your formula for it expect?",
    reveals="Applies the slope of the pre-activation to the activation: tanh is taken twice.",
)
def _(*values):
    return back(*values, lambda z: 1 - np.tanh(np.tanh(z)) ** 2)


@three_layers.slip(
    "a slope of tanh without the square",
    says="Compare your slope with a difference at z = -1. Can tanh be that steep?",
    reveals="Simplifies the quotient too fast; the slope has to be even and at most 1.",
)
def _(*values):
    return back(*values, lambda z: 1 - np.tanh(z))


@three_layers.slip(
    "a pre-activation as the input of the last layer",
    says="What does v3 multiply in the forward pass?",
    reveals="Hands the wrong one of two arrays to the rule for the weights.",
)
def _(*values):
    return back(*values, lambda z: 1 - np.tanh(z) ** 2, last=lambda z: z)


@exercise(
    "5.3", "Begin with smaller weights", level=3, minutes=30, topics=("initialization", "training")
)
def smaller_weights(attempt: Attempt) -> str:
    """The mean of the first loss, from N, D_in, H, D_out and the scales of w1 and w2."""
    for sizes in ((1, 2, 3, 1), (1, 3, 1, 2), (2, 1, 2, 1), (1, 1, 2, 3)):
        for scales in ((1.0, 1.0), (0.5, 0.25), (2.0, 0.5)):
            what = "For N, D_in, H, D_out = {}, {}, {}, {} and the scales {}, {} the mean"
            expected = mean_of_first_loss(*sizes, *scales)
            found = attempt(*sizes, *scales)
            attempt.equal(found, expected, what.format(*sizes, *scales))
    return "It is the mean over all small networks whose numbers are 1 and -1: variance 1 as well."


def expected(N, D, H, K, s1, s2, on=0.5, target=1):
    """The mean by variances, with the parts that are easily forgotten as arguments."""
    return N * K * (on * H * D * s1 * s2 + target)


@smaller_weights.slip(
    "all of the pre-activations' variance",
    says="What does the ReLU leave of the squares of its inputs, on average?",
    reveals="Passes variances through a ReLU as through a sum.",
)
def _(N, D, H, K, s1, s2):
    return expected(N, D, H, K, s1**2, s2**2, on=1)


@smaller_weights.slip(
    "predictions alone, without their targets",
    says="The difference of two independent numbers: what is its variance?",
    reveals="Sees that the predictions dominate, which they do for large weights only.",
)
def _(N, D, H, K, s1, s2):
    return expected(N, D, H, K, s1**2, s2**2, target=0)


@smaller_weights.slip(
    "a variance that grows as its number does",
    says="Multiply a random number by 3. By how much does its square grow?",
    reveals="Scales variances like standard deviations. The rule with the square root of the "
    "number of inputs cannot be understood so.",
)
def _(N, D, H, K, s1, s2):
    return expected(N, D, H, K, s1, s2)


@exercise(
    "5.4",
    "Which of these are right?",
    level=2,
    minutes=25,
    topics=("training", "activations and masks"),
)
def which_are_right(attempt: Attempt) -> str:
    """Whether a backward pass, a function of x, y, w1, w2, returns the gradients."""
    wrong, right = variants()
    refused, accepted = [attempt(one) for one in wrong], [attempt(one) for one in right]
    truth_values(attempt, refused + accepted)
    attempt.holds(
        all(accepted),
        "Your test refuses a backward pass that is right. Look at its comparison: what has to "
        "agree, and how closely?",
        "refuses right ones",
    )
    attempt.holds(
        not any(refused),
        "Your test accepts a backward pass that is wrong. What exactly does it compare, and at "
        "which arrays?",
        "accepts wrong ones",
    )
    return "Your test refuses the wrong ones among the variants, and accepts what is right."


@which_are_right.slip(
    "a look at the loss, whether it falls",
    says="A curve that falls says that a direction leads downhill. Does it say more?",
    reveals="Takes training for a test of gradients. All four variants train.",
)
def _(backward):
    values = draw(0, x=(5, 3), y=(5, 2), w1=(3, 4), w2=(4, 2))
    losses = []
    for _ in range(20):
        predictions = np.maximum(values["x"] @ values["w1"], 0) @ values["w2"]
        losses.append(((predictions - values["y"]) ** 2).sum())
        grad_w1, grad_w2 = backward(**values)
        values["w1"] = values["w1"] - 1e-3 * grad_w1
        values["w2"] = values["w2"] - 1e-3 * grad_w2
    return bool(losses[-1] < losses[0])


@which_are_right.slip(
    "a comparison at arrays where every unit is on",
    says="Which mistakes can be seen only where a unit is off?",
    reveals="Tests with positive numbers, where the ReLU does nothing.",
)
def _(backward):
    return bool(apart(backward, positive=True) < 1e-6)


@which_are_right.slip(
    "a comparison of directions",
    says="Is half of a gradient the gradient of this loss?",
    reveals="Knows that a factor is harmless for training, and calls it right.",
)
def _(backward):
    return bool(apart(backward, factor_free=True) < 1e-6)


@exercise(
    "5.5",
    "Is the copy needed?",
    level=2,
    minutes=20,
    topics=("activations and masks", "paths and sums"),
)
def copy_needed(attempt: Attempt) -> str:
    """(grad_w1, grad_w2, grad_w3) with the connection x w3 past the ReLU, from x, y, w1, w2, w3."""

    def loss(x, y, w1, w2, w3):
        return (((np.maximum(x @ w1, 0) + x @ w3) @ w2 - y) ** 2).sum()

    for seed in range(3):
        sizes = {"x": (5, 3), "y": (5, 2), "w1": (3, 4), "w2": (4, 2), "w3": (3, 4)}
        compare(attempt, loss, draw(seed, **sizes), "w1", "w2", "w3")
    return "All three agree with central differences for three random batches."


def past(x, y, w1, w2, w3):
    """h, what w2 is given, and the gradients for the predictions and for what w2 is given."""
    h = x @ w1
    given = np.maximum(h, 0) + x @ w3
    grad_y_pred = 2 * (given @ w2 - y)
    return h, given, grad_y_pred, grad_y_pred @ w2.T


@copy_needed.slip(
    "an array that was overwritten",
    says="Print the array that you use for w3, before and after the zeros are written.",
    reveals="Meets the mistake of the exercise itself: one array under two names.",
)
def _(x, y, w1, w2, w3):
    h, given, grad_y_pred, grad_a = past(x, y, w1, w2, w3)
    grad_a[h < 0] = 0
    return x.T @ grad_a, given.T @ grad_y_pred, x.T @ grad_a


@copy_needed.slip(
    "the old activations as the input of the second layer",
    says="What does w2 multiply in the new network?",
    reveals="Adds a line for the new weights and does not look for lines that change.",
)
def _(x, y, w1, w2, w3):
    h, _, grad_y_pred, grad_a = past(x, y, w1, w2, w3)
    return x.T @ (grad_a * (h > 0)), np.maximum(h, 0).T @ grad_y_pred, x.T @ grad_a


@copy_needed.slip(
    "a mask that looks at both routes",
    says="Of which array does the ReLU look at the sign?",
    reveals="Masks with what w2 is given, since in the chapter its sign was as good as that of h.",
)
def _(x, y, w1, w2, w3):
    _, given, grad_y_pred, grad_a = past(x, y, w1, w2, w3)
    return x.T @ (grad_a * (given > 0)), given.T @ grad_y_pred, x.T @ grad_a


@exercise(
    "5.6",
    "What training cannot change",
    level=3,
    minutes=30,
    topics=("training", "batches and shapes"),
)
def unchanged(attempt: Attempt) -> str:
    """(inside, outside): w1 split along and across the span of the rows of x, from x and w1."""
    for seed, (samples, features) in enumerate(((3, 5), (2, 7), (1, 4))):
        values = draw(seed, x=(samples, features), w1=(features, 4))
        x, w1 = values["x"], values["w1"]
        inside, outside = (
            numbers(part) for part in parts(attempt, attempt(x, w1), "inside", "outside")
        )
        attempt.equal(inside + outside, w1, "The sum of the two parts")
        # What is left of the first part when the best combination of the inputs is taken away.
        left = inside - x.T @ np.linalg.lstsq(x.T, inside, rcond=None)[0]
        attempt.holds(
            np.abs(left).max() < 1e-9,
            "The sum of the parts is right. A column of the first part is no combination of the "
            "inputs.",
            "not in the span",
        )
        attempt.holds(
            np.abs(x @ outside).max() < 1e-9,
            "The sum of the parts is right, and the first one lies in the span of the inputs. The "
            "second is not orthogonal to them: multiply it by x.",
            "not orthogonal",
        )
    return "The parts add up, one is a combination of the inputs, the other orthogonal to them."


@unchanged.slip(
    "a projection onto inputs that are not orthonormal",
    says="Apply your projection a second time. Does it change anything? It should not.",
    reveals="Knows the formula of a projection and not what it asks of the columns.",
)
def _(x, w1):
    inside = x.T @ (x @ w1)
    return inside, w1 - inside


@unchanged.slip(
    "one projection for each input, added up",
    says="Two inputs that point in similar directions: what is taken away twice?",
    reveals="Treats the inputs as orthogonal, which random ones in many dimensions nearly are.",
)
def _(x, w1):
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    inside = unit.T @ (unit @ w1)
    return inside, w1 - inside


@unchanged.slip(
    "the two parts exchanged",
    says="Multiply each part by x. Which of them do the inputs see?",
    reveals="Thinks that training moves what is orthogonal to the data.",
)
def _(x, w1):
    Q, _ = np.linalg.qr(x.T)
    inside = Q @ (Q.T @ w1)
    return w1 - inside, inside
