"""Causes that the numbers of one gradient show, without the layers."""

import numpy as np
import pytest
import torch

from backprop.checking import check_gradient
from backprop.diagnosis import Facts, diagnose


def names(report):
    return [cause.name for cause in report.causes]


def in_one_line(report):
    return " ".join(str(report).split())


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
    assert len(calls) < 3 * 1000
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


# Another call, another variable, another term


def cube(a):
    return (a**3).sum()


def test_what_belongs_to_an_earlier_call():
    old = X + 1
    for claim, wanted in (
        (3 * old**2, "stale cache"),
        (3 * old**2 + 3 * X**2, "accumulated across calls"),
        (-3 * X**2, "sign"),
    ):
        for before in (old, torch.tensor(old)):
            assert names(check_gradient(cube, claim, X, before=before)) == [wanted]
        assert names(check_gradient(cube, claim, X)) == (
            ["sign"] if wanted == "sign" else ["unknown"]
        )
    assert check_gradient(cube, 3 * X**2, X, before=old)
    with pytest.raises(ValueError, match=r"before has shape \(4,\) and x has shape \(3, 4\)"):
        check_gradient(cube, 3 * X**2, X, before=old[0])


@pytest.mark.parametrize(
    ("extra", "wanted", "evidence"),
    [
        (0.3 * X, "multiple of x added", "plus 0.3 times x"),
        (-0.3 * X, "term missing", "with 0.3 times x added it agrees"),
        (0.25, "constant added", "every entry is 0.25 more"),
        (
            0.3 * X * np.array([[0], [0], [1]]),
            "multiple of x added",
            "in row 2 (the bias, where the last row holds it) it is the numerical gradient plus",
        ),
        (0.3 * X * (np.arange(4) == 1), "multiple of x added", "in column 1 it is"),
    ],
)
def test_terms(extra, wanted, evidence):
    report = check_gradient(cube, 3 * X**2 + extra, X)
    assert names(report) == [wanted]
    assert evidence in report.causes[0].evidence


Z, Y = RNG.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 0]]
P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)


def cross_entropy(z):
    return -(Y * (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))).sum() / 4


def negative_log(p):
    return -(Y * np.log(p)).sum() / 4


def binary(p):
    return -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).sum()


@pytest.mark.parametrize(
    ("f", "wrong", "x", "others"),
    [
        (cross_entropy, -Y / P / 4, Z, []),
        (cross_entropy, -Y / P, Z, ["constant factor"]),
        (cross_entropy, P * (P - Y - ((P - Y) * P).sum(axis=1, keepdims=True)) / 4, Z, []),
        (negative_log, (P - Y) / 4, P, []),
        (negative_log, -(P - Y) / 4, P, ["sign"]),
        (binary, P - Y, P, []),
    ],
)
def test_logits_and_probabilities(f, wrong, x, others):
    assert names(check_gradient(f, wrong, x)) == ["logits against probabilities", *others]


def test_the_sigmoid_left_out_has_two_names():
    def f(z):
        return (Y * np.logaddexp(0, -z) + (1 - Y) * np.logaddexp(0, z)).sum()

    p = 1 / (1 + np.exp(-Z))
    report = check_gradient(f, (p - Y) / (p * (1 - p)), Z)
    assert names(report) == ["activation derivative left out", "logits against probabilities"]


@pytest.mark.parametrize(
    ("name", "f", "slope"),
    [
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), np.exp(-X) / (1 + np.exp(-X)) ** 2),
        ("tanh", np.tanh, 1 - np.tanh(X) ** 2),
        ("exponential", np.exp, np.exp(X)),
        ("softplus", lambda x: np.logaddexp(0, x), 1 / (1 + np.exp(-X))),
        ("sine", np.sin, np.cos(X)),
    ],
)
def test_a_derivative_left_out_or_applied_twice(name, f, slope):
    out = check_gradient(lambda x: (f(x) * B).sum(), B, X)
    assert names(out)[0] == "activation derivative left out"
    assert f"the derivative of the {name} at x" in out.causes[0].evidence
    twice = check_gradient(lambda x: (f(x) * B).sum(), B * slope**2, X)
    assert names(twice)[0] == "wrong activation derivative"
    assert f"the derivative of the {name} at x: that is in it once" in twice.causes[0].evidence


def test_saturated():
    z = np.array([-200.0, 3, -1, 2, 60, 0.5, -2, 1])
    y = np.array([1.0, 1, 0, 1, 0, 0, 0, 1])
    right = 1 / (1 + np.exp(-z)) - y

    def f(a):
        return (y * np.logaddexp(0, -a) + (1 - y) * np.logaddexp(0, a)).sum()

    report = check_gradient(f, np.where(abs(z) > 50, 1e-76, right), z)
    assert names(report) == ["saturated"]
    assert "in the 2 entries with the largest magnitude of x (from 60 on)" in in_one_line(report)
    assert names(check_gradient(f, np.where(z > 50, 0, right), z)) == ["a few entries"]
    small = z / 20
    wrong = np.where(abs(small) > 2.5, 0, 1 / (1 + np.exp(-small)) - y)
    assert names(check_gradient(f, wrong, small)) == ["a few entries"]


def test_targets_that_broadcast():
    o, y = RNG.normal(size=(5, 1)), RNG.normal(size=5)
    report = check_gradient(lambda a: ((a[:, 0] - y) ** 2).mean(), 2 * (o - y) / 5, o)
    assert names(report) == ["broadcast axis not summed"]
    assert "only its diagonal is the numerical gradient" in report.causes[0].evidence


def test_a_sum_that_is_0():
    """As that of every gradient that a softmax has passed: the shape alone tells."""
    assert names(check_gradient(cross_entropy, 1e-17, Z)) == ["summed where per entry"]
    assert names(check_gradient(cross_entropy, 0.5, Z)) == ["wrong shape"]


def test_whole_factors_ask():
    for factor, told in ((1 / 64, "(1/64: is 64 a number of samples?)"),
                         (64.0, "(64: is 64 a number of samples?)")):  # fmt: skip
        report = check_gradient(cube, factor * 3 * X**2, X)
        assert names(report) == ["constant factor"]
        assert told in report.causes[0].evidence


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
