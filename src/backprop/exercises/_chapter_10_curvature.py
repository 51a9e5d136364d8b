"""The exercises of chapter 10 on curvature and what follows from it: 10.2, 10.4 and 10.6."""

from __future__ import annotations

import itertools
import math

import numpy as np

from backprop.exercises._attempt import Attempt, numbers
from backprop.exercises._parts import parts
from backprop.exercises._sheet import exercise


def second_of_sigmoid(x):
    """The second derivative of the sigmoid by exponentials; x may be complex."""
    exp = np.exp(-x)
    return exp * (exp - 1) / (1 + exp) ** 3


@exercise(
    "10.2",
    "The sigmoid, three times",
    level=1,
    minutes=15,
    topics=("second derivatives", "activations and masks"),
)
def three_times(attempt: Attempt) -> str:
    """Three derivatives of the sigmoid from its value s, and where the third is zero."""
    functions = (
        lambda x: 1 / (1 + np.exp(-x)),
        lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2,
        second_of_sigmoid,
    )
    names = ("the first derivative", "the second", "the third", "the zero")
    for seed in range(3):
        x = 2 * np.random.default_rng(seed).normal(size=(3, 4))
        result = parts(attempt, attempt(functions[0](x)), *names)
        for f, claimed, name in zip(functions, result, names[:3], strict=False):
            told = name.capitalize() + ("" if "derivative" in name else " derivative")

            def added_up(x, f=f):
                return f(x).sum()

            attempt.gradient(added_up, x, claimed, told)
        _zero(attempt, numbers(result[3], "The zero"))
    return "The derivatives agree with central differences, and the third changes sign at the zero."


def _zero(attempt: Attempt, zero: np.ndarray) -> None:
    """Hold that the third derivative of the sigmoid changes its sign at ``zero`` > 0."""
    attempt.holds(zero.shape == (), f"The zero has the shape {zero.shape}; expected one number.")
    attempt.holds(np.isfinite(zero) and zero > 0, "The zero that is asked for is at x > 0.")
    tiny = 1e-20  # a step along the imaginary axis, which loses no digits
    left, here, right = (
        float(second_of_sigmoid(complex(zero + moved, tiny)).imag) / tiny
        for moved in (-0.1, 0.0, 0.1)
    )
    attempt.holds(
        left * right < 0 and abs(here) < 1e-9 * abs(right - left),
        "The derivatives are right. But at the x that is returned the third is not zero.",
        "zero",
    )


def of_sigmoid(s):
    """s' and the two polynomials that the slips distort."""
    slope = s * (1 - s)
    return slope, slope * (1 - 2 * s), slope * (1 - 6 * s + 6 * s**2)


@three_times.slip(
    "derivatives with respect to s",
    says="The first is right. After that, what does the derivative of a polynomial in s have to be "
    "multiplied by?",
    reveals="Differentiates the polynomial and forgets that s is a function of x.",
)
def _(s):
    return s * (1 - s), 1 - 2 * s, np.full(s.shape, -2.0), math.log(2 + math.sqrt(3))


@three_times.slip(
    "a pattern that is continued",
    says="The second is right, and is a product of two functions of s. Which rule is there for "
    "products?",
    reveals="Guesses the third from how the second came from the first.",
)
def _(s):
    slope, second, _ = of_sigmoid(s)
    return slope, second, second * (1 - 2 * s), math.log(2 + math.sqrt(3))


@three_times.slip(
    "a wrong sign in the square",
    says="Multiply the third one out again, and try it at s = ½.",
    reveals="Loses a sign when multiplying out.",
)
def _(s):
    slope, second, _ = of_sigmoid(s)
    return slope, second, slope * (1 - 6 * s - 6 * s**2), math.log(2 + math.sqrt(3))


@three_times.slip(
    "the zero in terms of s",
    says="The derivatives are right. At which x does the sigmoid have the value that was found?",
    reveals="Solves the quadratic equation, and stops there.",
)
def _(s):
    return *of_sigmoid(s), 0.5 + math.sqrt(3) / 6


@exercise("10.4", "Newton's step", level=2, minutes=20, topics=("second derivatives", "training"))
def newton(attempt: Attempt) -> str:
    """The step d that makes the quadratic model smallest, from g and H."""
    for seed, n in enumerate((2, 3, 5)):
        rng = np.random.default_rng(seed)
        root = rng.normal(size=(n, n))
        H, g = root @ root.T + np.eye(n), rng.normal(size=n)
        d, rate = np.zeros(n), 1 / np.abs(H).sum(axis=1).max()
        for _ in range(5000):  # downhill on the model
            d = d - rate * (g + H @ d)
        attempt.equal(attempt(g, H), d, "The step", 1e-8)
    return "The step ends where five thousand small steps down the model end, in three sizes."


@newton.slip(
    "a step uphill",
    says="Where the model has its least value, its slope is zero. On which side does g stand then?",
    reveals="Solves for the right size, and loses a sign.",
)
def _(g, H):
    return np.linalg.solve(H, g)


@newton.slip(
    "twice the step",
    says="What does the ½ in front of the square do when the square is differentiated?",
    reveals="Differentiates the linear term, and copies the quadratic one.",
)
def _(g, H):
    return -2 * np.linalg.solve(H, g)


@newton.slip(
    "the best step along the gradient",
    says="The model is to be smallest in all directions. Why should the step point along g?",
    reveals="Knows the best learning rate from the chapter and stays on the gradient's line.",
)
def _(g, H):
    return -(g @ g) / (g @ H @ g) * g


@newton.slip(
    "each entry by itself",
    says="The model has products of different entries of d. Where have they gone?",
    reveals="Divides by the diagonal, as if H had nothing beside it.",
)
def _(g, H):
    return -g / np.diag(H)


@exercise(
    "10.6",
    "The same limit in other units",
    level=1,
    minutes=12,
    topics=("second derivatives", "training"),
)
def units(attempt: Attempt) -> str:
    """The limits for the mean, for copies with the sum and with the mean, from that of the sum."""
    names = ("the limit of (a)", "of (b)", "of (c)")
    for seed, (N, K, copies) in enumerate(((4, 2, 2), (5, 3, 4), (6, 1, 3))):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(N, 2)), rng.normal(size=(N, K))
        more = np.tile(x, (copies, 1)), np.tile(y, (copies, 1))
        result = attempt(_limit(x, y, np.sum), N, K, copies)
        tried = _limit(x, y, np.mean), _limit(*more, np.sum), _limit(*more, np.mean)
        for mine, found, name in zip(parts(attempt, result, *names), tried, "abc", strict=True):
            told = f"For {N} samples, {K} outputs and {copies} copies, the limit of ({name})"
            attempt.equal(mine, found, told, 1e-8)
    return "The limits agree with those of three linear layers, from their second differences."


def _limit(x, y, reduction) -> float:
    """2 over the largest eigenvalue of the Hessian, from differences of a quadratic loss."""

    def loss(*places):
        W = np.zeros((x.shape[1], y.shape[1]))
        for place in places:
            W.flat[place] += 1
        return float(reduction((x @ W - y) ** 2))

    n = x.shape[1] * y.shape[1]
    H = np.zeros((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        H[i, j] = loss(i, j) - loss(i) - loss(j) + loss()
    return 2 / float(np.linalg.eigvalsh(H)[-1])


@units.slip(
    "a mean over the samples only",
    says="Over how many numbers does the mean go, if a sample has several outputs?",
    reveals="Counts samples, not entries.",
)
def _(limit, samples, outputs, copies):
    return limit * samples, limit / copies, limit * samples


@units.slip(
    "factors the wrong way round",
    says="A smaller loss has a smaller gradient. Does it bear a larger rate, or a smaller one?",
    reveals="Multiplies the limit by what the eigenvalue is multiplied by.",
)
def _(limit, samples, outputs, copies):
    entries = samples * outputs
    return limit / entries, limit * copies, limit / entries


@units.slip(
    "copies that count in the mean, too",
    says="What do the copies do to the sum, and what to the number that it is divided by?",
    reveals="Changes the number of entries and forgets that the sum has changed with it.",
)
def _(limit, samples, outputs, copies):
    entries = samples * outputs
    return limit * entries, limit / copies, limit * entries * copies


@units.slip(
    "copies that change nothing",
    says="What becomes of the sum, and of its second derivatives, with every sample there twice?",
    reveals="Says that a copy brings nothing new, which holds for the mean and not for the sum.",
)
def _(limit, samples, outputs, copies):
    return limit * samples * outputs, limit, limit * samples * outputs
