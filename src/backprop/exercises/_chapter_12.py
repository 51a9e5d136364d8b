"""The exercises of chapter 12, softmax and cross-entropy: 12.1 to 12.3."""

from __future__ import annotations

import math

import numpy as np

from backprop.checking import numerical_gradient
from backprop.exercises._attempt import Attempt, numbers
from backprop.exercises._parts import alone, parts
from backprop.exercises._sheet import exercise


def softmax(z):
    """Along the last axis."""
    exps = np.exp(z - z.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


def entropy(z, target):
    """The sum of the cross-entropies of all rows, by definition."""
    return -(target * np.log(softmax(z))).sum()


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@exercise(
    "12.1",
    "The sigmoid as the case of two classes",
    level=1,
    minutes=20,
    topics=("softmax", "losses"),
)
def two_classes(attempt: Attempt) -> str:
    """Slopes of the loss for z = z1 - z0, z1 and z0, and a rate, from z0, z1, y1, rate."""
    for seed, rate in enumerate((0.1, 0.5)):
        rng = np.random.default_rng(seed)
        z0, z1, y1 = rng.normal(size=5), rng.normal(size=5), np.array([0, 1, 1, 0, 1])
        result = attempt(z0, z1, y1, rate)
        names = ("the slopes for z", "for z1", "for z0", "the rate")
        of_z, of_z1, of_z0, single = parts(attempt, result, *names)
        pair = np.stack([1 - y1, y1], axis=1)

        def of_one(z, y1=y1):
            return -(y1 * np.log(sigmoid(z)) + (1 - y1) * np.log(1 - sigmoid(z))).sum()

        def of_two(z0, z1, pair=pair):
            return entropy(np.stack([z0, z1], axis=1), pair)

        attempt.gradient(of_one, z1 - z0, of_z, "The slope for z")
        attempt.gradient(alone(of_two, 1, (z0, z1)), z1, of_z1, "The slope for z1")
        attempt.gradient(alone(of_two, 0, (z0, z1)), z0, of_z0, "The slope for z0")
        x, W = rng.normal(size=(5, 3)), rng.normal(size=(3, 2))

        def of_W(W, x=x, loss=of_two):
            return loss(*(x @ W).T)

        def of_w(w, x=x, loss=of_one):
            return loss(x @ w)

        step = -rate * numerical_gradient(of_W, W)
        lone = -numbers(single, "The rate") * numerical_gradient(of_w, W[:, 1] - W[:, 0])
        moved = step[:, 1] - step[:, 0]
        attempt.holds(
            lone.shape == moved.shape and np.abs(lone - moved).max() < 1e-6 * np.abs(moved).max(),
            "The slopes are right. But a step of the single output, with the rate that is "
            "returned, moves its weights differently from what the same step of the two outputs "
            "does to w1 - w0.",
            "rate",
        )
    return "The slopes agree with central differences, and the two trainings step alike."


@two_classes.slip(
    "the same slope for both logits",
    says="Let z0 alone grow: does the loss of a sample of class 1 rise or fall?",
    reveals="Stops at the slope for z and does not carry it through the difference.",
)
def _(z0, z1, y1, rate):
    slope = sigmoid(z1 - z0) - y1
    return slope, slope, slope, 2 * rate


@two_classes.slip(
    "the same rate for both trainings",
    says="The slopes are right. Which columns of weights move in a step with two outputs, and "
    "what does that make of their difference?",
    reveals="Takes equal losses and equal gradients in the logits for equal trainings.",
)
def _(z0, z1, y1, rate):
    slope = sigmoid(z1 - z0) - y1
    return slope, slope, -slope, rate


@two_classes.slip(
    "the slope of the sigmoid as a factor",
    says="Write the slope of the cross-entropy in the prediction before you multiply. What "
    "stands in its denominator?",
    reveals="Multiplies prediction minus target by the sigmoid's slope: the gradient of the "
    "squared error (without its 2), or a cross-entropy that was never differentiated.",
)
def _(z0, z1, y1, rate):
    p = sigmoid(z1 - z0)
    slope = (p - y1) * p * (1 - p)
    return slope, slope, -slope, 2 * rate


@two_classes.slip(
    "half the rate for the single output",
    says="The slopes are right. At equal rates, which of the two trainings goes further?",
    reveals="Sees the factor, and puts it on the other side.",
)
def _(z0, z1, y1, rate):
    slope = sigmoid(z1 - z0) - y1
    return slope, slope, -slope, rate / 2


@exercise("12.2", "Smoothed labels", level=2, minutes=15, topics=("softmax", "losses"))
def smoothed(attempt: Attempt) -> str:
    """grad_z of one sample and the gap at the minimum, from z, label, epsilon."""
    for seed, (K, epsilon) in enumerate(((3, 0.1), (5, 0.3), (10, 0.02))):
        rng = np.random.default_rng(seed)
        z, label = rng.normal(size=K), int(rng.integers(K))
        grad_z, gap = parts(attempt, attempt(z, label, epsilon), "the gradient", "the gap")
        target = np.array([epsilon / K + (1 - epsilon if k == label else 0) for k in range(K)])

        def loss(z, target=target):
            return entropy(z, target)

        attempt.gradient(loss, z, grad_z)
        gap = numbers(gap, "The gap")
        attempt.holds(gap.shape == (), f"The gap has the shape {gap.shape}; expected one number.")
        attempt.holds(np.isfinite(gap), "The gradient is right. The gap is not finite.")
        there = numerical_gradient(loss, np.where(np.arange(K) == label, gap, 0.0))
        attempt.holds(
            np.abs(there).max() < 1e-8,
            "The gradient is right. But it is not zero where the label's logit is above all "
            "others by the gap that is returned.",
            "gap",
        )
    return "The gradient agrees with central differences, and it vanishes at the gap."


@smoothed.slip(
    "the label's own share of ε forgotten in the target",
    says="Do the entries of the target add up to 1? Read its definition for k = c.",
    reveals="Takes the second term for one that only the other classes get.",
)
def _(z, label, epsilon):
    y = np.eye(len(z))[label]
    return softmax(z) - (1 - epsilon) * y, math.log(len(z) * (1 - epsilon) / epsilon)


@smoothed.slip(
    "ε divided among the other classes only",
    says="Among how many classes does the definition divide ε, and is the label one of them?",
    reveals="Uses another common form of smoothing, from memory and not from the text.",
)
def _(z, label, epsilon):
    K = len(z)
    target = np.where(np.arange(K) == label, 1 - epsilon, epsilon / (K - 1))
    return softmax(z) - target, math.log((1 - epsilon) * (K - 1) / epsilon)


@smoothed.slip(
    "1 - ε for the label's probability at the minimum",
    says="The gradient is right. Set it to zero for the label's entry, too: is that all?",
    reveals="Reads the minimum off the factor of y and not off the whole target.",
)
def _(z, label, epsilon):
    K = len(z)
    target = (1 - epsilon) * np.eye(K)[label] + epsilon / K
    return softmax(z) - target, math.log(K * (1 - epsilon) / epsilon)


@smoothed.slip(
    "the gap between two probabilities",
    says="The gradient is right. The question is about logits: how do they follow from "
    "probabilities?",
    reveals="Does not separate scores from probabilities.",
)
def _(z, label, epsilon):
    K = len(z)
    return softmax(z) - (1 - epsilon) * np.eye(K)[label] - epsilon / K, 1 - epsilon


@exercise("12.3", "Find the NaN", level=3, minutes=30, topics=("softmax", "numerical traps"))
def masked(attempt: Attempt) -> str:
    """The loss over the allowed classes and grad_z, from z, y, allowed."""
    for seed, scale in enumerate((1, 3, 400)):
        rng = np.random.default_rng(seed)
        z = scale * rng.normal(size=(4, 5))
        allowed = rng.random(size=(4, 5)) < 0.6
        labels = rng.integers(5, size=4)
        allowed[np.arange(4), labels] = True
        allowed[2], allowed[3] = True, np.arange(5) == labels[3]
        y = np.eye(5)[labels]
        z[0, labels[0]] = z[0].min() - scale  # far behind, and so rounded to 0 in the last draw

        def loss(z, allowed=allowed, labels=labels):
            total = 0.0
            for row, which, label in zip(z, allowed, labels, strict=True):
                top = max(row[which])
                total += top + math.log(sum(math.exp(s - top) for s in row[which])) - row[label]
            return total / len(z)

        value, grad_z = parts(attempt, attempt(z, y, allowed), "the loss", "its gradient")
        told = "The loss" if scale < 100 else "For logits in the hundreds, the loss"
        attempt.equal(value, loss(z), told)
        told = "The gradient" if scale < 100 else "For logits in the hundreds, the gradient"
        attempt.gradient(loss, z, grad_z, told)
    return "Loss and gradient are finite and right, also for logits in the hundreds."


def forbid(z, y, allowed):
    """The probabilities with the forbidden classes at 0, and prediction minus target."""
    p = softmax(np.where(allowed, z, -np.inf))
    return p, (p - y) / len(z)


@masked.slip(
    "the product with y left as it was",
    says="Which factor meets the logarithm of 0? Look at the value first.",
    reveals="Expects 0 times anything to be 0; knows infinity from limits, not from IEEE 754.",
)
def _(z, y, allowed):
    p, grad_z = forbid(z, y, allowed)
    return -(y * np.log(p)).sum(axis=1).mean(), grad_z


@masked.slip(
    "the NaN thrown away in the value only",
    says="The value is right. What does the way back divide by, in the branch that was not taken?",
    reveals="Believes that a branch whose result is thrown away takes no part in the gradient.",
)
def _(z, y, allowed):
    p, _ = forbid(z, y, allowed)
    value = np.where(y > 0, -y * np.log(p), 0).sum(axis=1).mean()
    grad_p = -y / p
    return value, p * (grad_p - (grad_p * p).sum(axis=1, keepdims=True)) / len(z)


@masked.slip(
    "a small number inside the logarithm",
    says="What does this loss say for a label with the probability 0, after rounding?",
    reveals="Silences a symptom. The guard also puts a bound on the loss, and the gradient of "
    "what is computed is then 0.",
)
def _(z, y, allowed):
    p, grad_z = forbid(z, y, allowed)
    return -(y * np.log(p + 1e-12)).sum(axis=1).mean(), grad_z


@masked.slip(
    "the logit 0 for the forbidden classes",
    says="Which probability does a class with the logit 0 get?",
    reveals="Masks scores as if they were probabilities or gradients: by a factor 0.",
)
def _(z, y, allowed):
    p = softmax(z * allowed)
    return -np.log((p * y).sum(axis=1)).mean(), (p - y) / len(z)


@masked.slip(
    "the forbidden classes taken out behind the softmax",
    says="Do the probabilities of the allowed classes still add up to 1?",
    reveals="Takes out the numerators and leaves the denominator.",
)
def _(z, y, allowed):
    p = softmax(z) * allowed
    return -np.log((p * y).sum(axis=1)).mean(), (p - y) / len(z)
