"""The exercises of chapter 7, tensors, one index at a time."""

from __future__ import annotations

import itertools
import math
from functools import partial

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import named
from backprop.exercises._sheet import exercise

# 7.1


@exercise("7.1", "Counting through", level=1, minutes=12, topics=("tensors",))
def counting_through(attempt: Attempt) -> str:
    """(entry, steps, first_fastest) from the coordinate j and a shape of three axes."""
    rng = np.random.default_rng(71)
    for shape in ((3, 4, 5), (4, 2, 3), (2, 7, 4)):
        tuples = list(itertools.product(*map(range, shape)))
        other = sorted(tuples, key=lambda entry: entry[::-1])
        for j in (len(tuples) * 5 // 8, 0, len(tuples) - 1, int(rng.integers(len(tuples)))):
            result = named(attempt, attempt(j, shape), "entry steps first_fastest")
            told = f"for the coordinate {j} in the shape {shape}"
            attempt.equal(result["entry"], tuples[j], f"The entry {told}")
            steps = [tuples.index(one) for one in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
            attempt.equal(result["steps"], steps, f"The triple of steps {told}")
            attempt.equal(
                result["first_fastest"],
                other.index(tuples[j]),
                f"The coordinate with the first axis fastest, {told},",
            )
    return "The same as counting all entries through, in three shapes."


@counting_through.slip(
    "the first axis counted fastest",
    says="Which index moves between the coordinates 0 and 1 in this book, the first or the last?",
    reveals="Reads a tuple like a number with its last digit first.",
)
def _(j, shape):
    n1, n2, n3 = shape
    return (j % n1, j // n1 % n2, j // (n1 * n2)), (1, n1, n1 * n2), j


@counting_through.slip(
    "a step as long as the next axis, for every axis",
    says="How many entries are passed when the first index grows by 1? Count in a small array.",
    reveals="Knows that sizes make the steps, and not that a step passes whole blocks.",
)
def _(j, shape):
    n1, n2, n3 = shape
    entry = j // (n2 * n3), j // n3 % n2, j % n3
    return entry, (n2, n3, 1), entry[0] + n1 * (entry[1] + n2 * entry[2])


@counting_through.slip(
    "the indices turned around, the sizes left as they were",
    says="When another axis is the fastest, which sizes stand in front of the other two indices?",
    reveals="Exchanges letters in the formula; does not ask what each size counts.",
)
def _(j, shape):
    _, n2, n3 = shape
    i1, i2, i3 = j // (n2 * n3), j // n3 % n2, j % n3
    return (i1, i2, i3), (n2 * n3, n3, 1), (i3 * n2 + i2) * n3 + i1


# 7.2


@exercise(
    "7.2", "All products of two vectors", level=1, minutes=12, topics=("tensors", "paths and sums")
)
def all_products(attempt: Attempt) -> str:
    """(grad_u, grad_v) of Y[i, k] = u[i] v[k] from u, v, grad_Y."""
    for seed, (N, K) in enumerate(((3, 4), (5, 2), (1, 3))):
        rng = np.random.default_rng(seed)
        u, v, G = rng.normal(size=N), rng.normal(size=K), rng.normal(size=(N, K))

        def z(u, v, G):
            return sum(G[i, k] * u[i] * v[k] for i, k in np.ndindex(G.shape))

        result = named(attempt, attempt(u, v, G), "grad_u grad_v")
        attempt.gradient(partial(z, v=v, G=G), u, result["grad_u"], "grad_u")
        attempt.gradient(partial(z, u, G=G), v, result["grad_v"], "grad_v")
    return "Both agree with central differences, for three pairs of lengths."


@all_products.slip(
    "products that are not added up",
    says="A number of u stands in a whole row of Y. How many numbers does its gradient have?",
    reveals="Differentiates entry by entry and forgets that one entry of u has many paths.",
)
def _(u, v, grad_Y):
    return grad_Y * v, grad_Y * u[:, None]


@all_products.slip(
    "each vector with its own factor",
    says="When an entry of u moves, at what rate does the product move: that of u, or that of v?",
    reveals="Takes the derivative of a product to be the factor that moves.",
)
def _(u, v, grad_Y):
    return grad_Y.sum(axis=1) * u, grad_Y.sum(axis=0) * v


@all_products.slip(
    "sums taken before the products",
    says="Each entry of a row meets another number. May they be added before they are multiplied?",
    reveals="Splits the sum of a product into a product of sums.",
)
def _(u, v, grad_Y):
    return grad_Y.sum(axis=1) * v.sum(), grad_Y.sum(axis=0) * u.sum()


# 7.3


@exercise(
    "7.3",
    "A stack of matrix products",
    level=2,
    minutes=20,
    topics=("tensors", "batches and shapes"),
)
def stack(attempt: Attempt) -> str:
    """(grad_A, grad_B, grad_shared) of Y[s] = A[s] @ B[s] from A, B, grad_Y."""
    for seed, (S, N, J, K) in enumerate(((2, 3, 4, 5), (3, 4, 2, 1))):
        rng = np.random.default_rng(seed)
        A, B = rng.normal(size=(S, N, J)), rng.normal(size=(S, J, K))
        G = rng.normal(size=(S, N, K))

        def z(A, B, G):
            return sum((G[s] * (A[s] @ B[s])).sum() for s in range(len(G)))

        def with_shared(one, A=A, G=G):
            return z(A, [one] * len(A), G)

        result = named(attempt, attempt(A, B, G), "grad_A grad_B grad_shared")
        attempt.gradient(partial(z, B=B, G=G), A, result["grad_A"], "grad_A")
        attempt.gradient(partial(z, A, G=G), B, result["grad_B"], "grad_B")
        attempt.gradient(with_shared, B[0], result["grad_shared"], "grad_shared")
    return "All three agree with central differences, for two stacks."


def stacked(A, B, grad_Y):
    grad_A, grad_B = grad_Y @ B.swapaxes(1, 2), A.swapaxes(1, 2) @ grad_Y
    return grad_A, grad_B, grad_B.sum(axis=0)


@stack.slip(
    "a mean over the stack",
    says="One matrix acts in every member of the stack. What becomes of what several paths bring?",
    reveals="Sees the members as samples of a mean loss; nothing here divides.",
)
def _(A, B, grad_Y):
    grad_A, grad_B, shared = stacked(A, B, grad_Y)
    return grad_A, grad_B, shared / len(A)


@stack.slip(
    "one member in the place of the whole stack",
    says="In how many products does a shared matrix occur?",
    reveals="Takes the shape of a matrix as a hint to drop an axis, and picks an entry of it.",
)
def _(A, B, grad_Y):
    grad_A, grad_B, _ = stacked(A, B, grad_Y)
    return grad_A, grad_B, grad_B[0]


@stack.slip(
    "members of the stack that mix",
    says="Does Y[0] depend on B[1]? Which letter says so?",
    reveals="Gives one axis two letters, or uses a product that sums over the stack.",
)
def _(A, B, grad_Y):
    _, grad_B, shared = stacked(A, B, grad_Y)
    return np.einsum("sik,tjk->sij", grad_Y, B), grad_B, shared


# 7.4


@exercise("7.4", "Running totals", level=2, minutes=15, topics=("tensors", "paths and sums"))
def running_totals(attempt: Attempt) -> str:
    """The adjoint of the running totals, applied to grad_Y."""
    for seed, n in enumerate((6, 9, 1)):
        rng = np.random.default_rng(seed)
        x, G = rng.normal(size=n), rng.normal(size=n)

        def z(x, G=G):
            return sum(G[i] * sum(x[: i + 1]) for i in range(len(G)))

        attempt.gradient(z, x, attempt(G))
    return "It agrees with central differences, for 6, 9 and 1 numbers."


@running_totals.slip(
    "running totals once more",
    says="On which outputs does the last entry of X act, and on which the first?",
    reveals="Takes a linear operation for its own adjoint, as if its table were symmetric.",
)
def _(grad_Y):
    return np.cumsum(grad_Y)


@running_totals.slip(
    "totals from the end that are filed the wrong way around",
    says="The numbers are right. Which of them belongs to the first entry?",
    reveals="Reverses once; forgets that the result has an order as well.",
)
def _(grad_Y):
    return np.cumsum(grad_Y[::-1])


@running_totals.slip(
    "differences of neighbors",
    says="This undoes the running totals. Is that what a gradient does on its way back?",
    reveals="Confuses the adjoint of an operation with its inverse.",
)
def _(grad_Y):
    return np.diff(grad_Y, prepend=0.0)


@running_totals.slip(
    "totals that leave out the entry itself",
    says="Does the total at a place include the entry at that place?",
    reveals="Off by one in the condition on the two indices.",
)
def _(grad_Y):
    return np.cumsum(grad_Y[::-1])[::-1] - grad_Y


# 7.5


@exercise("7.5", "The same letter twice", level=2, minutes=12, topics=("tensors",))
def same_letter(attempt: Attempt) -> str:
    """(for_diagonal, for_trace) from grad_Y of the diagonal and grad_trace, a number."""
    for seed, n in enumerate((4, 3, 1)):
        rng = np.random.default_rng(seed)
        X, G, t = rng.normal(size=(n, n)), rng.normal(size=n), float(rng.normal())

        def of_diagonal(X, G=G):
            return sum(G[i] * X[i, i] for i in range(len(G)))

        def of_trace(X, t=t):
            return t * sum(X[i, i] for i in range(len(X)))

        result = named(attempt, attempt(G, t), "for_diagonal for_trace")
        attempt.gradient(of_diagonal, X, result["for_diagonal"], "for_diagonal")
        attempt.gradient(of_trace, X, result["for_trace"], "for_trace")
    return "Both agree with central differences, for 4, 3 and 1 rows."


@same_letter.slip(
    "numbers of the diagonal in whole rows",
    says="Does the diagonal change when an entry beside it moves?",
    reveals="Treats the operation as a sum over an axis: one delta of the two is forgotten.",
)
def _(grad_Y, grad_trace):
    n = len(grad_Y)
    return np.repeat(grad_Y[:, None], n, axis=1), grad_trace * np.eye(n)


@same_letter.slip(
    "the gradient of the sum of all entries",
    says="The diagonal is right. Which entries of X does the trace not see?",
    reveals="Goes back through a sum, and forgets what was summed.",
)
def _(grad_Y, grad_trace):
    return np.diag(grad_Y), np.full((len(grad_Y),) * 2, grad_trace)


@same_letter.slip(
    "gradients in the shape of the diagonal",
    says="With respect to what are these gradients, and which shape does that have?",
    reveals="Stops where the numbers are right; the zeros are a part of the answer.",
)
def _(grad_Y, grad_trace):
    return grad_Y + 0.0, np.full(len(grad_Y), grad_trace)


# 7.6


def widest(fits):
    width = 0
    while fits(width + 1):
        width += 1
    return width


@exercise("7.6", "When the table no longer fits", level=1, minutes=15, topics=("cost and memory",))
def table_no_longer_fits(attempt: Attempt) -> str:
    """(widest_X, widest_W, entries, nonzero) from memory, N, size and the ReLU's width H."""
    cases = [(16 * 10**9, 64, 4, 1000), (2 * 10**9, 48, 8, 37), (10**6, 2, 4, 9)]
    for memory, N, size, H in cases:
        result = named(attempt, attempt(memory, N, size, H), "widest_X widest_W entries nonzero")
        told = f"for {memory} bytes, a batch of {N} and numbers of {size} bytes"
        for name in ("widest_X", "widest_W"):

            def fits(H, name=name, N=N, most=memory // size):
                Y, inputs = (N, H), (N, H) if name == "widest_X" else (H, H)
                return math.prod(Y + inputs) <= most  # the shapes, one after the other

            found = result[name]
            attempt.holds(
                np.ndim(found) == 0 and found == np.floor(found),
                f"{name} {told} is {found}; a layer has a whole number of units.",
            )
            attempt.equal(found, widest(fits), f"{name} {told}")
        told = f"for N = {N}, H = {H},"
        attempt.equal(result["entries"], math.prod((N, H, N, H)), f"entries {told}")
        attempt.equal(result["nonzero"], math.prod((N, H)), f"nonzero {told}")
    return "The widths are the last that fit, and the ReLU is counted right."


def relu_counts(N, H):
    return (N * H) ** 2, N * H


@table_no_longer_fits.slip(
    "one byte a number",
    says="How many bytes does an entry take?",
    reveals="Counts entries and calls them bytes.",
)
def _(memory, N, size, H):
    X, W = widest(lambda w: (N * w) ** 2 <= memory), widest(lambda w: N * w**3 <= memory)
    return X, W, *relu_counts(N, H)


@table_no_longer_fits.slip(
    "blocks of the diagonal only",
    says="A table holds its zeros, too. How many columns does it have for a batch?",
    reveals="Counts what is of use in place of what is stored.",
)
def _(memory, N, size, H):
    X = widest(lambda w: size * N * w**2 <= memory)
    return X, widest(lambda w: size * N * w**3 <= memory), *relu_counts(N, H)


@table_no_longer_fits.slip(
    "a cube root that rounding has taken just below a whole number",
    says="In this case a table fills the memory to the last byte. Try the next width, in integers.",
    reveals="Trusts a floating-point root cut off to an integer. A count upward, or a test of the "
    "neighbor, is safe.",
)
def _(memory, N, size, H):
    X = int((memory / size) ** 0.5 / N)
    return X, int((memory / (size * N)) ** (1 / 3)), *relu_counts(N, H)


@table_no_longer_fits.slip(
    "a ReLU with a weight for every pair of units",
    says="Which inputs does one output of a ReLU depend on?",
    reveals="Thinks of a layer with weights; does not see what entry by entry means for the table.",
)
def _(memory, N, size, H):
    X = widest(lambda w: size * (N * w) ** 2 <= memory)
    return X, widest(lambda w: size * N * w**3 <= memory), (N * H) ** 2, N * H * H
