"""A wrong gradient is told its mistake, a right one is left alone."""

from collections import Counter

import numpy as np
import pytest
import torch
from diagnosis_plants import ALL, NETWORKS, PLANTS, NoMask, draw

from backprop import diagnosis
from backprop.checking import check_gradient, check_network
from backprop.diagnosis import Facts, diagnose
from backprop.layers import Linear, ReLU
from backprop.losses import SoftmaxCrossEntropy
from backprop.network import NeuralNet

DRAWS = 20


def names(report):
    return [cause.name for cause in report.causes]


def in_one_line(report):
    return " ".join(str(report).split())


# Networks


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_mistake_is_named(plant):
    """In at least 95 of 100 draws, over all the networks that it can be planted in."""
    wanted, networks, make = PLANTS[plant]
    found = Counter()
    for seed in range(DRAWS):
        drawn = draw(networks[seed % len(networks)], seed)
        report = check_network(make(drawn), drawn.x, drawn.y)
        assert not report.ok, seed
        found[names(report)[0]] += 1
    assert found[wanted] >= 0.95 * DRAWS, found


@pytest.mark.parametrize("name", ALL)
def test_a_right_network_gets_no_diagnosis(name):
    for seed in range(10):
        drawn = draw(name, seed)
        report = check_network(drawn.build(), drawn.x, drawn.y)
        assert report.ok, report
        assert report.causes == ()
        assert report.diagnosis is None
        assert "agree" in str(report)


def test_all_names_are_listed():
    assert {wanted for wanted, _, _ in PLANTS.values()} <= set(diagnosis.NAMES)
    assert len(set(diagnosis.NAMES)) == len(diagnosis.NAMES)


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
    drawn = draw("3-4-1 ReLU, mean", 3)
    network, right = drawn.build(), drawn.right()
    assert check_network(network, drawn.x, drawn.y, gradients=right)
    old = draw("3-4-1 ReLU, mean", 3)
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
    drawn = draw("3-4-1 ReLU, mean", 6)
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
    report = check_network(PLANTS["update first"][2](drawn), drawn.x, drawn.y)
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


# Functions

RNG = np.random.default_rng(11)
X, S = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4))
A, B = RNG.normal(size=(4, 2)), RNG.normal(size=(3, 4))


def quadratic(x):
    return ((x @ A) ** 2).sum() / 2 + (B[: len(x)] * x).sum()


def square_form(x):
    return ((x @ (torch.tensor(A) if torch.is_tensor(x) else A)) ** 2).sum() / 2


G, H = X @ A @ A.T + B, S @ A @ A.T


def at(array, index, value):
    result = array.copy()
    result[index] = value
    return result


BY_NUMBERS = [
    ("transposed", G.T, []),
    ("transposed and sign", -G.T, ["transposed", "sign"]),
    ("reshaped", G.T.reshape(3, 4), ["transposed"]),
    ("sign", -G, ["sign"]),
    ("rows", G / 3, ["constant factor"]),
    ("minus twice", -2 * G, ["sign", "constant factor"]),
    ("no size of x", 3.7 * G, ["constant factor"]),
    ("total", G.sum(), ["summed where per entry"]),
    ("total everywhere", np.full(G.shape, G.sum()), ["summed where per entry"]),
    ("column sums", G.sum(axis=0), ["summed where per entry"]),
    ("row means", G.mean(axis=1, keepdims=True), ["summed where per entry", "constant factor"]),
    ("not summed", np.stack([G / 4, 3 * G / 4]), ["broadcast axis not summed"]),
    ("flat", G.ravel(), ["wrong shape"]),
    ("without a row", G[:-1], ["part missing"]),
    ("another shape", RNG.normal(size=(2, 2)), ["wrong shape"]),
    ("flipped", G[::-1], ["another order"]),
    ("zero", 0 * G, ["zero everywhere"]),
    ("decayed", G + 0.3 * X, ["multiple of x added"]),
    ("one entry", at(G, (1, 2), 5.0), ["a few entries"]),
    ("one row", at(G, 1, 0.0), ["a few entries"]),
    ("not a number", at(G, (1, 2), np.nan), ["not finite"]),
    ("noise", RNG.normal(size=G.shape), ["unknown"]),
    ("float32", (G + 2e-5 * np.sin(X)).astype(np.float32).astype(float), ["float32"]),
]


@pytest.mark.parametrize(
    ("wrong", "wanted"), [c[1:] for c in BY_NUMBERS], ids=[c[0] for c in BY_NUMBERS]
)
def test_causes_by_the_numbers_alone(wrong, wanted):
    report = check_gradient(quadratic, wrong, X)
    assert not report.ok
    assert names(report) == (wanted or ["transposed"])
    assert f"likely cause:  {report.causes[0].name}: " in str(report)


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [(H.T, "transposed"), (np.trace(H), "trace for the outer product"), (-H, "sign")],
)
def test_square_arrays(wrong, wanted):
    assert names(check_gradient(square_form, wrong, S)) == [wanted]
    assert names(check_gradient(square_form, torch.tensor(wrong), torch.tensor(S))) == [wanted]


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        (B, "mask missing"),
        (B * (X < 0), "mask inverted"),
        (B * (B > 0), "mask from the wrong array"),
        (B * (X > 0) * 2, "constant factor"),
    ],
)
def test_masks(wrong, wanted):
    assert names(check_gradient(lambda x: (np.maximum(x, 0) * B).sum(), wrong, X)) == [wanted]


def test_an_activation_left_out():
    report = check_gradient(lambda x: (np.tanh(x) * B).sum(), B, X)
    assert names(report) == ["activation derivative left out"]
    assert "tanh" in report.causes[0].evidence


def test_a_kink_is_told_with_the_slopes_beside_it():
    x = np.array([0.0, 1, -1, 2, -2])
    report = check_gradient(lambda a: np.maximum(a, 0).sum(), (x > 0) * 1.0, x)
    assert names(report) == ["a kink"]
    assert "the slope is 0 on the left, 1 on the right, and 0 is claimed" in in_one_line(report)
    # A curve, however bent, is no kink.
    bent = check_gradient(lambda a: np.cosh(9 * a).sum(), at(9 * np.sinh(9 * x), 1, 0.0), x)
    assert names(bent) == ["a few entries"]


def test_a_function_in_float32():
    report = check_gradient(lambda x: np.float32((x**2).sum()), 2 * X, X)
    assert names(report) == ["float32"]
    assert "it computes in float32" in str(report)


@pytest.mark.parametrize("method", ["entries", "projections"])
def test_a_gradient_in_float32_is_held_to_its_digits(method):
    single = G.astype(np.float32)
    assert check_gradient(quadratic, single, X, method=method)
    for factor in (1.0001, 1.2, 2, -1):
        assert not check_gradient(quadratic, single * np.float32(factor), X, method=method)


def test_a_function_with_a_domain_still_gets_its_report():
    x = np.array([1e-4, 3e-4, 7e-4])

    def f(a):
        if (a < 0).any():
            raise RuntimeError("only for positive numbers")
        return np.sqrt(a).sum()

    report = check_gradient(f, -0.5 / np.sqrt(x), x)
    assert names(report) == ["sign"]


def test_the_factor_is_named_by_the_sizes_of_x():
    assert "1/3, one over the number of rows of x" in in_one_line(
        check_gradient(quadratic, G / 3, X)
    )
    assert "12, the number of entries of x" in in_one_line(check_gradient(quadratic, G * 12, X))
    assert "(" not in check_gradient(quadratic, 3.7 * G, X).causes[0].evidence


def test_reports_fit_a_narrow_page():
    for wrong in (G / 3, G.T, G.sum(), RNG.normal(size=G.shape)):
        assert max(map(len, str(check_gradient(quadratic, wrong, X)).splitlines())) <= 78


def test_a_picture_shows_where_the_error_sits():
    wrong = G.copy()
    wrong[0] += [9, -8, 7, 5]
    wrong[2, 1:3] += [3, -8]
    report = check_gradient(quadratic, wrong, X)
    assert names(report) == ["unknown"]
    assert report.causes[0].evidence.endswith("\n####\n····\n·##·")
    assert str(report).endswith("\n      ####\n      ····\n      ·##·")


def test_large_arrays_are_sampled():
    x, c = RNG.normal(size=(60, 50)), RNG.normal(size=(60, 50))
    calls = []

    def f(a):
        calls.append(1)
        return (a * c).sum()

    for wrong, wanted in (
        (-c, "sign"),
        (c.T, "transposed"),
        (at(c, (5, 6), 99.0), "a few entries"),
    ):
        assert names(check_gradient(f, wrong, x)) == [wanted]
    assert len(calls) < 2000
    unknown = check_gradient(f, RNG.normal(size=(60, 50)), x).causes[0]
    assert "? not measured" in unknown.evidence
    assert len(unknown.evidence.splitlines()) == 16


def test_causes_wait_for_a_reader_where_only_the_shape_is_wrong():
    calls = []

    def f(a):
        calls.append(1)
        return quadratic(a)

    report = check_gradient(f, G.T, X)
    assert not calls
    assert names(report) == ["transposed"]
    assert calls
    count = len(calls)
    str(report)
    assert len(calls) == count


SMOOTH = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "sin": (np.sin, np.cos),
}


def test_right_gradients_get_no_diagnosis():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        act, slope = SMOOTH[sorted(SMOOTH)[seed % 3]]
        rows, columns, width = rng.integers(1, 6, size=3)
        x, w = rng.normal(size=(rows, columns)), rng.normal(size=(columns, width))
        scale = 10.0 ** rng.uniform(-4, 4)
        gradient = scale * 2 * (act(x @ w) * slope(x @ w)) @ w.T

        def f(a, act=act, w=w, scale=scale):
            return scale * (act(a @ w) ** 2).sum()

        report = check_gradient(f, gradient, x)
        assert report.ok, (seed, str(report))
        assert report.causes == ()


# The facts


def test_facts_alone_are_enough():
    facts = Facts(-G, G, np.full(G.shape, 1e-9))
    assert [cause.name for cause in diagnose(facts)] == ["sign"]
    assert str(diagnose(facts)[0]).startswith("sign: ")


def test_noise_is_no_evidence():
    # All of the numerical gradient may be rounding: it agrees with everything.
    facts = Facts(G + 1, G, np.full(G.shape, 100.0))
    assert diagnose(facts)[0].name == "a few entries"
    assert {cause.name for cause in diagnose(Facts(5 * G, G, np.full(G.shape, 3.0)))} == {"unknown"}


def test_networks_cover_all_losses_and_activations():
    assert len({loss for _, _, loss in NETWORKS.values()}) == 4
    assert len({activation for _, activation, _ in NETWORKS.values()}) == 4
