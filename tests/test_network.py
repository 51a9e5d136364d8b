"""Networks against PyTorch's autograd, and what a network does with its parameters."""

import weakref

import numpy as np
import pytest
import torch
from kinds import each_batch, each_kind, each_library, reference, refused, values
from torch.nn import functional

from backprop.checking import assert_gradient
from backprop.layers import Layer, Linear, ReLU, Sigmoid, Tanh
from backprop.losses import BinaryCrossEntropy, MeanSquaredError, SumSquaredError
from backprop.network import NeuralNet

#: Each loss with the layers after which it stands here, and the same loss by PyTorch.
NETWORKS = {
    "ReLU": (
        lambda: NeuralNet([Linear(4, 5, 1), ReLU(), Linear(5, 3, 2), Sigmoid(), Linear(3, 2, 3)],
                          MeanSquaredError()),
        lambda y, target: functional.mse_loss(y, target),
    ),
    "linear": (
        lambda: NeuralNet([Linear(4, 5, 1), Linear(5, 3, 2, bias=False), Linear(3, 2, 3)],
                          BinaryCrossEntropy()),
        functional.binary_cross_entropy_with_logits,
    ),
    "last layers without parameters": (
        lambda: NeuralNet([Tanh(), Linear(4, 3, 1), Tanh(), Linear(3, 2, 2), ReLU(), Sigmoid()],
                          SumSquaredError()),
        lambda y, target: functional.mse_loss(y, target, reduction="sum"),
    ),
}  # fmt: skip
each_network = pytest.mark.parametrize("name", NETWORKS)


def batch_of(kind, batch=3, seed=1):
    rng = np.random.default_rng(seed)
    return kind.normal(rng, batch, 4), kind.array(rng.uniform(size=(batch, 2)))


def by_torch(net, x, y, loss):
    """The loss and the gradients of all parameters, by a program of PyTorch's own functions."""
    at, parameters = reference(x).detach(), []
    for layer in net.layers:
        if isinstance(layer, Linear):
            W = reference(layer.W)
            parameters.append(W)
            weights, bias = (W[:-1], W[-1]) if layer.bias else (W, None)
            at = functional.linear(at, weights.T, bias)
        else:
            at = {"ReLU": torch.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh}[
                type(layer).__name__
            ](at)
    value = loss(at, reference(y).detach())
    value.backward()
    return at, value, [W.grad for W in parameters]


@each_network
@each_kind
@each_batch
def test_losses_and_all_gradients_are_those_of_autograd(name, kind, batch):
    make, loss = NETWORKS[name]
    net, (x, y) = make(), batch_of(kind, batch)
    net(x)
    value = net.evaluate(x, y)
    outputs, expected, expected_gradients = by_torch(net, x, y, loss)
    kind.check(value, expected)
    kind.check(net(x), outputs)
    for _ in range(2):  # nothing adds up
        gradients = net.backprop()
        assert len(gradients) == len(net.parameters) == len(expected_gradients)
        for grad, W, right in zip(gradients, net.parameters, expected_gradients, strict=True):
            assert grad.shape == W.shape
            kind.check(grad, right)


@each_network
@each_library
def test_gradients_agree_with_central_differences(name, kind):
    net, (x, y) = NETWORKS[name][0](), batch_of(kind, seed=2)
    net.evaluate(x, y)
    trainable = [layer for layer in net.layers if layer.W is not None]
    for layer, grad in zip(trainable, net.backprop(), strict=True):
        W = layer.W

        def loss(values, layer=layer):
            layer.W = values
            return net.evaluate(x, y)

        assert_gradient(loss, grad, W)
        layer.W = W


@each_kind
def test_parameters_are_those_of_the_layers_in_their_order(kind):
    net = NETWORKS["ReLU"][0]()
    assert [tuple(W.shape) for W in net.parameters] == [(5, 5), (6, 3), (4, 2)]
    for W, layer in zip(net.parameters, net.layers[::2], strict=True):
        assert W is layer.W


@each_network
@each_kind
@pytest.mark.parametrize("rate", [0.5, np.float64(0.5)], ids=["float", "float64"])
def test_gradient_descent_takes_every_step_from_one_forward_pass(name, kind, rate):
    net, (x, y) = NETWORKS[name][0](), batch_of(kind)
    for layer in net.layers:
        if layer.W is not None:
            layer.W = kind.array(layer.W)
    assigned = net.parameters
    before = [values(W) for W in assigned]
    loss = net.evaluate(x, y)
    gradients = [values(grad) for grad in net.backprop()]
    net.gradient_descent(rate)
    for W, old, grad in zip(net.parameters, before, gradients, strict=True):
        kind.check(W, old - 0.5 * grad)
    for W, copy in zip(assigned, before, strict=True):
        np.testing.assert_array_equal(W, copy)
    assert net.evaluate(x, y) < loss


def test_tensors_that_require_a_gradient_leave_no_graph_behind():
    net = NeuralNet([Linear(4, 2)], SumSquaredError())
    net.layers[0].W = torch.ones(5, 2, requires_grad=True)
    net.evaluate(torch.ones(3, 4), torch.zeros(3, 2))
    net.gradient_descent(0.1)
    assert not net.parameters[0].requires_grad


# What a forward pass disturbs


@each_network
@each_kind
def test_calling_a_network_leaves_the_last_evaluation_alone(name, kind):
    net, (x, y) = NETWORKS[name][0](), batch_of(kind)
    net.evaluate(x, y)
    before = [values(grad) for grad in net.backprop()]
    outputs = net(3 * x[:2])
    assert tuple(outputs.shape) == (2, 2)
    for grad, copy in zip(net.backprop(), before, strict=True):
        np.testing.assert_array_equal(grad, copy)


def test_calling_a_network_does_not_decide_the_kind_of_its_weights():
    net = NETWORKS["ReLU"][0]()
    assert net(torch.ones(3, 4)).dtype == torch.float32
    assert net(np.ones((3, 4), np.float32)).dtype == np.float32
    net.evaluate(np.ones((3, 4)), np.ones((3, 2)))
    with refused(TypeError, "expected one library"):
        net(torch.ones(3, 4))


# What a network is made of


def test_a_network_needs_layers_each_in_one_place():
    with pytest.raises(ValueError, match=r"^layers is empty; expected at least one layer$"):
        NeuralNet([], MeanSquaredError())
    twice = ReLU()
    told = (
        "a layer stands in two places, but remembers only one forward pass; expected a layer of "
        "its own for each place"
    )
    with refused(ValueError, told):
        NeuralNet([twice, Linear(2, 2), twice], MeanSquaredError())


def test_a_network_keeps_its_own_list_and_prints_it():
    layers = [Linear(4, 2, bias=False), ReLU()]
    net = NeuralNet(layers, MeanSquaredError())
    layers.clear()
    assert repr(net) == "NeuralNet([Linear(4, 2, bias=False), ReLU()], MeanSquaredError())"


def test_a_network_without_parameters_has_no_gradients():
    net = NeuralNet([Tanh(), ReLU()], MeanSquaredError())
    net.evaluate(np.ones((3, 2)), np.ones((3, 2)))
    assert net.parameters == net.backprop() == []
    net.gradient_descent(0.1)


def test_the_way_back_ends_at_the_first_parameters():
    class Same(Layer):
        def __call__(self, x):
            return x

    first = Linear(4, 2)
    first.bp_input = lambda grad: pytest.fail("nothing before this layer has parameters")
    net = NeuralNet([Same(), first, Linear(2, 2)], MeanSquaredError())
    net.evaluate(np.ones((3, 4)), np.ones((3, 2)))
    assert [grad.shape for grad in net.backprop()] == [(5, 2), (3, 2)]


class Twice(Layer):
    """Two linear layers, one in an attribute and one in a list: layers inside a layer."""

    def __init__(self):
        super().__init__()
        self.first, self.rest = Linear(3, 3, 1), [Linear(3, 3, 2)]

    def __call__(self, x):
        return self.rest[0](self.first(x))

    def bp_input(self, grad):
        return self.first.bp_input(self.rest[0].bp_input(grad))

    @property
    def W(self):  # noqa: N802
        return self.first.W

    @W.setter
    def W(self, values):  # noqa: N802
        self.first.W = values

    def bp_param(self, grad):
        return self.first.bp_param(self.rest[0].bp_input(grad))


def test_a_look_at_other_samples_leaves_what_layers_inside_layers_remember():
    rng = np.random.default_rng(0)
    x, y, other = (rng.normal(size=(4, 3)) for _ in range(3))
    net = NeuralNet([Twice(), Tanh()], MeanSquaredError())
    net.evaluate(x, y)
    expected = net.backprop()[0]
    net(other)
    np.testing.assert_array_equal(net.backprop()[0], expected)


@each_library
def test_a_layer_of_ones_own_descends(kind):
    net = NeuralNet([Twice()], MeanSquaredError())
    x, y = (kind.normal(np.random.default_rng(seed), 4, 3) for seed in (0, 1))
    net.evaluate(x, y)
    before, (grad,) = net.layers[0].W, net.backprop()
    expected = values(before) - 0.1 * values(grad)
    net.gradient_descent(0.1)
    kind.check(net.layers[0].W, expected)


@each_library
def test_an_assigned_array_is_not_written_to_and_ones_own_is(kind):
    rng = np.random.default_rng(0)
    net = NeuralNet([Linear(3, 2)], MeanSquaredError())
    assigned = kind.normal(rng, 4, 2)
    net.layers[0].W, before = assigned, values(assigned)
    x, y = kind.normal(rng, 5, 3), kind.normal(rng, 5, 2)
    arrays = []
    for _ in range(3):
        net.evaluate(x, y)
        net.gradient_descent(0.1)
        arrays.append(net.layers[0].W)
    np.testing.assert_array_equal(values(assigned), before)
    assert arrays[0] is not assigned
    assert arrays[0] is arrays[1] is arrays[2]


@each_library
def test_a_layer_does_not_keep_its_output_alive(kind):
    x = kind.normal(np.random.default_rng(0), 4, 3)
    layer = Linear(3, 2, 0)
    output = weakref.ref(layer(x))
    assert output() is None
