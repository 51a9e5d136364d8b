"""The exercises of chapter 3, many paths."""

from __future__ import annotations

import itertools
import math

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import parts
from backprop.exercises._scalar_network import columns, loss, points
from backprop.exercises._sheet import exercise
from backprop.exercises._small_graphs import (
    ASIDE,
    DIAMOND,
    EXERCISE,
    SWAPPED,
    all_orders,
    routes,
    waits,
)


@exercise("3.1", "Count without listing", level=1, minutes=15, topics=("paths and sums", "graphs"))
def count_paths(attempt: Attempt) -> str:
    """(number of paths, derivative) from start to end, from arrows, start, end."""
    cases = [
        (EXERCISE, "x", "s", "in the graph of the exercise"),
        (EXERCISE, "p", "s", "from p in the graph of the exercise"),
        (DIAMOND, "a", "t", "in a graph with three arrows out of one node"),
        (ASIDE, "u", "z", "in a graph with a node that the end does not depend on"),
        (ASIDE, "aside", "z", "from a node that the end does not depend on"),
        (ASIDE, "m", "m", "from a node to itself"),
    ]
    results = [attempt(arrows, start, end) for arrows, start, end, _ in cases]
    for (arrows, start, end, told), result in zip(cases, results, strict=True):
        named = "the number of paths", "the derivative"
        number, derivative = parts(attempt, result, *named)
        products = routes(arrows, start, end)
        attempt.equal(number, len(products), f"The number of paths {told}")
        attempt.equal(derivative, sum(products), f"The derivative {told}")
    return "Numbers and derivatives agree with a list of all paths, in three graphs."


def walk(arrows, start, end, collect=lambda kept, new: kept + new, once=False):
    """The walk backward through the table, with ways to get it wrong."""
    number, grad = dict.fromkeys(arrows, 0), dict.fromkeys(arrows, 0.0)
    number[end], grad[end] = 1, 1.0
    for node in reversed(arrows):
        for argument, local in dict(arrows[node]).items() if once else arrows[node]:
            number[argument] = collect(number[argument], number[node])
            grad[argument] = collect(grad[argument], grad[node] * local)
    return number[start], grad[start]


@count_paths.slip(
    "two arrows between the same nodes counted as one",
    says="In x times x, how many arrows lead from x to the product?",
    reveals="Thinks of nodes that are connected or not; a product with itself has two arrows.",
)
def _(arrows, start, end):
    return walk(arrows, start, end, once=True)


@count_paths.slip(
    "the last arrival in the place of their sum",
    says="What happens at a node where several gradients arrive?",
    reveals="Writes = where += belongs; right in every chain.",
)
def _(arrows, start, end):
    return walk(arrows, start, end, collect=lambda kept, new: new)


@count_paths.slip(
    "a walk that sends on every arrival",
    says="Had each node everything it was to get before it sent its number on? Compare the order "
    "with that of the chapter.",
    reveals="Walks depth first and acts on arrival: early deliveries are sent twice.",
)
def _(arrows, start, end):
    number, grad = dict.fromkeys(arrows, 0), dict.fromkeys(arrows, 0.0)
    number[end], grad[end] = 1, 1.0

    def visit(node):
        for argument, local in arrows[node]:
            number[argument] += number[node]
            grad[argument] += grad[node] * local
        for argument in dict(arrows[node]):
            visit(argument)

    visit(end)
    return number[start], grad[start]


@exercise(
    "3.2",
    "A base that is also an exponent",
    level=2,
    minutes=15,
    topics=("paths and sums", "chain rule"),
)
def power(attempt: Attempt) -> str:
    """(value, d_base, d_exponent) of base ** exponent, numbers, from base and exponent."""
    base = np.array([2.0, 0.5, 1.7, 3.0, 0.8, 2.5])
    exponent = np.array([2.0, 0.5, 3.0, -1.5, 0.5, 2.5])
    results = [attempt(float(a), float(b)) for a, b in zip(base, exponent, strict=True)]
    named = "the value", "the local derivative for the base", "the one for the exponent"
    value, d_base, d_exponent = columns(attempt, results, *named)
    attempt.equal(value, [a**b for a, b in zip(base, exponent, strict=True)], "The value")
    told = "The local derivative for the {}, at 6 points,"
    attempt.gradient(lambda a: (a**exponent).sum(), base, d_base, told.format("base"))
    attempt.gradient(lambda b: (base**b).sum(), exponent, d_exponent, told.format("exponent"))
    x, both = base[base == exponent], (d_base + d_exponent)[base == exponent]
    attempt.gradient(lambda x: (x**x).sum(), x, both, "The sum of both where base is exponent")
    return "Both local derivatives agree with central differences, and their sum with those of x^x."


@power.slip(
    "an exponential function of the base e",
    says="For the base e the derivative for the exponent is the function itself. For the base 2?",
    reveals="Knows one exponential function; see whether the rewriting with e is understood.",
)
def _(a, b):
    return a**b, b * a ** (b - 1), a**b


@power.slip(
    "the rule for powers used for the exponent as well",
    says="When the exponent moves, is the function still a power of what moves?",
    reveals="Has one rule for everything with an exponent.",
)
def _(a, b):
    return a**b, b * a ** (b - 1), b * a ** (b - 1)


@power.slip(
    "the logarithm of the exponent",
    says="With base and exponent equal nothing can be seen. Try two different numbers.",
    reveals="Derives the formula for x to the x, and cannot tell afterwards which x is which.",
)
def _(a, b):
    return a**b, b * a ** (b - 1), a**b * math.log(b if b > 0 else a)


@exercise(
    "3.3",
    "Teach Value to divide",
    level=2,
    minutes=25,
    topics=("paths and sums", "graphs"),
)
def divide(attempt: Attempt) -> str:
    """The derivatives of 1 / (1 + e^-x) and of x / (x + e^x), numbers, from x."""
    x = np.array([0.8, -1.3, 2.1, 0.1, -0.4])
    named = "The derivative of the logistic function", "The derivative of the quotient"
    logistic, quotient = columns(attempt, [attempt(float(number)) for number in x], *named)
    told = "{}, at 5 points,"
    attempt.gradient(lambda x: (1 / (1 + np.exp(-x))).sum(), x, logistic, told.format(named[0]))
    attempt.gradient(lambda x: (x / (x + np.exp(x))).sum(), x, quotient, told.format(named[1]))
    return "Both derivatives agree with central differences."


def by_division(x, d_v):
    """Both derivatives, when ``d_v(u, v)`` is the local derivative for the divisor."""
    e, v = math.exp(-x), x + math.exp(x)
    return d_v(1, 1 + e) * -e, 1 / v + d_v(x, v) * (1 + math.exp(x))


@divide.slip(
    "a local derivative for the divisor without its sign",
    says="When the divisor grows, does a quotient of positive numbers grow or shrink?",
    reveals="Remembers the square in the denominator and not where it comes from.",
)
def _(x):
    return by_division(x, lambda u, v: u / v**2)


@divide.slip(
    "a local derivative for the divisor that forgets the dividend",
    says="The first of the two functions has a dividend of 1. What has to change for any other?",
    reveals="Differentiates 1/v and takes it for the derivative of u/v.",
)
def _(x):
    return by_division(x, lambda u, v: -1 / v**2)


@divide.slip(
    "two of the three uses of x in the quotient",
    says="Mark every x in the formula. Along how many arrows does it act?",
    reveals="Takes the x beside the exponential for a constant; loses a path.",
)
def _(x):
    e, v = math.exp(-x), x + math.exp(x)
    return e / (1 + e) ** 2, 1 / v - x / v**2 * math.exp(x)


@exercise("3.4", "Right by luck", level=2, minutes=25, topics=("graphs", "paths and sums"))
def by_luck(attempt: Attempt) -> str:
    """Whether an order is one for a backward pass through a graph, from order and arrows."""
    cases = [
        (list(order), arrows, order in valid)
        for arrows in (SWAPPED, DIAMOND, EXERCISE)
        for valid in [all_orders(arrows)]
        for order in itertools.permutations(arrows)
    ]
    broken = ("dcb", "cba", "dcbba", "dcbcba", "")
    cases += [(list(order), SWAPPED, False) for order in broken]
    verdicts = [attempt(order, arrows) for order, arrows, _ in cases]
    for verdict, (order, _, good) in zip(verdicts, cases, strict=True):
        attempt.holds(
            np.ndim(verdict) == 0 and verdict in (True, False),
            "The answer should return True or False.",
            "no verdict",
        )
        attempt.holds(
            bool(verdict) == good,
            f"Your test {'refuses' if good else 'accepts'} the order {' '.join(order) or '()'} for "
            "a graph in which it is "
            + ("one for a backward pass." if good else "none for a backward pass."),
            "wrong verdict",
        )
    return "Your test accepts the orders that wait for every arrival, and no others."


@by_luck.slip(
    "a test that is content with one arrival",
    says="A node with two successors waits for how many gradients?",
    reveals="Asks whether something has arrived, and not whether all has.",
)
def _(order, arrows):
    return sorted(order) == sorted(arrows) and waits(order, arrows, any)


@by_luck.slip(
    "an order for the forward pass",
    says="In which direction do gradients travel? Try the chapter's own order.",
    reveals="Mixes up the two ends of an arrow.",
)
def _(order, arrows):
    return sorted(order) == sorted(arrows) and waits(order[::-1], arrows, all)


@by_luck.slip(
    "no look at nodes that are left out or come twice",
    says="Every pair that your test looks at is in order. Is every node in the list, once?",
    reveals="Checks a relation between the elements, and forgets to check the set.",
)
def _(order, arrows):
    return waits(order, arrows, all)


@exercise(
    "3.5", "One direction, one sweep", level=2, minutes=20, topics=("paths and sums", "graphs")
)
def one_sweep(attempt: Attempt) -> str:
    """The rate of the loss when x, w1, b1, w2, b2, y move with these speeds: two lists of six."""
    for on in (True, False):
        at, h = np.array(list(points(on).values())).T, 1e-4
        speeds = np.random.default_rng(7).normal(size=at.shape)
        rates = [attempt(*pair) for pair in zip(at.tolist(), speeds.tolist(), strict=True)]
        name = "The rate, at 8 points with the ReLU " + ("on," if on else "off,")
        found = columns(attempt, rates, name)
        slow = [
            (loss(*(number + h * v)) - loss(*(number - h * v))) / (2 * h)
            for number, v in zip(at, speeds, strict=True)
        ]
        attempt.equal(found[0], slow, name, tolerance=1e-5)
    return "The rates agree with central differences in random directions, ReLU on and off."


def sweep(numbers, speeds, product=lambda a, da, b, db: da * b + a * db):
    """Forward mode through the network, with a rule for the rate of a product."""
    (x, w1, b1, w2, b2, y), (dx, dw1, db1, dw2, db2, dy) = numbers, speeds
    u1, du1 = x * w1 + b1, product(x, dx, w1, dw1) + db1
    u2, du2 = max(0.0, u1), du1 * (u1 > 0)
    u3, du3 = u2 * w2 + b2, product(u2, du2, w2, dw2) + db2
    return 2 * (y - u3) * (dy - du3)


@one_sweep.slip(
    "weights that stand still",
    says="Both factors of a product move now. What does each of them contribute?",
    reveals="Knows forward mode for the input and treats weights as constants.",
)
def _(numbers, speeds):
    return sweep(numbers, speeds, lambda a, da, b, db: da * b)


@one_sweep.slip(
    "the product of the two speeds for the speed of a product",
    says="Draw the rectangle again: which strips does it gain when both sides grow?",
    reveals="Takes the small corner for the growth of the area.",
)
def _(numbers, speeds):
    return sweep(numbers, speeds, lambda a, da, b, db: da * db)


@one_sweep.slip(
    "a direction that was made one unit long",
    says="What if all speeds are doubled: should the rate of the loss stay the same?",
    reveals="Knows directional derivatives for unit vectors alone.",
)
def _(numbers, speeds):
    return sweep(numbers, speeds) / math.hypot(*speeds)


@exercise(
    "3.6", "A shared weight", level=1, minutes=15, topics=("paths and sums", "batches and shapes")
)
def shared_weight(attempt: Attempt) -> str:
    """(gradient for the sum, gradient for the mean), numbers, from w, x, y."""
    rng = np.random.default_rng(6)
    w, sizes = rng.normal(size=4), (3, 2, 5, 4)
    batches = [(rng.normal(size=n), rng.normal(size=n)) for n in sizes]
    named = "The gradient of the sum", "The gradient of the mean"
    results = [attempt(float(number), *batch) for number, batch in zip(w, batches, strict=True)]
    found = columns(attempt, results, *named)
    for name, reduce, claimed in zip(named, (np.sum, np.mean), found, strict=True):

        def total(w, reduce=reduce):
            pairs = zip(w, batches, strict=True)
            return sum(reduce((number * x - y) ** 2) for number, (x, y) in pairs)

        attempt.gradient(total, w, claimed, f"{name}, for 4 batches,")
    return "Both gradients agree with central differences, for batches of 2 to 5 samples."


def both(w, x, y, gradient):
    """The gradient for the sum, and what the mean makes of it."""
    total = gradient(w * x - y, x)
    return total, total / len(x)


@shared_weight.slip(
    "errors that are not weighed with their inputs",
    says="How much does an error change when w does? Look at the path of one sample.",
    reveals="Stops the chain one step early, at the errors.",
)
def _(w, x, y):
    return both(w, x, y, lambda e, x: (2 * e).sum())


@shared_weight.slip(
    "two sums that are multiplied",
    says="Which input belongs to which error? Write it out for two samples.",
    reveals="Pulls a sum through a product: adds first and multiplies then.",
)
def _(w, x, y):
    return both(w, x, y, lambda e, x: 2 * e.sum() * x.sum())


@shared_weight.slip(
    "the same gradient for the sum and the mean",
    says="The gradient of the sum is right. What does a smaller loss do to its slope?",
    reveals="Thinks of 1/N as of a detail of how losses are reported.",
)
def _(w, x, y):
    return (2 * (w * x - y) * x).sum(), (2 * (w * x - y) * x).sum()
