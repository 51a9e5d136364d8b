"""Mistakes are planted where a formula stands, and the sweep tells a check that misses one."""

import ast
import inspect
import textwrap

import numpy as np
import pytest
import torch

from equations import sweep as sweeping
from equations.harness import Check, equal, gradient, load
from equations.planting import mistakes
from equations.sweep import Swept, sweep_check

CHECKS = load()


def changes(source):
    """What is planted in the body of a function, as (kind, change)."""
    tree = ast.parse(textwrap.dedent(source)).body[0]
    before = ast.unparse(tree)
    found = []
    for mistake in mistakes(tree):
        mistake.put(True)
        assert ast.unparse(tree) != before
        mistake.put(False)
        assert ast.unparse(tree) == before
        found.append((mistake.kind, mistake.change))
    return found


@pytest.mark.parametrize(
    ("expression", "kind", "change"),
    [
        ("a + b", "dropped term", "a + b -> a"),
        ("a + b", "dropped term", "a + b -> b"),
        ("a - b", "dropped term", "a - b -> -b"),
        ("a * b", "dropped factor", "a * b -> b"),
        ("a @ b", "dropped factor", "a @ b -> a"),
        ("a / b", "dropped factor", "a / b -> a"),
        ("a + b", "sign", "a + b -> -(a + b)"),
        ("-a", "sign", "-a -> a"),
        ("a + b", "factor 2", "a + b -> 2 * (a + b)"),
        ("a + b", "transpose", "a + b -> _transposed(a + b)"),
        ("a.T @ b", "transpose", "a.T -> a"),
        ("a ** 2", "constant", "2 -> 3"),
        ("a * 640", "constant", "640 -> 1280"),
        ("np.where(a > 0, a, b)", "constant", "0 -> 1"),
        ("[a + b for i in c]", "dropped term", "a + b -> a"),
        ("np.sum(a + b, axis=0)", "dropped term", "a + b -> a"),
        ("equal(a, b)", "sign", "b -> -b"),
        ("gradient(lambda t: t, a, b)", "factor 2", "b -> 2 * b"),
    ],
)
def test_a_mistake_is_planted(expression, kind, change):
    assert (kind, change) in changes(f"def f(a, b, c):\n    return {expression}")


@pytest.mark.parametrize(
    "expression",
    [
        "a",
        "a[1:]",
        "range(3)",
        "rng.normal(size=(3, 4))",
        "np.zeros((3, 4))",
        "f(a, size=3)",
        "'3'",
    ],
)
def test_nothing_is_planted_in_shapes_indices_and_random_numbers(expression):
    assert changes(f"def f(a, rng):\n    return {expression}") == []


def swept(function, **declared):
    """The outcome of the sweep of one function as a check."""
    found = Swept()
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    sweep_check(Check("eq-a", "a = b", function, **declared), tree, found)
    return found


def strong(rng):
    x = rng.normal(size=(3, 4))
    return gradient(lambda t: (t**3).sum() + 7, x, 3 * x**2)


def blind(rng):
    x = rng.normal(size=(3, 4))
    return equal(np.abs(x), np.sqrt((-x) ** 2))


def circular(rng):
    x = rng.normal(size=(3, 4))
    formula = 3 * x
    return equal(formula + formula, 2 * formula)


def with_one(rng):
    x = rng.normal(size=(3, 4))
    return equal(x + x, 2 * x * 1)


def test_a_strong_check_catches_every_kind_that_its_formulas_allow():
    found = swept(strong)
    assert set(found.caught) == {"sign", "factor 2", "transpose", "constant", "dropped factor"}
    assert not found.survived
    assert sum(found.harmless.values()) > 0  # the term 7, which no derivative shows


def test_a_mistake_that_a_check_misses_survives():
    assert [mistake.change for _, mistake in swept(blind).survived] == ["-x -> x"]


def test_a_mistake_that_a_check_declares_harmless_is_counted_with_its_reason():
    found = swept(blind, harmless={"-x -> x": "a square"})
    assert not found.survived
    assert found.harmless == {"a square": 1}


def test_a_declaration_of_what_is_caught_is_stale():
    assert swept(strong, harmless={"3 -> 4": "no"}).stale == [("eq-a", "3 -> 4")]


def test_a_change_of_what_both_sides_use_is_told_apart():
    assert "3 * x -> x" in [mistake.change for _, mistake in swept(circular).both]


def test_a_factor_of_one_may_be_dropped():
    found = swept(with_one)
    assert list(found.harmless.values()) == [1]
    assert not found.survived


def test_transposes_need_two_axes():
    assert sweeping.transposed(np.zeros((3, 4))).shape == (4, 3)
    assert sweeping.transposed(torch.zeros(2, 3, 4)).shape == (2, 4, 3)
    with pytest.raises(sweeping.DoesNotApplyError):
        sweeping.transposed(np.zeros(3))
