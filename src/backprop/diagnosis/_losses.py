"""Losses that are recognized by their value, and their gradients with respect to the outputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backprop.arrays import sigmoid


def as_targets(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Labels as rows of a one-hot matrix; all else as it is."""
    if targets.ndim == 1 and outputs.ndim == 2 and len(targets) == len(outputs):
        classes = outputs.shape[1]
        if classes > 1 and np.all((targets >= 0) & (targets < classes) & (targets % 1 == 0)):
            return np.eye(classes)[targets.astype(int)]
    return targets


def softmax(z: np.ndarray) -> np.ndarray:
    """The softmax of each row."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _squares(o: np.ndarray, y: np.ndarray) -> float:
    return float(np.sum((o - y) ** 2))


def _binary(o: np.ndarray, y: np.ndarray) -> float:
    return float(np.sum(y * np.logaddexp(0, -o) + (1 - y) * np.logaddexp(0, o)))


def _binary_of_probabilities(p: np.ndarray, y: np.ndarray) -> float:
    return float(-np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)))


def _cross_entropy(z: np.ndarray, y: np.ndarray) -> float:
    shifted = z - z.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return float(-np.sum(y * log_p))


def _negative_log(p: np.ndarray, y: np.ndarray) -> float:
    return float(-np.sum(y * np.log(p)))


#: What is summed, and the gradient of that sum.
SUMS: dict[str, tuple[Callable[..., float], Callable[..., np.ndarray]]] = {
    "squares": (_squares, lambda o, y: 2 * (o - y)),
    "half squares": (lambda o, y: _squares(o, y) / 2, lambda o, y: o - y),
    "softmax cross-entropy": (
        _cross_entropy,
        lambda o, y: softmax(o) * y.sum(axis=-1, keepdims=True) - y,
    ),
    "binary cross-entropy": (_binary, lambda o, y: sigmoid(o) - y),
    "binary cross-entropy of probabilities": (
        _binary_of_probabilities,
        lambda p, y: (p - y) / (p * (1 - p)),
    ),
    "cross-entropy of probabilities": (_negative_log, lambda p, y: -y / p),
}

#: How a sum becomes a loss: what it is divided by.
REDUCTIONS: dict[str, Callable[[np.ndarray], int]] = {
    "sum": lambda o: 1,
    "mean over the entries": lambda o: o.size,
    "mean over the samples": len,
}


#: A recognized loss: what is summed, and how the sum is reduced.
Loss = tuple[str, str]


def recognize_loss(outputs: np.ndarray, targets: np.ndarray, value: float) -> Loss | None:
    """The loss that has this value; None if there is none among `SUMS` and `REDUCTIONS`."""
    if outputs.shape != targets.shape:
        return None
    off = {}
    with np.errstate(all="ignore"):
        for name, (total, _) in SUMS.items():
            whole = total(outputs, targets)
            for reduction, count in REDUCTIONS.items():
                off[name, reduction] = abs(whole / count(outputs) - value)
    # The first of the nearest: NaN, where a loss has no meaning for these numbers, is never near.
    nearest = min(off, key=lambda loss: np.nan_to_num(off[loss], nan=np.inf, posinf=np.inf))
    return nearest if off[nearest] <= 1e-5 * abs(value) else None


def gradient_of(loss: Loss, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The gradient of a recognized loss with respect to the outputs, in their shape."""
    name, reduction = loss
    return SUMS[name][1](outputs, targets) / REDUCTIONS[reduction](outputs)
