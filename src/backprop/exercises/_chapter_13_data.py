"""The exercises of chapter 13 about inputs and batches: 13.4 and 13.5."""

from __future__ import annotations

import statistics

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._chapter_13 import loss_of, small_network
from backprop.exercises._parts import parts
from backprop.exercises._sheet import exercise
from backprop.network import NeuralNet


@exercise("13.4", "Find the NaN", level=1, minutes=15, topics=("training", "numerical traps"))
def standardized(attempt: Attempt) -> str:
    """The images to learn from and those to test with, standardized, from both as they were."""
    for seed, (n, m, pixels) in enumerate(((7, 4, 5), (12, 3, 4))):
        rng = np.random.default_rng(seed)
        train, test = rng.random((n, pixels)), rng.random((m, pixels))
        train[:, 0], train[:, 2] = 0, 0.75  # the test images have other shades there
        test[0, 0] = 0
        expected = np.zeros((n + m, pixels))
        for j in range(pixels):
            column = [float(shade) for shade in train[:, j]]
            mean, spread = statistics.fmean(column), statistics.pstdev(column)
            for i, shade in enumerate([*column, *test[:, j]]):
                expected[i, j] = (shade - mean) / (spread or 1)
        names = ("the training set", "the test set")
        mine = parts(attempt, attempt(train, test), *names)
        with np.errstate(all="ignore"):  # what is wrong here may be huge
            attempt.equal(mine[0], expected[:n], names[0].capitalize())
            attempt.equal(mine[1], expected[n:], names[1].capitalize())
    return "All is finite and right, also where a pixel is the same in all training images."


def spread_of(images):
    deviation = images.std(axis=0)
    return np.where(deviation == 0, 1, deviation)


@standardized.slip(
    "the line as it was",
    says="Which deviation does a pixel have that is the same in all images?",
    reveals="Has not looked at where the NaN comes from.",
)
def _(train, test):
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / deviation, (test - mean) / deviation


@standardized.slip(
    "statistics of the test images",
    says="The training set is right. What may a test know of the images it is made of?",
    reveals="Treats the two sets alike. The same shade then becomes two different numbers.",
)
def _(train, test):
    return tuple((images - images.mean(axis=0)) / spread_of(images) for images in (train, test))


@standardized.slip(
    "a small number added to the deviation",
    says="What becomes of a test image with ink where no training image had any?",
    reveals="Knows the guard against division by zero, and has not asked what it returns.",
)
def _(train, test):
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-8
    return (train - mean) / deviation, (test - mean) / deviation


@standardized.slip(
    "NaN and infinity replaced afterwards",
    says="The training set is right. Into what is an infinity turned?",
    reveals="Mends the result and not its cause; the huge number is finite, and useless.",
)
def _(train, test):
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return tuple(np.nan_to_num((images - mean) / deviation) for images in (train, test))


class Narrow(NeuralNet):
    """A network whose memory holds only so many samples."""

    def __init__(self, layers, loss, most):
        """A network as any other, for at most ``most`` samples at once."""
        super().__init__(layers, loss)
        self.most = most

    def evaluate(self, x, y):
        """The loss, for at most ``most`` samples."""
        if len(x) > self.most:
            raise MemoryError(f"{len(x)} samples do not fit into memory, {self.most} do")
        return super().evaluate(x, y)


@exercise(
    "13.5",
    "A large batch in small pieces",
    level=2,
    minutes=20,
    topics=("batches and shapes", "training", "cost and memory"),
)
def in_pieces(attempt: Attempt) -> str:
    """The gradients of the mean loss of a batch, from network, x, y, the size of a piece."""
    for seed, (samples, size) in enumerate(((10, 4), (7, 3), (9, 3), (5, 8))):
        rng = np.random.default_rng(seed)
        whole = small_network(seed)
        network = Narrow(whole.layers, whole.loss, size)
        x, y = rng.normal(size=(samples, 3)), rng.integers(2, size=samples)
        names = ("that for layer 1", "that for layer 2")
        told = "The list of gradients should hold"
        gradients = parts(attempt, attempt(network, x, y, size), *names, what=told)
        for k, W in enumerate(whole.parameters):
            told = f"For {samples} samples in pieces of {size}, the gradient for layer {k + 1}"
            attempt.gradient(loss_of(whole, k, x, y), W, gradients[k], told)
    return "The gradients agree with those of the whole batch, for four ways to divide one."


def collected(network, x, y, size, weight, last=0):
    """The gradients of all pieces (without those that begin in the ``last`` samples), weighted."""
    gradients = [np.zeros_like(W) for W in network.parameters]
    for start in range(0, len(x) - last, size):
        rows = slice(start, start + size)
        network.evaluate(x[rows], y[rows])
        for k, grad in enumerate(network.backprop()):
            gradients[k] += weight(len(x[rows])) * grad
    return gradients


@in_pieces.slip(
    "a division by the number of pieces",
    says="How many samples has the last piece, and how much does each of them count?",
    reveals="Averages averages.",
)
def _(network, x, y, size):
    pieces = -(-len(x) // size)
    return collected(network, x, y, size, lambda n: 1 / pieces)


@in_pieces.slip(
    "a sum over the pieces",
    says="Each piece gives the gradient of a mean of its own. What is the sum of four means?",
    reveals="Adds up gradients as a program does that does not clear them, and thinks of sums of "
    "losses.",
)
def _(network, x, y, size):
    return collected(network, x, y, size, lambda n: 1)


@in_pieces.slip(
    "the last piece left out",
    says="Do all samples of the batch have a part in it?",
    reveals="Counts whole pieces only.",
)
def _(network, x, y, size):
    return collected(network, x, y, size, lambda n: n / len(x), size - 1)


@in_pieces.slip(
    "each piece divided by its own size once more",
    says="The gradient of a piece is that of a mean already. What remains to be weighed?",
    reveals="Divides by a number of samples wherever a batch ends.",
)
def _(network, x, y, size):
    return collected(network, x, y, size, lambda n: 1 / n)
