"""The exercises of chapter 13, training on handwritten digits: 13.1 to 13.3."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from backprop.checking import numerical_gradient
from backprop.exercises._attempt import Attempt, numbers
from backprop.exercises._parts import alone, parts
from backprop.exercises._sheet import exercise
from backprop.layers import Linear, ReLU
from backprop.losses import SoftmaxCrossEntropy
from backprop.network import NeuralNet


def small_network(seed: int) -> NeuralNet:
    """A classifier with 3 inputs, 4 hidden units and 2 classes, and with biases."""
    rng = np.random.default_rng(seed)
    network = NeuralNet([Linear(3, 4), ReLU(), Linear(4, 2)], SoftmaxCrossEntropy())
    network.layers[0].W = rng.normal(size=(4, 4))
    network.layers[2].W = rng.normal(size=(5, 2))
    return network


def loss_of(network: NeuralNet, k: int, x: Any, y: Any) -> Callable[[Any], Any]:
    """The loss as a function of the k-th W alone."""
    other = copy.deepcopy(network)
    layer = [layer for layer in other.layers if layer.W is not None][k]

    def loss(W):
        layer.W = W
        return other.evaluate(x, y)

    return loss


@exercise(
    "13.1",
    "A mean that is always up to date",
    level=1,
    minutes=10,
    topics=("losses", "batches and shapes"),
)
def running_mean(attempt: Attempt) -> str:
    """The new mean, from the mean so far, the number of samples seen, a batch's mean and size."""
    chance = random.Random(1)
    for sizes in ((64, 64, 32), (5, 1, 7, 7, 2), (3, 100)):
        mean, samples = 5.0, list[float]()
        for number, size in enumerate(sizes, 1):
            batch = [chance.uniform(0, 3) for _ in range(size)]
            mean = attempt(mean, len(samples), sum(batch) / size, size)
            samples += batch
            told = f"After {number} of the batches of {', '.join(map(str, sizes))}, the mean"
            attempt.equal(mean, sum(samples) / len(samples), told)
            mean = float(numbers(mean))
    return "After each batch it is the mean over all samples, for three rows of batches."


@running_mean.slip(
    "the old mean and the new one, half and half",
    says="How many samples stand behind each of the two?",
    reveals="Averages averages, and gives the last batch half of the weight whatever came before.",
)
def _(mean, seen, loss, size):
    return (mean + loss) / 2 if seen else loss


@running_mean.slip(
    "the loss of the batch counted once",
    says="The loss of a batch is a mean. Of how many numbers, and what is their sum?",
    reveals="Takes the mean of a batch for its sum.",
)
def _(mean, seen, loss, size):
    return (seen * mean + loss) / (seen + size)


@running_mean.slip(
    "a batch that is not yet counted",
    says="Over how many samples does the new mean go? What happens in the very first batch?",
    reveals="Divides by the number before the batch, and so by 0 at first.",
)
def _(mean, seen, loss, size):
    return mean + size / seen * (loss - mean)


@running_mean.slip(
    "the weights of the two exchanged",
    says="After a thousand samples, should a batch of ten move the mean by much or by little?",
    reveals="Has the form of a weighted mean, and pairs it wrongly.",
)
def _(mean, seen, loss, size):
    return (size * mean + seen * loss) / (seen + size)


@exercise("13.2", "Momentum in four lines", level=2, minutes=25, topics=("training",))
def momentum(attempt: Attempt) -> str:
    """New W, new velocities and a rate without momentum, from network, v, rate, mu."""
    for seed, (rate, mu) in enumerate(((0.1, 0.9), (0.02, 0.5), (0.3, 0.0))):
        rng = np.random.default_rng(seed)
        network = small_network(seed)
        x, y = rng.normal(size=(6, 3)), rng.integers(2, size=6)
        v = [rng.normal(size=W.shape) for W in network.parameters]
        network.evaluate(x, y)
        names = ("the new W", "the new velocities", "the rate")
        all_W, all_v, plain = parts(attempt, attempt(network, v, rate, mu), *names)
        for lists, what in ((all_v, "velocities"), (all_W, "new W")):
            told = f"The list of {what} should hold"
            parts(attempt, lists, "that of layer 1", "that of layer 2", what=told)
        for k, W in enumerate(network.parameters):
            told = f"With mu = {mu}, the new {{}} of layer {k + 1}"
            gradient = numerical_gradient(loss_of(network, k, x, y), W)
            velocity = np.zeros(W.shape)
            for entry in np.ndindex(W.shape):
                velocity[entry] = mu * v[k][entry] + gradient[entry]
            attempt.equal(all_v[k], velocity, told.format("velocity"), 1e-6)
            attempt.equal(all_W[k], W - rate * velocity, told.format("W"), 1e-6)
        _as_fast(attempt, rate, mu, numbers(plain, "The rate"))
    return "The step is right, and after many equal gradients plain descent goes as fast."


def _as_fast(attempt: Attempt, rate: float, mu: float, plain: np.ndarray) -> None:
    """Hold that with ``plain`` descent is as fast as momentum after many equal gradients."""
    attempt.holds(plain.shape == (), f"The rate has the shape {plain.shape}; expected a number.")
    place, before, velocity = 0.0, 0.0, 0.0
    for _ in range(500):
        velocity = mu * velocity + 1.0
        place, before = place - rate * velocity, place
    attempt.holds(
        abs(before - place - plain) < 1e-6,
        f"The step is right. But with mu = {mu}, after 500 gradients of 1, plain descent at the "
        "rate that is returned goes at another speed.",
        "rate",
    )


def velocities(network, v, mu, part=1.0):
    return [mu * old + part * new for old, new in zip(v, network.backprop(), strict=True)]


def moved(network, rate, v):
    return [W - rate * velocity for W, velocity in zip(network.parameters, v, strict=True)]


@momentum.slip(
    "a running average of the gradients",
    says="Which factor does the new gradient have in this definition?",
    reveals="Knows momentum as an average, whose factors add up to 1; the same idea, with another "
    "rate.",
)
def _(network, v, rate, mu):
    v = velocities(network, v, mu, 1 - mu)
    return moved(network, rate, v), v, rate


@momentum.slip(
    "the rate inside the velocity",
    says="Where does the rate stand in this definition: where gradients are collected, or where W "
    "moves?",
    reveals="Uses another common form. At a constant rate both go the same way; the velocities "
    "differ.",
)
def _(network, v, rate, mu):
    v = velocities(network, v, mu, rate)
    return moved(network, 1, v), v, rate / (1 - mu)


@momentum.slip(
    "a step with the velocity of the batch before",
    says="The velocities are right. Which of them does the step at time t take?",
    reveals="Moves first and remembers afterwards.",
)
def _(network, v, rate, mu):
    return moved(network, rate, v), velocities(network, v, mu), rate / (1 - mu)


@momentum.slip(
    "a memory of one step",
    says="The step is right. How many of the gradients before does the velocity remember?",
    reveals="Adds up the last two gradients, and does not see that the one before stays too.",
)
def _(network, v, rate, mu):
    v = velocities(network, v, mu)
    return moved(network, rate, v), v, rate * (1 + mu)


@exercise("13.3", "Weight decay", level=2, minutes=20, topics=("training", "losses"))
def decay(attempt: Attempt) -> str:
    """The gradients with decay, and the factor of an idle weight, from network, strength, rate."""
    for seed, (strength, rate) in enumerate(((0.3, 0.1), (0.01, 0.5), (1.0, 0.2))):
        rng = np.random.default_rng(seed)
        network = small_network(seed)
        x, y = rng.normal(size=(6, 3)), rng.integers(2, size=6)
        network.evaluate(x, y)
        result = attempt(network, strength, rate)
        gradients, factor = parts(attempt, result, "the gradients", "the factor")
        told = "The list of gradients should hold"
        parts(attempt, gradients, "that for layer 1", "that for layer 2", what=told)
        for k, W in enumerate(network.parameters):
            loss = loss_of(network, k, x, y)

            def with_penalty(W, loss=loss, strength=strength):
                return loss(W) + sum(_penalty(strength, w) for row in W[:-1] for w in row)

            attempt.gradient(with_penalty, W, gradients[k], f"The gradient for layer {k + 1}")
        factor = numbers(factor, "The factor")
        w = np.array(2.0)
        slope = numerical_gradient(alone(_penalty, 1, (strength, w)), w)
        attempt.holds(
            factor.shape == () and abs(factor - (w - rate * slope) / w) < 1e-7,
            "The gradients are right. But a step multiplies a weight that the loss does not feel "
            "by another factor than the one returned.",
            "factor",
        )
    return "The gradients agree with central differences, and an idle weight fades as it says."


def _penalty(strength, w):
    return strength / 2 * w**2


def decayed(network, strength, rows=slice(None, -1)):
    gradients = [grad.copy() for grad in network.backprop()]
    for W, grad in zip(network.parameters, gradients, strict=True):
        grad[rows] += strength * W[rows]
    return gradients


@decay.slip(
    "biases that decay, too",
    says="Over which rows of W does the sum of the exercise go?",
    reveals="Takes the array W for the weights; the last row is the bias.",
)
def _(network, strength, rate):
    return decayed(network, strength, slice(None)), 1 - rate * strength


@decay.slip(
    "a ½ that is still there",
    says="What does the derivative of a square do with the ½ in front of it?",
    reveals="Puts W in the place of its square and keeps the constants.",
)
def _(network, strength, rate):
    return decayed(network, strength / 2), 1 - rate * strength / 2


@decay.slip(
    "a factor without the rate",
    says="The gradients are right. What is a gradient multiplied by, before it is subtracted?",
    reveals="Reads decay off the gradient and not off the step.",
)
def _(network, strength, rate):
    return decayed(network, strength), 1 - strength


@decay.slip(
    "weights that grow",
    says="Should the gradient of the penalty point to larger weights, or to smaller ones?",
    reveals="Puts the direction of the wish into the gradient, which the step then turns around.",
)
def _(network, strength, rate):
    return decayed(network, -strength), 1 - rate * strength
