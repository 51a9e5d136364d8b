"""What networks of one hidden layer reach on MNIST: the measurements of the chapter on digits.

``python -m benchmarks.accuracy tutorial`` measures the setting of a widely read tutorial and two
corrections of it, ``rates`` in its place the accuracy over width and rate, and ``schedules`` what
a falling rate is worth; without a name, all three. They print CSV, in percent. Other processors
give other last digits, because they round float32 sums differently.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from backprop import datasets, training
from backprop.arrays import Array
from backprop.layers import Linear, ReLU
from backprop.losses import SoftmaxCrossEntropy
from backprop.network import NeuralNet

EPOCHS, BATCH = 10, 64
WIDTHS, RATES, SEEDS = (16, 32, 64, 128, 256), (0.05, 0.1, 0.2, 0.4, 0.8), (0, 1, 2)
#: The seed that decides which 10,000 of the training images are held out.
HELD_OUT, SPLIT_SEED = 10_000, 13
#: The tutorial's setting and its corrections: is the gradient that of the sum, and the rate.
SETTINGS = {
    "sum, 0.001": (True, 0.001),
    "mean, 0.001": (False, 0.001),
    "mean, 0.064": (False, 0.064),
}
TUTORIAL_SEEDS = range(5)


class SumGradient(SoftmaxCrossEntropy):
    """The mean of the losses, with the gradient of their sum: not its own."""

    def __call__(self, outputs: Array, targets: Array) -> Any:
        """The mean of the losses; how many there were is kept."""
        self.samples = len(outputs)
        return super().__call__(outputs, targets)

    def bp_input(self) -> Array:
        """The number of samples times the gradient."""
        return self.samples * super().bp_input()


#: How large a rate is in an epoch, from 1 to EPOCHS, as a part of the first.
SCHEDULES = {
    "cosine": lambda epoch: (1 + math.cos(math.pi * (epoch - 1) / EPOCHS)) / 2,
    "linear": lambda epoch: 1 - (epoch - 1) / EPOCHS,
    "constant": lambda epoch: 1.0,
}


@cache
def data() -> datasets.Dataset:
    """MNIST, read once a process."""
    return datasets.mnist()


@cache
def held_out() -> datasets.Dataset:
    """The training images alone: 50,000 to learn from, and 10,000 in the place of the test."""
    whole = data()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(whole.train_labels))
    held, kept = order[:HELD_OUT], order[HELD_OUT:]
    return replace(
        whole,
        train_images=whole.train_images[kept],
        train_labels=whole.train_labels[kept],
        test_images=whole.train_images[held],
        test_labels=whole.train_labels[held],
    )


def classifier(width: int, seed: int) -> NeuralNet:
    """784 inputs, ``width`` hidden units, ten classes; weights by Xavier's rule, biases 0."""
    layers = [Linear(784, width, [seed, 0]), ReLU(), Linear(width, 10, [seed, 1])]
    return NeuralNet(layers, SoftmaxCrossEntropy())


def final_accuracy(
    images: datasets.Dataset, width: int, rate: float, seed: int, schedule: str = "cosine"
) -> float:
    """The percentage right after the last epoch: as `training.train`, with no scores before."""
    network, rng = classifier(width, seed), np.random.default_rng(seed)
    for epoch in range(1, EPOCHS + 1):
        order = rng.permutation(len(images.train_labels))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            loss = network.evaluate(images.train_images[chosen], images.train_labels[chosen])
            if not math.isfinite(loss):
                return math.nan
            network.gradient_descent(rate * SCHEDULES[schedule](epoch))
    return 100 * training.score(network, images.test_images, images.test_labels).accuracy


def rates_row(setting: tuple[int, float, int]) -> str:
    """One line of the table over width and rate."""
    width, rate, seed = setting
    validation = final_accuracy(held_out(), width, rate, seed)
    test = final_accuracy(data(), width, rate, seed)
    return f"{width},{rate},{seed},{validation:.2f},{test:.2f}"


def schedules_row(setting: tuple[str, int]) -> str:
    """One line of the table of schedules, for 32 units and the rate 0.4."""
    schedule, seed = setting
    return f"{schedule},{seed},{final_accuracy(held_out(), 32, 0.4, seed, schedule):.2f}"


def tutorial_rows(setting: tuple[str, int]) -> str:
    """Two lines of the table of the tutorial: after two epochs, and after ten."""
    name, seed = setting
    of_sum, rate = SETTINGS[name]
    network = tutorial_network(seed, of_sum=of_sum)
    table = training.train(network, data(), EPOCHS, BATCH, rate, seed, progress=False)
    percent = (100 * table.pivot(index="epoch", columns="split", values="accuracy")).round(2)
    return "\n".join(
        f'"{name}",{seed},{epoch},'
        + ",".join(f"{percent.loc[epoch, split]:.2f}" for split in ("running", "train", "test"))
        for epoch in (2, EPOCHS)
    )


def tutorial_network(seed: int, *, of_sum: bool) -> NeuralNet:
    """784-32-10 as the tutorial draws it: the bias row too, counted among the inputs."""
    rng, layers = np.random.default_rng(seed), []
    for inputs, outputs in ((784, 32), (32, 10)):
        bound = math.sqrt(6 / (inputs + 1 + outputs))
        layers.append(Linear(inputs, outputs))
        layers[-1].W = rng.uniform(-bound, bound, (inputs + 1, outputs)).astype(np.float32)
    loss = SumGradient() if of_sum else SoftmaxCrossEntropy()
    return NeuralNet([layers[0], ReLU(), layers[1]], loss)


def tables(name: str | None, processes: int) -> Iterator[str]:
    """The lines of the tables, in order."""
    with ProcessPoolExecutor(processes) as pool:
        if name in (None, "tutorial"):
            yield "setting,seed,epoch,running,train,test"
            yield from pool.map(tutorial_rows, product(SETTINGS, TUTORIAL_SEEDS))
        if name in (None, "rates"):
            yield "width,rate,seed,validation,test"
            yield from pool.map(rates_row, product(WIDTHS, RATES, SEEDS))
        if name in (None, "schedules"):
            yield "schedule,seed,validation"
            yield from pool.map(schedules_row, product(SCHEDULES, SEEDS))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", nargs="?", choices=("tutorial", "rates", "schedules"))
    parser.add_argument("--processes", type=int, default=2, choices=(1, 2))
    arguments = parser.parse_args()
    for line in tables(arguments.table, arguments.processes):
        print(line, flush=True)
