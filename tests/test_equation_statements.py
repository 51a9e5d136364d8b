"""Statements of equations are counted as a reader counts them, and each is compared."""

import numpy as np
import pytest

from equations import statements
from equations.harness import Check, at_most, comparisons, equal, gradient, load, positive, verify
from equations.statements import compared, to_compare

CHECKS = load()


@pytest.mark.parametrize(
    ("count", "latex"),
    [
        (0, r"x + 1"),
        (1, r"\frac{dy}{dx} = 6 x"),
        (2, r"a = b = c"),
        (3, r"a = b \approx c \le d"),
        # Bounds, indices, brackets, conditions of cases: not statements.
        (1, r"\sum_{i=1}^{n} f(x = 0) = \mathbf{1}[u > 0]"),
        (1, r"y = \begin{cases} 0 & u \le 0 \\ 1 & u > 0 \end{cases}"),
        (1, r"y = \begin{cases} 0 \\ \begin{aligned} a &= 1 \end{aligned} \end{cases}"),
        (1, r"\left. \frac{d}{dt} f \right|_{t=0} = g \phantom{{}={}}"),
        (1, r"\Bigl\{ a = b \Bigr\} = c"),
        # Lines, and several statements on a line.
        (3, r"\begin{aligned} a &= b \\ &= c \\[6pt] d &< e \end{aligned}"),
        (2, r"L = W, \quad x = 3"),
        (2, r"\begin{aligned} A = {} & \bigl[ b \\ & + c \bigr] \\ d &= e \end{aligned}"),
        # Conditions end with the line; names in words are no conditions.
        (2, r"\begin{aligned} a &= b && \text{for } 0 \le x \le h \\ c &= d \end{aligned}"),
        (1, r"a = b \quad \text{if} \quad Y = A X"),
        (2, r"L_\text{if} = a \\ \text{kept if} \quad n = 1"),
        # Where something happens.
        (2, r"f' = g = 0 \quad \text{at} \quad h = a"),
        (2, r"e^z = 0 \text{ below } z = -a \approx -88.7"),
    ],
)
def test_statements_are_counted_as_they_are_read(count, latex):
    assert statements.statements(latex) == count


def test_brackets_that_do_not_match_are_no_equation():
    with pytest.raises(ValueError, match="do not match"):
        statements.statements(r"f(x = 3")


def given(parts):
    return Check(
        "eq-a", r"\begin{aligned} f(z) &= z \\ f'(z) &= 1 = 2 - 1 \end{aligned}", None, parts
    )


def test_what_is_given_is_not_compared():
    assert to_compare(given({})) == 3
    assert to_compare(given({"f(z)  &= z": "defines f"})) == 2


@pytest.mark.parametrize(
    "parts", [{"g(z) &= z": "not there"}, {"f(z)": "states nothing"}, {"f(z) &= z": " "}]
)
def test_what_is_given_stands_in_the_equation_and_has_a_reason(parts):
    with pytest.raises(ValueError, match="cannot be given"):
        to_compare(given(parts))


def test_two_routes_to_one_gradient_are_one_comparison():
    x = np.arange(3.0)
    one = gradient(lambda t: (t**2).sum(), x, 2 * x)
    assert len(one) == 2
    assert comparisons([one, [equal(x, x + 0), one]]) == 3


@pytest.mark.parametrize("label", sorted(CHECKS))
def test_every_statement_of_an_equation_is_compared(label):
    check = CHECKS[label]
    stated, made = to_compare(check), compared(check)
    assert 0 < stated <= made, f"{stated} statements, {made} comparisons"


def test_an_inequality_is_compared_entry_by_entry():
    def low(rng):
        return rng.uniform(-1, 1, size=4)

    assert verify(lambda rng: at_most(low(rng), 2 + low(rng))) == []
    assert verify(lambda rng: at_most(low(rng), low(rng)))
    assert verify(lambda rng: positive(2 + low(rng))) == []
    assert verify(lambda rng: positive(low(rng)))
