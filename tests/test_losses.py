"""Each loss against torch.nn.functional, central differences and the laws of a gradient."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kinds import each_batch, each_kind, each_library, quickly, reference, refused, values
from torch.nn import functional

from backprop.checking import assert_gradient
from backprop.losses import BinaryCrossEntropy, Loss, MeanSquaredError, SumSquaredError

#: A loss, what it computes by PyTorch, and whether it is a mean over all entries.
LOSSES = {
    "SumSquaredError": (
        SumSquaredError,
        lambda outputs, y: functional.mse_loss(outputs, y, reduction="sum"),
        False,
    ),
    "MeanSquaredError": (MeanSquaredError, functional.mse_loss, True),
    "BinaryCrossEntropy": (BinaryCrossEntropy, functional.binary_cross_entropy_with_logits, True),
}
each_loss = pytest.mark.parametrize("name", LOSSES)


def batch_of(kind, rng, *shape):
    """Outputs and targets; the targets are probabilities, so that every loss takes them."""
    return kind.normal(rng, *shape), kind.array(rng.uniform(size=shape))


@each_loss
@each_kind
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1), (3, 4), (3,), (2, 3, 4)], ids=str)
def test_values_and_gradients_are_those_of_autograd(name, kind, shape):
    make, function, _ = LOSSES[name]
    outputs, y = batch_of(kind, np.random.default_rng(1), *shape)
    before = values(outputs), values(y)
    at = reference(outputs)
    expected = function(at, reference(y).detach())
    expected.backward()
    loss = make()
    kind.check(loss(outputs, y), expected)
    for _ in range(2):  # nothing adds up
        kind.check(loss.bp_input(), at.grad)
    np.testing.assert_array_equal(outputs, before[0])
    np.testing.assert_array_equal(y, before[1])


@each_loss
@each_library
@each_batch
def test_gradients_agree_with_central_differences(name, kind, batch):
    loss = LOSSES[name][0]()
    outputs, y = batch_of(kind, np.random.default_rng(2), batch, 4)
    loss(outputs, y)
    assert_gradient(lambda outputs: loss(outputs, y), loss.bp_input(), outputs)


@each_loss
@each_kind
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64"])
def test_targets_of_any_real_dtype_are_converted(name, kind, dtype):
    loss = LOSSES[name][0]()
    outputs = kind.normal(np.random.default_rng(3), 3, 2)
    labels = np.array([[0, 1], [1, 1], [0, 0]])
    expected = loss(outputs, kind.array(labels)), loss.bp_input()
    given_labels = labels.astype(dtype)
    y = torch.tensor(given_labels) if kind.library == "torch" else given_labels
    kind.check(loss(outputs, y), values(expected[0]))
    kind.check(loss.bp_input(), values(expected[1]))


@each_loss
@each_library
def test_the_gradient_belongs_to_the_last_call(name, kind):
    loss = LOSSES[name][0]()
    outputs, y = batch_of(kind, np.random.default_rng(4), 3, 4)
    loss(outputs, y)
    first = loss.bp_input()
    loss(2 * outputs[:2], y[:2])
    assert loss.bp_input().shape == (2, 4)
    loss(outputs, y)
    np.testing.assert_array_equal(loss.bp_input(), first)


@each_loss
@quickly
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
def test_a_batch_is_the_sum_or_the_mean_of_its_samples(name, seed, n, width):
    make, _, is_mean = LOSSES[name]
    rng = np.random.default_rng(seed)
    outputs, y = rng.normal(size=(n, width)), rng.uniform(size=(n, width))
    whole, single = make(), make()
    scale = n if is_mean else 1
    total = 0.0
    value = whole(outputs, y)
    grad = whole.bp_input()
    for i in range(n):
        row = slice(i, i + 1)
        total += single(outputs[row], y[row]) / scale
        np.testing.assert_allclose(single.bp_input() / scale, grad[row], atol=1e-13)
    np.testing.assert_allclose(value, total, atol=1e-13)


@each_library
def test_the_gradient_of_a_sum_of_losses_is_the_sum_of_their_gradients(kind):
    outputs, y = batch_of(kind, np.random.default_rng(5), 3, 4)
    losses = [make() for make, _, _ in LOSSES.values()]
    for loss in losses:
        loss(outputs, y)
    total = sum(loss.bp_input() for loss in losses)
    assert_gradient(lambda outputs: sum(loss(outputs, y) for loss in losses), total, outputs)


@each_kind
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("z", [200.0, 1e4])
def test_cross_entropy_of_large_logits(kind, z):
    loss = BinaryCrossEntropy()
    outputs, y = kind.array([[z, z], [-z, -z]]), kind.array([[0, 1], [0, 1]])
    kind.check(loss(outputs, y), z / 2)
    kind.check(loss.bp_input(), [[0.25, 0], [0, -0.25]])
    small = values(loss(kind.array([[-80.0]]), kind.array([[0]])))
    np.testing.assert_allclose(small, math.exp(-80), rtol=2e-5)


@pytest.mark.parametrize("y", [0.0, 1.0])
def test_cross_entropy_accepts_the_ends_of_its_range(y):
    assert BinaryCrossEntropy()(np.zeros((1, 1)), np.full((1, 1), y)) == pytest.approx(math.log(2))


# What is refused


def bad_batches(kind):
    """Outputs, targets, the error and what it says."""
    ones = kind.array(np.ones((3, 2)))
    integers = np.ones((3, 2), int) if kind.library == "numpy" else torch.ones(3, 2).long()
    foreign = torch.ones(3, 2) if kind.library == "numpy" else np.ones((3, 2))
    nan = kind.array([[1, 1], [1, np.nan], [0, 0]])
    library = "a NumPy array" if kind.library == "numpy" else "a PyTorch tensor"
    same = "; expected equal shapes: nothing is broadcast"
    return [
        (
            ones,
            ones[:, 0],
            ValueError,
            f"outputs has shape (3, 2) and targets has shape (3,){same}",
        ),
        (
            ones[:, :1],
            ones[:, 0],
            ValueError,
            "outputs has shape (3, 1) and targets has shape (3,)",
        ),
        (ones, ones[:1], ValueError, "outputs has shape (3, 2) and targets has shape (1, 2)"),
        (ones, ones.T, ValueError, "outputs has shape (3, 2) and targets has shape (2, 3)"),
        (ones, 1.0, ValueError, "outputs has shape (3, 2) and targets has shape ()"),
        (1.0, 1.0, ValueError, "outputs is float 1.0; expected a batch: (batch, ...)"),
        (ones[0, 0], ones[0, 0], ValueError, "; expected a batch: (batch, ...)"),
        (
            ones[:0],
            ones[:0],
            ValueError,
            "outputs is empty: its shape is (0, 2); expected at least",
        ),
        (ones[:, :0], ones[:, :0], ValueError, "outputs is empty: its shape is (3, 0)"),
        (
            integers,
            ones,
            TypeError,
            f"outputs is {library} of int64, shape (3, 2); expected a float",
        ),
        ([[1.0]], ones, TypeError, "outputs is list [[1.0]]; expected a NumPy array"),
        (None, ones, TypeError, "outputs is None; expected a NumPy array"),
        (ones, [[1.0, 1.0]] * 3, TypeError, "targets is list [[1.0, 1.0]"),
        (ones, None, TypeError, "targets is None; expected a NumPy array"),
        (
            ones,
            foreign,
            TypeError,
            f"outputs is {library} of float64, shape (3, 2), on cpu, and tar",
        ),
        (
            ones,
            ones + 0j,
            TypeError,
            f"targets is {library} of complex128, shape (3, 2); expected real numbers",
        ),
        (ones, nan, ValueError, f"targets is {library} of float64, shape (3, 2), with NaN in it;"),
    ]


@each_loss
@each_library
def test_bad_batches_are_refused_and_change_nothing(name, kind):
    loss = LOSSES[name][0]()
    loss(*batch_of(kind, np.random.default_rng(6), 3, 2))
    before = values(loss.bp_input())
    for outputs, y, error, message in bad_batches(kind):
        with refused(error, message):
            loss(outputs, y)
        np.testing.assert_array_equal(loss.bp_input(), before)


@pytest.mark.parametrize("dtype", ["U1", "O", "m8[s]", "M8[s]"])
def test_targets_that_are_no_numbers(dtype):
    y = np.array([[1], [0]]).astype(dtype)
    with refused(TypeError, "targets is a NumPy array of ") as caught:
        MeanSquaredError()(np.ones((2, 1)), y)
    assert str(caught.value).endswith("shape (2, 1); expected real numbers")


@each_kind
@pytest.mark.parametrize(("bad", "told"), [(-0.25, "-0.25"), (1.25, "1.25"), (2, "2"), (-1, "-1")])
def test_cross_entropy_refuses_what_is_no_probability(kind, bad, told):
    loss = BinaryCrossEntropy()
    outputs = kind.normal(np.random.default_rng(7), 2, 2)
    loss(outputs, kind.array([[0, 1], [1, 0]]))
    before = values(loss.bp_input())
    message = f"targets has the entry {told}; expected probabilities between 0 and 1"
    with refused(ValueError, message):
        loss(outputs, kind.array([[0, 1], [bad, 3]]))
    np.testing.assert_array_equal(loss.bp_input(), before)


@each_loss
def test_the_gradient_needs_a_value_first(name):
    loss = LOSSES[name][0]()
    told = (
        f"{name}.bp_input needs a forward pass to go back through; expected a call of the loss "
        "before it"
    )
    with refused(RuntimeError, told):
        loss.bp_input()
    with refused(ValueError, "outputs is empty"):
        loss(np.ones((0, 1)), np.ones((0, 1)))
    with refused(RuntimeError, told):
        loss.bp_input()


def test_losses_print_their_name_and_a_loss_of_ones_own_needs_a_value():
    assert repr([make() for make, _, _ in LOSSES.values()]) == f"[{'(), '.join(LOSSES)}()]"
    with pytest.raises(NotImplementedError):
        Loss()(np.ones((1, 1)), np.ones((1, 1)))
