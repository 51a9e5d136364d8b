"""Checks of the equations of chapter 8, general back-propagation."""

from collections.abc import Callable

import numpy as np
import torch

from backprop import graph
from backprop.graph.operations import bprop
from equations.harness import Result, check, equal, gradient

SHAPE = (3, 4)


def jacobian(f: Callable, *inputs: np.ndarray, position: int = 0) -> np.ndarray:
    """All derivatives of the array f(*inputs) with respect to one input, by autograd."""
    tensors = [torch.tensor(array) for array in inputs]

    def of_one(moved: torch.Tensor) -> torch.Tensor:
        return f(*tensors[:position], moved, *tensors[position + 1 :])

    return torch.autograd.functional.jacobian(of_one, tensors[position]).numpy()


def vjp(D: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The sum over i of D_i times the table's entry (i, j)."""
    return np.tensordot(D, table, axes=D.ndim)


@check(
    "eq-general-consumers",
    r"""
    \frac{\partial z}{\partial V_j} = \sum_{(W,\, p)} \; \sum_{i}
    \frac{\partial z}{\partial W_i} \left. \frac{\partial W_i}{\partial V_j} \right|_{p}
    """,
)
def consumers(rng: np.random.Generator) -> Result:
    # V is read by three positions: twice by a product that is symmetric in nothing, once by V @ C.
    V, C, D1, D2 = (rng.normal(size=s) for s in (SHAPE, (4, 2), SHAPE, (3, 2)))

    def first(a, b):
        return torch.sin(a) * b

    def z(t: torch.Tensor) -> torch.Tensor:
        return (first(t, t) * torch.tensor(D1)).sum() + (
            t @ torch.tensor(C) * torch.tensor(D2)
        ).sum()

    claimed = vjp(D1, jacobian(first, V, V, position=0))
    claimed = claimed + vjp(D1, jacobian(first, V, V, position=1))
    claimed = claimed + vjp(D2, jacobian(lambda a, b: a @ b, V, C))
    return gradient(z, V, claimed)


def by_rule(make: Callable, position: int, D: np.ndarray, *inputs: np.ndarray) -> np.ndarray:
    """What the package's rule gives for one input of the node that ``make`` builds."""
    nodes = [graph.variable(f"V{k}") for k in range(len(inputs))]
    seed = graph.variable("D")
    rule = bprop(position, make(*nodes), seed)
    return graph.function([*nodes, seed], [rule])(*inputs, D)[0]


@check(
    "eq-general-contract",
    r"""
    \operatorname{bprop}(p, W, D)_j = \sum_{i} D_i
    \left. \frac{\partial W_i}{\partial V_j} \right|_{p}
    """,
)
def contract(rng: np.random.Generator) -> Result:
    A, B, C, row = (rng.normal(size=s) for s in (SHAPE, SHAPE, (4, 2), (4,)))
    D, narrow, column = (rng.normal(size=s) for s in (SHAPE, (3, 2), (3,)))
    return [
        equal(by_rule(node, p, seed, *inputs), vjp(seed, jacobian(f, *inputs, position=p)))
        for node, f, p, seed, inputs in (
            (lambda a, b: a * b, lambda a, b: a * b, 0, D, (A, B)),
            (lambda a, b: a @ b, lambda a, b: a @ b, 0, narrow, (A, C)),
            (lambda a, b: a @ b, lambda a, b: a @ b, 1, narrow, (A, C)),
            (lambda a, b: a / b, lambda a, b: a / b, 0, D, (row, B)),
            (lambda a, b: a / b, lambda a, b: a / b, 1, D, (row, B)),
            (lambda a, b: a * b, lambda a, b: a * b, 0, D, (row, B)),
            (lambda a: graph.logsumexp(a, axis=1), lambda a: a.logsumexp(1), 0, column, (A,)),
            (lambda a: graph.sum(a, axis=1), lambda a: a.sum(1), 0, column, (A,)),
            (graph.relu, torch.relu, 0, D, (A,)),
        )
    ]


@check(
    "eq-general-build",
    r"""
    \frac{\partial z}{\partial V} = \sum_{(W,\, p)}
    \operatorname{bprop}\!\left(p,\, W,\, \frac{\partial z}{\partial W}\right)
    """,
)
def build(rng: np.random.Generator) -> Result:
    # W1 = V V² reads V and its square; z = sum(D1 W1) + sum(D2 tanh(V)), where V is read thrice.
    V = rng.uniform(0.5, 1.5, size=SHAPE)
    D1, D2 = rng.normal(size=(2, *SHAPE))

    def z(t: torch.Tensor) -> torch.Tensor:
        return (t * (t * t) * torch.tensor(D1)).sum() + (torch.tanh(t) * torch.tensor(D2)).sum()

    def times(a, b):
        return a * b

    square = V * V
    grad_square = by_rule(times, 1, D1, V, square)
    claimed = by_rule(times, 0, D1, V, square)
    claimed = claimed + by_rule(times, 0, grad_square, V, V)
    claimed = claimed + by_rule(times, 1, grad_square, V, V)
    claimed = claimed + by_rule(graph.tanh, 0, D2, V)
    return gradient(z, V, claimed)


@check(
    "eq-general-multiply",
    r"""
    \sum_{i} D_i\, \frac{\partial W_i}{\partial V_j} = \sum_{i} D_i\, \delta_{ij}\, U_i = D_j\, U_j
    """,
)
def multiply(rng: np.random.Generator) -> Result:
    V, U, D = rng.normal(size=(3, 5))
    left = vjp(D, jacobian(lambda a, b: a * b, V, U))
    return [
        equal(left, np.einsum("i,ij,i->j", D, np.eye(5), U)),
        gradient(lambda t: (torch.tensor(D) * (t * torch.tensor(U))).sum(), V, D * U),
    ]


@check(
    "eq-general-matmul",
    r"""
    \begin{aligned}
    \sum_{i,\, k} D_{ik}\, \frac{\partial W_{ik}}{\partial V_{nm}}
    &= \sum_{i,\, k} D_{ik}\, \delta_{in}\, U_{mk} \\
    &= \sum_{k} D_{nk}\, U_{mk} = \left(D\, U^\top\right)_{nm}
    \end{aligned}
    """,
)
def matmul(rng: np.random.Generator) -> Result:
    V, U, D = (rng.normal(size=s) for s in (SHAPE, (4, 2), (3, 2)))
    left = vjp(D, jacobian(lambda a, b: a @ b, V, U))
    return [
        equal(left, np.einsum("ik,in,mk->nm", D, np.eye(3), U)),
        equal(left, np.einsum("nk,mk->nm", D, U)),
        gradient(lambda t: (torch.tensor(D) * (t @ torch.tensor(U))).sum(), V, D @ U.T),
    ]


@check(
    "eq-general-sum",
    r"""
    \sum_{i} D_i\, \frac{\partial W_i}{\partial V_{nk}} = \sum_{i} D_i\, \delta_{in} = D_n
    """,
)
def sum_over_axis(rng: np.random.Generator) -> Result:
    V, D = rng.normal(size=SHAPE), rng.normal(size=3)
    left = vjp(D, jacobian(lambda a: a.sum(1), V))
    middle = np.einsum("i,in,k->nk", D, np.eye(3), np.ones(4))
    right = np.repeat(D[:, None], 4, axis=1)
    return [
        equal(left, middle),
        gradient(lambda t: (torch.tensor(D) * t.sum(1)).sum(), V, right),
    ]


@check(
    "eq-general-logsumexp",
    r"""
    \sum_{i} D_i\, \frac{\partial W_i}{\partial V_{nk}}
    = \sum_{i} D_i\, \delta_{in}\, \frac{e^{V_{nk}}}{e^{W_i}} = D_n\, e^{V_{nk} - W_n}
    """,
)
def logsumexp(rng: np.random.Generator) -> Result:
    V, D = rng.normal(size=SHAPE), rng.normal(size=3)
    W = np.log(np.exp(V).sum(1))
    middle = np.einsum("i,in,nk,i->nk", D, np.eye(3), np.exp(V), 1 / np.exp(W))
    right = D[:, None] * np.exp(V - W[:, None])

    def f(t: torch.Tensor) -> torch.Tensor:
        return (torch.tensor(D) * torch.logsumexp(t, 1)).sum()

    return [gradient(f, V, middle), gradient(f, V, right)]


@check(
    "eq-general-broadcast",
    r"""
    \sum_{i,\, k} D_{ik}\, \frac{\partial W_{ik}}{\partial V_m}
    = \sum_{i,\, k} D_{ik}\, \delta_{km} = \sum_{i} D_{im}
    """,
)
def broadcast(rng: np.random.Generator) -> Result:
    V, U, D = rng.normal(size=4), rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    left = vjp(D, jacobian(lambda a, b: a + b, V, U))
    return [
        equal(left, np.einsum("ik,km->m", D, np.eye(4))),
        gradient(lambda t: (torch.tensor(D) * (t + torch.tensor(U))).sum(), V, D.sum(0)),
    ]


# Random graphs: node 0 is read by others, the last one is z; entry (v, w) of A counts arrows.


def random_arrows(rng: np.random.Generator, nodes: int) -> np.ndarray:
    """Arrows from lower to higher numbers, at least one from every node but the last."""
    arrows = np.triu(rng.integers(0, 3, size=(nodes, nodes)), k=1)
    for v in range(nodes - 1):
        if not arrows[v].any():
            arrows[v, v + 1] = 1
    return arrows


def made_calls(arrows: np.ndarray, targets: list[int], remember: bool) -> int:
    """Calls of build_grad, counted by making them."""
    known, calls = {len(arrows) - 1}, 0

    def build_grad(v: int) -> None:
        nonlocal calls
        calls += 1
        if v in known:
            return
        for w, times in enumerate(arrows[v]):
            for _ in range(times):
                build_grad(w)
        if remember:
            known.add(v)

    for v in targets:
        build_grad(v)
    return calls


def stack(arrows_of_level: list[tuple[int, int]], added: int, levels: int) -> np.ndarray:
    """A level of ``added`` nodes on a foot, repeated; the last node of a level is the next foot."""
    nodes = added * levels + 1
    arrows = np.zeros((nodes, nodes), dtype=int)
    for level in range(levels):
        for v, w in arrows_of_level:
            arrows[added * level + v, added * level + w] += 1
    return arrows


DIAMOND = [(0, 1), (0, 2), (1, 3), (2, 3)]


def floats(numbers: list[int]) -> np.ndarray:
    return np.array(numbers, dtype=np.float64)


@check(
    "eq-general-calls",
    r"""
    N(V) = 1 + \sum_{(W,\, p)} N(W) \qquad N(z) = 1
    """,
)
def calls(rng: np.random.Generator) -> Result:
    arrows = random_arrows(rng, 7)
    N = [0] * 7
    for v in reversed(range(7)):
        N[v] = 1 + sum(int(times) * N[w] for w, times in enumerate(arrows[v]))
    weight = rng.normal()
    return [
        equal(floats([made_calls(arrows, [v], False) for v in range(7)]), floats(N)),
        equal(weight * np.float64(made_calls(arrows, [6], False)), weight * np.float64(1)),
    ]


@check("eq-general-paths", r"N(V) = \sum_{W} P(V, W)")
def paths(rng: np.random.Generator) -> Result:
    arrows = random_arrows(rng, 7)
    # The sum of all powers: entry (v, w) of the k-th counts the paths with k arrows.
    P = sum(np.linalg.matrix_power(arrows, k) for k in range(7))
    left = floats([made_calls(arrows, [v], False) for v in range(7)])
    return equal(left, P.sum(1).astype(np.float64))


@check("eq-general-memory", r"M = |T| + E")
def memory(rng: np.random.Generator) -> Result:
    left, right = [], []
    for nodes in (6, 9, 12):
        arrows, unused = random_arrows(rng, nodes), range(nodes)[-2]
        arrows[unused] = 0  # a node that z does not depend on; it is one of the targets
        below = np.linalg.matrix_power(np.eye(nodes, dtype=int) + arrows, nodes) > 0
        targets = [unused, *rng.choice(unused, size=3, replace=False).tolist()]
        between = below[targets].any(0) & below[:, -1]
        pruned = arrows * between * between[:, None]
        left.append(made_calls(pruned, targets, True))
        right.append(len(targets) + int(pruned.sum()))
    return equal(floats(left), floats(right))


@check(
    "eq-general-diamonds",
    r"""
    \begin{aligned}
    N_L &= 3 + 2\, N_{L-1} = 4 \cdot 2^L - 3 \\
    M_L &= 4 L + 1
    \end{aligned}
    """,
)
def diamonds(rng: np.random.Generator) -> Result:
    levels = rng.permutation(np.arange(1, 9))[:5].tolist()
    naive = floats([made_calls(stack(DIAMOND, 3, L), [0], False) for L in levels])
    fewer = floats([made_calls(stack(DIAMOND, 3, L - 1), [0], False) for L in levels])
    few = floats([made_calls(stack(DIAMOND, 3, L), [0], True) for L in levels])
    return [
        equal(naive, 3 + 2 * fewer),
        equal(naive, floats([4 * 2**L - 3 for L in levels])),
        equal(few, floats([4 * L + 1 for L in levels])),
    ]


def shared_weight(n: int) -> np.ndarray:
    """Node 0 is the weight; the products are 1, 3, ..., the states 2, 4, ..., the loss 2n + 1."""
    arrows = np.zeros((2 * n + 2, 2 * n + 2), dtype=int)
    for v in range(1, 2 * n + 1):
        arrows[v, v + 1] = 1
        arrows[0, v] = v % 2
    return arrows


@check(
    "eq-general-quadratic",
    r"""
    \begin{aligned}
    N_\text{chain} &= \sum_{k=1}^{n+1} k = \frac{(n+1)(n+2)}{2} \\
    N_\text{shared} &= 1 + \sum_{t=1}^{n} \bigl( 2(n - t + 1) + 1 \bigr) = (n+1)^2
    \end{aligned}
    """,
)
def quadratic(rng: np.random.Generator) -> Result:
    sizes = rng.permutation(np.arange(1, 30))[:5].tolist()
    chain = [made_calls(stack([(0, 1)], 1, n), list(range(n + 1)), False) for n in sizes]
    shared = [made_calls(shared_weight(n), [0], False) for n in sizes]
    steps = [1 + sum(2 * (n - t + 1) + 1 for t in range(1, n + 1)) for n in sizes]
    return [
        equal(floats(chain), floats([sum(range(1, n + 2)) for n in sizes])),
        equal(floats(chain), floats([(n + 1) * (n + 2) // 2 for n in sizes])),
        equal(floats(shared), floats(steps)),
        equal(floats(shared), floats([(n + 1) ** 2 for n in sizes])),
    ]


@check(
    "eq-general-softplus",
    r"""
    \sum_{i} D_i\, \frac{\partial}{\partial V_j} \ln\left(1 + e^{V_i}\right)
    = D_j\, \frac{e^{V_j}}{1 + e^{V_j}} = D_j\, \sigma(V_j)
    """,
)
def softplus(rng: np.random.Generator) -> Result:
    V, D = rng.normal(size=(2, *SHAPE))

    def f(t: torch.Tensor) -> torch.Tensor:
        return (torch.tensor(D) * torch.nn.functional.softplus(t)).sum()

    middle = D * np.exp(V) / (1 + np.exp(V))
    return [gradient(f, V, middle), gradient(f, V, D / (1 + np.exp(-V)))]


@check(
    "eq-general-convolution",
    r"""
    \begin{aligned}
    \operatorname{bprop}(1, W, D)_m &= \sum_{i=0}^{n-K} D_i\, V_{i+m} \\
    \operatorname{bprop}(0, W, D)_j &= \sum_{m=0}^{K-1} c_m\, D_{j-m}
    \end{aligned}
    """,
)
def convolution(rng: np.random.Generator) -> Result:
    return [slid(rng, n, K) for n, K in ((7, 3), (6, 1), (4, 4))]


def slid(rng: np.random.Generator, n: int, K: int) -> Result:
    """Both lines for a kernel of K numbers that slides along n."""
    V, c, D = (rng.normal(size=size) for size in (n, K, n - K + 1))

    def slide(signal: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv1d(signal[None, None], kernel[None, None])[0, 0]

    for_c = np.array([sum(D[i] * V[i + m] for i in range(n - K + 1)) for m in range(K)])
    inside = range(n - K + 1)
    for_V = np.array([sum(c[m] * D[j - m] for m in range(K) if j - m in inside) for j in range(n)])
    return [
        gradient(lambda t: (torch.tensor(D) * slide(torch.tensor(V), t)).sum(), c, for_c),
        gradient(lambda t: (torch.tensor(D) * slide(t, torch.tensor(c))).sum(), V, for_V),
    ]


@check(
    "eq-general-fibonacci",
    r"""
    \begin{aligned}
    N_k &= 1 + N_{k-1} + N_{k-2} = F_{k+3} - 1 \\
    M_k &= 1 + k + (k - 1) = 2k
    \end{aligned}
    """,
)
def fibonacci(rng: np.random.Generator) -> Result:
    F = [0, 1]
    for _ in range(18):
        F.append(F[-1] + F[-2])

    def ladder(k: int) -> np.ndarray:
        arrows = np.eye(k + 1, k=1, dtype=int)
        return arrows + np.eye(k + 1, k=2, dtype=int)

    ks = rng.permutation(np.arange(2, 13))[:5].tolist()
    naive = floats([made_calls(ladder(k), [0], False) for k in ks])
    before = [made_calls(ladder(k - 1), [0], False) for k in ks]
    earlier = [made_calls(ladder(k - 2), [0], False) for k in ks]
    few = floats([made_calls(ladder(k), [0], True) for k in ks])
    return [
        equal(naive, floats([1 + a + b for a, b in zip(before, earlier, strict=True)])),
        equal(naive, floats([F[k + 3] - 1 for k in ks])),
        equal(few, floats([1 + k + (k - 1) for k in ks])),
        equal(few, floats([2 * k for k in ks])),
    ]
