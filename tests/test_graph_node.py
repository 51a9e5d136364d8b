"""Nodes as such: what they say, what they refuse, and what their operators make."""

import re

import numpy as np
import pytest
import torch

from backprop import graph
from backprop.graph.node import apply
from tests.graph_checks import line_of


@pytest.fixture
def x():
    return graph.variable("x")


def test_nodes_have_no_value_yet(x):
    for f in (bool, iter, list, lambda node: node > 1 and 2, lambda node: 1 < node < 2):
        with pytest.raises(TypeError, match=r"while the graph is built; use"):
            f(x)


def test_nodes_tell_where_they_were_made(x):
    assert repr(x).startswith(f"<variable 'x', made by {__file__}:")
    made = graph.mean(x)  # the mean
    assert repr(made) == f"<divide, made by {line_of(__file__, 'the mean')}>"


def test_nodes_tell_what_they_are(x):
    assert repr(graph.constant(1, name="one")).startswith("<constant 'one', made by ")
    assert repr(graph.constant(1)).startswith("<constant, made by ")
    for name in (None, "", 3):
        with pytest.raises(TypeError, match=re.escape(f"name is {name!r}; expected a text")):
            graph.variable(name)


def test_arrays_and_tensors_on_the_left_of_an_operator(x):
    for left in (np.ones(2), torch.ones(2), np.float64(1), 1, 1.0):
        for made in (left + x, left - x, left * x, left / x, left**x, left @ x, left > x, left < x):
            assert type(made) is graph.Node
    X = np.array([1.0, 4])
    found = graph.function([x], [2 - x, 2 / x, 2**x, x < 2, x > 2])(X)
    expected = [2 - X, 2 / X, 2**X, X < 2, X > 2]
    assert all(map(np.array_equal, found, expected))
    run = graph.function([x], [np.ones((2, 3)) @ x, apply("equal", x, 1)])
    assert np.array_equal(run(np.ones((3, 1)))[0], [[3], [3]])
