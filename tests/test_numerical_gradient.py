"""Gradients by central differences, slopes along a direction, and relative errors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from backprop import checking
from backprop.checking import (
    assert_gradient,
    check_gradient,
    directional_derivative,
    numerical_gradient,
    relative_error,
)

RNG = np.random.default_rng(7)
X = RNG.normal(size=(3, 4))
A = RNG.normal(size=(4, 2))
W = RNG.normal(size=(4, 5))

numbers = st.floats(-4, 4, allow_nan=False).map(lambda v: v + 0.0)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4)
points = hnp.arrays(np.float64, shapes, elements=numbers)
seeds = st.integers(0, 2**32 - 1)


def square(x):
    return (x**2).sum()


# The numerical gradient


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        (square, 2 * X),
        (lambda x: (3 * x - 1).sum(), np.full((3, 4), 3.0)),
        (lambda x: (x**3).sum(), 3 * X**2),
        (lambda x: np.sin(x).sum(), np.cos(x := X)),
        (lambda x: x[0, 0] * x[1, 2] * x[2, 3], None),
        (lambda x: (x @ A).sum(), np.ones((3, 2)) @ A.T),
        (lambda x: ((x @ A) ** 2).sum() / 2, X @ A @ A.T),
        (lambda x: np.exp(x).sum(axis=1).prod(), None),
    ],
)
def test_known_gradients(f, gradient):
    if gradient is None:
        row = np.exp(X).sum(axis=1)
        gradient = np.exp(X) / row[:, None] * row.prod()
        if f(X) == X[0, 0] * X[1, 2] * X[2, 3]:
            gradient = np.zeros_like(X)
            gradient[0, 0] = X[1, 2] * X[2, 3]
            gradient[1, 2] = X[0, 0] * X[2, 3]
            gradient[2, 3] = X[0, 0] * X[1, 2]
    result = numerical_gradient(f, X)
    assert result.shape == (3, 4)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, gradient, rtol=1e-8, atol=1e-9 * abs(f(X)))


def test_quadratics_are_exact_up_to_rounding_at_any_step():
    result = numerical_gradient(square, X, step=0.125)
    np.testing.assert_allclose(result, 2 * X, rtol=1e-13, atol=1e-13)


def test_the_error_of_a_cubic_is_the_square_of_the_step():
    result = numerical_gradient(lambda x: x**3, 2.0, step=0.25)
    assert result == 3 * 2.0**2 + 0.25**2


def test_the_step_follows_the_scale_of_each_entry():
    x = np.array([1e6, 1.0, -1e-3])
    seen = []
    numerical_gradient(lambda a: float(seen.append(a - x) or a.sum()), x)
    moved = [abs(seen[2 * i][i]) for i in range(3)]
    third = np.finfo(float).eps ** (1 / 3)
    np.testing.assert_allclose(moved, third * np.array([1e6, 1, 1]), rtol=1e-4)
    np.testing.assert_allclose(
        numerical_gradient(lambda a: (a**2).sum(), np.array([1e6])), [2e6], rtol=1e-8
    )


def test_the_step_is_representable():
    x = np.array([1.0])
    seen = []
    numerical_gradient(lambda a: float(seen.append(float(a[0])) or 0), x, step=1e-13)
    plus, minus = seen
    assert (plus - 1.0) == (1.0 - minus)
    # With the step as asked for in the denominator the slope of x itself would be 0.9992.
    assert numerical_gradient(lambda a: a[0], x, step=1e-13)[0] == 1.0


@pytest.mark.parametrize("x", [2.0, np.float64(2), np.float32(2), np.array(2.0)])
def test_zero_dimensional(x):
    result = numerical_gradient(lambda a: a * a, x)
    assert type(result) is type(x)
    assert result == pytest.approx(4, rel=1e-3 if getattr(x, "dtype", "") == np.float32 else 1e-9)


@pytest.mark.parametrize("x", [np.zeros((0, 3)), torch.zeros(0, 3, dtype=torch.float64)])
def test_size_zero(x):
    result = numerical_gradient(lambda a: a.sum(), x)
    assert type(result) is type(x)
    assert tuple(result.shape) == (0, 3)
    report = check_gradient(lambda a: a.sum(), result, x)
    assert report.ok
    assert report.max_error == 0
    assert "nothing" in str(report)
    assert not check_gradient(lambda a: a.sum(), np.zeros((3, 0)), x).ok


@pytest.mark.parametrize("x", [X.astype(np.float32), torch.tensor(X, dtype=torch.float32)])
def test_float32_stays_float32(x):
    result = numerical_gradient(square, x)
    assert result.dtype == x.dtype
    np.testing.assert_allclose(np.asarray(result), 2 * X, rtol=1e-2, atol=1e-2)
    assert check_gradient(square, 2 * x, x).ok
    assert not check_gradient(square, 2.1 * x, x).ok


@pytest.mark.parametrize("requires_grad", [False, True])
def test_against_autograd(requires_grad):
    x = torch.tensor(X, requires_grad=requires_grad)
    w = torch.tensor(W)

    def f(a):
        return torch.logsumexp(torch.tanh(a @ w), dim=1).sum()

    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    result = numerical_gradient(f, x)
    assert result.dtype == torch.float64
    assert not result.requires_grad
    assert x.grad is None
    torch.testing.assert_close(result, leaf.grad, rtol=1e-8, atol=1e-9)
    for method in ("entries", "projections"):
        assert_gradient(f, leaf.grad, x, method=method)
        assert not check_gradient(f, leaf.grad * 1.001, x, method=method)
    direction = torch.tensor(RNG.normal(size=(3, 4)))
    slope = directional_derivative(f, x, direction)
    assert slope.shape == ()
    torch.testing.assert_close(slope, (leaf.grad * direction).sum(), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    "check",
    [
        lambda f, x: numerical_gradient(f, x),
        lambda f, x: directional_derivative(f, x, np.ones((3, 4))),
        lambda f, x: check_gradient(f, 2 * X, x),
        lambda f, x: check_gradient(f, 2 * X, x, method="projections"),
    ],
)
def test_no_graph_is_built(check):
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    recorded = []

    def f(a):
        value = weight * (a * a).sum()
        recorded.append(value.requires_grad or a.requires_grad)
        return value

    check(f, torch.tensor(X, requires_grad=True))
    assert recorded
    assert not any(recorded)


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
@pytest.mark.parametrize("method", ["entries", "projections"])
def test_x_is_unchanged_even_if_f_changes_its_argument(kind, method):
    x, before = kind(X), kind(X)

    def f(a):
        value = (a**2).sum()
        a *= 0
        return value

    np.testing.assert_allclose(np.asarray(numerical_gradient(f, x)), 2 * X, rtol=1e-8, atol=1e-8)
    directional_derivative(f, x, kind(np.ones((3, 4))))
    assert check_gradient(f, kind(2 * X), x, method=method).ok
    assert (x == before).all()


@given(points, st.floats(-3, 3), st.floats(-3, 3))
@settings(deadline=None, max_examples=40)
def test_linear_in_f(x, a, b):
    both = numerical_gradient(lambda z: a * np.sin(z).sum() + b * (z**2).sum(), x)
    apart = a * numerical_gradient(lambda z: np.sin(z).sum(), x) + b * numerical_gradient(square, x)
    np.testing.assert_allclose(both, apart, rtol=0, atol=1e-7)


@given(points)
@settings(deadline=None, max_examples=40)
def test_the_gradient_of_the_sum_is_ones(x):
    result = numerical_gradient(lambda z: z.sum(), x)
    assert result.shape == x.shape
    np.testing.assert_allclose(result, np.ones(x.shape), rtol=0, atol=1e-8)


@given(points, seeds)
@settings(deadline=None, max_examples=40)
def test_the_directional_derivative_is_the_inner_product(x, seed):
    direction = np.random.default_rng(seed).normal(size=x.shape)
    slope = directional_derivative(lambda z: np.sin(z).sum(), x, direction)
    assert np.shape(slope) == ()
    assert slope == pytest.approx(float((np.cos(x) * direction).sum()), abs=1e-7)


def test_directional_derivative_keeps_kind_and_scales_with_the_direction():
    assert type(directional_derivative(lambda a: a * a, 3.0, 1.0)) is float
    one = directional_derivative(square, X, np.ones((3, 4)))
    hundred = directional_derivative(square, X, np.full((3, 4), 100.0))
    assert hundred == pytest.approx(100 * one, rel=1e-8)
    assert directional_derivative(square, X, np.zeros((3, 4))) == 0
    assert directional_derivative(lambda a: a**3, 2.0, 1.0, step=0.25) == 12 + 0.25**2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("length", [1e-9, 1.0, 1e9])
def test_the_default_step_follows_the_length_of_the_direction(length):
    direction = length * np.array([1.0, 0.0, -2.0])  # an entry that does not move sets no step
    slope = directional_derivative(lambda a: np.exp(a).sum(), np.zeros(3), direction)
    assert slope == pytest.approx(-length, rel=1e-8)


def test_f_is_given_arrays_of_the_dtype_of_x():
    seen = set()

    def f(a):
        seen.add(a.dtype)
        return (a**2).sum()

    x = np.linspace(1, 2, 3, dtype=np.float32)
    for direction in (np.ones(3), np.ones(3, np.float32)):
        assert directional_derivative(f, x, direction).dtype == np.float32
        numerical_gradient(f, x)
        check_gradient(f, 2 * x, x, before=x.astype(float) + 1)
    assert seen == {np.dtype(np.float32)}


# Bad input


@pytest.mark.parametrize("x", [np.arange(3), np.ones(2, bool), torch.arange(3), 3, np.ones(2) * 1j])
def test_dtypes_without_small_steps_are_refused(x):
    for call in (
        lambda: numerical_gradient(square, x),
        lambda: check_gradient(square, x, x),
        lambda: directional_derivative(square, x, x),
        lambda: relative_error(x, x),
    ):
        with pytest.raises(TypeError, match="expected a floating-point dtype"):
            call()


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
@pytest.mark.parametrize(
    ("f", "shape"), [(lambda a: a, r"\(3, 4\)"), (lambda a: a.sum().reshape(1), r"\(1,\)")]
)
def test_f_has_to_return_a_scalar(kind, f, shape):
    x = kind(X)
    for call in (
        lambda: numerical_gradient(f, x),
        lambda: directional_derivative(f, x, x),
        lambda: check_gradient(f, x, x),
    ):
        with pytest.raises(ValueError, match=rf"f returned an array of shape {shape}; expected"):
            call()


@pytest.mark.parametrize("value", [None, "1", 1j, True, [1.0]])
def test_f_has_to_return_a_real_number(value):
    with pytest.raises(TypeError, match="the value of f is"):
        numerical_gradient(lambda a: value, X)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_the_entry_at_which_f_is_not_finite_is_named():
    x = np.array([[1.0, 2.0], [3.0, 0.0]])
    with pytest.raises(ValueError, match=r"f is nan with entry \(1, 1\) of x moved from 0 to -6"):
        numerical_gradient(lambda a: np.sqrt(a).sum(), x)
    with pytest.raises(ValueError, match=r"f is nan with entry \(1, 1\) of x moved from 0 to 6"):
        numerical_gradient(lambda a: np.sqrt(-a).sum(), 0 - x)
    with pytest.raises(ValueError, match=r"f is nan .* away from x at entry \(1, 1\)"):
        check_gradient(lambda a: np.sqrt(a).sum(), x, x)
    with pytest.raises(ValueError, match=r"f is nan .* away from x along random direction"):
        check_gradient(lambda a: np.sqrt(a).sum(), x, x, method="projections")
    with pytest.raises(ValueError, match=r"f is nan at x [-+] .* direction"):
        directional_derivative(lambda a: np.sqrt(a).sum(), x, np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"f is nan at x \+ .* direction"):
        directional_derivative(lambda a: np.sqrt(-a).sum(), -x, np.ones((2, 2)))
    with pytest.raises(ValueError, match="f is inf"):
        check_gradient(lambda a: math.inf, x, x)


def test_x_has_to_be_finite():
    with pytest.raises(ValueError, match=r"entry \(1,\) of x is nan"):
        numerical_gradient(square, np.array([0, np.nan]))
    with pytest.raises(ValueError, match=r"entry \(0,\) of direction is inf"):
        directional_derivative(square, np.ones(1), np.array([np.inf]))


@pytest.mark.parametrize("step", [0.0, -1e-3, math.nan, math.inf])
def test_step_has_to_be_positive(step):
    with pytest.raises(ValueError, match=r"step is .*; expected a positive, finite number"):
        numerical_gradient(square, X, step=step)
    with pytest.raises(ValueError, match=r"step is .*; expected a positive, finite number"):
        directional_derivative(square, X, X, step=step)


def test_a_step_that_moves_nothing_is_refused():
    with pytest.raises(
        ValueError, match=r"step 1e-20 is too small to move entry \(0, 0\) of x, 1,"
    ):
        numerical_gradient(square, np.ones((3, 4)), step=1e-20)
    with pytest.raises(ValueError, match="step 1e-20 is too small to move x along direction"):
        directional_derivative(square, np.ones((3, 4)), np.ones((3, 4)), step=1e-20)


def test_arguments_of_check_gradient():
    with pytest.raises(ValueError, match="method is 'entry'; expected 'auto'"):
        check_gradient(square, X, X, method="entry")
    with pytest.raises(ValueError, match="tolerance is 0"):
        check_gradient(square, X, X, tolerance=0)
    with pytest.raises(ValueError, match="projections is 0; expected at least 1"):
        check_gradient(square, X, X, projections=0)
    for grad in (None, [1.0], 1j * X):
        with pytest.raises(TypeError, match="grad is "):
            check_gradient(square, grad, X)
    with pytest.raises(ValueError, match=r"direction has shape \(4,\) and x has shape \(3, 4\)"):
        directional_derivative(square, X, np.ones(4))


# The relative error


def test_relative_error_values():
    error = relative_error(np.array([1.0, 2.0, 1.0, 0.0]), np.array([1.0, 1.0, -1.0, 0.0]))
    assert np.array_equal(error, [0, 0.5, 2, 0])
    assert relative_error(0.0, 1e-11) == pytest.approx(1e-7)
    assert relative_error(0.0, 1e-11, floor=1e-12) == 1
    assert relative_error(1e308, -1e308) == 2
    assert np.isnan(relative_error(np.array([np.nan, np.inf]), np.array([1.0, np.inf]))).all()


def test_relative_error_keeps_kind_and_refuses_broadcasting():
    assert type(relative_error(1.0, 2.0)) is float
    assert relative_error(torch.ones(3), np.ones(3)).dtype == torch.float32
    with pytest.raises(ValueError, match=r"a has shape \(3,\) and b has shape \(3, 1\)"):
        relative_error(np.ones(3), np.ones((3, 1)))
    for a, b, name in ((1, 1.0, "a"), (1.0, 1, "b")):
        with pytest.raises(TypeError, match=rf"^{name} is int 1; expected a floating-point dtype"):
            relative_error(a, b)
    single = np.array([1.0], np.float32)  # compared in float64: no digit of b is lost
    assert relative_error(single, np.array([1.0 + 1e-9]))[0] == pytest.approx(1e-9, rel=1e-6)
    with pytest.raises(ValueError, match="floor is 0"):
        relative_error(1.0, 1.0, floor=0)


anything = st.floats(allow_nan=False, allow_infinity=False)


@given(anything, anything, st.floats(1e-300, 1e300))
def test_relative_error_is_symmetric_and_bounded(a, b, floor):
    error = relative_error(a, b, floor=floor)
    assert error == relative_error(b, a, floor=floor)
    assert 0 <= error <= 2
    assert relative_error(a, a, floor=floor) == 0


@given(st.floats(-1e-4, 1e-4), st.floats(-1e-4, 1e-4))
def test_relative_error_is_absolute_below_the_floor(a, b):
    assert relative_error(a, b) == pytest.approx(abs(a - b) / checking.FLOOR, abs=1e-15)
