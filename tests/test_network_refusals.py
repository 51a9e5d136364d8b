"""What a network refuses, and that nothing has changed afterwards."""

import numpy as np
import pytest
from kinds import each_kind, refused, values

from backprop.layers import Linear, ReLU, Sigmoid
from backprop.losses import MeanSquaredError
from backprop.network import NeuralNet


def network():
    layers = [Linear(4, 5, 1), ReLU(), Linear(5, 3, 2), Sigmoid(), Linear(3, 2, 3)]
    return NeuralNet(layers, MeanSquaredError())


def batch_of(kind):
    rng = np.random.default_rng(1)
    return kind.normal(rng, 3, 4), kind.array(rng.uniform(size=(3, 2)))


def test_gradient_descent_needs_a_new_forward_pass_each_time():
    net = network()
    x, y = np.ones((3, 4)), np.ones((3, 2))
    told = "NeuralNet.backprop needs a loss; expected evaluate(x, y) before it"
    for call in (net.backprop, lambda: net.gradient_descent(0.1)):
        with refused(RuntimeError, told) as caught:
            call()
        assert str(caught.value) == told
    net(x)
    with refused(RuntimeError, told):
        net.backprop()
    net.evaluate(x, y)
    net.gradient_descent(0.1)
    after = [values(W) for W in net.parameters]
    for call in (net.backprop, lambda: net.gradient_descent(0.1)):
        with refused(RuntimeError, told):
            call()
    for W, copy in zip(net.parameters, after, strict=True):
        np.testing.assert_array_equal(W, copy)


def test_an_assigned_parameter_needs_a_new_forward_pass():
    net = network()
    net.evaluate(np.ones((3, 4)), np.ones((3, 2)))
    net.layers[2].W = net.layers[2].W.copy()
    before = net.parameters
    for call in (net.backprop, lambda: net.gradient_descent(0.1)):
        with refused(RuntimeError, "Linear.bp_param needs a forward pass"):
            call()
    assert all(W is old for W, old in zip(net.parameters, before, strict=True))


BAD_PAIRS = [
    (lambda x, y: (x, y[:, :1]), ValueError, "has shape (3, 2) and targets has shape (3, 1)"),
    (lambda x, y: (x, y[:, 0]), ValueError, "outputs has shape (3, 2) and targets has shape (3,)"),
    (lambda x, y: (x, y * float("nan")), ValueError, "with NaN in it; expected numbers"),
    (lambda x, y: (x, None), TypeError, "targets is None; expected a NumPy array"),
    (lambda x, y: (x[:, :3], y), ValueError, "x has shape (3, 3); expected (batch, 4)"),
    (lambda x, y: (x[:0], y[:0]), ValueError, "x is empty: its shape is (0, 4)"),
    (lambda x, y: ([[1.0] * 4], y), TypeError, "x is list [[1.0, 1.0, 1.0, 1.0]]; expected"),
]  # fmt: skip


@each_kind
@pytest.mark.parametrize(("spoil", "error", "message"), BAD_PAIRS)
def test_a_refused_evaluation_changes_nothing(kind, spoil, error, message):
    net, (x, y) = network(), batch_of(kind)
    drawn = net.parameters
    with refused(error, message):
        net.evaluate(*spoil(x, y))
    assert all(W is old for W, old in zip(net.parameters, drawn, strict=True))
    with refused(RuntimeError, "needs a loss; expected evaluate(x, y) before it"):
        net.backprop()
    net.evaluate(x, y)
    before = [values(grad) for grad in net.backprop()]
    with refused(error, message):
        net.evaluate(*spoil(2 * x, y))
    for grad, copy in zip(net.backprop(), before, strict=True):
        np.testing.assert_array_equal(grad, copy)
    net.gradient_descent(0.1)
    for W, old, copy in zip(net.parameters, drawn, before, strict=True):
        kind.check(W, values(old) - 0.1 * copy)


@pytest.mark.parametrize("bad", [0, 0.0, -0.1, float("nan"), float("inf"), np.float64(-1)])
def test_bad_learning_rates_change_nothing(bad):
    net = network()
    net.evaluate(np.ones((3, 4)), np.ones((3, 2)))
    before, gradients = net.parameters, net.backprop()
    with refused(ValueError, f"learning_rate is {bad!r}; expected a positive, finite number"):
        net.gradient_descent(bad)
    assert all(W is old for W, old in zip(net.parameters, before, strict=True))
    for one, other in zip(net.backprop(), gradients, strict=True):
        np.testing.assert_array_equal(one, other)
