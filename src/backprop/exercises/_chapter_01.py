"""The exercises of chapter 1, rates of change."""

from __future__ import annotations

import itertools

import numpy as np

from backprop.exercises._attempt import Attempt, numbers
from backprop.exercises._differences import difference, examine_difference
from backprop.exercises._parts import parts
from backprop.exercises._sheet import exercise


@exercise(
    "1.1",
    "A quotient, derived and checked",
    level=1,
    minutes=15,
    topics=("numerical derivatives",),
)
def quotient(attempt: Attempt) -> str:
    """(slope, zeros): the derivative of x / (1 + x^2) at each entry of x, and where it is 0."""

    def ratio(x):
        return x / (1 + x * x)

    for seed in range(3):
        x = np.random.default_rng(seed).normal(scale=2, size=(3, 2))
        slope, zeros = parts(attempt, attempt(x), "the derivative", "where it is 0")
        attempt.gradient(lambda x: ratio(x).sum(), x, slope, "The derivative")
    zeros = numbers(zeros, "The list of points where it is 0").ravel()
    h = 1e-5
    steep = np.abs(ratio(zeros + h) - ratio(zeros - h)) / (2 * h) > 1e-7
    attempt.holds(
        not steep.any(),
        "At a point that you name the derivative is not 0: a central difference says so.",
        "wrong value",
    )
    grid = np.linspace(-20, 20, 2000)  # 0 and other special points are not on it
    turns = np.count_nonzero(np.diff(np.sign(np.diff(ratio(grid)))))
    attempt.holds(
        len(set(zeros.round(6))) == turns,
        "The derivative is right. It is not 0 at as many points as you name.",
        "wrong count",
    )
    return "The derivative agrees with central differences, and it is 0 where you say, only there."


@quotient.slip(
    "the quotient of the two derivatives",
    says="Compare it with a central difference at 3. What does the limit say about a quotient?",
    reveals="Differentiates numerator and denominator separately; half remembers a rule.",
)
def _(x):
    return 1 / (2 * x), []


@quotient.slip(
    "a denominator that is not squared",
    says="As h goes to 0 both fractions stand over a common denominator. What becomes of it?",
    reveals="Expands the numerator with care and lets one of the two denominators go.",
)
def _(x):
    return (1 - x * x) / (1 + x * x), [-1.0, 1.0]


@quotient.slip(
    "the positive zero only",
    says="The function is odd. What does that say about its slope at x and at -x?",
    reveals="Takes the square root of both sides and forgets one of the two.",
)
def _(x):
    return (1 - x * x) / (1 + x * x) ** 2, [1.0]


def both_terms(M, delta, h):
    """The model of the error for the difference of fourth order."""
    return M / 30 * h**4 + 1.5 * delta / h


def fourth(f, x, h):
    """The difference of fourth order."""
    near, far = f(x + h) - f(x - h), f(x + 2 * h) - f(x - 2 * h)
    return (8 * near - far) / (12 * h)


@exercise(
    "1.2",
    "A difference of fourth order",
    level=3,
    minutes=40,
    topics=("numerical derivatives", "numerical traps"),
)
def fourth_order(attempt: Attempt) -> str:
    """(difference, best step, error there), from f, x, h, M_5 and delta."""
    for x, h in ((0.7, 0.2), (-1.3, 0.5)):
        result = attempt(lambda t: t * t * t, x, h, 1.0, 1e-16)
        found, *_ = parts(attempt, result, "the difference", "the best step", "the error there")
        slope = difference(lambda t: t * t * t, x, 1.0, (-2, -1, 0, 1, 2), 1)
        attempt.equal(found, slope, "For the cube, whose fifth derivative is 0, the difference")
    examine_difference(attempt, (-2, -1, 0, 1, 2), order=1, first_left=5)
    return "The difference, its best step and the error there agree with a slow search for them."


@fourth_order.slip(
    "the weights of D(h) and D(2h) exchanged",
    says="Which of the two has the larger error? Insert the weights into both errors and add.",
    reveals="Remembers that there are two weights, and does not insert them into the expansion.",
)
def _(f, x, h, M_5, delta):
    near, far = f(x + h) - f(x - h), f(x + 2 * h) - f(x - 2 * h)
    step = (45 * delta / (4 * M_5)) ** 0.2
    return (far / h - near / (2 * h)) / 3, step, both_terms(M_5, delta, step)


@fourth_order.slip(
    "the two terms of the error set equal",
    says="The sum of two terms need not be least where they are equal. What is 0 where it is?",
    reveals="Balances the terms, which is right up to a factor, and takes that for the minimum.",
)
def _(f, x, h, M_5, delta):
    step = (45 * delta / M_5) ** 0.2
    return fourth(f, x, h), step, both_terms(M_5, delta, step)


@fourth_order.slip(
    "the rounding of the central difference",
    says="Four values of f are rounded here. With which weights do their errors enter?",
    reveals="Copies the second term of the model, since a central difference stays a central "
    "difference.",
)
def _(f, x, h, M_5, delta):
    step = (15 * delta / (2 * M_5)) ** 0.2
    return fourth(f, x, h), step, M_5 / 30 * step**4 + delta / step


@exercise(
    "1.3",
    "A second derivative by differences",
    level=2,
    minutes=25,
    topics=("numerical derivatives", "second derivatives"),
)
def second_difference(attempt: Attempt) -> str:
    """(difference, best step, error there) for the second derivative, from f, x, h, M_4, delta."""
    examine_difference(attempt, (-1, 0, 1), order=2, first_left=4)
    return "The difference, its best step and the error there agree with a slow search for them."


def second(f, x, h):
    """The second difference."""
    return (f(x + h) - 2 * f(x) + f(x - h)) / h**2


@second_difference.slip(
    "the value in the middle counted once",
    says="How often does f(x) stand in the sum of the two lines?",
    reveals="Adds the lines term by term, and takes the term they share once.",
)
def _(f, x, h, M_4, delta):
    step = (48 * delta / M_4) ** 0.25
    return (f(x + h) - f(x) + f(x - h)) / h**2, step, M_4 / 6 * step**2


@second_difference.slip(
    "half of the second derivative",
    says="Each of the two lines has h squared over 2 in front of the second derivative. And "
    "their sum?",
    reveals="Divides by 2 from habit, as for the first derivative, or doubles the step.",
)
def _(f, x, h, M_4, delta):
    step = (48 * delta / M_4) ** 0.25
    return second(f, x, h) / 2, step, M_4 / 6 * step**2


@second_difference.slip(
    "three roundings of weight 1",
    says="Three values are rounded. Does each of them enter with the weight 1?",
    reveals="Counts the values and not their weights.",
)
def _(f, x, h, M_4, delta):
    step = (36 * delta / M_4) ** 0.25
    return second(f, x, h), step, M_4 / 12 * step**2 + 3 * delta / step**2


@exercise(
    "1.4",
    "Four claims, one right",
    level=1,
    minutes=15,
    topics=("numerical derivatives", "paths and sums"),
)
def four_claims(attempt: Attempt) -> str:
    """The gradient of half the sum of the squared row sums of X, shape of X."""
    for seed, shape in enumerate(((3, 4), (2, 5), (3, 4))):
        X = np.random.default_rng(seed).normal(size=shape)
        if seed == 2:
            X[0, 3] = X[2, 1] = 0.0
        at = "The gradient where X has zeros" if seed == 2 else "The gradient"
        attempt.gradient(lambda X: (X.sum(axis=1) ** 2).sum() / 2, X, attempt(X), at)
    return "The gradient agrees with central differences, for arrays with and without zeros."


@four_claims.slip(
    "claim A",
    says="How many derivatives does a function of 12 numbers have?",
    reveals="Sees the numbers that matter and loses the shape: one rate for each row.",
)
def _(X):
    return X.sum(axis=1)


@four_claims.slip(
    "claim B",
    says="Which entries of X stand in the same row sum as the one that is moved?",
    reveals="Confuses the axis that is summed with the axis that stays.",
)
def _(X):
    return np.broadcast_to(X.sum(axis=0), X.shape)


@four_claims.slip(
    "claim D",
    says="Is there an X at which it cannot be evaluated?",
    reveals="Trusts a check at one random point. Ask which points a formula excludes.",
)
def _(X):
    return X.sum(axis=1, keepdims=True) / X * X


@exercise(
    "1.5",
    "How to fool a projection",
    level=2,
    minutes=30,
    topics=("numerical derivatives",),
)
def fooled(attempt: Attempt) -> str:
    """The probability that k projections onto random signs all miss an error D, from D and k."""
    errors = ((1, 1), (0.5, -0.5), (2,), (1, 1, 2), (1, 2, 4), (1, 1, 1, 1), (3, 1, 1, 1))
    rng = np.random.default_rng(5)
    for entries, k in zip(errors, (1, 2, 3, 1, 2, 2, 3), strict=True):
        D = np.zeros((2, 4))
        D.flat[rng.permutation(D.size)[: len(entries)]] = entries
        arrays = list(itertools.product((-1, 1), repeat=D.size))
        missed = sum(sum(s * d for s, d in zip(V, D.flat, strict=True)) == 0 for V in arrays)
        expected = (missed / len(arrays)) ** k
        what = f"The probability for D with the entries {', '.join(map(str, entries))} and k = {k}"
        attempt.equal(attempt(D, k), expected, what)
    return "The probability agrees with a count over all sign arrays, for seven errors D."


def share_missed(D):
    """The part of all sign arrays whose projection of D is 0."""
    arrays = np.array(list(itertools.product((-1.0, 1.0), repeat=D.size)))
    return (arrays @ D.ravel() == 0).mean()


@fooled.slip(
    "one half for every error",
    says="That is the answer for two entries that are wrong by the same amount. What if three "
    "are wrong, or one?",
    reveals="Has understood the example, and not where its number comes from.",
)
def _(D, k):
    return 0.5**k


@fooled.slip(
    "the probability that any of the k projections misses it",
    says="When does a check by k projections see nothing: when one of them does not, or when?",
    reveals="Exchanges any and all; thinks that more projections make it worse.",
)
def _(D, k):
    return 1 - (1 - share_missed(D)) ** k


@fooled.slip(
    "a single projection",
    says="Where does k enter?",
    reveals="Counts over the sign arrays and stops, or thinks that all projections fail together.",
)
def _(D, k):
    return share_missed(D)


@exercise(
    "1.6",
    "Another kink",
    level=2,
    minutes=20,
    topics=("numerical derivatives", "activations and masks"),
)
def another_kink(attempt: Attempt) -> str:
    """(lowest, highest, error): the subgradients of |x|, the error of the central difference."""
    points, eighths = np.arange(-7, 8) / 8, np.arange(-24, 25) / 8
    for h, x in ((0.5, points.reshape(3, 5)), (0.375, points[::-1])):
        named = "the smallest subgradient", "the largest one", "the error of the difference"
        low, high, error = parts(attempt, attempt(x, h), *named)
        fits = [
            [g for g in eighths if all(abs(z) >= abs(at) + g * (z - at) for z in eighths)]
            for at in x.flat
        ]
        attempt.equal(low, np.reshape([min(g) for g in fits], x.shape), "The smallest subgradient")
        attempt.equal(high, np.reshape([max(g) for g in fits], x.shape), "The largest subgradient")
        slopes = [[(abs(a + t) - abs(a - t)) / (2 * t) for t in (h, 2.0**-20)] for a in x.flat]
        wrong_by = np.reshape([wide - narrow for wide, narrow in slopes], x.shape)
        attempt.equal(error, wrong_by, "The error of the central difference")
    return "Subgradients and errors agree with their definitions, on both sides of the kink."


@another_kink.slip(
    "one subgradient at every point",
    says="At 0 several numbers are allowed. Which lines through the origin stay below the graph?",
    reveals="Takes what PyTorch returns for the only subgradient.",
)
def _(x, h):
    return np.sign(x), np.sign(x), np.sign(x) * np.minimum(np.abs(x) / h - 1, 0)


@another_kink.slip(
    "the subgradients of relu at 0",
    says="Check your smallest number against the definition on both sides of 0.",
    reveals="Carries the interval over from the chapter without going back to the definition.",
)
def _(x, h):
    low, high = np.where(x == 0, 0, np.sign(x)), np.where(x == 0, 1, np.sign(x))
    return low, high, np.sign(x) * np.minimum(np.abs(x) / h - 1, 0)


@another_kink.slip(
    "the error of the right side on both sides",
    says="Left of the kink the slope is negative. Is the difference too small there, or too large?",
    reveals="Derives one case and takes the other to be the same, by the symmetry of the graph.",
)
def _(x, h):
    low, high = np.where(x == 0, -1, np.sign(x)), np.where(x == 0, 1, np.sign(x))
    return low, high, np.minimum(np.abs(x) / h - 1, 0) * (x != 0)
