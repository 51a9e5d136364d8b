"""The networks in which mistakes are planted: those of the book's chapters, and others."""

from dataclasses import dataclass, field
from itertools import pairwise
from zlib import crc32

import numpy as np

from backprop.layers import Linear, ReLU, Sigmoid, Tanh
from backprop.losses import (
    BinaryCrossEntropy,
    MeanSquaredError,
    SoftmaxCrossEntropy,
    SumSquaredError,
)
from backprop.network import NeuralNet


@dataclass(frozen=True)
class Net:
    """Layer sizes, the activation behind each layer (None: none), a loss, and the batch."""

    sizes: tuple
    activations: tuple
    loss: type
    bias: bool = True
    batch: tuple = (4, 9)
    x: str = "normal"
    large: bool = False

    @property
    def kinds(self):
        return {activation for activation in self.activations if activation}


def hidden(activation, sizes, loss, **others):
    """A network with ``activation`` behind all layers but the last."""
    return Net(tuple(sizes), (activation,) * (len(sizes) - 2) + (None,), loss, **others)


#: The chapters' networks first; those called large are left to the benchmark.
NETWORKS = {
    "chapter 4: 3-4-1 ReLU, mean": hidden(ReLU, (3, 4, 1), MeanSquaredError, batch=(5, 5)),
    "chapter 5, smaller: 30-10-4 ReLU, sum": hidden(ReLU, (30, 10, 4), SumSquaredError, bias=False),
    "chapter 5: 1000-100-10 ReLU, sum": hidden(
        ReLU, (1000, 100, 10), SumSquaredError, bias=False, batch=(64, 64), large=True
    ),
    "chapter 6: 3-4-2-1 linear, binary": hidden(
        None, (3, 4, 2, 1), BinaryCrossEntropy, bias=False, batch=(4, 4), x="collinear"
    ),
    "chapter 6: 3-4-2-1 ReLU, binary": hidden(
        ReLU, (3, 4, 2, 1), BinaryCrossEntropy, bias=False, batch=(4, 4), x="collinear"
    ),
    "chapter 11: 3-7-5-2 mixed, mean": Net(
        (3, 7, 5, 2), (ReLU, Tanh, Sigmoid), MeanSquaredError, batch=(6, 6)
    ),
    "chapter 11: 2-4-1 tanh, mean": hidden(Tanh, (2, 4, 1), MeanSquaredError, batch=(40, 40)),
    "chapter 12: 5-3 softmax": hidden(None, (5, 3), SoftmaxCrossEntropy, batch=(16, 16)),
    "chapter 13: 64-32-10 ReLU, softmax": hidden(
        ReLU, (64, 32, 10), SoftmaxCrossEntropy, batch=(64, 64), x="pixels", large=True
    ),
    "chapter 13: 784-32-10 ReLU, softmax": hidden(
        ReLU, (784, 32, 10), SoftmaxCrossEntropy, batch=(64, 64), x="pixels", large=True
    ),
    "4-5-3 ReLU, sum": hidden(ReLU, (4, 5, 3), SumSquaredError),
    "6-5-5-4 ReLU, softmax": hidden(ReLU, (6, 5, 5, 4), SoftmaxCrossEntropy),
    "4-3-2-1 ReLU, binary": hidden(ReLU, (4, 3, 2, 1), BinaryCrossEntropy),
    "4-5-3 sigmoid, mean": hidden(Sigmoid, (4, 5, 3), MeanSquaredError),
    "3-5-5-2 tanh, sum": hidden(Tanh, (3, 5, 5, 2), SumSquaredError),
    "2-4-4-1 linear, binary": hidden(None, (2, 4, 4, 1), BinaryCrossEntropy),
}
SMALL = [name for name, net in NETWORKS.items() if not net.large]


@dataclass(frozen=True)
class Drawn:
    """A network to plant in, and a batch."""

    net: Net
    x: np.ndarray
    y: np.ndarray
    weights: list = field(repr=False)

    def build(self, *, linear=Linear, activation=None, loss=None, network=NeuralNet):
        """The network, with some of its classes exchanged: those that ``activation`` derives."""
        layers = []
        for W, kind in zip(self.weights, self.net.activations, strict=True):
            layer = linear(len(W) - self.net.bias, W.shape[1], rng=0, bias=self.net.bias)
            layer.W = W.copy()
            layers.append(layer)
            if kind:
                layers.append(
                    (activation if activation and issubclass(activation, kind) else kind)()
                )
        return network(layers, (loss or self.net.loss)())

    def right(self):
        """The right gradients."""
        network = self.build()
        network.evaluate(self.x, self.y)
        return network.backprop()


def draw(name, seed):
    """The network ``name`` with random weights and a random batch.

    Where a ReLU layer lets all of the batch pass, or nothing, a wrong mask may be a right one or
    a branch without a gradient: such draws are drawn again.
    """
    net = NETWORKS[name]
    rng = np.random.default_rng([seed, crc32(name.encode())])
    while True:
        drawn = _draw(net, rng)
        network = drawn.build()
        network.evaluate(drawn.x, drawn.y)
        kept = [layer._forward[1] > 0 for layer in network.layers if isinstance(layer, ReLU)]
        if all(mask.any() and not mask.all() for mask in kept):
            return drawn


def _draw(net, rng):
    batch = int(rng.integers(*net.batch, endpoint=True))
    shape, outputs = (batch, net.sizes[0]), net.sizes[-1]
    if net.x == "collinear":  # the four rows of the chapter, whose labels take turns
        x, y = np.arange(4)[:, None] + np.arange(1.0, 4), 1.0 - np.arange(4)[:, None] % 2
    elif net.x == "pixels":  # half of them blank, as around a digit
        x, y = rng.uniform(size=shape) * rng.integers(0, 2, size=shape), None
    else:
        x, y = rng.normal(size=shape), None
    if net.loss is SoftmaxCrossEntropy:
        y = rng.integers(0, outputs, size=batch)
    elif y is None and net.loss is BinaryCrossEntropy:
        y = rng.integers(0, 2, size=(batch, outputs)).astype(float)
    elif y is None:
        y = rng.normal(size=(batch, outputs))
    # The chapter's loss of 1e7 is that of weights with variance 1.
    spread = [1.0 if net.sizes[0] == 1000 else np.sqrt(2 / a) for a in net.sizes[:-1]]
    weights = [
        rng.normal(size=(a + net.bias, b)) * s
        for (a, b), s in zip(pairwise(net.sizes), spread, strict=True)
    ]
    return Drawn(net, x, y, weights)
