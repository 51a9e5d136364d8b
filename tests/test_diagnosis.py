"""A wrong gradient is told its mistake, a right one is left alone."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from diagnosis_networks import NETWORKS, SMALL, draw
from diagnosis_plants import PLANTS, NoMask

from backprop import checking, diagnosis
from backprop.checking import check_network
from backprop.diagnosis import Cause, _names
from backprop.layers import Linear, ReLU
from backprop.losses import SoftmaxCrossEntropy
from backprop.network import NeuralNet

DRAWS = 20


def names(report):
    return [cause.name for cause in report.causes]


# Networks


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_mistake_is_named(plant):
    """In at least 95 of 100 draws, over the small networks that it can be planted in.

    A small version of ``python -m benchmarks.diagnosis``, which makes 100 draws in each network.
    """
    wanted, networks, make = PLANTS[plant]
    networks, found = [name for name in networks if name in SMALL], Counter()
    for seed in range(DRAWS):
        drawn = draw(networks[seed % len(networks)], seed)
        report = check_network(make(drawn), drawn.x, drawn.y)
        assert not report.ok, seed
        found[names(report)[0]] += 1
    assert found[wanted] >= 0.95 * DRAWS, found


@pytest.mark.parametrize("name", SMALL)
def test_a_right_network_gets_no_diagnosis(name):
    for seed in range(10):
        drawn = draw(name, seed)
        report = check_network(drawn.build(), drawn.x, drawn.y)
        assert report.ok, report
        assert report.causes == ()
        assert report.diagnosis is None
        assert "agree" in str(report)


def test_all_names_are_listed_with_a_line_each():
    assert {wanted for wanted, _, _ in PLANTS.values()} <= set(diagnosis.NAMES)
    assert tuple(diagnosis.MEANINGS) == diagnosis.NAMES
    assert len(set(diagnosis.MEANINGS.values())) == len(diagnosis.NAMES)
    assert all("\n" not in line and len(line) > 10 for line in diagnosis.MEANINGS.values())
    constants = {v for k, v in vars(_names).items() if k.isupper() and isinstance(v, str)}
    assert constants == set(diagnosis.NAMES)
    assert Cause("sign", "so").meaning == "the opposite sign"


def test_every_name_is_given_somewhere():
    folders = [Path(module.__file__).parent for module in (checking, diagnosis)]
    code = "".join(path.read_text("utf-8") for folder in folders for path in folder.glob("_*.py"))
    for constant, name in vars(_names).items():
        if constant.isupper() and isinstance(name, str):
            assert f"names.{constant}" in code, name


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_networks_of_tensors(dtype):
    drawn = draw("4-5-3 ReLU, sum", 1)
    for activation in (None, NoMask):
        network = drawn.build(activation=activation)
        for layer in network.layers:
            if layer.W is not None:
                layer.W = torch.tensor(layer.W, dtype=dtype)
        report = check_network(
            network, torch.tensor(drawn.x, dtype=dtype), torch.tensor(drawn.y, dtype=dtype)
        )
        assert names(report)[:1] == (["mask missing"] if activation else [])


def test_networks_in_float32():
    """With so many units that a step as wide as float32 needs would cross kinks."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(64, 64)).astype(np.float32), rng.integers(0, 10, size=64)
    for activation, wanted in ((ReLU, []), (NoMask, ["mask missing"])):
        layers = [Linear(64, 40, rng=1), activation(), Linear(40, 10, rng=2)]
        report = check_network(NeuralNet(layers, SoftmaxCrossEntropy()), x, y)
        assert names(report) == wanted, report


def test_the_network_stays_as_it_is():
    drawn = draw("4-5-3 ReLU, sum", 2)
    network = drawn.build(activation=NoMask)
    network.evaluate(drawn.x, drawn.y)
    before, kept = network.backprop(), [layer.W for layer in network.layers]
    check_network(network, -drawn.x, drawn.y)
    assert all(layer.W is W for layer, W in zip(network.layers, kept, strict=True))
    for a, b in zip(network.backprop(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_from_elsewhere():
    drawn = draw("chapter 4: 3-4-1 ReLU, mean", 3)
    network, right = drawn.build(), drawn.right()
    assert check_network(network, drawn.x, drawn.y, gradients=right)
    old = draw("chapter 4: 3-4-1 ReLU, mean", 3)
    other = old.x[::-1] * 1.3
    network.evaluate(other, drawn.y)
    report = check_network(
        network, drawn.x, drawn.y, gradients=network.backprop(), before=(other, drawn.y)
    )
    assert names(report) == ["stale cache"]
    with pytest.raises(ValueError, match="there are 1 gradients for 2 layers"):
        check_network(network, drawn.x, drawn.y, gradients=right[:1])


def test_two_mistakes_in_two_layers_are_both_named():
    drawn = draw("4-5-3 ReLU, sum", 4)
    first, second = drawn.right()
    report = check_network(drawn.build(), drawn.x, drawn.y, gradients=[first.T, -second])
    assert names(report) == ["transposed", "sign"]
    assert report.causes[0].evidence.startswith("W of layer 0: ")
    assert report.causes[1].evidence.startswith("W of layer 2: ")


def test_one_mistake_and_a_factor():
    drawn = draw("4-5-3 ReLU, sum", 5)
    network = drawn.build(activation=NoMask)
    network.evaluate(drawn.x, drawn.y)
    halves = [gradient / 2 for gradient in network.backprop()]
    report = check_network(drawn.build(), drawn.x, drawn.y, gradients=halves)
    assert names(report) == ["mask missing", "constant factor"]


def test_labels_that_broadcast():
    drawn = draw("chapter 4: 3-4-1 ReLU, mean", 6)
    network = drawn.build()
    network.evaluate(drawn.x, drawn.y)
    spread = network.outputs - drawn.y.ravel()
    grad, gradients = 2 * spread.mean(axis=1, keepdims=True) / len(spread), []
    for layer in reversed(network.layers):
        if layer.W is not None:
            gradients.append(layer.bp_param(grad))
        grad = layer.bp_input(grad)
    report = check_network(drawn.build(), drawn.x, drawn.y, gradients=gradients[::-1])
    assert names(report) == ["broadcast axis not summed"]
    assert "(N,) against outputs of shape (N, 1)" in report.causes[0].evidence


def test_evidence_names_the_layer_and_the_numbers():
    drawn = draw("4-3-2-1 ReLU, binary", 7)
    network = drawn.build()
    network.layers[1] = NoMask()
    report = check_network(network, drawn.x, drawn.y)
    assert "layer 1 (ReLU)" in report.causes[0].evidence
    assert "W of layer 0: wrong: " in str(report)
    assert "W of layer 4: right" in str(report)
    drawn = draw("4-5-3 ReLU, sum", 7)
    report = check_network(PLANTS["update first"].make(drawn), drawn.x, drawn.y)
    assert "learning rate 0.05" in report.causes[0].evidence


class Plain:
    """A layer of a reader's own: nothing of the package in it."""

    W = None

    def __call__(self, x):
        self.x = x
        return self.value(x)

    def value(self, x):
        return np.maximum(x, 0)

    def slope(self):
        return (self.x > 0) * 1.0


class Soft(Plain):
    """An activation that a diagnosis does not know."""

    def value(self, x):
        return np.logaddexp(0, x)

    def slope(self):
        return 1 / (1 + np.exp(-self.x))


class Own:
    """A network of a reader's own: x -> W -> activation -> sum of squares."""

    def __init__(self, W, activation, mistake):
        self.layers, self.mistake = [Linear(3, 4, rng=0), activation], mistake
        self.layers[0].W = W

    def evaluate(self, x, y):
        self.error = self.layers[1](self.layers[0](x)) - y
        return (self.error**2).sum()

    def backprop(self):
        grad = self.mistake(2 * self.error, self.layers[1].slope())
        return [self.layers[0].bp_param(grad)]


@pytest.mark.parametrize(
    ("activation", "mistake", "wanted"),
    [
        (Plain, lambda grad, slope: grad * slope, []),
        (Plain, lambda grad, slope: grad, ["mask missing"]),
        (Plain, lambda grad, slope: grad * (1 - slope), ["mask inverted"]),
        (Soft, lambda grad, slope: grad * slope, []),
        (Soft, lambda grad, slope: -grad * slope, ["sign"]),
        (Soft, lambda grad, slope: grad, ["unknown"]),
        (Soft, lambda grad, slope: grad + np.nan, ["not finite"]),
    ],
)
def test_a_network_of_a_readers_own(activation, mistake, wanted):
    rng = np.random.default_rng(1)
    network = Own(rng.normal(size=(4, 4)), activation(), mistake)
    report = check_network(network, rng.normal(size=(6, 3)), rng.normal(size=(6, 4)))
    assert names(report) == wanted


def test_networks_cover_all_losses_and_activations():
    assert len({net.loss for net in NETWORKS.values()}) == 4
    assert len({kind for net in NETWORKS.values() for kind in net.activations}) == 4


@pytest.mark.parametrize("method", ["entries", "projections"])
def test_the_method_is_that_of_every_report(method):
    drawn = draw("4-5-3 ReLU, sum", 8)
    for activation, wanted in ((None, []), (NoMask, ["mask missing"])):
        network = drawn.build(activation=activation)
        report = check_network(network, drawn.x, drawn.y, method=method)
        assert {one.method for one in report.reports} == {method}
        assert names(report) == wanted


def test_large_networks():
    """By projections, as 2,080 weights ask for: from a chapter, with one draw."""
    drawn = draw("chapter 13: 64-32-10 ReLU, softmax", 0)
    assert check_network(drawn.build(), drawn.x, drawn.y)
    for plant in ("mask missing", "stale input", "1/N", "random"):
        report = check_network(PLANTS[plant].make(drawn), drawn.x, drawn.y)
        assert report.reports[0].method == "projections"
        assert names(report)[0] == PLANTS[plant].wanted


# Models of a reader's own, of PyTorch's tensors


class Affine:
    """Parameters that require a gradient, and a memory with a graph in it."""

    def __init__(self, *shape):
        self.W = torch.randn(*shape, dtype=torch.float64).requires_grad_()

    def __call__(self, x):
        self.x = x
        self.z = x @ self.W
        return self.z


class Bend:
    def __call__(self, x):
        self.a = torch.relu(x)
        return self.a


class Model:
    """Two layers and the mean of squares; a backward pass by hand, or by autograd."""

    def __init__(self, mistake=None):
        torch.manual_seed(0)
        self.layers, self.mistake = [Affine(3, 6), Bend(), Affine(6, 2)], mistake

    def evaluate(self, x, y):
        for layer in self.layers:
            x = layer(x)
        self.error = x - y
        self.loss = (self.error**2).mean()
        return self.loss

    def backprop(self):
        first, bend, second = self.layers
        if self.mistake == "none, by autograd":
            return list(torch.autograd.grad(self.loss, [first.W, second.W]))
        grad = 2 / self.error.numel() * self.error
        if self.mistake == "sum":
            grad = 2 * self.error
        hidden = grad @ second.W.T
        if self.mistake != "mask":
            hidden = hidden * (bend.a > 0)
        return [first.x.T @ hidden, second.x.T @ grad]


@pytest.mark.parametrize(
    ("mistake", "wanted"),
    [
        (None, []),
        ("none, by autograd", []),
        ("mask", ["mask missing"]),
        ("sum", ["constant factor"]),
    ],
)
def test_a_model_of_tensors(mistake, wanted):
    rng = np.random.default_rng(2)
    x, y = (torch.tensor(rng.normal(size=(7, size))) for size in (3, 2))
    model = Model(mistake)
    model.evaluate(x, y)  # it now holds tensors with a graph, which cannot be copied as they are
    kept = model.layers[0].W
    report = check_network(model, x, y)
    assert names(report) == wanted
    assert model.layers[0].W is kept
    assert kept.requires_grad


def test_a_model_without_layers_is_told_what_to_do():
    with pytest.raises(TypeError, match="without layers; expected layers with parameters W"):
        check_network(torch.nn.Linear(2, 3), torch.ones(4, 2), torch.ones(4, 3))


def test_a_model_that_is_checked_one_parameter_at_a_time():
    from torch.nn.utils import parameters_to_vector, vector_to_parameters

    from backprop.checking import check_gradient

    torch.manual_seed(1)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)
    ).double()
    x, y = torch.randn(6, 3).double(), torch.randn(6, 2).double()
    loss = torch.nn.functional.mse_loss(model(x), y)
    gradients = torch.autograd.grad(loss, list(model.parameters()))

    def f(values):
        vector_to_parameters(values, model.parameters())
        return torch.nn.functional.mse_loss(model(x), y)

    at = parameters_to_vector(model.parameters()).detach().clone()
    claim = torch.cat([gradient.ravel() for gradient in gradients])
    assert check_gradient(f, claim, at)
    assert names(check_gradient(f, 12 * claim, at)) == ["constant factor"]
