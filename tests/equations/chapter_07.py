"""Checks of the equations of chapter 7, tensors.

Left sides come from PyTorch's autograd and from central differences of independent programs;
right sides are the sums of the equations, mostly as loops over single entries.
"""

import numpy as np
import torch

from equations.harness import check, equal, gradient

N, D, K = 5, 3, 4


def drawn(rng, *shapes):
    """A normal array for each shape."""
    return [rng.normal(size=shape) for shape in shapes]


def weighed(operation, G):
    """A number whose gradient with respect to the result of ``operation`` is G."""
    return lambda x: (torch.tensor(G) * operation(x)).sum()


def jacobian(operation, x):
    """All local derivatives, by central differences: shape of the result, then shape of x."""
    columns = []
    for entry in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][entry] += 1e-6
        moved[1][entry] -= 1e-6
        columns.append((operation(moved[0]) - operation(moved[1])) / 2e-6)
    return np.stack(columns, axis=-1).reshape(*columns[0].shape, *x.shape)


def entries(local, shape, shape_x):
    """The array of ``local(i, j)`` for all tuples i of one shape and j of another."""
    found = [[local(i, j) for j in np.ndindex(*shape_x)] for i in np.ndindex(*shape)]
    return np.array(found).reshape(*shape, *shape_x)


def delta(i, j):
    """The Kronecker delta."""
    return 1.0 if i == j else 0.0


def inner(U, V):
    """The sum of the products of corresponding entries."""
    assert U.shape == V.shape
    return np.sum(U * V)


def add_over_paths(G, local, shape):
    """The chain rule with every sum a loop; ``local(i, j)`` for tuples i and j."""
    result = np.zeros(shape)
    for j in np.ndindex(*shape):
        for i in np.ndindex(*G.shape):
            result[j] += G[i] * local(i, j)
    return result


@check(
    "eq-tensor-increment",
    r"""
\frac{\Delta z}{\Delta X_j} = \sum_{i} \left( \frac{\partial z}{\partial Y_i} + \varepsilon_i
    \right) \frac{\Delta Y_i}{\Delta X_j}
""",
)
def increment(rng):
    """For z = the sum of c (Y² + Y), the factor epsilon is c times the change of Y."""
    A, X, c = drawn(rng, (6, 4), (4,), (6,))

    def z(x):
        Y = torch.tanh(torch.tensor(A) @ torch.tensor(x))
        return (torch.tensor(c) * (Y**2 + Y)).sum().item()

    quotients, sums = np.zeros(4), np.zeros(4)
    for j in range(4):
        moved = X.copy()
        moved[j] += 0.3
        quotients[j] = (z(moved) - z(X)) / 0.3
        Y, Y_moved = np.tanh(A @ X), np.tanh(A @ moved)
        d_z_d_Y, epsilon = c * (2 * Y + 1), c * (Y_moved - Y)
        sums[j] = sum((d_z_d_Y[i] + epsilon[i]) * (Y_moved - Y)[i] / 0.3 for i in range(6))
    return equal(quotients, sums)


@check(
    "eq-tensor-chain",
    r"""
\frac{\partial z}{\partial X_j} = \sum_{i} \frac{\partial z}{\partial Y_i}\, \frac{\partial
    Y_i}{\partial X_j}
""",
)
def chain(rng):
    """Y of shape (2, 5) from X of shape (2, 3, 2), both through one coordinate."""
    A, X, c = drawn(rng, (10, 12), (2, 3, 2), (10,))
    Y = np.sin(A @ X.reshape(-1))
    d_z_d_Y = c * (3 * Y**2 + 2 * Y)
    claimed = np.zeros(12)
    for j in range(12):
        claimed[j] = sum(d_z_d_Y[i] * np.cos(A[i] @ X.reshape(-1)) * A[i, j] for i in range(10))

    def z(x):
        result = torch.sin(torch.tensor(A) @ x.reshape(-1)).reshape(2, 5)
        return (torch.tensor(c).reshape(2, 5) * (result**3 + result**2)).sum()

    return gradient(z, X, claimed.reshape(2, 3, 2))


@check(
    "eq-tensor-chain-axes",
    r"""
\frac{\partial z}{\partial X_{aj}} = \sum_{i} \sum_{k} \frac{\partial z}{\partial Y_{ik}}\,
    \frac{\partial Y_{ik}}{\partial X_{aj}}
""",
)
def chain_axes(rng):
    X, W, U, G = drawn(rng, (N, D), (D, K), (2, N), (2, K))

    def operation(x):
        return torch.tensor(U) @ torch.sin(x) @ torch.tensor(W)

    claimed = np.zeros((N, D))
    for a, j in np.ndindex(N, D):
        claimed[a, j] = sum(
            G[i, k] * (U[i, a] * np.cos(X[a, j]) * W[j, k]) for i in range(2) for k in range(K)
        )
    return gradient(weighed(operation, G), X, claimed)


@check(
    "eq-tensor-local-x",
    r"""
\begin{aligned}
\frac{\partial Y_{ik}}{\partial X_{aj}} &= \sum_{l} \frac{\partial X_{il}}{\partial X_{aj}}\,
    W_{lk} \\
&= \sum_{l} \delta_{ia}\, \delta_{lj}\, W_{lk} = \delta_{ia}\, W_{jk}
\end{aligned}
""",
)
def local_x(rng):
    X, W, G = drawn(rng, (N, D), (D, K), (N, K))
    moves = jacobian(lambda x: x, X)

    def with_moves(at, to):
        (i, k), (a, j) = at, to
        return sum(moves[i, m, a, j] * W[m, k] for m in range(D))

    def with_deltas(at, to):
        (i, k), (a, j) = at, to
        return sum(delta(i, a) * delta(m, j) * W[m, k] for m in range(D))

    def short(at, to):
        (i, k), (a, j) = at, to
        return delta(i, a) * W[j, k]

    table = jacobian(lambda x: x @ W, X)
    lines = [entries(local, (N, K), (N, D)) for local in (with_moves, with_deltas, short)]
    f = weighed(lambda x: x @ torch.tensor(W), G)
    return [
        *(equal(table, line, tolerance=1e-8) for line in lines),
        gradient(f, X, add_over_paths(G, short, (N, D))),
    ]


@check(
    "eq-tensor-grad-x",
    r"""
\begin{aligned}
\frac{\partial z}{\partial X_{aj}} &= \sum_{i} \sum_{k} \frac{\partial z}{\partial Y_{ik}}\,
    \delta_{ia}\, W_{jk} \\
&= \sum_{k} \frac{\partial z}{\partial Y_{ak}}\, W_{jk} = \left( \frac{\partial z}{\partial
    Y}\, W^\top \right)_{aj}
\end{aligned}
""",
)
def grad_x(rng):
    X, W, G = drawn(rng, (N, D), (D, K), (N, K))
    long = add_over_paths(G, lambda at, to: delta(at[0], to[0]) * W[to[1], at[1]], (N, D))
    f = weighed(lambda x: x @ torch.tensor(W), G)
    short = np.array(
        [[sum(G[a, k] * W[j, k] for k in range(K)) for j in range(D)] for a in range(N)]
    )
    return [gradient(f, X, claimed) for claimed in (long, short, G @ W.T)]


@check(
    "eq-tensor-local-w",
    r"""
\frac{\partial Y_{ik}}{\partial W_{jm}} = \sum_{l} X_{il}\, \delta_{lj}\, \delta_{km} =
    X_{ij}\, \delta_{km}
""",
)
def local_w(rng):
    X, W, G = drawn(rng, (N, D), (D, K), (N, K))

    def with_sum(at, to):
        (i, k), (j, m) = at, to
        return sum(X[i, n] * delta(n, j) * delta(k, m) for n in range(D))

    def short(at, to):
        (i, k), (j, m) = at, to
        return X[i, j] * delta(k, m)

    table = jacobian(lambda w: X @ w, W)
    lines = [entries(local, (N, K), (D, K)) for local in (with_sum, short)]
    f = weighed(lambda w: torch.tensor(X) @ w, G)
    return [
        *(equal(table, line, tolerance=1e-8) for line in lines),
        gradient(f, W, add_over_paths(G, short, (D, K))),
    ]


@check(
    "eq-tensor-grad-w",
    r"""
\begin{aligned}
\frac{\partial z}{\partial W_{jm}} &= \sum_{i} \sum_{k} \frac{\partial z}{\partial Y_{ik}}\,
    X_{ij}\, \delta_{km} \\
&= \sum_{i} X_{ij}\, \frac{\partial z}{\partial Y_{im}} = \left( X^\top \frac{\partial
    z}{\partial Y} \right)_{jm}
\end{aligned}
""",
)
def grad_w(rng):
    X, W, G = drawn(rng, (N, D), (D, K), (N, K))
    long = add_over_paths(G, lambda at, to: X[at[0], to[0]] * delta(at[1], to[1]), (D, K))
    short = np.array(
        [[sum(X[i, j] * G[i, m] for i in range(N)) for m in range(K)] for j in range(D)]
    )
    f = weighed(lambda w: torch.tensor(X) @ w, G)
    return [gradient(f, W, claimed) for claimed in (long, short, X.T @ G)]


@check(
    "eq-tensor-jacobian",
    r"""
J_{ij} = \frac{\partial Y_i}{\partial X_j} \qquad \frac{\partial z}{\partial X_j} = \sum_{i}
    \frac{\partial z}{\partial Y_i}\, J_{ij}
""",
)
def jacobian_and_product(rng):
    X, A, G = drawn(rng, (4, 3), (5, 4), (5, 3))
    J = torch.autograd.functional.jacobian(
        lambda x: torch.tensor(A) @ torch.tanh(x), torch.tensor(X)
    )
    J = J.numpy().reshape(15, 12)
    one_by_one = np.zeros((15, 12))
    for i, (row, column) in enumerate(np.ndindex(5, 3)):
        for j, (p, q) in enumerate(np.ndindex(4, 3)):
            one_by_one[i, j] = A[row, p] * delta(column, q) * (1 - np.tanh(X[p, q]) ** 2)
    claimed = (G.reshape(-1) @ one_by_one).reshape(4, 3)
    f = weighed(lambda x: torch.tensor(A) @ torch.tanh(x), G)
    return [equal(J, one_by_one), gradient(f, X, claimed)]


@check(
    "eq-tensor-elementwise",
    r"""
\begin{aligned}
\frac{\partial Y_i}{\partial X_j} &= f'(X_i)\, \delta_{ij} \\
\frac{\partial z}{\partial X_j} &= \sum_{i} \frac{\partial z}{\partial Y_i}\, f'(X_i)\,
    \delta_{ij} = \frac{\partial z}{\partial Y_j}\, f'(X_j)
\end{aligned}
""",
)
def elementwise(rng):
    """The sine, since f and its derivative have to differ."""
    X, G = drawn(rng, (N, D), (N, D))
    x, g, size = X.reshape(-1), G.reshape(-1), range(N * D)

    def local(i, j):
        return np.cos(x[i]) * delta(i, j)

    f = weighed(torch.sin, g)
    return [
        *(
            gradient(lambda t, i=i: t.sin()[i], x, np.array([local(i, j) for j in size]))
            for i in size
        ),
        gradient(f, x, np.array([sum(g[i] * local(i, j) for i in size) for j in size])),
        gradient(f, x, np.array([g[j] * np.cos(x[j]) for j in size])),
    ]


@check(
    "eq-tensor-hadamard",
    r"""
\frac{\partial z}{\partial X} = \frac{\partial z}{\partial Y} \odot f'(X)
""",
)
def hadamard(rng):
    X, G, Z = drawn(rng, (N, D), (N, D), (N, D))
    return [
        gradient(weighed(torch.sin, G), X, G * np.cos(X)),
        gradient(weighed(lambda x: x * torch.tensor(Z), G), X, G * Z),
    ]


def linear(rng):
    """A linear operation from (N, D) to (K,), with its coefficients; X and G."""
    return drawn(rng, (K, N, D), (N, D), (K,))


@check(
    "eq-tensor-adjoint",
    r"""
\langle A X,\, G \rangle = \langle X,\, A^* G \rangle \quad \text{for all } X, G
""",
)
def adjoint(rng):
    """The adjoint taken from autograd, which knows nothing of inner products."""
    A, X, G = linear(rng)
    point = torch.zeros(N, D, dtype=torch.float64, requires_grad=True)
    torch.einsum("knd,nd->k", torch.tensor(A), point).backward(torch.tensor(G))
    return equal(inner(np.einsum("knd,nd->k", A, X), G), inner(X, point.grad.numpy()))


@check(
    "eq-tensor-adjoint-entries",
    r"""
\begin{aligned}
\langle A X,\, G \rangle &= \sum_{i} \Bigl( \sum_{j} A_{ij} X_j \Bigr) G_i \\
&= \sum_{j} X_j \Bigl( \sum_{i} G_i A_{ij} \Bigr)
\end{aligned}
""",
)
def adjoint_entries(rng):
    A, X, G = linear(rng)
    A, X = A.reshape(K, -1), X.reshape(-1)
    middle = sum(sum(A[i, j] * X[j] for j in range(N * D)) * G[i] for i in range(K))
    right = sum(X[j] * sum(G[i] * A[i, j] for i in range(K)) for j in range(N * D))
    whole = inner(A @ X, G)
    return [equal(whole, middle), equal(whole, right)]


@check(
    "eq-tensor-adjoint-vjp",
    r"""
\frac{\partial z}{\partial X} = A^*\, \frac{\partial z}{\partial Y} \quad \text{if} \quad Y = A
    X
""",
)
def adjoint_vjp(rng):
    A, X, G = linear(rng)
    f = weighed(lambda x: torch.tensordot(torch.tensor(A), x, dims=2), G)
    return gradient(f, X, np.einsum("k,knd->nd", G, A))


@check(
    "eq-tensor-adjoint-broadcast",
    r"""
\begin{aligned}
\langle B b,\, G \rangle &= \sum_{i} \sum_{k} b_k\, G_{ik} \\
&= \sum_{k} b_k \Bigl( \sum_{i} G_{ik} \Bigr) \\
(B^* G)_k &= \sum_{i} G_{ik}
\end{aligned}
""",
)
def adjoint_broadcast(rng):
    b, G = drawn(rng, (K,), (N, K))
    whole = inner(np.broadcast_to(b, (N, K)), G)
    middle = sum(b[k] * G[i, k] for i in range(N) for k in range(K))
    columns = np.array([sum(G[i, k] for i in range(N)) for k in range(K)])
    f = weighed(lambda b: b.expand(N, K), G)
    return [equal(whole, middle), equal(whole, inner(b, columns)), gradient(f, b, columns)]


@check(
    "eq-tensor-adjoint-sum",
    r"""
\begin{aligned}
\langle S X,\, G \rangle &= \sum_{k} \Bigl( \sum_{i} X_{ik} \Bigr) G_k \\
&= \sum_{i} \sum_{k} X_{ik}\, G_k \\
(S^* G)_{ik} &= G_k
\end{aligned}
""",
)
def adjoint_sum(rng):
    X, G = drawn(rng, (N, K), (K,))
    whole = inner(X.sum(axis=0), G)
    middle = sum(sum(X[i, k] for i in range(N)) * G[k] for k in range(K))
    right = sum(X[i, k] * G[k] for i in range(N) for k in range(K))
    repeated = np.array([[G[k] for k in range(K)] for i in range(N)])
    f = weighed(lambda x: x.sum(0), G)
    return [equal(whole, middle), equal(whole, right), gradient(f, X, repeated)]


@check(
    "eq-tensor-transpose",
    r"""
\langle X^\top,\, G \rangle = \sum_{k} \sum_{i} X_{ik}\, G_{ki} = \langle X,\, G^\top \rangle
""",
)
def transpose(rng):
    X, G = drawn(rng, (N, K), (K, N))
    middle = sum(X[i, k] * G[k, i] for i in range(N) for k in range(K))
    T, H = drawn(rng, (2, 3, 4), (3, 4, 2))
    return [
        equal(inner(X.T, G), middle),
        equal(inner(X.T, G), inner(X, G.T)),
        gradient(weighed(lambda x: x.T, G), X, G.T),
        gradient(weighed(lambda t: t.permute(1, 2, 0), H), T, np.transpose(H, (2, 0, 1))),
    ]


@check(
    "eq-tensor-reshape",
    r"""
\frac{\partial z}{\partial X_j} = \sum_{i} \frac{\partial z}{\partial Y_i}\, \delta_{ij} =
    \frac{\partial z}{\partial Y_j}
""",
)
def reshape(rng):
    X, G = drawn(rng, (3, 4), (2, 6))
    g = G.reshape(-1)
    summed = np.array([sum(g[i] * delta(i, j) for i in range(12)) for j in range(12)])
    passed = np.array([[G[divmod(4 * a + b, 6)] for b in range(4)] for a in range(3)])
    f = weighed(lambda x: x.reshape(2, 6), G)
    return [gradient(f, X, summed.reshape(3, 4)), gradient(f, X, passed)]


@check(
    "eq-tensor-rows",
    r"""
\begin{aligned}
\frac{\partial Y_{rk}}{\partial X_{am}} &= \delta_{p(r)\,a}\, \delta_{km} \\
\frac{\partial z}{\partial X_{am}} &= \sum_{r} \sum_{k} \frac{\partial z}{\partial Y_{rk}}\,
    \delta_{p(r)\,a}\, \delta_{km} \\
&= \sum_{r:\; p(r) = a} \frac{\partial z}{\partial Y_{rm}}
\end{aligned}
""",
)
def rows(rng):
    p = [2, 0, 2, 4, 2, 0]
    X, G = drawn(rng, (N, D), (6, D))

    def local(at, to):
        (r, k), (a, m) = at, to
        return delta(p[r], a) * delta(k, m)

    table, weight = jacobian(lambda x: x[p], X), rng.normal()
    long = add_over_paths(G, local, (N, D))
    short = np.zeros((N, D))
    for a, m in np.ndindex(N, D):
        short[a, m] = sum(G[r, m] for r in range(6) if p[r] == a)
    f = weighed(lambda x: torch.stack([x[r] for r in p]), G)
    return [
        equal(weight * table, weight * entries(local, (6, D), (N, D)), tolerance=1e-8),
        gradient(f, X, long),
        gradient(f, X, short),
    ]


@check(
    "eq-tensor-concatenate",
    r"""
\begin{aligned}
\langle Y,\, G \rangle = {} & \sum_{i < n} \sum_{k} X_{ik}\, G_{ik} \\
& + \sum_{i \ge n} \sum_{k} Z_{i-n,\,k}\, G_{ik}
\end{aligned}
""",
)
def concatenate(rng):
    n, m = 3, 2
    X, Z, G = drawn(rng, (n, K), (m, K), (n + m, K))
    above = sum(X[i, k] * G[i, k] for i in range(n) for k in range(K))
    below = sum(Z[i - n, k] * G[i, k] for i in range(n, n + m) for k in range(K))
    return [
        equal(inner(np.concatenate([X, Z]), G), above + below),
        gradient(weighed(lambda x: torch.cat([x, torch.zeros(m, K)]), G), X, G[:n]),
        gradient(weighed(lambda z: torch.cat([torch.zeros(n, K), z]), G), Z, G[n:]),
    ]


@check(
    "eq-tensor-einsum-number",
    r"""
\begin{aligned}
\langle Y,\, G \rangle &= \sum_{\text{all letters}} A_{s}\, B_{t}\, G_{o} \\
&= \sum_{\text{letters in } s} A_{s} \Bigl( \sum_{\text{letters not in } s} B_{t}\, G_{o}
    \Bigr)
\end{aligned}
""",
)
def einsum_number(rng):
    """The letters abc, cd and da: every letter has a size of its own."""
    A, B, G = drawn(rng, (2, 3, 4), (4, 5), (5, 2))
    Y = torch.einsum("abc,cd->da", torch.tensor(A), torch.tensor(B)).numpy()
    everything = sum(A[a, b, c] * B[c, d] * G[d, a] for a, b, c, d in np.ndindex(2, 3, 4, 5))
    grouped = sum(
        A[a, b, c] * sum(B[c, d] * G[d, a] for d in range(5)) for a, b, c in np.ndindex(2, 3, 4)
    )
    return [equal(inner(Y, G), everything), equal(inner(Y, G), grouped)]


@check(
    "eq-tensor-einsum",
    r"""
\frac{\partial z}{\partial A_{s}} = \sum_{\text{letters not in } s} \frac{\partial z}{\partial
    Y_{o}}\, B_{t}
""",
)
def einsum(rng):
    """An ordinary product, and one where b belongs to A alone and e to B alone."""
    A, B, G = drawn(rng, (2, 3), (3, 4), (2, 4))
    A3, B3, G3 = drawn(rng, (2, 3, 4), (4, 5, 2), (5, 2))
    alone = np.zeros((2, 3, 4))
    for a, b, c in np.ndindex(2, 3, 4):
        alone[a, b, c] = sum(G3[d, a] * B3[c, d, e] for d in range(5) for e in range(2))
    f = weighed(lambda x: torch.einsum("abc,cde->da", x, torch.tensor(B3)), G3)
    return [
        gradient(weighed(lambda x: x @ torch.tensor(B), G), A, np.einsum("ik,jk->ij", G, B)),
        gradient(weighed(lambda x: torch.tensor(A) @ x, G), B, np.einsum("ik,ij->jk", G, A)),
        gradient(f, A3, alone),
    ]


@check(
    "eq-tensor-ex-outer",
    r"""
\begin{aligned}
\frac{\partial z}{\partial u_a} &= \sum_{i} \sum_{k} \frac{\partial z}{\partial Y_{ik}}\,
    \delta_{ia}\, v_k \\
&= \sum_{k} \frac{\partial z}{\partial Y_{ak}}\, v_k \\
\frac{\partial z}{\partial v_m} &= \sum_{i} \sum_{k} \frac{\partial z}{\partial Y_{ik}}\, u_i\,
    \delta_{km} \\
&= \sum_{i} u_i\, \frac{\partial z}{\partial Y_{im}}
\end{aligned}
""",
)
def outer(rng):
    u, v, G = drawn(rng, (N,), (K,), (N, K))
    f = weighed(lambda u: torch.outer(u, torch.tensor(v)), G)
    g = weighed(lambda v: torch.outer(torch.tensor(u), v), G)
    return [
        gradient(f, u, add_over_paths(G, lambda at, to: delta(at[0], to[0]) * v[at[1]], (N,))),
        gradient(f, u, np.array([sum(G[a, k] * v[k] for k in range(K)) for a in range(N)])),
        gradient(g, v, add_over_paths(G, lambda at, to: u[at[0]] * delta(at[1], to[0]), (K,))),
        gradient(g, v, np.array([sum(u[i] * G[i, m] for i in range(N)) for m in range(K)])),
    ]


@check(
    "eq-tensor-ex-stack",
    r"""
\begin{aligned}
\frac{\partial z}{\partial A_{sij}} &= \sum_{k} \frac{\partial z}{\partial Y_{sik}}\, B_{sjk}
    \\
\frac{\partial z}{\partial B_{sjk}} &= \sum_{i} A_{sij}\, \frac{\partial z}{\partial Y_{sik}}
    \\
\text{shared:} \quad \frac{\partial z}{\partial B_{jk}} &= \sum_{s} \sum_{i} A_{sij}\,
    \frac{\partial z}{\partial Y_{sik}}
\end{aligned}
""",
)
def stack(rng):
    A, B, G = drawn(rng, (2, N, D), (2, D, K), (2, N, K))
    grad_A, grad_B = np.zeros(A.shape), np.zeros(B.shape)
    for s, i, j, k in np.ndindex(2, N, D, K):
        grad_A[s, i, j] += G[s, i, k] * B[s, j, k]
        grad_B[s, j, k] += A[s, i, j] * G[s, i, k]
    shared = np.zeros((D, K))
    for s, i, j, k in np.ndindex(2, N, D, K):
        shared[j, k] += A[s, i, j] * G[s, i, k]
    return [
        gradient(weighed(lambda a: a @ torch.tensor(B), G), A, grad_A),
        gradient(weighed(lambda b: torch.tensor(A) @ b, G), B, grad_B),
        gradient(weighed(lambda b: torch.tensor(A) @ b, G), B[1], shared),
    ]


@check(
    "eq-tensor-ex-cumsum",
    r"""
\begin{aligned}
\langle A X,\, G \rangle &= \sum_{i} \sum_{j \le i} X_j\, G_i \\
&= \sum_{j} X_j \Bigl( \sum_{i \ge j} G_i \Bigr) \\
(A^* G)_j &= \sum_{i \ge j} G_i
\end{aligned}
""",
)
def cumsum(rng):
    X, G = drawn(rng, (6,), (6,))
    whole = inner(np.cumsum(X), G)
    middle = sum(X[j] * G[i] for i in range(6) for j in range(i + 1))
    tails = np.array([sum(G[i] for i in range(j, 6)) for j in range(6)])
    f = weighed(lambda x: torch.cumsum(x, 0), G)
    return [equal(whole, middle), equal(whole, inner(X, tails)), gradient(f, X, tails)]


@check(
    "eq-tensor-ex-diagonal",
    r"""
\frac{\partial z}{\partial X_{ab}} = \sum_{i} \frac{\partial z}{\partial Y_i}\, \delta_{ia}\,
    \delta_{ib} = \frac{\partial z}{\partial Y_a}\, \delta_{ab}
""",
)
def diagonal(rng):
    X, G = drawn(rng, (16,), (4,))
    places = list(np.ndindex(4, 4))  # of the entries of X
    summed = [sum(G[i] * delta(i, a) * delta(i, b) for i in range(4)) for a, b in places]
    short = [G[a] * delta(a, b) for a, b in places]
    f = weighed(lambda x: torch.diagonal(x.reshape(4, 4)), G)
    return [gradient(f, X, np.array(summed)), gradient(f, X, np.array(short))]
