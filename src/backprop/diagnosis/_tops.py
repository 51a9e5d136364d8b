"""Mistakes where the backward pass begins: the gradient of the loss, taken for another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from backprop.arrays import sigmoid
from backprop.diagnosis import _names as names
from backprop.diagnosis._losses import REDUCTIONS, softmax
from backprop.diagnosis._model import walk
from backprop.diagnosis._scene import GIVES, Candidate, Scene

#: A name, evidence, and a gradient with respect to the outputs, before it is reduced.
Top = tuple[str, str, np.ndarray]


def wrong_top(scene: Scene) -> Iterator[Candidate]:
    """The gradient of the loss with respect to the outputs, taken for another."""
    o, y, (loss, reduction) = scene.trace.outputs, scene.trace.targets, scene.trace.loss
    # The reduction of the loss is the one factor that a wrong top keeps.
    count = REDUCTIONS[reduction](o)
    with np.errstate(all="ignore"):
        for name, told, top in TOPS[loss](o, y):
            gradients = walk(scene.trace, top=top / count).gradients
            if all(np.isfinite(gradient).all() for gradient in gradients):
                yield Candidate(
                    name, f"with {told} for the gradient of the loss {GIVES}", gradients
                )


def _of_squares(o: np.ndarray, y: np.ndarray) -> Iterator[Top]:
    yield names.LOSS, "the outputs, the targets left out,", 2 * o
    yield names.LOSS, "ones", np.ones_like(o)
    yield names.LOSS, "the sign of the error", np.sign(o - y)
    yield from _labels_that_broadcast(2 * o, 2 * y)


def _of_half_squares(o: np.ndarray, y: np.ndarray) -> Iterator[Top]:
    yield from _of_squares(o / 2, y / 2)


def _of_softmax(o: np.ndarray, y: np.ndarray) -> Iterator[Top]:
    p = softmax(o)
    e = p - y
    twice = p * (e - (e * p).sum(axis=1, keepdims=True))
    yield names.LOGITS, "-y / p, which is with respect to the probabilities,", -y / p
    yield names.LOGITS, "softmax's derivative applied twice", twice
    yield names.LOGITS, "outputs - y, the logits taken for probabilities,", o - y
    yield names.LOSS, "p alone, the targets left out,", p
    yield names.LOSS, "-y alone, the normalization left out,", -y
    yield names.LOSS, "p (1 - p) (p - y), softmax taken for sigmoids,", p * (1 - p) * e


def _of_logits(o: np.ndarray, y: np.ndarray) -> Iterator[Top]:
    p = sigmoid(o)
    told = "(p - y) / (p (1 - p)), which is with respect to the probabilities,"
    yield names.LOGITS, told, (p - y) / (p * (1 - p))
    yield names.LOGITS, "the sigmoid's derivative applied twice", (p - y) * p * (1 - p)
    yield names.LOGITS, "outputs - y, the logits taken for probabilities,", o - y
    yield names.LOSS, "p alone, the targets left out,", p
    yield from _labels_that_broadcast(p, y)


def _of_probabilities(p: np.ndarray, y: np.ndarray) -> Iterator[Top]:
    yield names.LOGITS, "p - y, which is with respect to the logits,", p - y
    yield names.LOSS, "-y / p alone", -y / p


def _labels_that_broadcast(o: np.ndarray, y: np.ndarray) -> Iterator[Top]:
    if o.shape[1] == 1:
        told = "labels of shape (N,) against outputs of shape (N, 1), which broadcast,"
        yield names.NOT_SUMMED, told, (o - y.T).mean(axis=1, keepdims=True)


#: The mistakes for each loss, by the names of `backprop.diagnosis._losses.SUMS`.
TOPS: dict[str, Callable[[np.ndarray, np.ndarray], Iterator[Top]]] = {
    "squares": _of_squares,
    "half squares": _of_half_squares,
    "softmax cross-entropy": _of_softmax,
    "binary cross-entropy": _of_logits,
    "binary cross-entropy of probabilities": _of_probabilities,
    "cross-entropy of probabilities": _of_probabilities,
}
