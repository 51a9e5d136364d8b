"""Softmax and cross-entropy in one, against PyTorch's and against what the words mean."""

import numpy as np
import pytest
import torch
from kinds import each_kind, each_library, reference, refused, values
from torch.nn import functional

from backprop.checking import assert_gradient
from backprop.losses import SoftmaxCrossEntropy


def labels(kind, numbers, dtype="int64"):
    array = np.array(numbers, dtype=dtype)
    return torch.tensor(array) if kind.library == "torch" else array


def one_hot(kind, numbers, classes):
    return kind.array(np.eye(classes)[numbers])


@each_kind
@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("classes", [1, 2, 4])
@pytest.mark.parametrize("scale", [1, 300])
def test_value_and_gradient_are_those_of_autograd(kind, batch, classes, scale):
    rng = np.random.default_rng(0)
    outputs, y = (
        kind.array(scale * rng.normal(size=(batch, classes))),
        rng.integers(classes, size=batch),
    )
    at = reference(outputs)
    expected = functional.cross_entropy(at, torch.tensor(y))
    expected.backward()
    before = values(outputs)
    for targets in (labels(kind, y), labels(kind, y, "uint8"), one_hot(kind, y, classes)):
        loss = SoftmaxCrossEntropy()
        kind.check(loss(outputs, targets), expected)
        for _ in range(2):  # nothing adds up
            kind.check(loss.bp_input(), at.grad)
        np.testing.assert_array_equal(values(outputs), before)


@each_library
def test_soft_targets_and_central_differences(kind):
    rng = np.random.default_rng(1)
    outputs, loss = kind.normal(rng, 3, 4), SoftmaxCrossEntropy()
    soft = rng.uniform(size=(3, 4))
    soft = kind.array(soft / soft.sum(axis=1, keepdims=True))
    expected = functional.cross_entropy(torch.tensor(values(outputs)), torch.tensor(values(soft)))
    for targets in (labels(kind, [3, 0, 1]), soft):
        value = loss(outputs, targets)
        assert_gradient(lambda z, y=targets: loss(z, y), loss.bp_input(), outputs)
    kind.check(value, expected)


@each_kind
def test_probabilities_need_no_labels_and_add_up_to_one(kind):
    loss = SoftmaxCrossEntropy()
    outputs = kind.array([[0, 0, 0], [1000, 999, 0], [-1000, -1000, -999]])
    p = loss.probabilities(outputs)
    kind.check(p, functional.softmax(torch.tensor(values(outputs)), dim=1))
    kind.check(p.sum(axis=1), np.ones(3))
    with refused(RuntimeError, "SoftmaxCrossEntropy.bp_input needs a forward pass"):
        loss.bp_input()


@each_kind
@pytest.mark.filterwarnings("error")
def test_large_logits(kind):
    """The usual code, -log(softmax(z)), gives NaN and infinity here."""
    loss = SoftmaxCrossEntropy()
    outputs = kind.array([[200, 0]])
    for label, value, grad in ((0, 0, [[0, 0]]), (1, 200, [[1, -1]])):
        kind.check(loss(outputs, labels(kind, [label])), np.array(value))
        np.testing.assert_allclose(values(loss.bp_input()), grad, atol=1e-30)


@each_kind
def test_what_means_nothing_is_refused_and_changes_nothing(kind):
    loss, outputs = SoftmaxCrossEntropy(), kind.array([[1, 2, 3], [4, 5, 7]])
    loss(outputs, labels(kind, [2, 0]))
    before = values(loss.bp_input())
    other = [0, 1] if kind.library == "torch" else torch.tensor([0, 1])
    shaped = "expected labels of shape (2,), or probabilities of shape (2, 3)"
    bad = [
        (labels(kind, [0, 3]), ValueError, "targets has the label 3; expected 0 to 2"),
        (labels(kind, [-1, 3]), ValueError, "targets has the label -1; expected 0 to 2"),
        (labels(kind, [0, 1, 2]), ValueError, f"targets has shape (3,); {shaped}"),
        (labels(kind, 1), ValueError, f"targets has shape (); {shaped}"),
        (kind.array([0, 1]), TypeError, "expected labels: whole numbers, shape (2,)"),
        (labels(kind, [0, 1], "bool"), TypeError, "expected labels: whole numbers, shape (2,)"),
        (labels(kind, [[0], [1]]), ValueError, "targets has shape (2, 1)"),
        (kind.array([[1, 0, 0], [1, 1, 0]]), ValueError, "no probability distribution"),
        (kind.array([[1, 0, 0], [2, -1, 0]]), ValueError, "no probability distribution"),
        (kind.array([[1, 0, 0], [np.nan, 1, 0]]), ValueError, "with NaN in it"),
        (np.array(other) if kind.library == "torch" else other, TypeError, "expected one library"),
        ([0, 1], TypeError, "targets is list [0, 1]"),
    ]
    for targets, error, message in bad:
        with refused(error, message):
            loss(outputs, targets)
        np.testing.assert_array_equal(values(loss.bp_input()), before)
    for logits in (outputs[0], outputs[:0], labels(kind, [[1, 2, 3], [4, 5, 7]])):
        with pytest.raises((TypeError, ValueError), match=r"^outputs "):
            loss(logits, labels(kind, [2, 0]))
        with pytest.raises((TypeError, ValueError), match=r"^outputs "):
            loss.probabilities(logits)
