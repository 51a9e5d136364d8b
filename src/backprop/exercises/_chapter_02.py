"""The exercises of chapter 2, the chain rule along one path."""

from __future__ import annotations

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import parts, truth_values
from backprop.exercises._scalar_network import (
    POINTS,
    by_cases,
    by_difference,
    candidates,
    compare,
    compare_both,
    error,
    loss,
    points,
)
from backprop.exercises._sheet import exercise


@exercise("2.1", "The first bias and the input", level=1, minutes=10, topics=("chain rule",))
def first_bias(attempt: Attempt) -> str:
    """(grad_b1, grad_x), numbers, from x, w1, b1, w2, b2, y."""
    compare_both(attempt, loss, "b1", "x")
    at_kink = attempt(2.0, 0.5, -1.0, 3.0, 0.75, 8.0)
    attempt.holds(
        not np.any(np.array(at_kink, dtype=float)),
        "All is right where the ReLU is on and where it is off. At the kink itself the book has a "
        "convention: which derivative does the ReLU have there?",
        "kink",
    )
    return "Both agree with central differences, ReLU on and off, and keep the rule for the kink."


@first_bias.slip(
    "formulas without cases",
    says="Move b1 a little while the ReLU is off. What happens to the loss?",
    reveals="Differentiates the active branch and forgets that there is another.",
)
def _(*values):
    _, e = error(*values)
    return 2 * e * values[3], 2 * e * values[3] * values[1]


@first_bias.slip(
    "the gradient for w1 in the place of that for b1",
    says="What is the last factor, from u1 to b1?",
    reveals="Takes the bias for a weight and keeps the input as factor.",
)
def _(*values):
    u1, e = error(*values)
    x, w1, _, w2, _, _ = values
    return (2 * e * w2 * x, 2 * e * w2 * w1) if u1 > 0 else (0.0, 0.0)


@first_bias.slip(
    "the input x as the last factor for x",
    says="Hold w1 still and move x. At which rate does u1 change?",
    reveals="Differentiates x w1 with respect to w1 whatever is asked; names decide, not roles.",
)
def _(*values):
    u1, e = error(*values)
    x, _, _, w2, _, _ = values
    return (2 * e * w2, 2 * e * w2 * x) if u1 > 0 else (0.0, 0.0)


@exercise("2.2", "The second layer", level=1, minutes=10, topics=("chain rule",))
def second_layer(attempt: Attempt) -> str:
    """(grad_w2, grad_b2), numbers, from x, w1, b1, w2, b2, y."""
    compare_both(attempt, loss, "w2", "b2")
    return "Both agree with central differences, with the ReLU on and off."


@second_layer.slip(
    "the value before the ReLU",
    says="What does w2 multiply when the ReLU is off?",
    reveals="Uses u1 for u2. Only a point with the ReLU off shows it.",
)
def _(*values):
    u1, e = error(*values)
    return 2 * e * u1, 2 * e


@second_layer.slip(
    "a case for b2",
    says="Does the path from the loss to b2 pass the ReLU?",
    reveals="Attaches the cases to the network and not to the path.",
)
def _(*values):
    u1, e = error(*values)
    return 2 * e * max(0.0, u1), 2 * e * (u1 > 0)


@second_layer.slip(
    "b2 with the wrong sign in the error",
    says="The whole prediction is subtracted from the target. Write the inner parentheses out.",
    reveals="Loses the parentheses around the prediction, a mistake that is invisible for b2 = 0.",
)
def _(x, w1, b1, w2, b2, y):
    u2 = max(0.0, x * w1 + b1)
    return -2 * (y - u2 * w2 + b2) * u2, -2 * (y - u2 * w2 + b2)


@exercise("2.3", "Inside the network", level=1, minutes=10, topics=("chain rule",))
def inside(attempt: Attempt) -> str:
    """(grad_u2, grad_y), numbers, from u2, w2, b2, y."""
    at = {name: points(True, seed=3)[name] for name in ("w2", "b2", "y")}
    u2 = np.random.default_rng(3).uniform(0.5, 2, size=POINTS)
    u2[:2] = 0.0  # as behind a ReLU that is off

    def behind(u2, w2, b2, y):
        return (y - (u2 * w2 + b2)) ** 2

    compare(attempt, behind, {"": {"u2": u2} | at}, "u2", "y")
    return "Both agree with central differences of the loss as a function of u2 and of y."


@inside.slip(
    "the same sign for both",
    says="Raise y a little while the prediction is below it. Does the loss grow or shrink?",
    reveals="Knows that the gradient is twice the error, and not what the error is counted from.",
)
def _(u2, w2, b2, y):
    e = u2 * w2 + b2 - y
    return 2 * e * w2, 2 * e


@inside.slip(
    "the derivative of the ReLU",
    says="On which side of u2 does the ReLU lie?",
    reveals="Lets the backward pass go one step too far: the mask belongs to u1.",
)
def _(u2, w2, b2, y):
    e = u2 * w2 + b2 - y
    return 2 * e * w2 * (u2 > 0), -2 * e


@inside.slip(
    "the factor -1 left out",
    says="How does u4 change when u3 grows?",
    reveals="Multiplies squares and weights and passes over the subtraction, which looks harmless.",
)
def _(u2, w2, b2, y):
    u4 = y - (u2 * w2 + b2)
    return 2 * u4 * w2, 2 * u4


@exercise(
    "2.4",
    "A ReLU that leaks",
    level=1,
    minutes=15,
    topics=("chain rule", "activations and masks"),
)
def leaky(attempt: Attempt) -> str:
    """grad_w1, a number, of the network with the leaky ReLU, from x, w1, b1, w2, b2, y."""
    compare_both(attempt, lambda **at: loss(**at, slope=0.1), "w1")
    return "It agrees with central differences of the loss with the leaky ReLU, on and off."


@leaky.slip(
    "a forward pass that does not leak",
    says="Where the unit is off, is the value of the prediction still what it was?",
    reveals="Changes the backward pass alone. Ask which lines compute with u2.",
)
def _(*values):
    u1, e = error(*values)
    return 2 * e * values[3] * (1.0 if u1 > 0 else 0.1) * values[0]


def leaking(x, w1, b1, w2, b2, y):
    """u1, u2 and the error with the leaky ReLU."""
    u1 = x * w1 + b1
    u2 = u1 if u1 > 0 else 0.1 * u1
    return u1, u2, u2 * w2 + b2 - y


@leaky.slip(
    "a backward pass that does not leak",
    says="What is the slope of the leaky ReLU left of 0?",
    reveals="Changes the forward pass alone.",
)
def _(*values):
    u1, _, e = leaking(*values)
    return 2 * e * values[3] * (u1 > 0) * values[0]


@leaky.slip(
    "the value of the leaky branch for its slope",
    says="A local derivative is a rate. How fast does 0.1 u1 change with u1?",
    reveals="Puts the function where its derivative belongs. Ask for the slope of y = 3 x.",
)
def _(*values):
    u1, u2, e = leaking(*values)
    return 2 * e * values[3] * (1.0 if u1 > 0 else u2) * values[0]


@exercise(
    "2.5",
    "A test that cannot fail",
    level=2,
    minutes=20,
    topics=("chain rule", "numerical derivatives"),
)
def four_candidates(attempt: Attempt) -> str:
    """Whether a candidate, a function of x, w1, b1, w2, b2, y, is grad_w1 everywhere."""
    verdicts = [attempt(wrong) for wrong in candidates()]
    accepted = [attempt(right) for right in (by_difference, by_cases)]
    truth_values(attempt, verdicts + accepted)
    attempt.holds(
        all(accepted),
        "Your test refuses a function that is right, up to the rounding of a central difference: "
        "how close do two numbers have to be?",
        "refuses right ones",
    )
    attempt.holds(
        not any(verdicts),
        "Your test accepts a candidate that is wrong at some points. At which points, and in "
        "which cases, does it look?",
        "accepts wrong ones",
    )
    return "Your test refuses what is wrong somewhere and accepts what is right."


def agrees(candidate, *at):
    """Whether a candidate agrees with a central difference at these points."""
    return all(abs(candidate(*p) - by_difference(*p)) < 1e-4 for p in at)


ONES, CHAPTERS, OFF = (
    (1.0, 1.0, 0.0, 1.0, 0.0, 3.0),
    (2.0, 0.5, 0.25, 3.0, 0.75, 8.0),
    (2.0, -1.0, 0.25, 3.0, 0.75, 8.0),
)


@four_candidates.slip(
    "the test of the exercise, at ones and zeros",
    says="All four pass there. Which mistakes cannot be seen when every factor is 1?",
    reveals="Has read the question as a statement of fact: what agrees is right.",
)
def _(candidate):
    return agrees(candidate, ONES)


@four_candidates.slip(
    "a test at the chapter's numbers alone",
    says="A formula with cases needs a point in each of them.",
    reveals="Knows that special values hide mistakes, and forgets that cases do too.",
)
def _(candidate):
    return agrees(candidate, ONES, CHAPTERS)


@four_candidates.slip(
    "a test with the ReLU off alone",
    says="What do most formulas with cases give there, right or wrong?",
    reveals="Picks the special case and drops the usual one.",
)
def _(candidate):
    return agrees(candidate, OFF)


@exercise("2.6", "Count first, then run", level=2, minutes=20, topics=("cost and memory",))
def count_first(attempt: Attempt) -> str:
    """(naive, stored): multiplications for D layers, with or without the factor 1 of biases."""
    for layers, ones in ((3, True), (1, True), (2, True), (5, True), (1, False), (12, False)):
        products, path = [], ["2 u4", "-1"]
        for layer in range(layers):
            if layer:
                path += [f"weight {layer}", f"slope {layer}"]
            products += [(*path, f"input {layer}"), (*path, *["one"] * ones)]
        named = "the naive number", "the stored number"
        naive, stored = parts(attempt, attempt(layers, ones), *named)
        case = f"for D = {layers}, {'with' if ones else 'without'} the factor 1,"
        one_by_one = sum(len(product) - 1 for product in products)
        attempt.equal(naive, one_by_one, f"The naive number {case}")
        shared = {product[:end] for product in products for end in range(2, len(product) + 1)}
        attempt.equal(stored, len(shared), f"The stored number {case}")
    return "Both numbers agree with a count, product by product, for up to 12 layers."


@count_first.slip(
    "factors counted in place of multiplications",
    says="How many multiplications does a product of two factors take?",
    reveals="Is off by one in each product, a fence-post mistake.",
)
def _(layers, ones):
    return sum(2 * (3 + 2 * j) for j in range(layers)) - layers * (not ones), 4 * layers - ones


@count_first.slip(
    "the factor 1 of the biases always counted",
    says="Both numbers were found. What does a bias cost when its 1 is left out?",
    reveals="Stops at the numbers that stand in the chapter.",
)
def _(layers, ones):
    return 2 * layers * (layers + 1), 4 * layers - 1


@count_first.slip(
    "weights alone",
    says="Which parameters does a layer have?",
    reveals="Counts one product a layer; thinks that a bias comes for nothing.",
)
def _(layers, ones):
    return layers * (layers + 1), 3 * layers - 1


@count_first.slip(
    "one factor between two layers",
    says="What stands between two layers, on the way from one to the next?",
    reveals="Forgets the derivative of the ReLU, which is a factor even where it is 1.",
)
def _(layers, ones):
    saved = 0 if ones else layers
    return sum(2 * (2 + j) for j in range(layers)) - saved, 3 * layers - saved
