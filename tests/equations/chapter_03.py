"""Checks of the equations of chapter 3, many paths."""

from collections.abc import Callable

import numpy as np
import torch

from equations.harness import Result, check, equal, gradient

SHAPE = (3, 4)
#: Points and weights of Gauss and Legendre on [0, 1]: exact far beyond what is needed here.
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(24)
POINTS, WEIGHTS = (POINTS + 1) / 2, WEIGHTS / 2


def mean_on_segment(g: Callable, start: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The mean of g over [start, start + step], elementwise."""
    return sum(w * g(start + t * step) for t, w in zip(POINTS, WEIGHTS, strict=True))


# A function of two intermediates that is symmetric in nothing, with its partial derivatives.


def f(a, b):
    return np.sin(a) * b + a * b**2


def f_a(a, b):
    return np.cos(a) * b + b**2


def f_b(a, b):
    return np.sin(a) + 2 * a * b


def errors(a, b, da, db):
    """The two errors of the first-order expansion: mean slope less slope at the start."""
    error_a = mean_on_segment(lambda s: f_a(s, b + db), a, da) - f_a(a, b)
    error_b = mean_on_segment(lambda s: f_b(a, s), b, db) - f_b(a, b)
    return error_a, error_b


@check(
    "eq-square-increment",
    r"""
    \Delta y = (x + \Delta x)(x + \Delta x) - x\,x = x\,\Delta x + x\,\Delta x + \Delta x\,\Delta x
    """,
)
def square_increment(rng: np.random.Generator) -> Result:
    x, step = rng.normal(size=(2, *SHAPE))
    change = (x + step) ** 2 - x**2
    return [
        equal(change, (x + step) * (x + step) - x * x),
        equal(change, x * step + x * step + step * step),
    ]


@check(
    "eq-square-derivative",
    r"""
    \frac{dy}{dx} = \underbrace{b \cdot 1}_{\text{through } a}
    + \underbrace{a \cdot 1}_{\text{through } b} = x + x = 2x
    """,
)
def square_derivative(rng: np.random.Generator) -> Result:
    x = rng.normal(size=SHAPE)
    a, b = x, x
    uses = b * 1 + a * 1
    return [gradient(lambda t: (t * t).sum(), x, side) for side in (uses, x + x, 2 * x)]


@check(
    "eq-two-moves",
    r"""
    \begin{aligned}
    \Delta f = {} & \bigl[f(a + \Delta a,\, b + \Delta b) - f(a,\, b + \Delta b)\bigr] \\
     + {} & \bigl[f(a,\, b + \Delta b) - f(a,\, b)\bigr]
    \end{aligned}
    """,
)
def two_moves(rng: np.random.Generator) -> Result:
    a, b, da, db = rng.normal(size=(4, *SHAPE))
    # Each bracket by another route: a slope integrated along the one variable that moves.
    first = da * mean_on_segment(lambda s: f_a(s, b + db), a, da)
    second = db * mean_on_segment(lambda s: f_b(a, s), b, db)
    return equal(f(a + da, b + db) - f(a, b), first + second)


@check(
    "eq-first-order",
    r"""
    \begin{aligned}
    f(a + \Delta a,\, b + \Delta b) = f(a, b) & + \frac{\partial f}{\partial a}\,\Delta a
    + \frac{\partial f}{\partial b}\,\Delta b \\
     & + \underbrace{\varepsilon_a\,\Delta a + \varepsilon_b\,\Delta b}_{\text{remainder}}
    \end{aligned}
    """,
)
def first_order(rng: np.random.Generator) -> Result:
    a, b, da, db = rng.normal(size=(4, *SHAPE))
    error_a, error_b = errors(a, b, da, db)
    right = f(a, b) + f_a(a, b) * da + f_b(a, b) * db + error_a * da + error_b * db

    # That the errors vanish with the steps: what remains of the slope of f along (da, db).
    def along(t: torch.Tensor) -> torch.Tensor:
        u, v = torch.tensor(a) + t * torch.tensor(da), torch.tensor(b) + t * torch.tensor(db)
        return (torch.sin(u) * v + u * v**2).sum()

    slope = np.sum(f_a(a, b) * da + f_b(a, b) * db)
    return [equal(f(a + da, b + db), right), gradient(along, np.array(0.0), np.array(slope))]


@check(
    "eq-divided-by-step",
    r"""
    \frac{\Delta f}{\Delta x} = \frac{\partial f}{\partial a}\,\frac{\Delta a}{\Delta x}
    + \frac{\partial f}{\partial b}\,\frac{\Delta b}{\Delta x}
    + \varepsilon_a\,\frac{\Delta a}{\Delta x} + \varepsilon_b\,\frac{\Delta b}{\Delta x}
    """,
)
def divided_by_step(rng: np.random.Generator) -> Result:
    x = rng.normal(size=SHAPE)
    step = rng.uniform(0.3, 0.6, size=SHAPE)
    a, b = x**2, np.tanh(x)
    da, db = (x + step) ** 2 - a, np.tanh(x + step) - b
    error_a, error_b = errors(a, b, da, db)
    right = f_a(a, b) * da / step + f_b(a, b) * db / step
    right = right + error_a * da / step + error_b * db / step
    return equal((f(a + da, b + db) - f(a, b)) / step, right)


@check(
    "eq-chain-two",
    r"""
    \frac{dy}{dx} = \frac{\partial f}{\partial a}\,\frac{da}{dx}
    + \frac{\partial f}{\partial b}\,\frac{db}{dx}
    """,
)
def chain_two(rng: np.random.Generator) -> Result:
    x = rng.normal(size=SHAPE)

    def y(t: torch.Tensor) -> torch.Tensor:
        a, b = t**2, torch.tanh(t)
        return (torch.sin(a) * b + a * b**2).sum()

    a, b = x**2, np.tanh(x)
    return gradient(y, x, f_a(a, b) * 2 * x + f_b(a, b) * (1 - b**2))


# A function of k = 4 intermediates u[0], ..., u[3], and the intermediates as functions of x.


def g(u):
    return u[0] * u[1] ** 2 + np.sin(u[2]) * u[3] + u[0] * u[2] * u[3]


def g_partials(u):
    return [
        u[1] ** 2 + u[2] * u[3],
        2 * u[0] * u[1],
        np.cos(u[2]) * u[3] + u[0] * u[3],
        np.sin(u[2]) + u[0] * u[2],
    ]


@check(
    "eq-k-moves",
    r"""
    \begin{aligned}
    \Delta f = \sum_{i=1}^{k} \bigl[ & f(\dots, u_{i-1},\, u_i + \Delta u_i,\, u_{i+1}
    + \Delta u_{i+1}, \dots) \\
     - {} & f(\dots, u_{i-1},\, u_i,\, u_{i+1} + \Delta u_{i+1}, \dots) \bigr]
    \end{aligned}
    """,
)
def k_moves(rng: np.random.Generator) -> Result:
    u, steps = rng.normal(size=(2, 4, *SHAPE))
    right = np.zeros(SHAPE)
    for i in range(4):

        def slope(s: np.ndarray, i: int = i) -> np.ndarray:
            return g_partials([*u[:i], s, *(u + steps)[i + 1 :]])[i]

        right = right + steps[i] * mean_on_segment(slope, u[i], steps[i])
    return equal(g(u + steps) - g(u), right)


@check(
    "eq-chain-many",
    r"""\frac{dy}{dx} = \sum_{i=1}^{k} \frac{\partial f}{\partial u_i}\,\frac{du_i}{dx}""",
)
def chain_many(rng: np.random.Generator) -> Result:
    x = rng.normal(size=SHAPE)

    def y(t: torch.Tensor) -> torch.Tensor:
        u = [t**2, torch.tanh(t) + 1, 3 * t, torch.cos(t)]
        return (u[0] * u[1] ** 2 + torch.sin(u[2]) * u[3] + u[0] * u[2] * u[3]).sum()

    u = [x**2, np.tanh(x) + 1, 3 * x, np.cos(x)]
    slopes = [2 * x, 1 - np.tanh(x) ** 2, np.full(SHAPE, 3.0), -np.sin(x)]
    return gradient(y, x, sum(p * s for p, s in zip(g_partials(u), slopes, strict=True)))


# A graph with three inputs' worth of sharing, elementwise on arrays. Node 0 is v and node 5
# is z; node 4 does not lead to z. Every arrow is (from, to, local derivative).


def nodes(v, m=np):
    n1 = v * v
    n2 = m.sin(v) * n1
    n3 = n1 + m.exp(-n2)
    return [v, n1, n2, n3, m.cos(n1), n2 * n3 * v]


def arrows(v):
    _, n1, n2, n3, _, _ = nodes(v)
    return [
        (0, 1, v),
        (0, 1, v),
        (0, 2, np.cos(v) * n1),
        (1, 2, np.sin(v)),
        (1, 3, np.ones(SHAPE)),
        (2, 3, -np.exp(-n2)),
        (1, 4, -np.sin(n1)),
        (2, 5, n3 * v),
        (3, 5, n2 * v),
        (0, 5, n2 * n3),
    ]


def z_from(v: np.ndarray, cut: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """The output as a function of node ``cut``, made an input of its own; v stays as it is."""

    def z(t: torch.Tensor) -> torch.Tensor:
        v_ = t if cut == 0 else torch.tensor(v)
        n1 = t if cut == 1 else v_ * v_
        n2 = t if cut == 2 else torch.sin(v_) * n1
        n3 = t if cut == 3 else n1 + torch.exp(-n2)
        return (n2 * n3 * v_).sum()

    return z


def autograd(function: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray) -> np.ndarray:
    point = torch.tensor(x, requires_grad=True)
    return torch.autograd.grad(function(point), point)[0].numpy()


def output_by(v: np.ndarray, node: int) -> np.ndarray:
    """The derivative of the output by a node, from the definition: cut, then differentiate."""
    if node == 5:
        return np.ones(SHAPE)
    if node == 4:
        return np.zeros(SHAPE)
    return autograd(z_from(v, node), nodes(v)[node])


@check(
    "eq-successors",
    r"""
    \frac{\partial z}{\partial v} = \sum_{v \to w} \frac{\partial z}{\partial w}\,
    \lambda_{v \to w}
    """,
)
def successors(rng: np.random.Generator) -> Result:
    v = rng.uniform(0.4, 1.6, size=SHAPE)
    return [
        gradient(
            z_from(v, node),
            nodes(v)[node],
            sum(output_by(v, end) * local for start, end, local in arrows(v) if start == node),
        )
        for node in (0, 1, 2)
    ]


@check(
    "eq-expand-once",
    r"""
    \frac{\partial z}{\partial v} = \sum_{v \to w} \lambda_{v \to w}
    \sum_{w \to w'} \lambda_{w \to w'}\,\frac{\partial z}{\partial w'}
    = \sum_{v \to w \to w'} \lambda_{v \to w}\,\lambda_{w \to w'}\,
    \frac{\partial z}{\partial w'}
    """,
)
def expand_once(rng: np.random.Generator) -> Result:
    v = rng.uniform(0.4, 1.6, size=SHAPE)
    # Node 1: none of its successors is the output.
    pairs = [
        (one, two, end)
        for start, middle, one in arrows(v)
        for begin, end, two in arrows(v)
        if start == 1 and begin == middle
    ]
    nested = sum(
        one * sum(two * output_by(v, end) for begin, end, two in arrows(v) if begin == middle)
        for start, middle, one in arrows(v)
        if start == 1
    )
    flat = sum(one * two * output_by(v, end) for one, two, end in pairs)
    return [gradient(z_from(v, 1), nodes(v)[1], side) for side in (nested, flat)]


def path_products(v: np.ndarray, start: int, end: int) -> list[np.ndarray]:
    """The product of the local derivatives along every path, found from the front."""
    if start == end:
        return [np.ones(SHAPE)]
    return [
        local * rest
        for begin, middle, local in arrows(v)
        if begin == start
        for rest in path_products(v, middle, end)
    ]


@check(
    "eq-paths",
    r"""
    \frac{\partial z}{\partial v} = \sum_{p:\, v \to \cdots \to z} \;\;
    \prod_{e \in p} \lambda_e
    """,
)
def paths(rng: np.random.Generator) -> Result:
    v = rng.uniform(0.4, 1.6, size=SHAPE)
    return [
        gradient(z_from(v, node), nodes(v)[node], sum(path_products(v, node, 5)))
        for node in (0, 1, 2)
    ]


# The chapter's example, elementwise on arrays.


@check(
    "eq-example-gradients",
    r"""
    \begin{aligned}
    \frac{\partial d}{\partial c} &= b \\
    \frac{\partial d}{\partial b} &= c + \frac{\partial d}{\partial c} \cdot 1 \\
    \frac{\partial d}{\partial a} &= \frac{\partial d}{\partial b} \cdot a
    + \frac{\partial d}{\partial b} \cdot a + \frac{\partial d}{\partial c} \cdot 1
    \end{aligned}
    """,
)
def example_gradients(rng: np.random.Generator) -> Result:
    a = rng.normal(size=SHAPE)
    b, c = a * a, a * a + a
    fixed_a, fixed_b = torch.tensor(a), torch.tensor(b)
    d_c = b
    d_b = c + d_c * 1
    d_a = d_b * a + d_b * a + d_c * 1
    return [
        gradient(lambda t: (fixed_b * t).sum(), c, d_c),
        gradient(lambda t: (t * (t + fixed_a)).sum(), b, d_b),
        gradient(lambda t: (t * t * (t * t + t)).sum(), a, d_a),
    ]


@check(
    "eq-example-closed",
    r"""\frac{\partial}{\partial a}\left(a^4 + a^3\right) = 4a^3 + 3a^2""",
)
def example_closed(rng: np.random.Generator) -> Result:
    a = rng.normal(size=SHAPE)
    claimed = 4 * a**3 + 3 * a**2
    return [
        gradient(lambda t: (t**4 + t**3).sum(), a, claimed),
        gradient(lambda t: ((t * t) * (t * t + t)).sum(), a, claimed),
    ]


@check(
    "eq-example-paths",
    r"""
    \frac{\partial d}{\partial a}
    = \underbrace{a \cdot c + a \cdot c}_{a \rightrightarrows b \to d}
    + \underbrace{a \cdot 1 \cdot b + a \cdot 1 \cdot b}_{a \rightrightarrows b \to c \to d}
    + \underbrace{1 \cdot b}_{a \to c \to d}
    """,
)
def example_paths(rng: np.random.Generator) -> Result:
    a = rng.normal(size=SHAPE)
    b, c = a * a, a * a + a
    fixed_b, fixed_c = torch.tensor(b), torch.tensor(c)
    over_b = a * c + a * c
    over_b_and_c = a * 1 * b + a * 1 * b
    over_c = 1 * b
    # For one brace, what moves goes along its arrows only; every other argument is held.
    return [
        gradient(lambda t: ((t * t) * fixed_c).sum(), a, over_b),
        gradient(lambda t: (fixed_b * (t * t + torch.tensor(a))).sum(), a, over_b_and_c),
        gradient(lambda t: (fixed_b * (fixed_b + t)).sum(), a, over_c),
        gradient(lambda t: ((t * t) * (t * t + t)).sum(), a, over_b + over_b_and_c + over_c),
    ]


@check(
    "eq-gates",
    r"""
    \begin{aligned}
    s = u + v: &\quad \frac{\partial z}{\partial u} = \frac{\partial z}{\partial s},
    & \frac{\partial z}{\partial v} &= \frac{\partial z}{\partial s} \\
    s = u \cdot v: &\quad \frac{\partial z}{\partial u} = v\,\frac{\partial z}{\partial s},
    & \frac{\partial z}{\partial v} &= u\,\frac{\partial z}{\partial s} \\
    s = \max(u, v): &\quad \frac{\partial z}{\partial u}
    = \mathbf{1}[u > v]\,\frac{\partial z}{\partial s},
    & \frac{\partial z}{\partial v} &= \mathbf{1}[v > u]\,\frac{\partial z}{\partial s}
    \end{aligned}
    """,
    given={
        "s = u + v": "names the gate of the line",
        r"s = u \cdot v": "names the gate of the line",
        r"s = \max(u, v)": "names the gate of the line",
    },
)
def gates(rng: np.random.Generator) -> Result:
    u = rng.normal(size=SHAPE)
    # Away from the kink of the maximum by more than any step of a difference quotient.
    v = u + rng.choice([-1.0, 1.0], size=SHAPE) * rng.uniform(0.1, 1.0, size=SHAPE)
    t, s = torch.tensor(u), torch.tensor(v)
    of_sum, of_product, of_maximum = np.cos(u + v), np.cos(u * v), np.cos(np.maximum(u, v))
    return [
        gradient(lambda u: torch.sin(torch.add(u, s)).sum(), u, of_sum),
        gradient(lambda v: torch.sin(torch.add(t, v)).sum(), v, of_sum),
        gradient(lambda u: torch.sin(torch.mul(u, s)).sum(), u, v * of_product),
        gradient(lambda v: torch.sin(torch.mul(t, v)).sum(), v, u * of_product),
        gradient(lambda u: torch.sin(torch.maximum(u, s)).sum(), u, (u > v) * of_maximum),
        gradient(lambda v: torch.sin(torch.maximum(t, v)).sum(), v, (v > u) * of_maximum),
    ]


def build(c: int, levels: int) -> dict[int, list[int]]:
    """Levels with two ways through, each of c nodes: node -> its successors, one per arrow."""
    leaving: dict[int, list[int]] = {0: []}
    foot = 0
    for _ in range(levels):
        top = foot + c
        leaving |= {node: [] for node in range(foot + 1, top + 1)}
        between = list(range(foot + 1, top))
        leaving[foot] = between + [top] * (2 - len(between))
        for node in between:
            leaving[node] = [top]
        foot = top
    return leaving


def count_calls(leaving: dict[int, list[int]], known: set[int] | None) -> int:
    """The calls of the recursion from node 0, with or without a memory, by running it."""
    calls, pending = 0, [0]
    while pending:
        node = pending.pop()
        calls += 1
        if known is not None:
            if node in known:
                continue
            known.add(node)
        pending.extend(leaving[node])
    return calls


@check(
    "eq-calls",
    r"""
    \begin{aligned}
    N_L &= c + 2\,N_{L-1}, \qquad N_0 = 1 \\
    N_L &= (1 + c)\,2^L - c \\
    M_L &= (c + 1)\,L + 1
    \end{aligned}
    """,
    harmless={
        "weight * [naive(c, 0) for c in (1, 2, 3)] -> weight": "that this factor is 1 is stated"
    },
)
def calls(rng: np.random.Generator) -> Result:
    levels = rng.permutation(10) + 1  # from 1 to 10 in some order
    weight = rng.normal(size=3)

    def table(entry: Callable[[int, int], int]) -> np.ndarray:
        return np.array([[entry(c, level) for level in levels] for c in (1, 2, 3)], float)

    def naive(c: int, level: int) -> int:
        return count_calls(build(c, level), None)

    def remembering(c: int, level: int) -> int:
        return count_calls(build(c, level), set())

    return [
        equal(table(naive), table(lambda c, L: c + 2 * naive(c, L - 1))),
        equal(weight * [naive(c, 0) for c in (1, 2, 3)], weight * 1),
        equal(table(naive), table(lambda c, L: (1 + c) * 2**L - c)),
        equal(table(remembering), table(lambda c, L: (c + 1) * L + 1)),
    ]


@check(
    "eq-predecessors",
    r"""
    \frac{\partial w}{\partial a} = \sum_{u \to w} \lambda_{u \to w}\,
    \frac{\partial u}{\partial a}
    """,
)
def predecessors(rng: np.random.Generator) -> Result:
    a = rng.uniform(0.4, 1.6, size=SHAPE)
    by_a = [np.ones(SHAPE)]
    for w in range(1, 6):
        by_a.append(sum(local * by_a[u] for u, end, local in arrows(a) if end == w))
    return [gradient(lambda t, w=w: nodes(t, torch)[w].sum(), a, by_a[w]) for w in range(1, 6)]


@check(
    "eq-power-twice",
    r"""\frac{d}{dx}\,x^x = x \cdot x^{x-1} + x^x \ln x = x^x\,(1 + \ln x)""",
)
def power_twice(rng: np.random.Generator) -> Result:
    x = rng.uniform(0.5, 2.5, size=SHAPE)
    middle = x * x ** (x - 1) + x**x * np.log(x)
    right = x**x * (1 + np.log(x))
    return [gradient(lambda t: (t**t).sum(), x, side) for side in (middle, right)]


@check(
    "eq-quotient-locals",
    r"""
    \frac{\partial s}{\partial u} = \frac{1}{v}, \qquad
    \frac{\partial s}{\partial v} = -\frac{u}{v^2}
    """,
)
def quotient_locals(rng: np.random.Generator) -> Result:
    u, v = rng.normal(size=SHAPE), rng.uniform(0.5, 2.0, size=SHAPE)
    return [
        gradient(lambda t: (t / torch.tensor(v)).sum(), u, 1 / v),
        gradient(lambda t: (torch.tensor(u) / t).sum(), v, -u / v**2),
    ]


@check(
    "eq-directional",
    r"""
    \frac{d}{dt} f(x_1 + v_1 t, \dots, x_k + v_k t)
    = \sum_{i=1}^{k} v_i\,\frac{\partial f}{\partial x_i}
    """,
)
def directional(rng: np.random.Generator) -> Result:
    x, v = rng.normal(size=(2, 4, *SHAPE))

    def moved(t: torch.Tensor) -> torch.Tensor:
        u = torch.tensor(x) + t * torch.tensor(v)
        return (u[0] * u[1] ** 2 + torch.sin(u[2]) * u[3] + u[0] * u[2] * u[3]).sum()

    claimed = sum(rate * partial for rate, partial in zip(v, g_partials(x), strict=True))
    return gradient(moved, np.zeros(SHAPE), claimed)


@check(
    "eq-shared-weight",
    r"""\frac{\partial L}{\partial w} = \sum_{n=1}^{N} 2\,(w\,x_n - y_n)\,x_n""",
)
def shared_weight(rng: np.random.Generator) -> Result:
    w = rng.normal(size=SHAPE)
    x, y = rng.normal(size=(2, 5))

    def loss(t: torch.Tensor) -> torch.Tensor:
        return sum(((t * float(a) - float(b)) ** 2).sum() for a, b in zip(x, y, strict=True))

    return gradient(loss, w, sum(2 * (w * a - b) * a for a, b in zip(x, y, strict=True)))
