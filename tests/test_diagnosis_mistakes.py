"""Each mistake that a diagnosis tries is told from the others, and its evidence says which it is.

The mistakes are made in classes of layers and losses, as a reader would make them.
"""

import numpy as np
import pytest
from diagnosis_networks import NETWORKS, draw

from backprop.checking import check_network
from backprop.layers import Linear, ReLU, Sigmoid, Tanh
from backprop.losses import (
    BinaryCrossEntropy,
    Loss,
    MeanSquaredError,
    SoftmaxCrossEntropy,
    SumSquaredError,
)
from backprop.network import NeuralNet


def said(network, drawn):
    """The causes, and all evidence in one line."""
    report = check_network(network, drawn.x, drawn.y)
    assert not report.ok
    return [cause.name for cause in report.causes], str(report.causes[0].evidence)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# Activations


def times(base, factor):
    """``base`` with the gradient times ``factor(input, output, gradient)`` on its way back."""

    class Times(base):
        def __call__(self, x):
            self._x = x.copy()
            return super().__call__(x)

        def bp_input(self, grad):
            return grad * factor(self._x, base()(self._x), grad)

    return Times


DERIVATIVES = [
    (ReLU, lambda x, a, g: a, "its value"),
    (Sigmoid, lambda x, s, g: s, "its value"),
    (Sigmoid, lambda x, s, g: (s * (1 - s)) ** 2, "its derivative squared"),
    (Sigmoid, lambda x, s, g: x * (1 - x), "x (1 - x) of its input"),
    (Sigmoid, lambda x, s, g: sigmoid(s) * (1 - sigmoid(s)), "the derivative at its output"),
    (Sigmoid, lambda x, s, g: 1 - s**2, "that of tanh"),
    (Sigmoid, lambda x, s, g: 1 - s, "with 1 - s for"),
    (Sigmoid, lambda x, s, g: s * (1 + s), "s (1 + s)"),
    (Tanh, lambda x, t, g: t, "its value"),
    (Tanh, lambda x, t, g: (1 - t**2) ** 2, "its derivative squared"),
    (Tanh, lambda x, t, g: 1 - x**2, "1 - x² of its input"),
    (Tanh, lambda x, t, g: 1 - np.tanh(t) ** 2, "the derivative at its output"),
    (Tanh, lambda x, t, g: t * (1 - t), "that of the sigmoid"),
    (Tanh, lambda x, t, g: 1 - t, "with 1 - t for"),
    (Tanh, lambda x, t, g: 1 + t**2, "1 + t²"),
]
IN = {ReLU: "6-5-5-4 ReLU, softmax", Sigmoid: "4-5-3 sigmoid, mean", Tanh: "3-5-5-2 tanh, sum"}


@pytest.mark.parametrize(("base", "factor", "evidence"), DERIVATIVES)
def test_another_derivative(base, factor, evidence):
    drawn = draw(IN[base], 1)
    names, told = said(drawn.build(activation=times(base, factor)), drawn)
    assert names[0] == "wrong activation derivative"
    assert evidence in told


MASKS = [
    (lambda x, a, g: g > 0, "the gradient itself"),
    (lambda x, a, g: x[:1] > 0, "the first sample alone"),
    (lambda x, a, g: x.mean(axis=0) > 0, "the mean of the batch"),
    (lambda x, a, g: np.abs(x) > 1, "abs(x) > 1"),
]


@pytest.mark.parametrize(("factor", "evidence"), MASKS)
def test_the_mask_of_another_array(factor, evidence):
    drawn = draw(IN[ReLU], 2)
    names, told = said(drawn.build(activation=times(ReLU, factor)), drawn)
    assert names[0] == "mask from the wrong array"
    assert f"taken from {evidence} a backward pass" in told
    assert "layers 1, 3 (all of kind relu)" in told


def test_the_mask_of_another_layer():
    drawn = draw(IN[ReLU], 3)
    network = drawn.build()
    first, second = network.layers[1], network.layers[3]
    second.bp_input = lambda grad: grad * (first._forward[1] > 0)
    names, told = said_by_hand(network, drawn)
    assert names[0] == "mask from the wrong array"
    assert "layer 3 (ReLU) taken from the output of layer 0" in told


def said_by_hand(network, drawn):
    """As `said`, for layers with functions of their own, which copies would not follow."""
    network.evaluate(drawn.x, drawn.y)
    gradients = network.backprop()
    report = check_network(drawn.build(), drawn.x, drawn.y, gradients=gradients)
    assert not report.ok
    return [cause.name for cause in report.causes], str(report.causes[0].evidence)


# Linear layers


@pytest.mark.parametrize(
    ("rule", "name", "evidence"),
    [
        (lambda g: g.mean(axis=0), "mean for sum", "the mean over the samples"),
        (lambda g: g.sum(), "summed where per entry", "one sum over all entries"),
        (lambda g: g[0], "broadcast axis not summed", "the first sample's"),
        (lambda g: g[-1], "broadcast axis not summed", "the last sample's"),
        (lambda g: 0, "bias gradient", "with 0 for"),
        (lambda g: 1, "bias gradient", "with 1 for"),
    ],
)
def test_the_bias(rule, name, evidence):
    class Biased(Linear):
        def bp_param(self, grad):
            result = super().bp_param(grad)
            result[-1] = rule(grad)
            return result

    drawn = draw("4-5-3 sigmoid, mean", 4)
    names, told = said(drawn.build(linear=Biased), drawn)
    assert names[0] == name
    assert evidence in told
    assert "layers 0, 2 (all of kind linear)" in told


@pytest.mark.parametrize(("at", "other", "turned"), [(2, 4, False), (2, 4, True), (4, 2, True)])
def test_the_weights_of_another_layer(at, other, turned):
    drawn = square(5)
    network = drawn.build()
    W = network.layers[other].W[:-1]
    network.layers[at].bp_input = lambda grad: grad @ (W if turned else W.T)
    names, told = said_by_hand(network, drawn)
    assert names[0] == "factor of another layer"
    name = f"with {'W' if turned else 'W.T'} of layer {other} (linear) for W.T in layer {at}"
    assert name in told


def square(seed):
    """A network in which all hidden layers are 5 wide."""
    from dataclasses import replace

    drawn, rng = draw("3-5-5-2 tanh, sum", seed), np.random.default_rng(seed)
    extra = rng.normal(size=(6, 5))
    weights = [drawn.weights[0], drawn.weights[1], extra, drawn.weights[2]]
    net = replace(drawn.net, activations=(Tanh, Tanh, Tanh, None))
    return replace(drawn, net=net, weights=weights)


def test_the_gradient_at_another_layer():
    drawn = square(6)
    network = drawn.build()
    network.evaluate(drawn.x, drawn.y)
    right = network.backprop()
    grad = network.loss.bp_input()
    arriving = {}
    for number in reversed(range(len(network.layers))):
        arriving[number] = grad
        grad = network.layers[number].bp_input(grad)
    wrong = list(right)
    wrong[1] = network.layers[2].bp_param(arriving[4])
    report = check_network(drawn.build(), drawn.x, drawn.y, gradients=wrong)
    assert report.causes[0].name == "factor of another layer"
    told = "with the gradient at the output of layer 4 (linear) for that at the output of layer 2"
    assert told in report.causes[0].evidence


@pytest.mark.parametrize("together", [False, True])
def test_transposed_products(together):
    class Turned(Linear):
        def bp_param(self, grad):
            result = super().bp_param(grad)
            if self.in_size == self.out_size:
                result[:-1] = result[:-1].T.copy()
            return result

    drawn = square(7) if together else draw("3-5-5-2 tanh, sum", 7)
    names, told = said(drawn.build(linear=Turned), drawn)
    assert names[0] == "transposed"
    if together:  # two layers, each of which is transposed
        assert names == ["transposed", "transposed"]
    else:
        assert "grad.T @ x for x.T @ grad in layer 2 (linear)" in told


@pytest.mark.parametrize("way", ["mean", "sum"])
def test_the_mean_in_one_layer(way):
    drawn = draw("4-5-3 ReLU, sum", 8)
    gradients, count = drawn.right(), len(drawn.x)
    gradients[1] = gradients[1] / count if way == "mean" else gradients[1] * count
    report = check_network(drawn.build(), drawn.x, drawn.y, gradients=gradients)
    assert report.causes[0].name == "mean for sum"
    told = "mean over" if way == "mean" else f"sum times {count} over"
    assert f"with the {told} the {count} samples" in report.causes[0].evidence


def test_a_factor_of_all_gradients_may_be_a_mean():
    drawn = draw("4-5-3 ReLU, sum", 9)
    count = len(drawn.x)
    for factor, told in ((1 / count, "the mean over the batch is taken for the sum"),
                         (count, "the sum over the batch is taken for the mean")):  # fmt: skip
        gradients = [factor * gradient for gradient in drawn.right()]
        report = check_network(drawn.build(), drawn.x, drawn.y, gradients=gradients)
        assert [cause.name for cause in report.causes] == ["constant factor", "mean for sum"]
        assert told in report.causes[1].evidence


def test_the_step_of_the_last_layer_alone():
    drawn = draw("6-5-5-4 ReLU, softmax", 10)
    network = drawn.build()
    network.evaluate(drawn.x, drawn.y)
    right = network.backprop()
    network.layers[-1].W = network.layers[-1].W - 0.3 * right[-1]
    W = network.layers[-1].W
    network = drawn.build()
    network.layers[-1].bp_input = lambda grad: grad @ W[:-1].T
    names, told = said_by_hand(network, drawn)
    assert names == ["update before all gradients"]
    assert "learning rate 0.3 " in told


# Losses


def loss_with(base, gradient):
    class Wrong(base):
        def bp_input(self):
            outputs, targets = self._forward
            if isinstance(self, SoftmaxCrossEntropy):
                return gradient(outputs, np.eye(outputs.shape[1])[targets]) / len(outputs)
            count = 1 if isinstance(self, SumSquaredError) else outputs.size
            return gradient(outputs, targets) / count

    return Wrong


def twice(z, y):
    p = softmax(z)
    return p * ((p - y) - ((p - y) * p).sum(axis=1, keepdims=True))


LOGITS, WRONG = "logits against probabilities", "wrong loss gradient"
BROADCAST = "broadcast axis not summed"
TOPS = [
    (SoftmaxCrossEntropy, lambda z, y: -y / softmax(z), LOGITS, "-y / p"),
    (SoftmaxCrossEntropy, twice, LOGITS, "softmax's derivative applied twice"),
    (SoftmaxCrossEntropy, lambda z, y: z - y, LOGITS, "outputs - y"),
    (SoftmaxCrossEntropy, lambda z, y: softmax(z), WRONG, "p alone"),
    (SoftmaxCrossEntropy, lambda z, y: -y, WRONG, "-y alone"),
    (
        SoftmaxCrossEntropy,
        lambda z, y: softmax(z) * (1 - softmax(z)) * (softmax(z) - y),
        WRONG,
        "softmax taken for sigmoids",
    ),
    (
        BinaryCrossEntropy,
        lambda z, y: (sigmoid(z) - y) / (sigmoid(z) * (1 - sigmoid(z))),
        LOGITS,
        "(p - y) / (p (1 - p))",
    ),
    (
        BinaryCrossEntropy,
        lambda z, y: (sigmoid(z) - y) * sigmoid(z) * (1 - sigmoid(z)),
        LOGITS,
        "the sigmoid's derivative applied twice",
    ),
    (BinaryCrossEntropy, lambda z, y: z - y, LOGITS, "outputs - y"),
    (BinaryCrossEntropy, lambda z, y: sigmoid(z), WRONG, "p alone"),
    (
        BinaryCrossEntropy,
        lambda z, y: (sigmoid(z) - y.T).mean(axis=1, keepdims=True),
        BROADCAST,
        "labels of shape (N,)",
    ),
    (SumSquaredError, lambda o, y: 2 * o, WRONG, "the outputs, the targets left out"),
    (SumSquaredError, lambda o, y: np.ones_like(o), WRONG, "with ones for"),
    (SumSquaredError, lambda o, y: np.sign(o - y), WRONG, "the sign of the error"),
    (
        MeanSquaredError,
        lambda o, y: 2 * (o - y.T).mean(axis=1, keepdims=True),
        BROADCAST,
        "labels of shape (N,)",
    ),
]
WITH = {
    SoftmaxCrossEntropy: "6-5-5-4 ReLU, softmax",
    BinaryCrossEntropy: "4-3-2-1 ReLU, binary",
    SumSquaredError: "4-5-3 ReLU, sum",
    MeanSquaredError: "chapter 4: 3-4-1 ReLU, mean",
}


@pytest.mark.parametrize(("base", "gradient", "name", "evidence"), TOPS)
def test_another_gradient_of_the_loss(base, gradient, name, evidence):
    drawn = draw(WITH[base], 11)
    names, told = said(drawn.build(loss=loss_with(base, gradient)), drawn)
    assert names[0] == name
    assert evidence in told


class OfProbabilities(Loss):
    """The mean of the binary cross-entropies of probabilities, with a gradient of one's own."""

    def _value(self, p, y):
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()

    def _gradient(self, p, y):
        return self.wrong(p, y) / p.size


@pytest.mark.parametrize(
    ("wrong", "name", "evidence"),
    [
        (lambda p, y: p - y, LOGITS, "p - y, which is with respect to the logits"),
        (lambda p, y: -y / p, WRONG, "-y / p alone"),
    ],
)
def test_probabilities_that_a_sigmoid_gives(wrong, name, evidence):
    class Wrong(OfProbabilities):
        pass

    Wrong.wrong = staticmethod(wrong)
    drawn = draw("4-3-2-1 ReLU, binary", 12)
    network = NeuralNet([*drawn.build().layers, Sigmoid()], Wrong())
    names, told = said(network, drawn)
    assert names[0] == name
    assert evidence in told


# What was kept


def test_what_is_stale_is_told():
    drawn = draw("4-5-3 sigmoid, mean", 13)
    before = (drawn.x[::-1] * 1.7, drawn.y)
    old = drawn.build()
    old.evaluate(*before)
    stale = old.backprop()
    top = old.loss.bp_input()
    network = drawn.build()
    network.evaluate(drawn.x, drawn.y)
    gradients = []
    for layer in reversed(network.layers):
        if layer.W is not None:
            gradients.append(layer.bp_param(top))
        top = layer.bp_input(top)
    for claims, told in (
        (stale, "with everything of the batch"),
        (gradients[::-1], "with outputs and targets of the batch"),
    ):
        report = check_network(drawn.build(), drawn.x, drawn.y, gradients=claims, before=before)
        assert report.causes[0].name == "stale cache"
        assert told in report.causes[0].evidence


def test_indistinguishable_mistakes_are_all_named():
    """One positive weight, one output: with errors > 0 no gradient is negative."""
    layers = [Linear(1, 1, rng=0, bias=False), ReLU(), Linear(1, 1, rng=0, bias=False)]
    layers[0].W, layers[2].W = np.array([[1.0]]), np.array([[2.0]])
    x, y = np.array([[1.0], [-1.5], [2.0]]), np.array([[0.5], [-0.5], [1.0]])

    class OfGradient(ReLU):
        def bp_input(self, grad):
            return grad * (grad > 0)

    layers[1] = OfGradient()
    report = check_network(NeuralNet(layers, SumSquaredError()), x, y)
    names = [cause.name for cause in report.causes]
    assert names[:1] == ["mask missing"]
    assert "mask from the wrong array" in names


def test_all_networks_are_drawn_with_masks():
    for name in NETWORKS:
        drawn = draw(name, 0)
        network = drawn.build()
        network.evaluate(drawn.x, drawn.y)
        for layer in network.layers:
            if isinstance(layer, ReLU):
                on = layer._forward[1] > 0
                assert on.any()
                assert not on.all()
