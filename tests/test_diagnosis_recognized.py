"""Layers and losses are recognized by what they compute, and their backward pass is right."""

import numpy as np
import pytest

from backprop.checking import assert_gradient
from backprop.diagnosis._losses import REDUCTIONS, SUMS, as_targets, gradient_of, recognize_loss
from backprop.diagnosis._model import record, walk
from backprop.layers import Linear, ReLU, Sigmoid, Tanh

RNG = np.random.default_rng(21)
OUTPUTS = RNG.normal(size=(5, 3))
TARGETS = {
    "squares": RNG.normal(size=(5, 3)),
    "half squares": RNG.normal(size=(5, 3)),
    "softmax cross-entropy": np.eye(3)[[0, 2, 1, 1, 0]],
    "binary cross-entropy": RNG.integers(0, 2, size=(5, 3)) * 1.0,
    "binary cross-entropy of probabilities": RNG.integers(0, 2, size=(5, 3)) * 1.0,
    "cross-entropy of probabilities": np.eye(3)[[0, 2, 1, 1, 0]],
}


def value(name, reduction, outputs, targets):
    return SUMS[name][0](outputs, targets) / REDUCTIONS[reduction](outputs)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", SUMS)
def test_losses_by_their_value(name, reduction):
    targets = TARGETS[name]
    outputs = 1 / (1 + np.exp(-OUTPUTS)) if name.endswith("probabilities") else OUTPUTS
    number = value(name, reduction, outputs, targets)
    assert recognize_loss(outputs, targets, number) == (name, reduction)
    assert recognize_loss(outputs, targets, number * 1.01) is None
    assert recognize_loss(outputs, targets[:, :2], number) is None
    gradient = gradient_of((name, reduction), outputs, targets)
    assert_gradient(lambda o: value(name, reduction, o, targets), gradient, outputs)


def test_all_losses_have_targets():
    assert set(TARGETS) == set(SUMS)


def test_labels_become_rows():
    np.testing.assert_array_equal(as_targets(np.array([2, 0]), np.zeros((2, 3))), np.eye(3)[[2, 0]])
    for targets in (np.array([3, 0]), np.array([-1, 0]), np.array([0.5, 0]), np.array([1])):
        assert as_targets(targets, np.zeros((2, 3))) is targets


@pytest.mark.parametrize("bias", [True, False])
def test_layers_by_their_output(bias):
    layers = [Linear(3, 5, 0, bias=bias), ReLU(), Linear(5, 5, 1, bias=bias), Sigmoid(),
              Linear(5, 4, 2, bias=bias), Tanh(), Linear(4, 3, 3, bias=bias)]  # fmt: skip
    x, y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 3))

    def loss(layers):
        out = x
        for layer in layers:
            out = layer(out)
        return ((out - y) ** 2).mean()

    trace = record(layers, float(loss(layers)), x, y)
    kinds = [stage.kind for stage in trace.stages]
    assert kinds == ["linear", "relu", "linear", "sigmoid", "linear", "tanh", "linear"]
    assert [stage.has_bias for stage in trace.stages[::2]] == [bias] * 4
    assert trace.loss == ("squares", "mean over the entries")
    for layer, gradient in zip(layers[::2], walk(trace).gradients, strict=True):

        def f(W, layer=layer):
            kept, layer.W = layer.W, W
            result = loss(layers)
            layer.W = kept
            return result

        assert_gradient(f, gradient, layer.W)


def test_what_is_not_known_is_not_guessed():
    x, y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 3))
    assert record([ReLU()], 0.123, x, y) is None
    known = float(((np.maximum(x, 0) - y) ** 2).sum())
    assert record([ReLU()], known, x, y) is not None
    soft = float(((np.logaddexp(0, x) - y) ** 2).sum())
    assert record([lambda a: np.logaddexp(0, a)], soft, x, y) is None
