"""A claimed gradient beside central differences: what passes, what fails, and by how much."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop.checking import (
    assert_gradient,
    check_gradient,
)
from backprop.checking._differences import MOST_ENTRIES

RNG = np.random.default_rng(7)
X = RNG.normal(size=(3, 4))
A = RNG.normal(size=(4, 2))
W = RNG.normal(size=(4, 5))

seeds = st.integers(0, 2**32 - 1)


def square(x):
    return (x**2).sum()


# Checking a gradient


def quadratic(x):
    """A form whose gradient has no symmetry to hide behind."""
    return ((x @ A) ** 2).sum() / 2 + (W[:3, :4] * x).sum()


QUADRATIC = X @ A @ A.T + W[:3, :4]


@pytest.mark.parametrize("method", ["auto", "entries", "projections"])
def test_a_right_gradient_passes(method):
    report = check_gradient(quadratic, QUADRATIC, X, method=method)
    assert report
    assert report.max_error < 1e-8
    assert report.diagnosis is None
    assert report.noise < 1e-7
    assert report.compared == (20 if method == "projections" else 12)
    assert "agrees with central differences" in str(report)
    assert_gradient(quadratic, QUADRATIC, X, method=method)


def one_entry(gradient, factor):
    wrong = gradient.copy()
    wrong[1, 2] *= factor
    return wrong


@pytest.mark.parametrize("method", ["entries", "projections"])
@pytest.mark.parametrize(
    "wrong",
    [
        -QUADRATIC,
        QUADRATIC / 3,
        2 * QUADRATIC,
        0 * QUADRATIC,
        QUADRATIC + 1e-3,
        one_entry(QUADRATIC, 1 + 1e-4),
        one_entry(QUADRATIC, 0),
        QUADRATIC[::-1],
    ],
)
def test_a_wrong_gradient_fails(wrong, method):
    report = check_gradient(quadratic, wrong, X, method=method)
    assert not report
    assert report.max_error > 1e-6
    assert report.diagnosis
    with pytest.raises(AssertionError) as caught:
        assert_gradient(quadratic, wrong, X, method=method)
    assert str(caught.value) == str(report)


def test_the_worst_entry_is_named_with_both_numbers():
    report = check_gradient(quadratic, one_entry(QUADRATIC, 1 + 1e-4), X)
    assert report.worst == (1, 2)
    assert report.claimed == QUADRATIC[1, 2] * (1 + 1e-4)
    assert report.numerical == pytest.approx(QUADRATIC[1, 2], rel=1e-8)
    assert report.max_error == pytest.approx(1e-4, rel=1e-3)
    assert "1 of 12 entries differ, most of all at entry (1, 2)" in str(report)
    assert f"{report.claimed:.10g}" in str(report)
    assert f"{report.numerical:.10g}" in str(report)


def test_the_tolerance_decides():
    wrong = QUADRATIC * (1 + 1e-4)
    assert not check_gradient(quadratic, wrong, X, tolerance=9.9e-5)
    assert check_gradient(quadratic, wrong, X, tolerance=1.1e-4)


def test_the_shape_comes_first():
    calls = []
    report = check_gradient(lambda a: float(calls.append(a) or 0), QUADRATIC.T, X)
    assert not report
    assert not calls
    assert report.max_error == math.inf
    assert "(4, 3)" in report.diagnosis
    assert "(3, 4)" in report.diagnosis
    assert not check_gradient(quadratic, QUADRATIC[None], X)
    assert not check_gradient(lambda a: a.sum(), 1.0, X)


def test_transposed_in_a_square():
    x = RNG.normal(size=(4, 4))
    gradient = x @ A @ A.T
    assert check_gradient(lambda a: ((a @ A) ** 2).sum() / 2, gradient, x)
    assert not check_gradient(lambda a: ((a @ A) ** 2).sum() / 2, gradient.T, x)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite_comes_before_the_values(value):
    wrong = QUADRATIC.copy()
    wrong[1, 2] = wrong[2, 0] = value
    report = check_gradient(quadratic, wrong, X)
    assert not report
    assert "2 of its 12 entries are NaN or infinite, first entry (1, 2)" in report.diagnosis


def test_auto_turns_to_projections_for_large_arrays():
    x = np.zeros(MOST_ENTRIES)
    assert check_gradient(np.sum, np.ones(x.shape), x).method == "entries"
    x = np.zeros(MOST_ENTRIES + 1)
    calls = []
    report = check_gradient(lambda a: (calls.append(1), a.sum())[1], np.ones(x.shape), x)
    assert report.method == "projections"
    assert len(calls) < 50


def test_projections_depend_on_the_generator_only():
    def claims(rng):
        return check_gradient(quadratic, QUADRATIC, X, method="projections", rng=rng).claimed

    assert claims(None) == claims(None) == claims(np.random.default_rng(0))
    assert claims(np.random.default_rng(1)) != claims(None)


def test_kinds_may_differ_between_gradient_and_point():
    assert check_gradient(lambda a: (a**2).sum(), 2 * X, torch.tensor(X))
    assert check_gradient(lambda a: a.sum(), np.ones((3, 4), dtype=np.int64), X)
    assert check_gradient(lambda a: a * a, 6.0, 3.0)


def test_zero_gradients():
    assert check_gradient(lambda a: 3.0, np.zeros((3, 4)), X)
    assert not check_gradient(lambda a: 3.0, np.full((3, 4), 1e-3), X)
    assert check_gradient(square, np.zeros(3), np.zeros(3))


def signs(a):
    """Kinks at 0 whose slopes cancel along some directions and add up along others."""
    return (np.tile([1.0, -1.0], a.size)[: a.size] * np.maximum(a, 0)).sum()


@pytest.mark.parametrize("size", [3, 2_001])
def test_kinks_that_all_directions_meet(size):
    zeros = np.zeros(size)
    report = check_gradient(signs, zeros, zeros, method="projections")
    assert not report.ok
    assert report.method == "projections"
    assert [cause.name for cause in report.causes] == ["a kink"]


def test_entries_have_the_last_word_over_projections():
    """What says nothing alone, being less than its rounding, may add up along a direction."""

    def f(a):
        return 1e-3 * signs(a) + 1e6 * 2.5

    zeros = np.zeros(400)
    report = check_gradient(f, zeros, zeros, method="projections")
    assert report.ok
    assert report.causes == ()
    assert report.method == "entries"
    assert report.compared == 400
    assert not check_gradient(f, zeros + 1.0, zeros, method="projections")


def test_in_float32_the_bend_of_f_is_allowed_for():
    """The step is 5e-3 · abs(x) there: at 13, a tanh is another one within it."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = (10 * rng.normal(size=(4, 3))).astype(np.float32)
        w = rng.normal(size=(3, 3)).astype(np.float32)
        gradient = (1 - np.tanh(x @ w) ** 2) @ w.T
        report = check_gradient(lambda a, w=w: np.tanh(a @ w).sum(), gradient, x)
        assert report.ok, (seed, str(report))
        if np.abs(gradient).max() > 0.1:
            assert not check_gradient(lambda a, w=w: np.tanh(a @ w).sum(), -gradient, x)


def test_the_smaller_step_decides_where_it_refutes_the_larger():
    """A kink at 1e-7, in a function so large that the smaller step is not below the tolerance."""
    x = np.array([1e-7, 0.5])

    def f(a):
        return np.maximum(a, 0).sum() + 1e5

    assert check_gradient(f, np.array([1.0, 1.0]), x)
    assert not check_gradient(f, np.array([0.5, 1.0]), x)
    assert not check_gradient(f, np.array([0.0, 1.0]), x)


# Functions that make a plain central difference wrong


HARD = [
    ("large values", lambda a: 1e8 + np.sin(a).sum(), np.cos, 0.3),
    ("fast", lambda a: np.sin(1e4 * a).sum(), lambda a: 1e4 * np.cos(1e4 * a), 1e-4),
    ("small values", lambda a: 1e-9 * np.sin(a).sum(), lambda a: 1e-9 * np.cos(a), 1e-4),
    ("huge values", lambda a: 1e12 * np.sin(a).sum(), lambda a: 1e12 * np.cos(a), 1e-4),
]


@pytest.mark.parametrize(
    ("f", "gradient", "wrong"), [c[1:] for c in HARD], ids=[c[0] for c in HARD]
)
def test_badly_scaled_functions(f, gradient, wrong):
    for seed in range(10):
        x = np.random.default_rng(seed).normal(size=(3, 4))
        assert check_gradient(f, gradient(x), x), seed
        assert not check_gradient(f, gradient(x) * (1 + wrong), x), seed


def test_entries_near_a_kink():
    x = np.array([1e-6, 1e-7, -1e-7, -1e-6, 1.0])
    assert check_gradient(lambda a: np.maximum(a, 0).sum(), np.array([1.0, 1, 0, 0, 1]), x)
    for i in range(5):
        wrong = np.array([1.0, 1, 0, 0, 1])
        wrong[i] = 1 - wrong[i]
        assert not check_gradient(lambda a: np.maximum(a, 0).sum(), wrong, x), i


def test_the_report_says_how_much_noise_there_is():
    report = check_gradient(lambda a: 1e12 + a.sum() * 1e-3, np.full((3, 4), 1e-3), X)
    assert report.ok
    assert report.noise > 100
    assert f"(± {report.noise:.0e})" in str(report)


def test_scales_that_differ_between_entries():
    x = np.array([[1e6, 1.0], [1e-6, -1e3]])
    assert check_gradient(square, 2 * x, x)
    assert check_gradient(square, 2 * x, x, method="projections")
    wrong = 2 * x
    wrong[0, 0] *= 1 + 1e-4
    assert not check_gradient(square, wrong, x)
    assert not check_gradient(square, wrong, x, method="projections")


def test_a_projection_that_cancels_is_measured_by_the_whole_gradient():
    # Along (1, -1) the slope is 0, and what bends in f is all that a difference sees.
    def f(a):
        return np.exp(3e4 * (a[0] - 1)) / 3e4 + a[1]

    x = np.ones(2)
    assert check_gradient(f, np.array([1.0, 1.0]), x, method="projections")
    assert not check_gradient(f, np.array([1.0, 1.00001]), x, method="projections")


ACTIVATIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "sin": (np.sin, np.cos),
    "exp": (lambda z: np.exp(z / 4), lambda z: np.exp(z / 4) / 4),
}


@given(
    st.sampled_from(sorted(ACTIVATIONS)),
    st.integers(1, 5),
    st.integers(1, 5),
    st.floats(-3, 3),
    st.sampled_from([0.0, 1.0, 1e4, 1e8]),
    st.sampled_from(["entries", "projections"]),
    seeds,
)
@settings(deadline=None, max_examples=100)
def test_right_gradients_are_never_called_wrong(name, rows, columns, power, offset, method, seed):
    act, slope = ACTIVATIONS[name]
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(rows, columns)), rng.normal(size=(columns, 3))
    scale = 10.0**power

    def f(a):
        return scale * (act(a @ w) ** 2).mean() + offset

    z = x @ w
    gradient = scale * 2 / z.size * (act(z) * slope(z)) @ w.T
    report = check_gradient(f, gradient, x, method=method)
    assert report.ok, str(report)


@given(st.sampled_from(["tanh", "sin", "exp"]), st.floats(-3, 3), seeds)
@settings(deadline=None, max_examples=100)
def test_one_wrong_entry_is_never_passed(name, power, seed):
    act, slope = ACTIVATIONS[name]
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
    scale = 10.0**power
    gradient = scale * slope(x @ w) @ w.T
    entry = np.unravel_index(rng.integers(12), (3, 4))
    gradient[entry] += 1e-4 * np.abs(gradient).max()
    report = check_gradient(lambda a: scale * act(a @ w).sum(), gradient, x)
    assert not report.ok
    assert report.diagnosis.startswith("1 of 12")
    assert report.worst == entry
