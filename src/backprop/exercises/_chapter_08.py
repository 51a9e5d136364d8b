"""The exercises of chapter 8, general back-propagation."""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import partial

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import named
from backprop.exercises._sheet import exercise
from backprop.exercises._walks import Readers, calls, diamonds, over_paths, paths

# 8.1


@exercise("8.1", "Repair the pseudo-code", level=1, minutes=20, topics=("graphs", "paths and sums"))
def repair(attempt: Attempt) -> str:
    """The gradients by name, a dictionary, from T, z and consumers."""
    book = {
        "a": [("b", 3.0), ("b", 3.0), ("c", 1.0)],
        "b": [("c", 1.0), ("d", 12.0)],
        "c": [("d", 9.0)],
        "d": [],
        "e": [],
    }
    cases = [(["a"], "d", book), (["b", "e", "d"], "d", book)]
    for seed in range(2):
        rng = np.random.default_rng(seed)
        letters = "klmnopq"
        later = {
            V: [(W, float(rng.normal())) for W in letters[i + 1 :] if rng.random() < 0.6]
            for i, V in enumerate(letters)
        }
        cases.append((["k", "m", "q", "o"], "p", later))
    deep = diamonds(11)
    for T, z, consumers in [*cases, (["v0", "v3"], "v11", deep)]:
        Readers.gone_through = 0
        found = attempt(T, z, consumers)
        steps = Readers.gone_through
        told = f"For T = {T} and z = {z!r}"
        attempt.holds(isinstance(found, dict), f"{told} the answer should return a dictionary.")
        attempt.holds(
            set(found) == set(T),
            f"{told} the gradients of {sorted(found)} are returned; the targets were others.",
            "wrong targets",
        )
        for V in T:
            attempt.equal(found[V], over_paths(V, z, consumers), f"{told} the gradient of {V!r}")
    attempt.holds(
        steps < 30 * len(deep),
        f"The gradients are right, but in a graph of {len(deep)} nodes the consumers of a node are "
        f"gone through {steps} times.",
        "too many calls",
    )
    return "The same as a sum over paths, and no node is worked out twice."


def gradients(T, z, consumers, start=0.0, remember=True, last=False):
    table = {z: 1.0}

    def build(V):
        if V in table:
            return table[V]
        total = start
        for W, local in consumers[V]:
            contribution = build(W) * local
            total = contribution if last else total + contribution
        if remember:
            table[V] = total
        return total

    return {V: build(V) for V in T}


@repair.slip(
    "a sum that starts at 1",
    says="Look at a target that nothing reads. What should it get, and what does it get?",
    reveals="Confuses the 1 at z with the start of every sum.",
)
def _(T, z, consumers):
    return gradients(T, z, consumers, start=1.0)


@repair.slip(
    "a table that nothing is written into",
    says="The program runs now. What does the table hold when the loop over the targets is done?",
    reveals="Mends what Python complains about and does not run the result by hand.",
)
def _(T, z, consumers):
    return {V: 1.0 for V in T if z == V}


@repair.slip(
    "an answer that is worked out anew for every path",
    says="What is the table for, besides holding the seed and the result?",
    reveals="Finds the right numbers, and does not see what the table saves.",
)
def _(T, z, consumers):
    return gradients(T, z, consumers, remember=False)


@repair.slip(
    "the last reader alone",
    says="A node that is read by two others has two paths. What becomes of the first contribution?",
    reveals="Writes where it should add, the classic error with shared nodes.",
)
def _(T, z, consumers):
    return gradients(T, z, consumers, last=True)


# 8.2


def exact_softplus(v: float, move: str = "0") -> Decimal:
    """ln(1 + e^(v + move)) with a hundred digits and exponents of any size."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 100, 10**9, -(10**9)
        return (1 + (Decimal(v) + Decimal(move)).exp()).ln()


def exact_slope(v: float) -> float:
    """Its slope by a central difference of a hundred digits."""
    h = "1e-20"
    with localcontext() as context:
        context.prec = 100
        rise = exact_softplus(v, h) - exact_softplus(v, "-" + h)
        return float(rise / (2 * Decimal(h)))


@exercise(
    "8.2",
    "A rule for the softplus",
    level=2,
    minutes=25,
    topics=("graphs", "activations and masks", "numerical traps"),
)
def softplus(attempt: Attempt) -> str:
    """(W, contribution): the softplus of V, and what its rule makes of D."""
    cases = [np.random.default_rng(82).normal(size=(2, 3)), np.array([-800.0, -40, 0, 30, 800])]
    for V, told in zip(cases, ("", " for V from -800 to 800"), strict=True):
        D = np.random.default_rng(83).normal(size=V.shape)
        result = named(attempt, attempt(V, D), "W contribution")
        values = np.array([float(exact_softplus(v)) for v in V.ravel()]).reshape(V.shape)
        slopes = np.array([exact_slope(v) for v in V.ravel()]).reshape(V.shape)
        attempt.equal(result["contribution"], D * slopes, f"The contribution{told}")
        attempt.equal(result["W"], values, f"W{told}")
    return "Value and rule agree with differences in a hundred digits."


def logistic(V):
    return np.exp(-np.logaddexp(0, -V))


@softplus.slip(
    "a quotient of exponentials",
    says="The formula is right. What are its two parts for a large V?",
    reveals="Programs the formula of the derivation; knows no overflow.",
)
def _(V, D):
    return np.logaddexp(0, V), D * np.exp(V) / (1 + np.exp(V))


@softplus.slip(
    "the slope on the other side of 0",
    says="For a large V the softplus is nearly V itself. What must its slope be there?",
    reveals="Loses a sign in the exponent while dividing above and below.",
)
def _(V, D):
    return np.logaddexp(0, V), D * logistic(-V)


@softplus.slip(
    "shares of a row, as for a logarithm of a sum",
    says="Which entries of V does one entry of W depend on?",
    reveals="Takes over the rule of the log of a sum, in which entries mix.",
)
def _(V, D):
    shares = np.exp(V - V.max(axis=-1, keepdims=True))
    return np.logaddexp(0, V), D * shares / shares.sum(axis=-1, keepdims=True)


@softplus.slip(
    "the second derivative",
    says="That is one derivative too many.",
    reveals="Knows the slope of the sigmoid by heart and uses it where the sigmoid itself belongs.",
)
def _(V, D):
    return np.logaddexp(0, V), D * logistic(V) * logistic(-V)


# 8.3


@exercise(
    "8.3",
    "A convolution over one axis",
    level=3,
    minutes=40,
    topics=("graphs", "tensors", "paths and sums"),
)
def convolution(attempt: Attempt) -> str:
    """(for_V, for_c): what the rules of both inputs make of D, from V, c, D."""
    for seed, (n, K) in enumerate(((7, 3), (9, 2), (5, 5), (4, 1))):
        rng = np.random.default_rng(seed)
        V, c, D = rng.normal(size=n), rng.normal(size=K), rng.normal(size=n - K + 1)

        def z(V, c, D):
            return sum(D[i] * c[m] * V[i + m] for i in range(len(D)) for m in range(len(c)))

        result = named(attempt, attempt(V, c, D), "for_V for_c")
        attempt.gradient(partial(z, V, D=D), c, result["for_c"], "for_c")
        attempt.gradient(partial(z, c=c, D=D), V, result["for_V"], "for_V")
    return "Both agree with central differences, for four pairs of sizes."


@convolution.slip(
    "a kernel that is not turned around",
    says="Follow the last entry of V: by which number of the kernel is it multiplied, and in which "
    "entry of W?",
    reveals="Slides the same kernel back as forth. With a symmetric kernel nobody notices.",
)
def _(V, c, D):
    return np.convolve(D, c[::-1]), np.correlate(V, D, "valid")


@convolution.slip(
    "no zeros around D",
    says="How many entries must the result for V have? Where are those at the ends?",
    reveals="Applies the operation to D itself, although the ends of V act on fewer outputs.",
)
def _(V, c, D):
    return np.convolve(D, c, "same")[: len(D)], np.correlate(V, D, "valid")


@convolution.slip(
    "a gradient for the kernel that runs backward",
    says="Which entry of V does the first number of the kernel meet in the first entry of W?",
    reveals="Has the mathematicians' convolution in mind, which turns the kernel around.",
)
def _(V, c, D):
    return np.convolve(D, c), np.correlate(V, D, "valid")[::-1]


# 8.4


@exercise("8.4", "Prune by hand", level=1, minutes=20, topics=("graphs",))
def prune_by_hand(attempt: Attempt) -> str:
    """(kept, arrows, calls) from reads, T, z: what each node reads, the targets, what is asked."""
    book = {"p": "uv", "q": "p", "r": "vs", "t": "qr", "k": "rr", "z": "tq"}
    squares = {"h": "xw", "a": "h", "m": "a", "d": "ay", "e": "dd", "z": "e"}
    cases = [("u", book), ("s", book), ("uvs", book), ("w", squares), ("wd", squares), ("v", book)]
    for T, reads in cases:
        result = named(attempt, attempt(reads, T, "z"), "kept arrows calls")
        on = {arrow for V in T for path in paths(V, "z", reads) for arrow in path}
        nodes = {V for V, _, _ in on} | {W for _, W, _ in on}
        told = f"For T = {T!r} in {reads}:"
        kept = result["kept"]
        attempt.holds(
            isinstance(kept, set), f"{told} the nodes that remain should be a set of names."
        )
        attempt.holds(nodes <= kept, f"{told} a node on a path is missing.", "node missing")
        leads = {V for V in kept if V == "z" or paths(V, "z", reads)}
        attempt.holds(
            kept == leads, f"{told} a node is kept that z does not depend on.", "node too many"
        )
        attempt.holds(
            kept == nodes, f"{told} a node is kept that depends on no target.", "node too many"
        )
        attempt.equal(result["arrows"], len(on), f"{told} the number of arrows")
        made = calls(T, "z", list(on))
        attempt.equal(result["calls"], made, f"{told} the number of calls")
    return "All is right for six sets of targets, in two graphs."


def cut(reads, T, z, from_targets=True, to_z=True, distinct=False):
    after, before = set(T), {z}
    for W, inputs in reads.items():
        if after & set(inputs):
            after.add(W)
    for W, inputs in reversed(reads.items()):
        if W in before:
            before |= set(inputs)
    kept = (after if from_targets else before) & (before if to_z else after)
    inputs_of = {W: set(inputs) if distinct else inputs for W, inputs in reads.items()}
    arrows = sum(V in kept for W in kept for V in inputs_of.get(W, ()))
    return kept, arrows, len(T) + arrows


@prune_by_hand.slip(
    "everything that depends on a target",
    says="There are two conditions. Which nodes can change without any effect on z?",
    reveals="Goes forward from the targets and keeps dead ends.",
)
def _(reads, T, z):
    return cut(reads, T, z, to_z=False)


@prune_by_hand.slip(
    "everything that z depends on",
    says="There are two conditions. Which nodes stay the same whatever the targets do?",
    reveals="Goes back from z and keeps inputs that nobody asked about.",
)
def _(reads, T, z):
    return cut(reads, T, z, from_targets=False)


@prune_by_hand.slip(
    "two arrows between the same nodes counted as one",
    says="A node that reads another one twice has two positions. How often is its rule used?",
    reveals="Thinks of arrows as pairs of nodes: the error that halves the slope of a square.",
)
def _(reads, T, z):
    return cut(reads, T, z, distinct=True)


@prune_by_hand.slip(
    "one call for each node",
    says="A node that is asked twice answers twice, once from the table. Is that no call?",
    reveals="Counts what is worked out, and not the questions.",
)
def _(reads, T, z):
    kept, arrows, _ = cut(reads, T, z)
    return kept, arrows, len(kept)


# 8.5


@exercise("8.5", "Count calls", level=2, minutes=20, topics=("graphs", "cost and memory"))
def count_calls(attempt: Attempt) -> str:
    """(naive, with_table) for the target k places before z."""
    for k in (5, 1, 2, 9, 14):
        result = named(attempt, attempt(k), "naive with_table")
        ladder = [(n, n + step, 0) for n in range(k) for step in (1, 2) if n + step <= k]
        for name, remember in (("naive", False), ("with_table", True)):
            made = calls([0], k, ladder, remember)  # nodes counted from the target on
            attempt.equal(result[name], made, f"{name} for k = {k}")
    return "The same as counting the calls of a recursion, for five k."


def fibonacci(k):
    a, b = 0, 1
    for _ in range(k):
        a, b = b, a + b
    return a


@count_calls.slip(
    "the number of paths",
    says="A call is also made for every node on the way, not only for the ones that arrive at z.",
    reveals="Counts the ends of the walks.",
)
def _(k):
    return fibonacci(k + 1), 2 * k


@count_calls.slip(
    "a famous number one place too early",
    says="Check the start: how many calls for k = 1, and how many for k = 2?",
    reveals="Recognizes the recurrence and does not fix its first terms.",
)
def _(k):
    return fibonacci(k + 2) - 1, 2 * k


@count_calls.slip(
    "a doubling at every step",
    says="The two readers of a node are not equally far from z.",
    reveals="Takes the numbers of the diamonds over: two readers, so a factor of 2.",
)
def _(k):
    return 2 ** (k + 1) - 1, 2 * k


@count_calls.slip(
    "two arrows for every node",
    says="The naive count is right. How many readers has the node right before z?",
    reveals="Forgets the end of the ladder, where an arrow would lead beyond z.",
)
def _(k):
    return fibonacci(k + 3) - 1, 2 * k + 1


# 8.6


@exercise("8.6", "A target that z does not depend on", level=1, minutes=10, topics=("graphs",))
def independent_target(attempt: Attempt) -> str:
    """(grad_X, grad_B, grad_Y) of the sum of the squares of X, from X and B."""
    for seed, (shape, other) in enumerate((((3, 4), (2, 5)), ((2, 2, 3), (4,)))):
        rng = np.random.default_rng(seed)
        X, B = rng.normal(size=shape), rng.normal(size=other)

        def z(X):
            return sum(number * number for number in X.ravel())

        def z_without(moved, X=X):
            return z(X)

        result = named(attempt, attempt(X, B), "grad_X grad_B grad_Y")
        attempt.gradient(z, X, result["grad_X"], "grad_X")
        attempt.gradient(z_without, B, result["grad_B"], "grad_B")
        attempt.gradient(z_without, 2 * X, result["grad_Y"], "grad_Y")
    return "All three agree with central differences, in two shapes."


@independent_target.slip(
    "z rewritten in terms of Y",
    says="On which way would a change of Y alone reach z in this graph?",
    reveals="Reads the graph as equations that may be solved for X, and not as a way of computing.",
)
def _(X, B):
    return 2 * X, np.zeros(B.shape), X + 0.0


@independent_target.slip(
    "a plain 0",
    says="The number is right. What shape was promised for a gradient?",
    reveals="Thinks that an update does not care; code that stacks gradients does.",
)
def _(X, B):
    return 2 * X, 0.0, 0.0


@independent_target.slip(
    "one of the two positions of a product",
    says="The product reads X twice. How many contributions has its gradient?",
    reveals="Keeps one reader for a node: the forgotten factor 2 of a square.",
)
def _(X, B):
    return X + 0.0, np.zeros(B.shape), np.zeros(X.shape)
