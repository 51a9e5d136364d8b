"""Training a classifier: epochs of shuffled minibatches, and a table of how it went.

Chapter 13 builds this loop step by step, and says what each column of the table measures, and
when.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from backprop.arrays import Array, is_tensor, namespace
from backprop.network import NeuralNet

#: How many samples are looked at together where nothing is learned: enough to be quick.
CHUNK = 1000


class Data(Protocol):
    """Samples and their labels, those to learn from and those to test with.

    Attributes:
        train_images: shape (n, pixels), floating-point.
        train_labels: shape (n,), whole numbers from 0.
        test_images: shape (m, pixels), as for training.
        test_labels: shape (m,), as for training.

    Source: chapter 13.
    """

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array


class Score(NamedTuple):
    """How a network did.

    Attributes:
        loss: the mean of the losses.
        accuracy: the fraction of right answers, from 0 to 1.

    Source: chapter 13, ``eq-digits-weighted`` and ``eq-digits-luck``.
    """

    loss: float
    accuracy: float


class DivergenceError(ArithmeticError):
    """The loss is not finite any more.

    Source: chapter 13.
    """


def train(
    network: NeuralNet,
    data: Data,
    epochs: int,
    batch_size: int = 64,
    learning_rate: float | Callable[[int], float] = 0.1,
    rng: np.random.Generator | int | None = None,
    *,
    progress: bool = True,
) -> pd.DataFrame:
    """Train by plain minibatch gradient descent, and say after each epoch how well it does.

    Each epoch takes all samples once, in a new order. Right answers are counted, and losses
    weighted by the number of their samples, so that a smaller last batch counts for less.

    Args:
        network: its loss is a mean over samples and takes labels; it is trained in place.
        data: ``train_images`` (n, pixels), ``train_labels`` (n,), and the same for ``test``.
        epochs: how often each sample is used, at least 1.
        batch_size: how many samples a step takes, at least 1; the last one may get fewer.
        learning_rate: a positive number, or a function that gives it for an epoch, from 1 on.
        rng: a NumPy generator, or a seed for one; None shuffles differently every time.
        progress: show a bar while it runs.

    Returns:
        A table with three rows an epoch and the columns ``epoch``, ``split``, ``loss`` and
        ``accuracy`` (a fraction of 1). The split ``running`` was measured while the weights
        moved, each batch before the step that it led to; ``train`` and ``test`` after the
        epoch. An interruption from the keyboard returns the epochs that were done.

    Raises:
        ValueError: unless ``epochs`` and ``batch_size`` are at least 1, or as for `score`.
        DivergenceError: if a loss is NaN or infinite; it says where, and what to try.

    Source: chapter 13, ``eq-digits-partition`` and ``eq-digits-weighted``.
    """
    for name, number in (("epochs", epochs), ("batch_size", batch_size)):
        if number < 1:
            raise ValueError(f"{name} is {number!r}; expected a whole number, at least 1")
    _require_pairs(data.train_images, data.train_labels)
    shuffle, rows = np.random.default_rng(rng), []
    try:
        for epoch in _shown(range(1, epochs + 1), progress):
            rate = learning_rate(epoch) if callable(learning_rate) else learning_rate
            running = _epoch(network, data, epoch, batch_size, rate, shuffle)
            rows.append((epoch, "running", *running))
            for split in ("train", "test"):
                images, labels = (getattr(data, f"{split}_{part}") for part in ("images", "labels"))
                after = score(network, images, labels)
                _require_finite(after.loss, f"after epoch {epoch}, over the {split} samples", rate)
                rows.append((epoch, split, *after))
    except KeyboardInterrupt:
        del rows[len(rows) // 3 * 3 :]
    return pd.DataFrame(rows, columns=["epoch", "split", "loss", "accuracy"])


def score(network: NeuralNet, images: Array, labels: Array) -> Score:
    """The loss and the accuracy of a network as it is; nothing is learned.

    Args:
        network: its loss is a mean over samples and takes labels.
        images: shape (n, pixels).
        labels: shape (n,).

    Raises:
        ValueError: without samples, or if there are more images than labels or fewer.

    Source: chapter 13, ``eq-digits-weighted``.
    """
    _require_pairs(images, labels)
    sums = _Sums()
    for start in range(0, len(labels), CHUNK):
        x, y = images[start : start + CHUNK], labels[start : start + CHUNK]
        sums.add(network.evaluate(x, y), network.outputs, y)
    return sums.score()


def _epoch(
    network: NeuralNet,
    data: Data,
    epoch: int,
    batch_size: int,
    rate: float,
    rng: np.random.Generator,
) -> Score:
    """Use all samples once; the score of each batch before its step, together."""
    sums = _Sums()
    for batch, chosen in enumerate(_batches(data.train_labels, batch_size, rng), 1):
        x, y = data.train_images[chosen], data.train_labels[chosen]
        loss = network.evaluate(x, y)
        _require_finite(loss, f"in batch {batch} of epoch {epoch}", rate)
        sums.add(loss, network.outputs, y)
        network.gradient_descent(rate)
    return sums.score()


def _require_pairs(images: Array, labels: Array) -> None:
    if not len(images) == len(labels) > 0:
        raise ValueError(
            f"there are {len(images)} images and {len(labels)} labels; expected as many of both, "
            "at least 1"
        )


def _require_finite(loss: float, where: str, rate: float) -> None:
    if not math.isfinite(loss):
        raise DivergenceError(
            f"the loss is {float(loss)} {where}; expected a finite number: try a smaller learning "
            f"rate than {rate:g}, and look for NaN in the data"
        )


def _batches(labels: Array, size: int, rng: np.random.Generator) -> Iterator[Array]:
    """The numbers of the samples, shuffled, ``size`` at a time."""
    order: Any = rng.permutation(len(labels))
    if is_tensor(labels):
        order = namespace(labels).asarray(order, device=labels.device)
    for start in range(0, len(labels), size):
        yield order[start : start + size]


class _Sums:
    """Losses and right answers, added up over samples."""

    def __init__(self) -> None:
        self.samples, self.loss, self.right = 0, 0.0, 0

    def add(self, loss: Any, outputs: Array, labels: Array) -> None:
        self.samples += len(labels)
        self.loss += float(loss) * len(labels)
        self.right += int((outputs.argmax(1) == labels).sum())

    def score(self) -> Score:
        return Score(self.loss / self.samples, self.right / self.samples)


def _shown(epochs: range, progress: bool) -> Any:
    if not progress:
        return epochs
    with warnings.catch_warnings():
        # Without widgets the bar is made of text, which needs no warning.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm(epochs, unit="epoch")
