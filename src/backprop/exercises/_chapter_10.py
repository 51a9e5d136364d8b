"""The exercises of chapter 10 on products with the Hessian: 10.1, 10.3 and 10.5."""

from __future__ import annotations

import itertools

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import alone, parts
from backprop.exercises._sheet import exercise


def values(seed: int) -> list[np.ndarray]:
    """x, y, w1, w2 of the chapter's network, and a direction v1, v2."""
    rng = np.random.default_rng(seed)
    shapes = (5, 3), (5, 2), (3, 4), (4, 2), (3, 4), (4, 2)
    return [rng.normal(size=shape) for shape in shapes]


def gradients(x, y, w1, w2):
    """The gradients of the sum of the squared errors for x, w1 and w2."""
    a = np.tanh(x @ w1)
    grad_out = 2 * (a @ w2 - y)
    grad_h = grad_out @ w2.T * (1 - a**2)
    return grad_h @ w1.T, x.T @ grad_h, a.T @ grad_out


def rates(x, y, w1, w2, v1, v2, vx=0, curved=True):
    """How fast the gradients for w1 and w2 change as x, w1 and w2 move; for the slips.

    Without ``curved`` the terms that hold the errors themselves are left out.
    """
    a = np.tanh(x @ w1)
    grad_out = 2 * (a @ w2 - y)
    grad_a, slope = grad_out @ w2.T, 1 - a**2
    r_a = slope * (x @ v1 + vx @ w1 if np.ndim(vx) else x @ v1)
    r_out = 2 * (r_a @ w2 + a @ v2)
    r_h, r_w2 = r_out @ w2.T * slope, a.T @ r_out
    if curved:
        r_h += grad_out @ v2.T * slope + grad_a * (-2 * a * r_a)
        r_w2 += r_a.T @ grad_out
    of_x = vx.T @ (grad_a * slope) if np.ndim(vx) else 0
    return x.T @ r_h + of_x, r_w2


@exercise(
    "10.1", "Two lines, in PyTorch", level=2, minutes=20, topics=("second derivatives", "graphs")
)
def two_lines(attempt: Attempt) -> str:
    """The product of the Hessian with v1, v2, from x, y, w1, w2, v1, v2."""
    for seed in range(3):
        x, y, w1, w2, v1, v2 = values(seed)
        result = parts(attempt, attempt(x, y, w1, w2, v1, v2), "the part of w1", "that of w2")

        def slope(w1, w2, x=x, y=y, v1=v1, v2=v2):
            _, g1, g2 = gradients(x, y, w1, w2)
            return (g1 * v1).sum() + (g2 * v2).sum()

        told = "The part of {} in the product"
        for place, name in enumerate(("w1", "w2")):
            of_one = alone(slope, place, (w1, w2))
            attempt.gradient(of_one, (w1, w2)[place], result[place], told.format(name))
    return "Both parts agree with central differences, for three networks and directions."


@two_lines.slip(
    "each array of weights by itself",
    says="Does the gradient for w1 change when w2 moves?",
    reveals="Sees one Hessian for each array, and not one for all weights with blocks beside the "
    "diagonal.",
)
def _(x, y, w1, w2, v1, v2):
    only1 = rates(x, y, w1, w2, v1, 0 * v2)[0]
    return only1, rates(x, y, w1, w2, 0 * v1, v2)[1]


@two_lines.slip(
    "the direction left out",
    says="With which numbers is the gradient multiplied before it is added up?",
    reveals="Adds up the gradient, which is what a framework asks for when it is to differentiate "
    "an array: the product with a vector of ones.",
)
def _(x, y, w1, w2, v1, v2):
    return rates(x, y, w1, w2, np.ones_like(v1), np.ones_like(v2))


@two_lines.slip(
    "a gradient that is cut off from part of the weights",
    says="On how many ways does the gradient depend on the weights? Look at the errors in it, and "
    "at the slopes of tanh.",
    reveals="Has detached something: what comes out is the Gauss-Newton matrix times v, without "
    "the curvature of the network.",
)
def _(x, y, w1, w2, v1, v2):
    return rates(x, y, w1, w2, v1, v2, curved=False)


@exercise("10.3", "Only the diagonal", level=2, minutes=25, topics=("second derivatives",))
def diagonal(attempt: Attempt) -> str:
    """The diagonal of H, exact and estimated, from a function v -> H v, n and rows of signs."""
    names = ("the exact diagonal", "the estimate")
    for seed, (n, few) in enumerate(((3, 5), (5, 7), (4, 16))):
        rng = np.random.default_rng(seed)
        root = rng.normal(size=(n, n))
        H = root + root.T
        signs = rng.choice([-1.0, 1.0], size=(few, n))
        if few == 2**n:
            signs = np.array(list(itertools.product([-1.0, 1.0], repeat=n)))
        calls: list[int] = []

        def product(v, H=H, n=n, calls=calls):
            if np.shape(v) != (n,):
                raise ValueError(f"a vector of shape {(n,)} is wanted, not {np.shape(v)}")
            calls.append(1)
            return H @ np.asarray(v, dtype=np.float64)

        exact, estimate = parts(attempt, attempt(product, n, signs), *names)
        made = len(calls)
        attempt.equal(exact, [H[i, i] for i in range(n)], "The exact diagonal")
        by_hand = np.zeros(n)
        for i, j in itertools.product(range(n), repeat=2):
            by_hand[i] += sum(H[i, j] * v[i] * v[j] for v in signs) / few
        attempt.equal(estimate, by_hand, f"From {few} vectors, the estimate")
        attempt.holds(
            made <= n + few,
            f"Both results are right, but they took {made} products; {n} for the diagonal and "
            f"{few} for the estimate should be enough.",
            "cost",
        )
    return "Both are right, with no more products than they need."


def column(product, n, i):
    return product(np.eye(n)[i])


def estimated(product, signs):
    return np.mean([v * product(v) for v in signs], axis=0)


@diagonal.slip(
    "sums of the rows",
    says="What does the product with a vector of ones add up?",
    reveals="Wants all of the diagonal from one product.",
)
def _(product, n, signs):
    return product(np.ones(n)), estimated(product, signs)


@diagonal.slip(
    "the products without the signs in front",
    says="The exact diagonal is right. What does the sign of an entry do to its own term, and what "
    "undoes that?",
    reveals="Averages H v, which tends to zero.",
)
def _(product, n, signs):
    exact = [column(product, n, i)[i] for i in range(n)]
    return exact, np.mean([product(v) for v in signs], axis=0)


@diagonal.slip(
    "one number for all entries",
    says="The exact diagonal is right. Which axis may be summed: that of the vectors, or that of "
    "the entries?",
    reveals="Computes the estimate of the trace.",
)
def _(product, n, signs):
    exact = [column(product, n, i)[i] for i in range(n)]
    return exact, np.full(n, np.mean([v @ product(v) for v in signs]))


@diagonal.slip(
    "the lengths of the columns",
    says="A product with a unit vector is a whole column. Which of its entries is asked for?",
    reveals="Knows that a product with a unit vector is a column, and condenses it.",
)
def _(product, n, signs):
    exact = [np.linalg.norm(column(product, n, i)) for i in range(n)]
    return exact, estimated(product, signs)


@exercise(
    "10.5",
    "A penalty on the gradient",
    level=3,
    minutes=30,
    topics=("second derivatives", "graphs"),
)
def penalty(attempt: Attempt) -> str:
    """The gradients for w1, w2 of half the squares of grad_x, then of those of g."""
    names = ("the gradients of P for w1", "for w2", "those of half g · g for w1", "for w2")
    for seed in range(3):
        x, y, w1, w2, _, _ = values(seed)
        w1, w2 = w1 / 2, w2 / 2
        result = parts(attempt, attempt(x, y, w1, w2), *names)

        def squares(kind, w1, w2, x=x, y=y):
            grad_x, *g = gradients(x, y, w1, w2)
            return sum((a**2).sum() / 2 for a in (g if kind else [grad_x]))

        for place, claimed in enumerate(result):
            kind, second = divmod(place, 2)
            told = f"The gradient of {'half g · g' if kind else 'P'} for w{second + 1}"
            of_one = alone(squares, 1 + second, (kind, w1, w2))
            attempt.gradient(of_one, (w1, w2)[second], claimed, told)
    return "All four gradients agree with central differences, for three networks."


def of_penalty(x, y, w1, w2):
    grad_x = gradients(x, y, w1, w2)[0]
    return rates(x, y, w1, w2, 0 * w1, 0 * w2, grad_x)


def of_squares(x, y, w1, w2):
    return rates(x, y, w1, w2, *gradients(x, y, w1, w2)[1:])


@penalty.slip(
    "the ½ forgotten",
    says="Look at the definitions of what is differentiated: what stands in front of the sums?",
    reveals="Differentiates the plain sum of squares, the trap of the chapter.",
)
def _(*four):
    return [2 * part for part in (*of_penalty(*four), *of_squares(*four))]


@penalty.slip(
    "the weights' own part of the penalty left out",
    says="Where does w1 occur in the gradient for the input: in the activations only?",
    reveals="Treats the last product on the way back, with w1 transposed, as a constant.",
)
def _(x, y, w1, w2):
    first, second = of_penalty(x, y, w1, w2)
    a = np.tanh(x @ w1)
    grad_h = 2 * (a @ w2 - y) @ w2.T * (1 - a**2)
    own = gradients(x, y, w1, w2)[0].T @ grad_h
    return first - own, second, *of_squares(x, y, w1, w2)


@penalty.slip(
    "the derivative of a square, and not that of what is squared",
    says="The gradients of P are right. An entry of g depends on the weights: what comes after "
    "the first factor of the chain rule?",
    reveals="Takes g for the variable and not for a function of the weights.",
)
def _(*four):
    return *of_penalty(*four), *gradients(*four)[1:]


@penalty.slip(
    "the blocks beside the diagonal left out",
    says="The gradients of P are right. Does the gradient for w2 depend on w1?",
    reveals="Takes the squares of each array's gradient to depend on this array only.",
)
def _(x, y, w1, w2):
    _, g1, g2 = gradients(x, y, w1, w2)
    first = rates(x, y, w1, w2, g1, 0 * g2)[0]
    return *of_penalty(x, y, w1, w2), first, rates(x, y, w1, w2, 0 * g1, g2)[1]
