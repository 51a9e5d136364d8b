"""The parameters of a Linear layer: how they are drawn, of what kind they are, assignment."""

import math

import numpy as np
import pytest
import torch
from kinds import KINDS, each_kind, refused, values

from backprop.layers import Linear

X, GRAD = np.arange(12.0).reshape(3, 4), np.arange(6.0).reshape(3, 2)


def backward(layer, grad=GRAD):
    return values(layer.bp_input(grad)), values(layer.bp_param(grad))


# Drawing


def test_weights_are_drawn_by_the_rule_of_xavier_and_the_bias_is_zero():
    W = Linear(300, 500, rng=1).W
    bound = math.sqrt(6 / 800)
    assert W.shape == (301, 500)
    assert W.dtype == np.float64
    assert np.abs(W).max() < bound
    # A uniform variable fills its range, and its variance is a third of its bound squared.
    assert W[:-1].min() < -0.999 * bound
    assert W[:-1].max() > 0.999 * bound
    assert W[:-1].var() == pytest.approx(bound**2 / 3, rel=0.02)
    assert not W[-1].any()


def test_without_a_bias_the_weights_are_the_same_and_there_is_no_last_row():
    with_bias, without = Linear(3, 4, rng=1), Linear(3, 4, rng=1, bias=False)
    assert without.W.shape == (3, 4)
    np.testing.assert_array_equal(without.W, with_bias.W[:-1])
    assert with_bias.bias is True
    assert without.bias is False


def test_a_seed_and_its_generator_draw_the_same():
    rng = np.random.default_rng(5)
    first = Linear(3, 4, rng)
    np.testing.assert_array_equal(first.W, Linear(3, 4, 5).W)
    assert not np.array_equal(first.W, Linear(3, 4, rng).W)
    assert not np.array_equal(Linear(3, 4).W, Linear(3, 4).W)


def test_sizes_may_be_small_numpy_integers():
    layer = Linear(np.int8(100), np.int8(60))  # whose sum is no int8
    assert layer.W.shape == (101, 60)
    assert type(layer.in_size) is int
    assert type(layer.out_size) is int
    assert Linear(1, 1).W.shape == (2, 1)


@pytest.mark.parametrize("bad", [0, -1, 2.0, True, None, "3", np.float64(2)])
@pytest.mark.parametrize("name", ["in_size", "out_size"])
def test_other_sizes_are_refused(name, bad):
    sizes = {"in_size": 3, "out_size": 4} | {name: bad}
    with refused(ValueError, f"{name} is {bad!r}; expected a whole number, at least 1"):
        Linear(**sizes)


# The kind of drawn weights


@each_kind
def test_drawn_weights_take_the_kind_of_the_first_batch_and_keep_it(kind):
    layer = Linear(4, 2, rng=1)
    before = layer.W
    x = kind.array(X)
    kind.check(layer(x), X @ before[:-1])
    kind.check(layer.W, before)
    for other in KINDS:
        if other != kind:
            with refused(TypeError, "expected one library, one dtype and one device"):
                layer(other.array(X))
    kind.check(layer.bp_input(kind.array(GRAD)), GRAD @ before[:-1].T)


def test_a_refused_batch_does_not_decide_the_kind():
    layer = Linear(4, 2)
    before = layer.W
    with refused(ValueError, "x has shape (3, 5); expected (batch, 4)"):
        layer(torch.ones(3, 5))
    assert layer.W is before
    layer(np.ones((3, 4), np.float32))
    assert layer.W.dtype == np.float32


# Assigning


@each_kind
def test_an_assigned_array_stays_as_it_was_assigned(kind):
    layer = Linear(4, 2)
    W = layer.W = kind.array(np.ones((5, 2)))
    assert layer.W is W
    for other in KINDS:
        if other != kind:
            with refused(TypeError, "x is a ") as caught:
                layer(other.array(X))
            assert ", and W is a " in str(caught.value)
    layer(kind.array(X))
    assert layer.W is W


def test_assigning_forgets_the_forward_pass():
    layer = Linear(4, 2)
    layer(X)
    layer.W = layer.W.copy()
    for bp, name in ((layer.bp_input, "bp_input"), (layer.bp_param, "bp_param")):
        with refused(RuntimeError, f"Linear.{name} needs a forward pass to go back through"):
            bp(GRAD)
    layer(X)
    backward(layer)
    layer.W -= 0.1
    with refused(RuntimeError, "and since W was last assigned"):
        layer.bp_input(GRAD)


def test_assigned_weights_are_used():
    layer = Linear(4, 2)
    layer(X)
    W = np.arange(10.0).reshape(5, 2)
    layer.W = W
    np.testing.assert_array_equal(layer(X), X @ W[:4] + W[4])
    np.testing.assert_array_equal(layer.bp_input(GRAD), GRAD @ W[:4].T)


@pytest.mark.parametrize(
    ("bias", "bad", "error", "message"),
    [
        (
            True,
            np.ones((4, 2)),
            ValueError,
            "W has shape (4, 2); expected (5, 2), whose last row is the bias",
        ),
        (True, np.ones((2, 5)), ValueError, "W has shape (2, 5); expected (5, 2), whose"),
        (False, torch.ones(5, 2), ValueError, "W has shape (5, 2); expected (4, 2)"),
        (True, 1.0, ValueError, "W has shape (); expected (5, 2)"),
        (True, np.ones((5, 2), int), TypeError, "W is a NumPy array of int64, shape (5, 2)"),
        (True, np.ones((5, 2), complex), TypeError, "W is a NumPy array of complex128"),
        (True, [[1.0, 2.0]] * 5, TypeError, "W is list [[1.0, 2.0]"),
        (True, None, TypeError, "W is None; expected a NumPy array"),
    ],
)
def test_other_arrays_are_refused_and_change_nothing(bias, bad, error, message):
    layer = Linear(4, 2, bias=bias)
    before = layer.W
    layer(X)
    gradients = backward(layer)
    with refused(error, message) as caught:
        layer.W = bad
    if error is ValueError:
        told = str(caught.value)
        assert told.endswith("(5, 2), whose last row is the bias" if bias else "(4, 2)")
    np.testing.assert_array_equal(layer.W, before)
    for one, other in zip(backward(layer), gradients, strict=True):
        np.testing.assert_array_equal(one, other)
    fresh = Linear(4, 2)
    with refused(error, "W"):
        fresh.W = bad if bias else np.ones((4, 2))
    fresh(torch.ones(1, 4))  # still drawn: takes the kind of the first batch
    assert fresh.W.dtype == torch.float32
