"""What the reports of the checks say, word by word, and that arguments reach what they are for."""

import numpy as np
import pytest
import torch

from backprop.checking import (
    GradientReport,
    NetworkReport,
    assert_gradient,
    check_gradient,
    check_network,
)
from backprop.diagnosis import Cause
from backprop.layers import Linear, ReLU
from backprop.losses import SumSquaredError
from backprop.network import NeuralNet

X = np.linspace(-1, 1, 6).reshape(2, 3)
CAUSES = (
    Cause("sign", "every entry has the opposite sign, as if the residual were y - prediction"),
    Cause("constant factor", "every entry is twice too large\n##\n··"),
)
WRONG = GradientReport(
    False, 0.25, "2 of 6 differ", 1e-6, "entries", 6, (1, 0), 1.25, 1.0, 2e-9, lambda: CAUSES
)


def squares(a):
    return (a**2).sum()


# The words


def test_a_report_of_a_right_gradient():
    assert str(check_gradient(squares, np.zeros((0, 3)), np.zeros((0, 3)))) == (
        "The gradient agrees with central differences\n"
        "  compared:      nothing, the array has no entries"
    )
    told = str(GradientReport(True, 3e-9, None, 1e-6, "projections", 20, (7,), 2.5, 2.5, 1e-10))
    assert told == (
        "The gradient agrees with central differences\n"
        "  compared:      20 projections\n"
        "  largest error: 3.00e-09 (tolerance 1e-06), along random direction 7\n"
        "  claimed there: 2.5\n"
        "  numerical:     2.5 (± 1e-10)"
    )


def test_a_report_of_a_wrong_gradient_tells_every_cause():
    assert str(WRONG) == (
        "The gradient is wrong: 2 of 6 differ\n"
        "  compared:      6 entries\n"
        "  largest error: 2.50e-01 (tolerance 1e-06), at entry (1, 0)\n"
        "  claimed there: 1.25\n"
        "  numerical:     1 (± 2e-09)\n"
        "  likely cause:  sign: every entry has the opposite sign, as if the residual\n"
        "      were y - prediction\n"
        "  also:          constant factor: every entry is twice too large\n"
        "      ##\n"
        "      ··"
    )


def test_lines_are_broken_between_words_only():
    word, hyphens = "abcdefgh" * 12, "-".join(["part"] * 20)
    told = str(GradientReport(False, 1.0, f"{word} {hyphens}", 1e-6, "entries"))
    assert told == f"The gradient is wrong:\n{word}\n{hyphens}"


def test_a_report_of_a_network():
    right = GradientReport(True, 0.0, None, 1e-6, "entries")
    names = ("W of layer 0", "W of layer 2")
    assert str(NetworkReport(True, (right, right), names)) == (
        "The gradients of all 2 parameters agree with central differences"
    )
    long = GradientReport(False, 1.0, "the words of this go on " * 4, 1e-6, "entries")
    report = NetworkReport(False, (right, long), names, CAUSES[:1])
    assert report.diagnosis == "wrong with respect to W of layer 2"
    assert str(report) == (
        "The gradients of the network are wrong:\n"
        "  W of layer 0: right\n"
        "  W of layer 2: wrong: the words of this go on the words of this go on the\n"
        "    words of this go on the words of this go on\n"
        "  likely cause:  sign: every entry has the opposite sign, as if the residual\n"
        "      were y - prediction"
    )


# The evidence


@pytest.mark.parametrize(
    ("rows", "columns", "wrong", "evidence"),
    [
        ([], [], [(0, 1)], "1 of 6 entries; all others are right"),
        ([0], [], [], "3 of 6 entries (all of row 0); all others are right"),
        ([], [0, 2], [], "4 of 6 entries (all of column 0, 2); all others are right"),
        ([0], [1], [], "4 of 6 entries (all of row 0 and all of column 1); all others are right"),
        ([0, 1], [], [], "6 of 6 entries"),
    ],
)
def test_where_a_gradient_is_not_finite(rows, columns, wrong, evidence):
    gradient = 2 * X
    gradient[rows] = np.nan
    gradient[:, columns] = np.inf
    for entry in wrong:
        gradient[entry] = -np.inf
    (cause,) = check_gradient(squares, gradient, X).causes
    assert cause.name == "not finite"
    assert cause.evidence.partition(":")[0] == evidence
    finite = np.isfinite(gradient)
    if finite.any():
        gradient[np.unravel_index(np.argmax(finite), X.shape)] += 1
        (cause,) = check_gradient(squares, gradient, X).causes
        assert cause.evidence.partition(":")[0] == evidence.removesuffix("; all others are right")


def test_not_finite_entries_of_a_vector_and_of_another_shape():
    gradient = 2 * X[0]
    gradient[1] = np.nan
    (cause,) = check_gradient(squares, gradient, X[0]).causes
    assert cause.evidence.startswith("1 of 3 entries; all others are right: look for a division")
    (cause,) = check_gradient(squares, gradient, X).causes
    assert cause.evidence.startswith("1 of 3 entries: look for a division")


@pytest.mark.parametrize(
    ("dtype", "offset", "claim", "name", "advice"),
    [
        (np.float64, 1e13, 1e4, "unknown", "take away what does not depend on x"),
        (np.float32, 1e6, 500, "float32", "compute in float64"),
    ],
)
def test_a_function_beside_which_its_slopes_are_lost(dtype, offset, claim, name, advice):
    def f(a):
        return dtype(offset) + a.sum()

    report = check_gradient(f, np.full(X.shape, claim, dtype), X.astype(dtype))
    (cause,) = report.causes
    assert cause.name == name
    assert cause.evidence.startswith("f is so large that rounding hides single entries")
    assert cause.evidence.endswith(f": {advice}")


# The arguments


@pytest.mark.parametrize(
    "arguments",
    [
        {"method": "projections"},
        {"tolerance": 1e-3},
        {"method": "projections", "projections": 3},
        {"method": "projections", "rng": 5},
        {"before": X + 1},
    ],
    ids=lambda arguments: " and ".join(arguments),
)
def test_the_assertion_takes_the_arguments_of_the_check(arguments):
    stale = 2 * (X + 1)

    def given():  # a generator is used up by a check
        fresh = dict(arguments)
        if "rng" in fresh:
            fresh["rng"] = np.random.default_rng(fresh["rng"])
        return fresh

    told = str(check_gradient(squares, stale, X, **given()))
    without = {name: value for name, value in given().items() if name == "method"}
    assert told != str(check_gradient(squares, stale, X, **without)) or "rng" not in arguments
    with pytest.raises(AssertionError) as caught:
        assert_gradient(squares, stale, X, **given())
    assert str(caught.value) == told


def test_one_projection_is_enough_and_none_is_refused():
    assert check_gradient(squares, 2 * X, X, method="projections", projections=1).compared == 1
    with pytest.raises(ValueError, match="projections is 0; expected at least 1"):
        check_gradient(squares, 2 * X, X, projections=0)


def test_the_last_array_that_is_visited_entry_by_entry():
    for size, method in ((2000, "entries"), (2001, "projections")):
        x = np.ones(size)
        assert check_gradient(lambda a: a.sum(), x, x).method == method


def test_an_earlier_point_is_taken_in_the_dtype_of_x():
    with pytest.raises(TypeError, match="before is"):
        check_gradient(squares, 2 * X, X, before=X.astype(int))
    single = X.astype(np.float32)
    stale = check_gradient(squares, 2 * (single + 1), single, before=X + 1)
    assert [cause.name for cause in stale.causes] == ["stale cache"]


def network():
    rng = np.random.default_rng(3)
    layers = [Linear(3, 4, rng), ReLU(), Linear(4, 2, rng)]
    return NeuralNet(layers, SumSquaredError()), rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


def test_a_report_of_a_network_names_its_parameters_and_says_what_is_false():
    net, x, y = network()
    right = check_network(net, x, y)
    assert right.ok is True
    assert right.names == ("W of layer 0", "W of layer 2")
    net.evaluate(x, y)
    first, second = net.backprop()
    wrong = check_network(net, x, y, gradients=[first, -second])
    assert wrong.ok is False
    assert wrong.names == ("W of layer 0", "W of layer 2")
    assert [report.ok for report in wrong.reports] == [True, False]
    with pytest.raises(ValueError, match="1 gradients for 2 layers with parameters; expected one"):
        check_network(net, x, y, gradients=[first])


def test_the_tolerance_of_a_network_is_that_of_every_gradient():
    net, x, y = network()
    net.evaluate(x, y)
    off = [1.001 * gradient for gradient in net.backprop()]
    assert not check_network(net, x, y, gradients=off)
    loose = check_network(net, x, y, gradients=off, tolerance=0.01)
    assert loose
    assert {report.tolerance for report in loose.reports} == {0.01}


def test_a_network_of_tensors_in_float32_is_checked_in_float64():
    rng = np.random.default_rng(3)
    net = NeuralNet([Linear(3, 2, rng)], SumSquaredError())
    x, y = (torch.tensor(rng.normal(size=(5, n)), dtype=torch.float32) for n in (3, 2))
    net.evaluate(x, y)
    (gradient,) = net.backprop()
    assert gradient.dtype == torch.float32
    (report,) = check_network(net, x, y).reports
    exact = NeuralNet([Linear(3, 2, rng)], SumSquaredError())
    exact.layers[0].W = net.layers[0].W.double()
    exact.evaluate(x.double(), y.double())
    assert abs(report.numerical - exact.backprop()[0][report.worst]) < 1e-7
    assert report.ok
    assert net.layers[0].W.dtype == torch.float32
