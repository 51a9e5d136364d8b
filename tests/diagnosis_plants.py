"""Wrong backward passes, planted in networks: what a diagnosis is tried with.

They are written out here on their own, without the code that looks for them.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from diagnosis_networks import NETWORKS

from backprop.layers import Linear, ReLU, Sigmoid, Tanh
from backprop.losses import BinaryCrossEntropy, SoftmaxCrossEntropy, SumSquaredError
from backprop.network import NeuralNet

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
        with_ones = np.concatenate([x, np.ones((len(x), int(self.bias)))], axis=1)
        return with_ones[:, :, None] * grad[:, None, :]


class Transposed(Linear):
    def bp_param(self, grad):
        return super().bp_param(grad).T


class NotTransposed(Linear):
    def bp_input(self, grad):
        _, W = self._recall(grad, "bp_input")
        weights = W[: self.in_size]
        return grad @ (weights if self.in_size == self.out_size else weights.T)


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
    rate = 0.05

    def backprop(self):
        grad, gradients = self.loss.bp_input(), []
        for layer in reversed(self.layers):
            if layer.W is not None:
                forward = layer._forward
                gradients.append(layer.bp_param(grad))
                layer.W = layer.W - self.rate * gradients[-1]
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
            before = x @ W[: after.in_size] + (W[-1] if after.bias else 0)
            layer._forward = (layer._forward[0], before, layer._forward[2])
        return super().backprop()


class OneEntry(NeuralNet):
    def backprop(self):
        gradients = super().backprop()
        gradients[0][1, 1] += np.abs(gradients[0]).max() / 2
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


@dataclass(frozen=True)
class Plant:
    """A mistake: what a diagnosis should call it, the networks it fits, and how it is made."""

    wanted: str
    networks: list
    make: object

    def __iter__(self):
        return iter((self.wanted, self.networks, self.make))


def where(condition):
    return [name for name, net in NETWORKS.items() if condition(net)]


ALL = list(NETWORKS)
RELU, SIGMOID, TANH = (
    where(lambda net, kind=kind: kind in net.kinds) for kind in (ReLU, Sigmoid, Tanh)
)
BENT = where(lambda net: net.kinds)
DEEP = where(lambda net: len(net.sizes) > 2)
BIASED = where(lambda net: net.bias)


def losses(kind):
    return where(lambda net: net.loss is kind)


def times(factor):
    return lambda d: d.build(loss=scaled(d.net.loss, factor))


def by(**classes):
    return lambda d: d.build(**classes)


def stale_activation(drawn):
    kind = next(activation for activation in drawn.net.activations if activation)
    return drawn.build(activation=first_only(kind))


PLANTS = {
    "sign": Plant("sign", ALL, times(lambda o: -1)),
    "N": Plant("constant factor", ALL, times(len)),
    "1/N": Plant("constant factor", ALL, times(lambda o: 1 / len(o))),
    "2": Plant("constant factor", ALL, times(lambda o: 2)),
    "1/2": Plant("constant factor", ALL, times(lambda o: 0.5)),
    "outputs": Plant(
        "constant factor", where(lambda net: net.sizes[-1] > 1), times(lambda o: o.shape[1])
    ),
    "mask missing": Plant("mask missing", RELU, by(activation=NoMask)),
    "mask inverted": Plant("mask inverted", RELU, by(activation=InvertedMask)),
    "mask of the gradient": Plant("mask from the wrong array", RELU, by(activation=MaskOfGradient)),
    "value for mask": Plant("wrong activation derivative", RELU, by(activation=ValueForMask)),
    "no sigmoid": Plant("activation derivative left out", SIGMOID, by(activation=NoSigmoid)),
    "no tanh": Plant("activation derivative left out", TANH, by(activation=NoTanh)),
    "sigmoid of input": Plant(
        "wrong activation derivative", SIGMOID, by(activation=SigmoidOfInput)
    ),
    "tanh of input": Plant("wrong activation derivative", TANH, by(activation=TanhOfInput)),
    "stale activation": Plant("stale cache", BENT, stale_activation),
    "stale input": Plant("stale cache", ALL, by(linear=StaleInput)),
    "mean in one layer": Plant("mean for sum", DEEP, by(network=MeanInFirst)),
    "mean of bias": Plant("mean for sum", BIASED, by(linear=MeanBias)),
    "bias one sum": Plant("summed where per entry", BIASED, by(linear=BiasOneSum)),
    "not summed": Plant("broadcast axis not summed", ALL, by(linear=NotSummed)),
    "summed": Plant("summed where per entry", ALL, by(linear=SummedParam)),
    "transposed": Plant("transposed", ALL, by(linear=Transposed)),
    "W for W.T": Plant(
        "transposed",
        where(lambda net: any(a == b for a, b in pairwise(net.sizes))),
        by(linear=NotTransposed),
    ),
    "grad_W.T": Plant("gradient in place of weights", DEEP, by(linear=GradientForWeights)),
    "update first": Plant("update before all gradients", DEEP, by(network=UpdatesAtOnce)),
    "accumulated": Plant("accumulated across calls", ALL, by(network=Accumulates)),
    "detached": Plant("zero everywhere", DEEP, by(network=Detached)),
    "before the activation": Plant(
        "factor of another layer",
        where(lambda net: net.kinds and len(net.sizes) > 2),
        by(network=BeforeTheActivation),
    ),
    "of probabilities": Plant(
        "logits against probabilities", losses(SoftmaxCrossEntropy), by(loss=OfProbabilities)
    ),
    "of binary probabilities": Plant(
        "logits against probabilities", losses(BinaryCrossEntropy), by(loss=BinaryOfProbabilities)
    ),
    "targets left out": Plant(
        "wrong loss gradient", losses(SumSquaredError), by(loss=TargetlessSquaredError)
    ),
    "one entry": Plant("a few entries", ALL, by(network=OneEntry)),
    "float32": Plant("float32", ALL, by(network=InFloat32)),
    "random": Plant("unknown", ALL, by(network=NoKnownMistake)),
}
