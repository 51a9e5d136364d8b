"""The quick layers do what the formulas say: each step beside one that is written plainly."""

import numpy as np
import torch
from kinds import each_kind

from backprop.layers import Linear, ReLU
from backprop.losses import SoftmaxCrossEntropy
from backprop.network import NeuralNet

RATE = 0.5


def plain_step(W1, W2, x, labels):
    """A column of ones, a one-hot matrix, the exponentials as they are, updates out of place."""
    ones = np.ones((len(x), 1))
    first = np.hstack([x, ones])
    z = first @ W1
    second = np.hstack([np.maximum(z, 0), ones])
    e = np.exp(second @ W2)
    p, y = e / e.sum(axis=1, keepdims=True), np.eye(W2.shape[1])[labels]
    loss = -(y * np.log(p)).sum() / len(x)
    grad = (p - y) / len(x)
    grad_W2 = second.T @ grad
    grad_W1 = first.T @ np.where(z > 0, (grad @ W2.T)[:, :-1], 0)
    return loss, [grad_W1, grad_W2], [W1 - RATE * grad_W1, W2 - RATE * grad_W2]


@each_kind
def test_steps_of_a_network_are_the_plain_steps(kind):
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(17, 6)), rng.integers(3, size=17)
    first, last = Linear(6, 4, 1), Linear(4, 3, 2)
    plain = [first.W, last.W]  # not written to: the network's first step makes new arrays
    net = NeuralNet([first, ReLU(), last], SoftmaxCrossEntropy())
    targets = torch.tensor(labels) if kind.library == "torch" else labels
    for _ in range(4):
        loss, gradients, plain = plain_step(*plain, x, labels)
        kind.check(net.evaluate(kind.array(x), targets), loss)
        for actual, expected in zip(net.backprop(), gradients, strict=True):
            kind.check(actual, expected)
        net.gradient_descent(RATE)
        for actual, expected in zip(net.parameters, plain, strict=True):
            kind.check(actual, expected)
