"""Each layer against PyTorch's autograd, central differences and the laws of a gradient."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kinds import KINDS, each_batch, each_kind, each_library, quickly, reference, values
from torch.nn import functional

from backprop.checking import assert_gradient
from backprop.layers import Layer, Linear, ReLU, Sigmoid, Tanh

#: A layer from its sizes, whether it has parameters, and what it computes, by PyTorch.
LAYERS = {
    "Linear": (Linear, True, lambda x, W: functional.linear(x, W[:-1].T, W[-1])),
    "Linear without bias": (
        lambda *sizes: Linear(*sizes, bias=False),
        True,
        lambda x, W: functional.linear(x, W.T),
    ),
    "ReLU": (lambda *sizes: ReLU(), False, lambda x, W: functional.relu(x)),
    "Sigmoid": (lambda *sizes: Sigmoid(), False, lambda x, W: torch.sigmoid(x)),
    "Tanh": (lambda *sizes: Tanh(), False, lambda x, W: torch.tanh(x)),
}
each_layer = pytest.mark.parametrize("name", LAYERS)
drawn = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 4)


def prepared(name, kind, batch, rng, n_in=4, n_out=2):
    """A layer with random parameters after a forward pass, its input, and a gradient."""
    make, trainable, _ = LAYERS[name]
    layer = make(n_in, n_out)
    if trainable:
        layer.W = kind.normal(rng, *layer.W.shape)
    x = kind.normal(rng, batch, n_in)
    return layer, x, kind.normal(rng, *layer(x).shape)


@each_layer
@each_kind
@each_batch
def test_outputs_and_gradients_are_those_of_autograd(name, kind, batch):
    layer, x, grad = prepared(name, kind, batch, np.random.default_rng(1))
    _, trainable, function = LAYERS[name]
    X, W = reference(x), reference(layer.W) if trainable else None
    expected = function(X, W)
    expected.backward(reference(grad).detach())
    kind.check(layer(x), expected)
    kind.check(layer.bp_input(grad), X.grad)
    if trainable:
        kind.check(layer.bp_param(grad), W.grad)
    else:
        assert layer.W is None
        assert layer.bp_param(grad) is None


@each_layer
@each_library
def test_gradients_agree_with_central_differences(name, kind):
    layer, x, grad = prepared(name, kind, 3, np.random.default_rng(2))
    x = x + 0.1 * (x > 0) - 0.1 * (x <= 0)  # away from the kink of ReLU

    def by_input(x):
        return (grad * layer(x)).sum()

    def by_param(W):
        layer.W = W
        return by_input(x)

    layer(x)
    grad_x, grad_W = layer.bp_input(grad), layer.bp_param(grad)
    assert_gradient(by_input, grad_x, x)
    if layer.W is not None:
        assert_gradient(by_param, grad_W, layer.W)


@each_layer
@each_kind
def test_nothing_that_comes_in_is_modified(name, kind):
    layer, x, grad = prepared(name, kind, 3, np.random.default_rng(3))
    given_arrays = [x, grad] if layer.W is None else [x, grad, layer.W]
    before = [values(array) for array in given_arrays]
    layer(x)
    layer.bp_input(grad)
    layer.bp_param(grad)
    for array, copy in zip(given_arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@each_layer
@each_kind
def test_a_backward_pass_may_be_repeated(name, kind):
    layer, _, grad = prepared(name, kind, 3, np.random.default_rng(4))
    first = layer.bp_input(grad), layer.bp_param(grad)
    for one, other in zip(first, (layer.bp_input(grad), layer.bp_param(grad)), strict=True):
        np.testing.assert_array_equal(one, other)


@each_layer
def test_the_backward_pass_belongs_to_the_last_call(name):
    layer, x, grad = prepared(name, KINDS[1], 3, np.random.default_rng(5))
    at_x = layer.bp_input(grad)
    layer(2 * x[:2])
    at_2x = layer.bp_input(grad[:2])
    layer(x)
    np.testing.assert_array_equal(layer.bp_input(grad), at_x)
    if name.startswith("Linear"):
        np.testing.assert_array_equal(at_2x, at_x[:2])  # the map has one slope everywhere
    else:
        layer(2 * x)
        np.testing.assert_array_equal(layer.bp_input(grad)[:2], at_2x)


@each_layer
@quickly
@given(drawn, sizes, sizes, sizes, st.floats(-3, 3), st.floats(-3, 3))
def test_backward_passes_are_linear_in_the_gradient(name, seed, batch, n_in, n_out, a, b):
    rng = np.random.default_rng(seed)
    layer, _, g = prepared(name, KINDS[1], batch, rng, n_in, n_out)
    h = rng.normal(size=g.shape)
    for bp in (layer.bp_input, layer.bp_param) if layer.W is not None else (layer.bp_input,):
        np.testing.assert_allclose(bp(a * g + b * h), a * bp(g) + b * bp(h), atol=1e-12)


@each_layer
@quickly
@given(drawn, sizes, sizes, sizes)
def test_a_batch_is_its_samples_one_by_one(name, seed, batch, n_in, n_out):
    rng = np.random.default_rng(seed)
    layer, x, grad = prepared(name, KINDS[1], batch, rng, n_in, n_out)
    output, grad_x, grad_W = layer(x), layer.bp_input(grad), layer.bp_param(grad)
    of_samples = []
    for i in range(batch):
        row = slice(i, i + 1)
        np.testing.assert_allclose(layer(x[row]), output[row], atol=1e-12)
        np.testing.assert_allclose(layer.bp_input(grad[row]), grad_x[row], atol=1e-12)
        of_samples.append(layer.bp_param(grad[row]))
    if layer.W is not None:
        assert grad_W.shape == layer.W.shape
        np.testing.assert_allclose(sum(of_samples), grad_W, atol=1e-12)


@each_library
def test_the_gradient_of_a_sum_is_the_sum_of_the_gradients(kind):
    rng = np.random.default_rng(6)
    x, grad = kind.normal(rng, 3, 4), kind.normal(rng, 3, 4)
    layers = [Sigmoid(), Tanh(), ReLU(), Linear(4, 4, rng)]
    x = x + 0.1 * (x > 0) - 0.1 * (x <= 0)
    for layer in layers:
        layer(x)
    total = sum(layer.bp_input(grad) for layer in layers)
    assert_gradient(lambda x: sum((grad * layer(x)).sum() for layer in layers), total, x)


class Scale(Layer):
    """A layer of a reader's own: one weight for each feature."""

    def __init__(self, W):
        super().__init__()
        self.W = W

    def __call__(self, x):
        self._forward = x, x
        return x * self.W


@each_library
def test_a_step_leaves_no_graph_behind(kind):
    for layer in (Scale(kind.array([1, 2])), Linear(2, 2, rng=1, bias=False)):
        layer.W = kind.array(np.ones(layer.W.shape))
        if kind.library == "torch":
            layer.W.requires_grad_()
        layer.descend(kind.array(np.full(layer.W.shape, 3)), 0.5)
        np.testing.assert_array_equal(values(layer.W), np.full(layer.W.shape, -0.5))
        assert not getattr(layer.W, "requires_grad", False)


# Single layers


@each_kind
def test_linear_is_the_product_with_a_column_of_ones(kind):
    layer, x, grad = prepared("Linear", kind, 3, np.random.default_rng(7))
    beside = np.hstack([values(x), np.ones((3, 1))])
    kind.check(layer(x), beside @ values(layer.W))
    kind.check(layer.bp_param(grad), beside.T @ values(grad))


@each_kind
@pytest.mark.filterwarnings("error")
def test_relu_at_zero_and_beyond(kind):
    relu = ReLU()
    x = kind.array([[0.0, -0.0, 1e-30, -1e-30], [np.nan, np.inf, -np.inf, 2.0]])
    kind.check(relu(x), [[0, 0, x[0, 2], 0], [np.nan, np.inf, 0, 2]])
    assert not np.signbit(values(relu(x))[0]).any()  # no -0.0
    grad = kind.array([[3.0, np.inf, 5.0, np.inf], [7.0, 8.0, 9.0, 10.0]])
    kind.check(relu.bp_input(grad), [[0, 0, 5, 0], [0, 8, 0, 10]])


@each_kind
@pytest.mark.filterwarnings("error")
def test_sigmoid_and_tanh_do_not_overflow(kind):
    z, tiny = kind.array([[-1e4, -200, 200, 1e4]]), kind.array([[-80.0, -60.0]])
    grad = kind.array(np.full((1, 4), 3.0))
    for layer, left in ((Sigmoid(), 0), (Tanh(), -1)):
        kind.check(layer(z), [[left, left, 1, 1]])
        kind.check(layer.bp_input(grad), [[0, 0, 0, 0]])
    expected = np.exp([[-80.0, -60.0]])
    np.testing.assert_allclose(Sigmoid()(tiny), expected, rtol=2e-5)
    sigmoid = Sigmoid()
    sigmoid(tiny)
    np.testing.assert_allclose(sigmoid.bp_input(grad[:, :2]), 3 * expected, rtol=2e-5)


@each_kind
@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_is_passed_on(kind):
    x = kind.array([[np.nan, 1.0]])
    for layer in (ReLU(), Sigmoid(), Tanh(), Linear(2, 3, 0)):
        assert np.isnan(values(layer(x))[0, 0])


def test_a_layer_of_ones_own_has_no_parameters_unless_it_says_so():
    layer = Layer()
    assert layer.W is None
    for call in (lambda: layer(np.ones((1, 1))), lambda: layer.bp_input(np.ones((1, 1)))):
        with pytest.raises(NotImplementedError):
            call()


def test_layers_print_as_they_are_made():
    layers = [Linear(3, 4), Linear(3, 4, bias=False), ReLU(), Sigmoid(), Tanh()]
    expected = "[Linear(3, 4), Linear(3, 4, bias=False), ReLU(), Sigmoid(), Tanh()]"
    assert repr(layers) == expected


def test_torch_is_not_imported_for_numpy():
    code = (
        "import sys; import backprop.layers as l, backprop.losses as s, backprop.network as n; "
        "import numpy as np; "
        "net = n.NeuralNet([l.Linear(3, 2), l.ReLU(), l.Sigmoid(), l.Tanh()], "
        "s.BinaryCrossEntropy()); "
        "net.evaluate(np.ones((4, 3)), np.ones((4, 2))); net.gradient_descent(0.1); "
        "net(np.ones((4, 3))); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
