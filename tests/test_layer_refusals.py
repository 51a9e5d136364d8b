"""What layers refuse: what came, what was expected, and that nothing has changed afterwards."""

import numpy as np
import pytest
import torch
from kinds import each_library, refused, values

from backprop.layers import Linear, ReLU, Sigmoid, Tanh

MAKERS = {
    "Linear": lambda: Linear(4, 2, rng=1),
    "Linear without bias": lambda: Linear(4, 2, rng=1, bias=False),
    "ReLU": ReLU,
    "Sigmoid": Sigmoid,
    "Tanh": Tanh,
}
each_layer = pytest.mark.parametrize("name", MAKERS)


def after_a_forward_pass(name, kind):
    layer = MAKERS[name]()
    output = layer(kind.array(np.linspace(-1, 1, 12).reshape(3, 4)))
    return layer, kind.array(np.arange(output.shape[0] * output.shape[1]).reshape(output.shape))


def state(layer, grad):
    """What a caller can see of a layer: its parameters and its gradients."""
    arrays = [layer.W, layer.bp_input(grad), layer.bp_param(grad)]
    return [None if array is None else values(array) for array in arrays]


def assert_unchanged(layer, grad, before):
    for one, other in zip(state(layer, grad), before, strict=True):
        np.testing.assert_array_equal(one, other)


BAD_BATCHES = [
    (lambda xp: xp.ones(4), ValueError, "x has shape (4,); expected (batch, "),
    (lambda xp: xp.ones((2, 3, 4)), ValueError, "x has shape (2, 3, 4); expected (batch, "),
    (lambda xp: 1.5, ValueError, "x has shape (); expected (batch, "),
    (lambda xp: xp.ones((0, 4)), ValueError, "x is empty: its shape is (0, 4); expected at least"),
    (lambda xp: xp.ones((3, 4), dtype=xp.int64), TypeError, "int64, shape (3, 4); expected a flo"),
    (lambda xp: xp.ones((3, 4), dtype=xp.bool), TypeError, "bool, shape (3, 4); expected a float"),
    (
        lambda xp: xp.ones((3, 4), dtype=xp.complex64),
        TypeError,
        "complex64, shape (3, 4); expected",
    ),
    (lambda xp: [[1.0, 2.0, 3.0, 4.0]], TypeError, "x is list [[1.0, 2.0, 3.0, 4.0]]; expected"),
    (lambda xp: np.array([["a"] * 4]), TypeError, "x is a NumPy array of str"),
    (lambda xp: np.array([[None] * 4]), TypeError, "x is a NumPy array of object"),
    (lambda xp: None, TypeError, "x is None; expected a NumPy array, a PyTorch tensor"),
]


@each_layer
@each_library
@pytest.mark.parametrize(("bad", "error", "message"), BAD_BATCHES)
def test_bad_batches(name, kind, bad, error, message):
    layer, grad = after_a_forward_pass(name, kind)
    before = state(layer, grad)
    with refused(error, message):
        layer(bad(np if kind.library == "numpy" else torch))
    assert_unchanged(layer, grad, before)


@each_library
def test_messages_about_a_batch_in_full(kind):
    layer, grad = after_a_forward_pass("Linear", kind)
    before = state(layer, grad)
    told = "; expected (batch, 4): one sample a row, also when there is only one sample"
    for shape in ((3, 5), (3, 2), (3, 1), (4,)):
        with refused(ValueError, f"x has shape {shape}{told}"):
            layer(kind.array(np.ones(shape)))
    assert_unchanged(layer, grad, before)
    told = "x has shape (4,); expected (batch, features): one sample a row"
    with refused(ValueError, told):
        ReLU()(kind.array(np.ones(4)))
    with refused(ValueError, "x is empty: its shape is (3, 0); expected at least one sample"):
        Tanh()(kind.array(np.ones((3, 0))))


def other(kind, grad):
    """``grad`` in the other library, and in the other floating-point dtypes."""
    swapped = torch.tensor(grad) if kind.library == "numpy" else grad.numpy()
    if kind.library == "numpy":
        return [swapped, grad.astype(np.float32), grad.astype(np.float16)]
    return [swapped, grad.float(), grad.half()]


@each_layer
@each_library
def test_gradients_of_another_kind(name, kind):
    layer, grad = after_a_forward_pass(name, kind)
    before = state(layer, grad)
    for bad in other(kind, grad):
        for bp in (layer.bp_input, layer.bp_param):
            with refused(TypeError, "expected one library, one dtype and one device") as caught:
                bp(bad)
            assert "grad is a " in str(caught.value)
            assert "and what it keeps is a " in str(caught.value)
    assert_unchanged(layer, grad, before)


@each_layer
@each_library
def test_gradients_of_another_shape_or_of_no_kind(name, kind):
    layer, grad = after_a_forward_pass(name, kind)
    before, shape = state(layer, grad), tuple(grad.shape)
    for bad in (grad[:1], grad[:, :1], grad.T, grad[0], kind.array(1.0), 1.0):
        told = f"grad has shape {tuple(np.shape(bad))} and the layer's output has shape {shape}"
        for bp in (layer.bp_input, layer.bp_param):
            with refused(ValueError, f"{told}; expected equal shapes: nothing is broadcast"):
                bp(bad)
    for bad in (np.ones(shape, int), torch.ones(shape, dtype=torch.int32), [[1.0]], None):
        for bp in (layer.bp_input, layer.bp_param):
            with refused(TypeError, "grad is "):
                bp(bad)
    assert_unchanged(layer, grad, before)


@each_layer
def test_a_backward_pass_needs_a_forward_pass(name):
    layer = MAKERS[name]()
    for bp, method in ((layer.bp_input, "bp_input"), (layer.bp_param, "bp_param")):
        told = (
            f"{type(layer).__name__}.{method} needs a forward pass to go back through; expected "
            "a call of the layer since it was made and since W was last assigned"
        )
        with refused(RuntimeError, told):
            bp(np.ones((3, 4)))


@each_layer
def test_a_refused_batch_is_no_forward_pass(name):
    layer = MAKERS[name]()
    with refused(ValueError, "x is empty"):
        layer(np.ones((0, 4)))
    with refused(RuntimeError, "needs a forward pass"):
        layer.bp_input(np.ones((0, 4)))
