"""Wrong backward passes, planted in small networks: what a diagnosis is tried with.

They are written out here on their own, without the code that looks for them.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from backprop.layers import Linear, ReLU, Sigmoid, Tanh
from backprop.losses import (
    BinaryCrossEntropy,
    MeanSquaredError,
    SoftmaxCrossEntropy,
    SumSquaredError,
)
from backprop.network import NeuralNet

# The networks: layer sizes with activations between them, and a loss.

NETWORKS = {
    "4-5-3 ReLU, sum": ([4, 5, 3], ReLU, SumSquaredError),
    "3-4-1 ReLU, mean": ([3, 4, 1], ReLU, MeanSquaredError),
    "4-3-2-1 ReLU, binary": ([4, 3, 2, 1], ReLU, BinaryCrossEntropy),
    "6-5-5-4 ReLU, softmax": ([6, 5, 5, 4], ReLU, SoftmaxCrossEntropy),
    "4-5-3 sigmoid, mean": ([4, 5, 3], Sigmoid, MeanSquaredError),
    "3-5-5-2 tanh, sum": ([3, 5, 5, 2], Tanh, SumSquaredError),
    "2-4-4-1 linear, binary": ([2, 4, 4, 1], None, BinaryCrossEntropy),
}


@dataclass(frozen=True)
class Drawn:
    """A network to plant in, and a batch."""

    sizes: list
    activation: type | None
    loss: type
    rng: np.random.Generator
    x: np.ndarray
    y: np.ndarray
    weights: list

    def build(self, *, linear=Linear, activation=None, loss=None, network=NeuralNet):
        """The network, with some of its classes exchanged."""
        activation, loss = activation or self.activation, loss or self.loss
        layers = []
        for i, W in enumerate(self.weights):
            layer = linear(W.shape[0] - 1, W.shape[1], rng=0)
            layer.W = W.copy()
            layers.append(layer)
            if activation and i < len(self.weights) - 1:
                layers.append(activation())
        return network(layers, loss())

    def right(self):
        """The right gradients."""
        network = self.build()
        network.evaluate(self.x, self.y)
        return network.backprop()


def draw(name, seed):
    """The network ``name`` with random weights and a random batch of 4 to 9 samples.

    Where a ReLU layer lets all of the batch pass, or nothing, a wrong mask may be a right one or
    a branch without a gradient: such draws are drawn again.
    """
    sizes, activation, loss = NETWORKS[name]
    rng = np.random.default_rng([seed, sorted(NETWORKS).index(name)])
    while True:
        drawn = _draw(sizes, activation, loss, rng)
        network = drawn.build()
        network.evaluate(drawn.x, drawn.y)
        kept = [layer._forward[1] > 0 for layer in network.layers if isinstance(layer, ReLU)]
        if all(mask.any() and not mask.all() for mask in kept):
            return drawn


def _draw(sizes, activation, loss, rng):
    batch = int(rng.integers(4, 10))
    x = rng.normal(size=(batch, sizes[0]))
    if loss is SoftmaxCrossEntropy:
        y = rng.integers(0, sizes[-1], size=batch)
    elif loss is BinaryCrossEntropy:
        y = rng.integers(0, 2, size=(batch, sizes[-1])).astype(float)
    else:
        y = rng.normal(size=(batch, sizes[-1]))
    weights = [rng.normal(size=(a + 1, b)) * np.sqrt(2 / a) for a, b in pairwise(sizes)]
    return Drawn(sizes, activation, loss, rng, x, y, weights)


# Activations


class NoMask(ReLU):
    def bp_input(self, grad):
        return grad


class InvertedMask(ReLU):
    def bp_input(self, grad):
        (output,) = self._recall(grad, "bp_input")
        return grad * (output == 0)


class MaskOfGradient(ReLU):
    def bp_input(self, grad):
        return grad * (grad > 0)


class ValueForMask(ReLU):
    def bp_input(self, grad):
        (output,) = self._recall(grad, "bp_input")
        return grad * output


def first_only(base):
    """A layer whose backward pass remembers its first batch for ever."""

    class FirstOnly(base):
        def __call__(self, x):
            output = super().__call__(x)
            if not hasattr(self, "_first"):
                self._first = self._forward
            return output

        def bp_input(self, grad):
            self._forward = self._first
            return super().bp_input(grad)

    return FirstOnly


class NoSigmoid(Sigmoid):
    def bp_input(self, grad):
        return grad


class NoTanh(Tanh):
    def bp_input(self, grad):
        return grad


class SigmoidOfInput(Sigmoid):
    def __call__(self, x):
        self._x = x
        return super().__call__(x)

    def bp_input(self, grad):
        return grad * self._x * (1 - self._x)


class TanhOfInput(Tanh):
    def __call__(self, x):
        self._x = x
        return super().__call__(x)

    def bp_input(self, grad):
        return grad * (1 - self._x**2)


# Linear layers


class MeanInFirst(NeuralNet):
    """The mean for the sum in one layer alone; in all of them it is a factor."""

    def backprop(self):
        first, *others = super().backprop()
        return [first / len(self.outputs), *others]


class MeanBias(Linear):
    def bp_param(self, grad):
        result = super().bp_param(grad)
        result[-1] = grad.mean(axis=0)
        return result


class BiasOneSum(Linear):
    def bp_param(self, grad):
        result = super().bp_param(grad)
        result[-1] = grad.sum()
        return result


class NotSummed(Linear):
    def bp_param(self, grad):
        x, _ = self._recall(grad, "bp_param")
        ones = np.ones((len(x), 1))
        return np.concatenate([x, ones], axis=1)[:, :, None] * grad[:, None, :]


class Transposed(Linear):
    def bp_param(self, grad):
        return super().bp_param(grad).T


class NotTransposed(Linear):
    def bp_input(self, grad):
        _, W = self._recall(grad, "bp_input")
        return grad @ (W[:-1] if self.in_size == self.out_size else W[:-1].T)


class GradientForWeights(Linear):
    def bp_input(self, grad):
        x, _ = self._recall(grad, "bp_input")
        return grad @ (x.T @ grad).T


class StaleInput(Linear):
    def __call__(self, x):
        output = super().__call__(x)
        if not hasattr(self, "_first_x"):
            self._first_x = x
        return output

    def bp_param(self, grad):
        shape, _, W = self._forward
        self._forward = (shape, self._first_x, W)
        return super().bp_param(grad)


class SummedParam(Linear):
    def bp_param(self, grad):
        return super().bp_param(grad).sum()


# Losses


def scaled(base, factor):
    """The loss with its gradient times a factor, which is given the outputs."""

    class Scaled(base):
        def bp_input(self):
            return factor(self._forward[0]) * super().bp_input()

    return Scaled


class OfProbabilities(SoftmaxCrossEntropy):
    def bp_input(self):
        outputs, labels = self._forward
        onehot = np.eye(outputs.shape[1])[labels]
        return -onehot / self._p / len(outputs)


class BinaryOfProbabilities(BinaryCrossEntropy):
    def bp_input(self):
        outputs, y = self._forward
        p = 1 / (1 + np.exp(-outputs))
        return (-y / p + (1 - y) / (1 - p)) / outputs.size


class TargetlessSquaredError(SumSquaredError):
    def bp_input(self):
        return 2 * self._forward[0]


# Networks


class UpdatesAtOnce(NeuralNet):
    def backprop(self):
        grad, gradients = self.loss.bp_input(), []
        for layer in reversed(self.layers):
            if layer.W is not None:
                forward = layer._forward
                gradients.append(layer.bp_param(grad))
                layer.W = layer.W - 0.05 * gradients[-1]
                layer._forward = (*forward[:2], layer.W)
            grad = layer.bp_input(grad)
        return gradients[::-1]


class Accumulates(NeuralNet):
    def backprop(self):
        gradients = super().backprop()
        if hasattr(self, "_sum"):
            gradients = [a + b for a, b in zip(self._sum, gradients, strict=True)]
        self._sum = gradients
        return gradients


class Detached(NeuralNet):
    def backprop(self):
        gradients = super().backprop()
        return [0 * gradient for gradient in gradients[:-1]] + gradients[-1:]


class BeforeTheActivation(NeuralNet):
    """The gradient of each W from the input of the activation before it, not its output."""

    def backprop(self):
        for layer, after in zip(self.layers[2::2], self.layers[0::2], strict=False):
            x, W = after._forward[1:]
            layer._forward = (layer._forward[0], x @ W[:-1] + W[-1], layer._forward[2])
        return super().backprop()


class OneEntry(NeuralNet):
    def backprop(self):
        gradients = super().backprop()
        gradients[0][1, 1] += 0.5
        return gradients


class InFloat32(NeuralNet):
    def backprop(self):
        gradients = super().backprop()
        noisy = [g * (1 + 3e-6 * np.sin(np.arange(g.size).reshape(g.shape))) for g in gradients]
        return [g.astype(np.float32).astype(np.float64) for g in noisy]


class NoKnownMistake(NeuralNet):
    """Random numbers: no known mistake."""

    def backprop(self):
        rng = np.random.default_rng(3)
        return [rng.normal(size=g.shape) for g in super().backprop()]


RELU = [name for name, (_, activation, _) in NETWORKS.items() if activation is ReLU]
SIGMOID = [name for name, (_, activation, _) in NETWORKS.items() if activation is Sigmoid]
TANH = [name for name, (_, activation, _) in NETWORKS.items() if activation is Tanh]
BENT = [*RELU, *SIGMOID, *TANH]
ALL = list(NETWORKS)


def losses(kind):
    return [name for name, (_, _, loss) in NETWORKS.items() if loss is kind]


def times(factor):
    return lambda d: d.build(loss=scaled(d.loss, factor))


#: A mistake: the name that a diagnosis should find, where it can be planted, and how.
PLANTS = {
    "sign": ("sign", ALL, times(lambda o: -1)),
    "N": ("constant factor", ALL, times(len)),
    "1/N": ("constant factor", ALL, times(lambda o: 1 / len(o))),
    "2": ("constant factor", ALL, times(lambda o: 2)),
    "1/2": ("constant factor", ALL, times(lambda o: 0.5)),
    "outputs": (
        "constant factor",
        [n for n in ALL if NETWORKS[n][0][-1] > 1],
        times(lambda o: o.shape[1]),
    ),
    "mask missing": ("mask missing", RELU, lambda d: d.build(activation=NoMask)),
    "mask inverted": ("mask inverted", RELU, lambda d: d.build(activation=InvertedMask)),
    "mask of the gradient": (
        "mask from the wrong array",
        RELU,
        lambda d: d.build(activation=MaskOfGradient),
    ),
    "value for mask": (
        "wrong activation derivative",
        RELU,
        lambda d: d.build(activation=ValueForMask),
    ),
    "no sigmoid": (
        "activation derivative left out",
        SIGMOID,
        lambda d: d.build(activation=NoSigmoid),
    ),
    "no tanh": ("activation derivative left out", TANH, lambda d: d.build(activation=NoTanh)),
    "sigmoid of input": (
        "wrong activation derivative",
        SIGMOID,
        lambda d: d.build(activation=SigmoidOfInput),
    ),
    "tanh of input": (
        "wrong activation derivative",
        TANH,
        lambda d: d.build(activation=TanhOfInput),
    ),
    "stale activation": (
        "stale cache",
        BENT,
        lambda d: d.build(activation=first_only(d.activation)),
    ),
    "stale input": ("stale cache", ALL, lambda d: d.build(linear=StaleInput)),
    "mean in one layer": ("mean for sum", ALL, lambda d: d.build(network=MeanInFirst)),
    "mean of bias": ("mean for sum", ALL, lambda d: d.build(linear=MeanBias)),
    "bias one sum": ("summed where per entry", ALL, lambda d: d.build(linear=BiasOneSum)),
    "not summed": ("broadcast axis not summed", ALL, lambda d: d.build(linear=NotSummed)),
    "summed": ("summed where per entry", ALL, lambda d: d.build(linear=SummedParam)),
    "transposed": ("transposed", ALL, lambda d: d.build(linear=Transposed)),
    "W for W.T": (
        "transposed",
        [n for n in ALL if any(a == b for a, b in pairwise(NETWORKS[n][0]))],
        lambda d: d.build(linear=NotTransposed),
    ),
    "grad_W.T": (
        "gradient in place of weights",
        ALL,
        lambda d: d.build(linear=GradientForWeights),
    ),
    "update first": (
        "update before all gradients",
        ALL,
        lambda d: d.build(network=UpdatesAtOnce),
    ),
    "accumulated": (
        "accumulated across calls",
        ALL,
        lambda d: d.build(network=Accumulates),
    ),
    "detached": ("zero everywhere", ALL, lambda d: d.build(network=Detached)),
    "before the activation": (
        "factor of another layer",
        BENT,
        lambda d: d.build(network=BeforeTheActivation),
    ),
    "of probabilities": (
        "logits against probabilities",
        losses(SoftmaxCrossEntropy),
        lambda d: d.build(loss=OfProbabilities),
    ),
    "of binary probabilities": (
        "logits against probabilities",
        losses(BinaryCrossEntropy),
        lambda d: d.build(loss=BinaryOfProbabilities),
    ),
    "targets left out": (
        "wrong loss gradient",
        losses(SumSquaredError),
        lambda d: d.build(loss=TargetlessSquaredError),
    ),
    "one entry": ("a few entries", ALL, lambda d: d.build(network=OneEntry)),
    "float32": ("float32", ALL, lambda d: d.build(network=InFloat32)),
    "random": ("unknown", ALL, lambda d: d.build(network=NoKnownMistake)),
}
