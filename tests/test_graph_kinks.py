"""The graph's operations where care is needed: kinks, ties, zeros, and far out."""

import numpy as np
import pytest
import torch

from backprop import graph
from backprop.checking import assert_gradient
from tests.graph_checks import TORCH, assert_close, by_autograd, derivatives, draw


@pytest.mark.parametrize(
    "f",
    [
        lambda xp, a, b: xp.relu(a),
        lambda xp, a, b: xp.abs(a),
        lambda xp, a, b: xp.maximum(a, b),
        lambda xp, a, b: xp.maximum(b, xp.maximum(a, b)),
        lambda xp, a, b: xp.max(a),
        lambda xp, a, b: xp.max(a * b, 1),
        lambda xp, a, b: xp.max(a, 0, True) * b,
        lambda xp, a, b: a**0 + a**1 + a**2 + a**3,
    ],
)
def test_kinks_ties_and_zeros_are_decided_as_in_pytorch(f):
    xs = [np.array([[0.0, 1, 1], [-1, 0, -0.0]]), np.array([[0.0, -1, 1], [-1, 2, 0]])]
    w, vs = draw([f(TORCH, *map(torch.tensor, xs)).shape], seed=1)[0], draw([(2, 3)] * 2)
    found = graph.function(*derivatives(f, 2))(*xs, w, *vs)
    assert_close(found, by_autograd(f, xs, w, vs))


def test_the_slope_at_the_kinks():
    x = graph.variable("x")
    for y, slope in [(graph.relu(x), 0), (graph.abs(x), 0), (graph.maximum(x, 0), 0.5)]:
        assert graph.function([x], graph.gradients(y, [x]))(0.0) == [slope]
    assert np.array_equal(
        graph.function([x], graph.gradients(graph.max(x), [x]))(np.array([2.0, 1, 2, 2]))[0],
        [1 / 3, 0, 1 / 3, 1 / 3],
    )


@pytest.mark.parametrize("to", [np.array, torch.tensor])
def test_relu_lets_no_infinite_gradient_through_where_it_is_flat(to):
    x, seed = graph.variable("x"), graph.variable("seed")
    run = graph.function([x, seed], graph.gradients(graph.relu(x), [x], seed=seed))
    assert np.array_equal(run(to([-1.0, 2.0]), to([np.inf, np.inf]))[0], [0, np.inf])


@pytest.mark.parametrize("to", [np.array, torch.tensor])
def test_powers_with_an_array_of_exponents_have_slopes_at_zero(to):
    x, n = graph.variable("x"), graph.variable("n")
    found = graph.function([x, n], graph.gradients(graph.sum(x**n), [x, n]))(
        *map(to, np.array([[0.0, 0.0, 0.0, 2.0], [0.0, 1.0, 2.0, 3.0]]))
    )
    assert_close(found, [np.array([0.0, 1, 0, 12]), np.array([0, 0, 0, 8 * np.log(2)])])


def test_the_mixed_derivative_of_a_power_where_the_exponent_is_zero():
    x, n = graph.variable("x"), graph.variable("n")
    (slope,) = graph.gradients(x**n, [x])
    assert graph.function([x, n], graph.gradients(slope, [n]))(4.0, 0.0) == [0.25]


@pytest.mark.parametrize("top", [-1000.0, 1000.0])
def test_logsumexp_far_out(top):
    x = np.array([[top, top - 1, top + 2], [0, top, -top]])
    (w,), vs = draw([(2,)], seed=1), draw([(2, 3)])
    f = lambda xp, a: xp.logsumexp(a, 1)  # noqa: E731 - as in CHECKS
    found = graph.function(*derivatives(f, 1))(x, w, *vs)
    assert np.isfinite(found[2]).all()
    assert_close(found, by_autograd(f, [x], w, vs))


@pytest.mark.parametrize("to", [np.array, torch.tensor])
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_logsumexp_of_infinities(to):
    x = graph.variable("x")
    y = graph.logsumexp(x, 1)
    run = graph.function([x], [y, *graph.gradients(graph.sum(y[0]), [x])])
    value, grad = run(to([[-np.inf, 2.0], [-np.inf, -np.inf], [np.inf, 0.0]]))
    assert value.tolist() == [2, -np.inf, np.inf]
    assert grad[0].tolist() == [0, 1]


@pytest.mark.parametrize("x", [-800.0, -40.0, 40.0, 800.0])
def test_sigmoid_far_out(x):
    node = graph.variable("x")
    y = graph.sigmoid(node)
    run = graph.function([node], [y, *graph.gradients(y, [node])])
    with np.errstate(over="raise"):
        run(0.0)
        found = run(x)
    assert_close(found, [np.exp(-np.logaddexp(0, -x)), np.exp(-abs(x))], 1e-15)


@pytest.mark.parametrize("index", [slice(None, None, -1), (slice(None), slice(3, 0, -2))])
def test_negative_steps_which_only_numpy_has(index):
    x, v = graph.variable("x"), graph.variable("v")
    y = graph.sum((x * x)[index] * v)
    (grad,) = graph.gradients(y, [x])
    values = draw([(3, 4)])[0]
    weights = draw([values[index].shape], seed=1)[0]
    first = graph.function([x, v], [grad])(values, weights)[0]
    assert_gradient(lambda a: graph.function([x, v], [y])(a, weights)[0], first, values)
    (second,) = graph.gradients(graph.sum(grad * grad), [x])
    claimed = graph.function([x, v], [second])(values, weights)[0]
    f = graph.function([x, v], [graph.sum(grad * grad)])
    assert_gradient(lambda a: f(a, weights)[0], claimed, values)
