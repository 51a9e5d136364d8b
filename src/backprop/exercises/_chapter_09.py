"""The exercises of chapter 9, forward or reverse."""

from __future__ import annotations

import itertools

import numpy as np

from backprop.exercises._attempt import Attempt, numbers
from backprop.exercises._orders import all_orders, chain, from_both_ends, most_outputs
from backprop.exercises._parts import named
from backprop.exercises._sheet import exercise

# 9.1


@exercise("9.1", "Which way round?", level=1, minutes=20, topics=("cost and memory",))
def which_way_round(attempt: Attempt) -> str:
    """(reverse, forward, reverse_walks, forward_walks) for the widths n."""
    for n in ((3, 50, 40, 2), (2, 40, 50, 3), (4, 6, 1, 5, 2), (1, 9, 1, 2), (7, 3)):
        names = "reverse forward reverse_walks forward_walks"
        result = named(attempt, attempt(n), names)
        for name, expected in zip(names.split(), from_both_ends(n), strict=True):
            attempt.equal(result[name], expected, f"{name} for the widths {n}")
    return "The same as counting one by one, for five networks."


def layer_sizes(n):
    return [a * b for a, b in itertools.pairwise(n)]


@which_way_round.slip(
    "the two directions exchanged",
    says="At which end does reverse mode start, and whose rows does it have in hand then?",
    reveals="Ties the names to the order in which the factors are written.",
)
def _(n):
    s = layer_sizes(n)
    return n[0] * sum(s[1:]), n[-1] * sum(s[:-1]), n[0] * sum(s), n[-1] * sum(s)


@which_way_round.slip(
    "a first factor that is paid for",
    says="In matrix products, what does the first matrix have to be multiplied by?",
    reveals="Uses one formula for two ways of counting: walks have a seed, products have none.",
)
def _(n):
    s = sum(layer_sizes(n))
    return n[-1] * s, n[0] * s, n[-1] * s, n[0] * s


@which_way_round.slip(
    "one walk for the whole Jacobian",
    says="One walk brings one row or one column. How many are there?",
    reveals="Thinks of training, where one walk is enough since the loss is one number.",
)
def _(n):
    s = layer_sizes(n)
    return n[-1] * sum(s[:-1]), n[0] * sum(s[1:]), sum(s), sum(s)


# 9.2


@exercise(
    "9.2",
    "Division and exponential for dual numbers",
    level=1,
    minutes=15,
    topics=("chain rule", "numerical derivatives"),
)
def division_and_exponential(attempt: Attempt) -> str:
    """(quotient, exponential): a / b and e^a as pairs of value and tangent, for pairs a and b."""
    for seed in range(3):
        a, a_rate, b, b_rate = np.random.default_rng(seed).uniform(0.5, 2, size=4).tolist()
        b, b_rate = (-1) ** seed * b, -b_rate

        def quotient(s, a=a, a_rate=a_rate, b=b, b_rate=b_rate):
            return (a + s * a_rate) / (b + s * b_rate)

        def exponential(s, a=a, a_rate=a_rate):
            return np.exp(a + s * a_rate)

        result = named(attempt, attempt((a, a_rate), (b, b_rate)), "quotient exponential")
        for name, function in (("quotient", quotient), ("exponential", exponential)):
            pair = named(attempt, result[name], "value tangent")
            attempt.equal(pair["value"], function(0.0), f"The value of the {name}")
            attempt.gradient(function, 0.0, pair["tangent"], f"The tangent of the {name}")
    return "Values are right, and tangents agree with difference quotients."


@division_and_exponential.slip(
    "a quotient of tangents",
    says="Let b stand still. At what rate does the quotient move then?",
    reveals="Takes the derivative of a quotient to be the quotient of the derivatives.",
)
def _(a, b):
    value = np.exp(a[0])
    return (a[0] / b[0], a[1] / b[1]), (value, value * a[1])


@division_and_exponential.slip(
    "a plus where the tangent of b comes in",
    says="If the denominator grows and nothing else moves, does the quotient rise or fall?",
    reveals="Carries the product rule over with its sign.",
)
def _(a, b):
    q, value = a[0] / b[0], np.exp(a[0])
    return (q, (a[1] + q * b[1]) / b[0]), (value, value * a[1])


@division_and_exponential.slip(
    "an exponential of the tangent",
    says="Let a stand still, with a tangent of 0. What should the tangent of the exponential be?",
    reveals="Applies the function to both parts of the pair; the tangent must enter linearly.",
)
def _(a, b):
    q = a[0] / b[0]
    return (q, (a[1] - q * b[1]) / b[0]), (np.exp(a[0]), np.exp(a[1]))


@division_and_exponential.slip(
    "the slope of the exponential alone",
    says="How fast does a itself move?",
    reveals="Stops at the derivative of the outer function.",
)
def _(a, b):
    q, value = a[0] / b[0], np.exp(a[0])
    return (q, (a[1] - q * b[1]) / b[0]), (value, value)


# 9.3


@exercise("9.3", "Dual numbers are matrices", level=2, minutes=15, topics=("chain rule", "tensors"))
def dual_matrices(attempt: Attempt) -> str:
    """The (2, 2) matrix that a polynomial takes for x moving at rate 1, from coefficients, x."""
    cases = [([0.0, 1, -3, 0, 1], 1.5), ([2.0, -1, 0.5, 3], -0.75), ([4.0], 0.3)]
    for coefficients, x in cases:

        def p(x, coefficients=coefficients):
            return sum(c * np.prod([x] * k) for k, c in enumerate(coefficients))

        P = numbers(attempt(coefficients, x))
        attempt.holds(P.shape == (2, 2), f"The shape is {P.shape}; expected a (2, 2) matrix.")
        told = f"for the coefficients {coefficients}"
        attempt.equal(np.diag(P), [p(x)] * 2, f"The diagonal {told}")
        attempt.equal(P[1, 0], 0.0, f"The entry below the diagonal {told}")
        attempt.gradient(p, x, P[0, 1], f"The entry above the diagonal {told}")
    return "Value and derivative are in their places, for three polynomials."


def polynomial(coefficients, X):
    powers = (np.linalg.matrix_power(X, k) for k in range(len(coefficients)))
    return sum(c * power for c, power in zip(coefficients, powers, strict=True))


@dual_matrices.slip(
    "powers of every entry by itself",
    says="Square one of these matrices by hand. Is that what your program makes of it?",
    reveals="Writes a power or a star, which work entry by entry, and means the matrix product.",
)
def _(coefficients, x):
    return sum(c * np.array([[x, 1.0], [0, x]]) ** k for k, c in enumerate(coefficients))


@dual_matrices.slip(
    "a constant in all four entries",
    says="Which matrix stands for the number 1?",
    reveals="Adds a number to an array; NumPy repeats it, and a constant seems to move.",
)
def _(coefficients, x):
    X = np.array([[x, 1.0], [0, x]])
    return polynomial(coefficients, X) + coefficients[0] * (1 - np.eye(2))


@dual_matrices.slip(
    "the tangent below the diagonal",
    says="The arithmetic is right. In which corner does a matrix of the exercise have its tangent?",
    reveals="Works with the transposes, which obey the same rules; a matter of convention, worth "
    "saying aloud.",
)
def _(coefficients, x):
    return polynomial(coefficients, np.array([[x, 0], [1.0, x]]))


@dual_matrices.slip(
    "an x that stands still",
    says="At what rate has x to move, so that what arrives is a derivative?",
    reveals="Puts the number in and forgets the seed of forward mode.",
)
def _(coefficients, x):
    return polynomial(coefficients, x * np.eye(2))


# 9.4


def moving_loss(net, rates, x, s):
    """The sum of the squares of the outputs at the time s."""
    (W, b), (W_rate, b_rate), h = net, rates, x
    for layer in W:
        h = h @ (W[layer] + s * W_rate[layer]) + b[layer] + s * b_rate[layer]
        h = h if layer == len(W) else np.tanh(h)
    return (h**2).sum()


@exercise(
    "9.4",
    "Weights that move",
    level=2,
    minutes=30,
    topics=("chain rule", "cost and memory"),
)
def weights_that_move(attempt: Attempt) -> str:
    """(rate, walks_W1, walks_all) from net, the rates of its weights and biases, and x."""
    for seed, n in enumerate(((4, 5, 3, 2), (3, 4, 2), (2, 3, 3, 2, 1))):
        rng = np.random.default_rng(seed)
        layers = range(1, len(n))

        def draw(rng=rng, n=n, layers=layers):
            weights = {k: rng.normal(size=(n[k - 1], n[k])) for k in layers}
            return weights, {k: rng.normal(size=n[k]) for k in layers}

        net, rates, x = draw(), draw(), rng.normal(size=n[0])

        def at_time(s, net=net, rates=rates, x=x):
            return moving_loss(net, rates, x, s)

        result = named(attempt, attempt(net, rates, x), "rate walks_W1 walks_all")
        told = f"for the widths {n}"
        attempt.gradient(at_time, 0.0, result["rate"], f"The rate {told}")
        W, b = net
        attempt.equal(result["walks_W1"], W[1].size, f"walks_W1 {told}")
        everything = sum(array.size for kind in (W, b) for array in kind.values())
        attempt.equal(result["walks_all"], everything, f"walks_all {told}")
    return "Rates agree with difference quotients, and walks are right."


def forward_rate(net, rates, x, both=True, slopes=True, product=False):
    (W, b), (W_rate, b_rate) = net, rates
    h, t = x, np.zeros_like(x)
    for layer in W:
        moved = t @ W_rate[layer] if product else h @ W_rate[layer] + both * t @ W[layer]
        h, t = h @ W[layer] + b[layer], moved + b_rate[layer]
        if layer < len(W):
            h = np.tanh(h)
            t = (1 - h**2) * t if slopes else t
    sizes = {layer: W[layer].size + b[layer].size for layer in W}
    return 2 * (h * t).sum(), W[1].size, sum(sizes.values())


@weights_that_move.slip(
    "inputs of a layer that stand still",
    says="The weights of a layer move. What else moves in its product, from the second layer on?",
    reveals="Differentiates with respect to the weights and treats what comes in as data.",
)
def _(net, rates, x):
    return forward_rate(net, rates, x, both=False)


@weights_that_move.slip(
    "the product of the two tangents",
    says="Let the weights stand still. Does the result stand still, too?",
    reveals="Multiplies tangents as if they were values: the very term that is dropped.",
)
def _(net, rates, x):
    return forward_rate(net, rates, x, product=True)


@weights_that_move.slip(
    "tangents that go past tanh unchanged",
    says="A hidden unit is nearly saturated. How fast does its output move?",
    reveals="Looks after the products only.",
)
def _(net, rates, x):
    return forward_rate(net, rates, x, slopes=False)


@weights_that_move.slip(
    "no walks for the biases",
    says="The rate is right. Is a bias a parameter?",
    reveals="Counts the matrices; the biases are easily forgotten where they cost nothing.",
)
def _(net, rates, x):
    rate, walks, _ = forward_rate(net, rates, x)
    return rate, walks, sum(array.size for array in net[0].values())


# 9.5


@exercise(
    "9.5", "A gradient from one forward walk?", level=3, minutes=30, topics=("cost and memory",)
)
def one_forward_walk(attempt: Attempt) -> str:
    """(average, squared_error) over all directions of signs, from the gradient g."""
    for n in (4, 1, 7, 3):
        g = np.random.default_rng(n).normal(size=n)
        result = named(attempt, attempt(g), "average squared_error")
        signs = [np.array(v) for v in itertools.product((-1.0, 1.0), repeat=n)]
        estimates = [sum(g * v) * v for v in signs]
        told = f"for {n} inputs" if n > 1 else "for a single input"
        average = sum(estimates) / len(signs)
        attempt.equal(result["average"], average, f"The average {told}", 1e-8)
        error = sum(((e - g) ** 2).sum() for e in estimates) / len(signs)
        size = (g**2).sum()  # rounding is measured by it where the error is 0
        found = numbers(result["squared_error"], "squared_error") + size
        attempt.equal(found, error + size, f"The squared error {told}", 1e-8)
    return "Both agree with an average over all directions, for four sizes."


@one_forward_walk.slip(
    "signs that cancel",
    says="The direction has its sign twice: in the rate and in the vector. What is a sign squared?",
    reveals="Averages the direction first; forgets that the rate depends on it.",
)
def _(g):
    return np.zeros_like(g), len(g) * (g @ g)


@one_forward_walk.slip(
    "an average that is shorter by the number of inputs",
    says="Try a single input, with both of its directions.",
    reveals="Has directions of length one in mind, of which each takes its share.",
)
def _(g):
    return g / len(g), (len(g) - 1) * (g @ g)


@one_forward_walk.slip(
    "the squared length of the estimate",
    says="The average is right. How far off is the estimate if there is a single input?",
    reveals="Confuses the size of the estimate with its distance from the gradient.",
)
def _(g):
    return g + 0.0, len(g) * (g @ g)


@one_forward_walk.slip(
    "a distance that is not squared",
    says="The average is right. Should the error double or quadruple when the gradient doubles?",
    reveals="Takes the root in between: the mean of a square is asked for.",
)
def _(g):
    return g + 0.0, np.sqrt((len(g) - 1) * (g @ g))


# 9.6


@exercise("9.6", "The best order by hand", level=2, minutes=30, topics=("cost and memory",))
def best_order(attempt: Attempt) -> str:
    """(C, outputs): the table of fewest multiplications, and the most outputs, for widths n."""
    for n in ((5, 20, 3, 30, 4), (4, 4, 4, 3), (6, 7, 2, 6, 3, 5)):
        J = chain(n)[::-1]
        C = np.zeros((len(J), len(J)))
        for i, j in itertools.combinations(range(len(J)), 2):
            C[i, j] = min(all_orders(J[i : j + 1][::-1]))
        result = named(attempt, attempt(n), "C outputs")
        attempt.equal(result["C"], C, f"The table for the widths {n}")
        outputs = most_outputs(n)
        attempt.equal(result["outputs"], outputs, f"The number of outputs for the widths {n}")
    return "The same as a search through all orders, for three networks."


def table(n, sizes, best=min):
    L = len(n) - 1
    C = np.zeros((L, L))
    for size in range(1, L):
        for i in range(L - size):
            j = i + size
            C[i, j] = best(C[i, k] + C[k + 1, j] + sizes(n, i, j, k) for k in range(i, j))
    return C


def three_sizes(n, i, j, k):
    return n[j + 1] * n[k + 1] * n[i]


@best_order.slip(
    "widths that are off by one",
    says="Is the pair of the first two layers right? Its product has the inputs of the network as "
    "columns.",
    reveals="Numbers layers and widths alike; layer i has the width before it as its columns.",
)
def _(n):
    return table(n, lambda n, i, j, k: n[j + 1] * n[k + 1] * n[i + 1]), most_outputs(n)


@best_order.slip(
    "the first place tried for the last multiplication",
    says="The pairs are right. How many candidates are there for three layers?",
    reveals="Fills the table along one order and does not take a minimum.",
)
def _(n):
    return table(n, three_sizes, best=next), most_outputs(n)


@best_order.slip(
    "one output as the only one",
    says="The table is right. The theorem says that one output is enough. Does it have to be one?",
    reveals="Reads a sufficient condition as a necessary one.",
)
def _(n):
    return table(n, three_sizes), 1


@best_order.slip(
    "the parts left out of the sum",
    says="The last multiplication is counted. What did the two matrices that it joins cost?",
    reveals="Compares last products only; the recurrence needs what was found before.",
)
def _(n):
    L = len(n) - 1
    C = np.zeros((L, L))
    for i, j in itertools.combinations(range(L), 2):
        C[i, j] = min(three_sizes(n, i, j, k) for k in range(i, j))
    return C, most_outputs(n)
