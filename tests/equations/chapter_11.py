"""Checks of the equations of chapter 11, layers.

Gradients are compared with programs that go through the samples one by one. Statements about
means and variances are compared without drawing a single random number: the random quantities
take a few values with given probabilities, and every combination is enumerated.
"""

import itertools

import numpy as np
import torch

from backprop.layers import Linear, ReLU, Sigmoid, Tanh
from equations.harness import check, equal, gradient

N, D, K = 5, 3, 4
#: Places and weights between -1 and 1 with which sums are exact integrals of polynomials.
PLACES, WEIGHTS = np.polynomial.legendre.leggauss(3)


def affine_layer(rng):
    """A `Linear` layer with a random W (D + 1, K), an input x and a gradient G."""
    layer = Linear(D, K)
    layer.W = rng.normal(size=(D + 1, K))
    return layer, rng.normal(size=(N, D)), rng.normal(size=(N, K))


def affine_by_sample(x, W):
    """z in PyTorch, without a matrix product: the inputs of each sample weigh the rows of W."""
    return (x[:, :, None] * W[:-1]).sum(1) + W[-1]


def table(f, at):
    """All the derivatives of f at a point, as NumPy: the output's axes, then the input's."""
    return torch.autograd.functional.jacobian(f, torch.tensor(at)).numpy()


@check(
    "eq-layers-contract",
    r"""
\begin{aligned}
\operatorname{bp\_input}(G)_{ij} &= \sum_{n=1}^{N} \sum_{k=1}^{K} G_{nk}\, \frac{\partial
    z_{nk}}{\partial x_{ij}} \\
\operatorname{bp\_param}(G)_{p} &= \sum_{n=1}^{N} \sum_{k=1}^{K} G_{nk}\, \frac{\partial
    z_{nk}}{\partial W_{p}}
\end{aligned}
""",
)
def contract(rng):
    layer, x, G = affine_layer(rng)
    layer(x)
    of_x = table(lambda t: affine_by_sample(t, torch.tensor(layer.W)), x)
    of_W = table(lambda t: affine_by_sample(torch.tensor(x), t), layer.W)
    found = [
        equal(layer.bp_input(G), np.einsum("nk,nkij->ij", G, of_x)),
        equal(layer.bp_param(G), np.einsum("nk,nkjm->jm", G, of_W)),
    ]
    for activation, function in ((ReLU(), torch.relu), (Sigmoid(), torch.sigmoid)):
        z = rng.normal(size=(N, K))
        activation(z)
        of_z = table(function, z)
        found.append(equal(activation.bp_input(G), np.einsum("nk,nkij->ij", G, of_z)))
    return found


def moved(rng):
    """A layer, small moves of its input and its W, and the move of its output by PyTorch."""
    layer, x, _ = affine_layer(rng)
    dx, dW = rng.normal(size=x.shape), rng.normal(size=layer.W.shape)
    layer(x)
    at, along = ((torch.tensor(x), torch.tensor(layer.W)), (torch.tensor(dx), torch.tensor(dW)))
    _, dz = torch.autograd.functional.jvp(affine_by_sample, at, along)
    return layer, x, dx, dW, dz.numpy()


@check(
    "eq-layers-move",
    r"""
\begin{aligned}
\Delta z_{nk} &= \sum_{i,\,j} \frac{\partial z_{nk}}{\partial x_{ij}}\, \Delta x_{ij} \\
&\quad + \sum_{p} \frac{\partial z_{nk}}{\partial W_p}\, \Delta W_p
\end{aligned}
""",
)
def move(rng):
    layer, x, dx, dW, dz = moved(rng)
    of_x = table(lambda t: affine_by_sample(t, torch.tensor(layer.W)), x)
    of_W = table(lambda t: affine_by_sample(torch.tensor(x), t), layer.W)
    by_tables = np.einsum("nkij,ij->nk", of_x, dx) + np.einsum("nkjm,jm->nk", of_W, dW)
    return equal(dz, by_tables)


@check(
    "eq-layers-adjoint",
    r"""
\begin{aligned}
& \sum_{n,\,k} G_{nk}\, \Delta z_{nk} \\
&\quad = \sum_{i,\,j} \operatorname{bp\_input}(G)_{ij}\, \Delta x_{ij} \\
&\quad \phantom{{}={}} + \sum_{p} \operatorname{bp\_param}(G)_{p}\, \Delta W_{p}
\end{aligned}
""",
)
def adjoint(rng):
    layer, _, dx, dW, dz = moved(rng)
    gradients = rng.normal(size=(6, N, K))
    left = np.array([(G * dz).sum() for G in gradients])
    right = np.array(
        [(layer.bp_input(G) * dx).sum() + (layer.bp_param(G) * dW).sum() for G in gradients]
    )
    return equal(left, right)


def cubes(a):
    """A loss with no two derivatives alike."""
    places = torch.arange(a.numel(), dtype=a.dtype).reshape(a.shape)
    return ((places / 10 + a) ** 3).sum()


def cubes_grad(a):
    """Its gradient, in NumPy."""
    return 3 * (np.arange(a.size).reshape(a.shape) / 10 + a) ** 2


@check(
    "eq-layers-walk",
    r"""
\begin{aligned}
\frac{\partial L}{\partial W^{(l)}} &= \operatorname{bp\_param}^{(l)}\!\left(G^{(l)}\right) \\
\frac{\partial L}{\partial a^{(l-1)}} = G^{(l-1)} &=
    \operatorname{bp\_input}^{(l)}\!\left(G^{(l)}\right)
\end{aligned}
""",
)
def walk(rng):
    sizes = [(D, 6), (6, K), (K, 2)]
    layers = []
    for before, after in sizes:
        affine = Linear(before, after)
        affine.W = rng.normal(0, 0.5, size=(before + 1, after))
        layers += [affine, Tanh()]
    values = [rng.normal(size=(N, D))]
    for layer in layers:
        values.append(layer(values[-1]))
    Ws = [None if layer.W is None else torch.tensor(layer.W) for layer in layers]

    def onward(a, start, weights):
        for W in weights[start:]:
            a = torch.tanh(a) if W is None else affine_by_sample(a, W)
        return cubes(a)

    found, G = [], cubes_grad(values[-1])
    for number in reversed(range(len(layers))):
        if layers[number].W is not None:

            def of_weights(W, number=number):
                moved = [*Ws[:number], W, *Ws[number + 1 :]]
                return onward(torch.tensor(values[0]), 0, moved)

            found.append(gradient(of_weights, layers[number].W, layers[number].bp_param(G)))
        G = layers[number].bp_input(G)
        found.append(gradient(lambda a, number=number: onward(a, number, Ws), values[number], G))
    return found


@check(
    "eq-layers-column-param",
    r"""
\begin{aligned}
\frac{\partial L}{\partial \tilde W_{jk}} &= \sum_{i=1}^{N} \sum_{m=1}^{K} G_{im}\, \tilde
    x_{ij}\, \delta_{mk} \\
&= \sum_{i=1}^{N} \tilde x_{ij}\, G_{ik} \\
&= \begin{cases} \sum_i x_{ij}\, G_{ik} & j \le D \\ \sum_i G_{ik} & j = D + 1 \end{cases}
\end{aligned}
""",
)
def column_param(rng):
    W, x = rng.normal(size=(D + 1, K)), rng.normal(size=(N, D))
    column = np.hstack([x, np.ones((N, 1))])
    G = cubes_grad(x @ W[:-1] + W[-1])
    with_delta = np.einsum("im,ij,mk->jk", G, column, np.eye(K))
    claimed = np.zeros((D + 1, K))
    for j, k, i in itertools.product(range(D + 1), range(K), range(N)):
        claimed[j, k] += (x[i, j] if j < D else 1) * G[i, k]

    def f(moved):
        return cubes(affine_by_sample(torch.tensor(x), moved))

    return [
        gradient(f, W, with_delta),
        gradient(f, W, column.T @ G),
        gradient(f, W, claimed),
    ]


@check(
    "eq-layers-column-input",
    r"""
\begin{aligned}
\frac{\partial L}{\partial x_{ij}} &= \sum_{n=1}^{N} \sum_{l=1}^{D+1} \frac{\partial L}{\partial
    \tilde x_{nl}} \cdot \frac{\partial \tilde x_{nl}}{\partial x_{ij}} \\
&= \sum_{n=1}^{N} \sum_{l=1}^{D} \sum_{k=1}^{K} G_{nk}\, \tilde W_{lk}\; \delta_{ni}\,
    \delta_{lj} \\
&= \sum_{k=1}^{K} G_{ik}\, \tilde W_{jk}
\end{aligned}
""",
)
def column_input(rng):
    W, x = rng.normal(size=(D + 1, K)), rng.normal(size=(N, D))
    G = cubes_grad(x @ W[:-1] + W[-1])
    column = np.hstack([x, np.ones((N, 1))])
    of_column = table(lambda t: cubes(t @ torch.tensor(W)), column)  # (N, D + 1)
    moves = table(lambda t: torch.cat([t, torch.ones(N, 1, dtype=t.dtype)], dim=1), x)
    by_chain = np.einsum("nl,nlij->ij", of_column, moves)
    with_delta = np.einsum("nk,lk,ni,lj->ij", G, W[:D], np.eye(N), np.eye(D))

    def f(moved):
        return cubes(affine_by_sample(moved, torch.tensor(W)))

    return [
        gradient(f, x, by_chain),
        gradient(f, x, with_delta),
        gradient(f, x, np.einsum("ik,jk->ij", G, W[:D])),
    ]


@check(
    "eq-layers-relu",
    r"""
\frac{\partial L}{\partial z} = G \odot \mathbf{1}[z > 0] = G \odot \mathbf{1}[a > 0]
""",
)
def relu(rng):
    z, G = rng.normal(size=(N, K)), rng.normal(size=(N, K))

    def f(moved):
        return (torch.tensor(G) * torch.relu(moved)).sum()

    return [gradient(f, z, G * (z > 0)), gradient(f, z, G * (np.maximum(0, z) > 0))]


@check(
    "eq-layers-sigmoid",
    r"""
\begin{aligned}
s'(z) &= \frac{e^{-z}}{\left(1 + e^{-z}\right)^2} = s^2\, e^{-z} \\
&= s^2 \cdot \frac{1 - s}{s} = s\,(1 - s)
\end{aligned}
""",
)
def sigmoid(rng):
    z = rng.normal(size=(3, 4))
    s = 1 / (1 + np.exp(-z))
    lines = [
        np.exp(-z) / (1 + np.exp(-z)) ** 2,
        s**2 * np.exp(-z),
        s**2 * ((1 - s) / s),
        s * (1 - s),
    ]
    return [gradient(lambda t: torch.sigmoid(t).sum(), z, line) for line in lines]


@check(
    "eq-layers-tanh",
    r"""
\begin{aligned}
\tanh'(z) &= 2 \cdot 2\, s'(2z) \\
&= 4\, s(2z)\, \bigl(1 - s(2z)\bigr) \\
&= 4 \cdot \frac{1 + t}{2} \cdot \frac{1 - t}{2} = 1 - t^2
\end{aligned}
""",
)
def tanh(rng):
    z = rng.normal(size=(3, 4))
    s, t = 1 / (1 + np.exp(-2 * z)), np.tanh(z)
    slope = np.exp(-2 * z) / (1 + np.exp(-2 * z)) ** 2  # of the sigmoid, at 2z
    lines = [2 * 2 * slope, 4 * s * (1 - s), 4 * ((1 + t) / 2) * ((1 - t) / 2), 1 - t**2]
    return [
        *(gradient(lambda v: torch.tanh(v).sum(), z, line) for line in lines),
        equal(s, (1 + t) / 2),  # what the last line puts in for s(2z)
    ]


@check(
    "eq-layers-symmetry",
    r"""
\begin{aligned}
\frac{\partial L}{\partial W^{(1)}_{jh}} &= \sum_{i} x_{ij}\, f'(z_{ih}) \sum_{k} G_{ik}\,
    W^{(2)}_{hk} \\
\frac{\partial L}{\partial W^{(2)}_{hk}} &= \sum_{i} a_{ih}\, G_{ik}
\end{aligned}
""",
)
def symmetry(rng):
    H = 6
    x, W1, W2 = (rng.normal(size=s) for s in ((N, D), (D, H), (H, K)))
    z = x @ W1
    a = np.tanh(z)
    G = cubes_grad(a @ W2)
    first, second = np.zeros((D, H)), np.zeros((H, K))
    for i, j, h in itertools.product(range(N), range(D), range(H)):
        first[j, h] += x[i, j] * (1 - np.tanh(z[i, h]) ** 2) * (G[i] * W2[h]).sum()
    for i, h, k in itertools.product(range(N), range(H), range(K)):
        second[h, k] += a[i, h] * G[i, k]

    def f(V1, V2):
        no_bias = torch.zeros(1, H, dtype=V1.dtype), torch.zeros(1, K, dtype=V1.dtype)
        hidden = torch.tanh(affine_by_sample(torch.tensor(x), torch.cat([V1, no_bias[0]])))
        return cubes(affine_by_sample(hidden, torch.cat([V2, no_bias[1]])))

    return [
        gradient(lambda V: f(V, torch.tensor(W2)), W1, first),
        gradient(lambda V: f(torch.tensor(W1), V), W2, second),
    ]


def chances(rng, states):
    """Probabilities of so many states."""
    p = rng.uniform(0.2, 1, size=states)
    return p / p.sum()


def centered(rng, variance, states=3, mean=0.0):
    """Values and probabilities of a random number with a given mean and variance."""
    values, p = rng.normal(size=states), chances(rng, states)
    values = values - p @ values
    return mean + values * np.sqrt(variance / (p @ values**2)), p


def combinations(numbers):
    """All values of several independent random numbers, (cases, numbers), and their chances."""
    values = np.array(list(itertools.product(*(v for v, _ in numbers))))
    chances_of_each = np.array(list(itertools.product(*(p for _, p in numbers))))
    return values, chances_of_each.prod(axis=1)


def mean_square(values, weights, p_values, p_weights):
    """E[(sum of values times weights)²] over all combinations of a vector and weights."""
    return p_values @ (values @ weights.T) ** 2 @ p_weights


def variance(values, weights, p_values, p_weights, bias=0.0):
    """Var(sum of values times weights, and a bias), over all combinations of the two."""
    z = (values @ weights.T + bias).ravel()
    chance = np.outer(p_values, p_weights).ravel()
    return chance @ (z - chance @ z) ** 2


@check(
    "eq-layers-product-variance",
    r"""
\begin{aligned}
\mathrm{Var}(w a) &= \mathrm{E}[w^2 a^2] - \mathrm{E}[w a]^2 \\
&= \mathrm{E}[w^2]\, \mathrm{E}[a^2] - \mathrm{E}[w]^2\, \mathrm{E}[a]^2 \\
&= \mathrm{Var}(w)\, \mathrm{E}[a^2] \qquad \text{if } \mathrm{E}[w] = 0
\end{aligned}
""",
)
def product_variance(rng):
    a, p_a = rng.normal(1, 1, size=4), chances(rng, 4)
    var, found = rng.uniform(0.5, 2), []
    for mean in (0.7, 0.0):
        w, p_w = centered(rng, var, mean=mean)
        left = variance(w[:, None], a[:, None], p_w, p_a)
        first = p_w @ np.outer(w**2, a**2) @ p_a - (p_w @ np.outer(w, a) @ p_a) ** 2
        second = (p_w @ w**2) * (p_a @ a**2) - (p_w @ w) ** 2 * (p_a @ a) ** 2
        found += [equal(left, first), equal(left, second)]
    return [*found, equal(left, var * (p_a @ a**2))]  # for the mean 0


@check(
    "eq-layers-sum-variance",
    r"""
\begin{aligned}
\mathrm{Var}(z) &= \mathrm{E}\Bigl[\sum_{j=1}^{n_\text{in}} \sum_{j'=1}^{n_\text{in}} a_j\,
    a_{j'}\, w_j\, w_{j'}\Bigr] \\
&= \sum_{j \ne j'} \mathrm{E}[a_j\, a_{j'}]\; \underbrace{\mathrm{E}[w_j]\,
    \mathrm{E}[w_{j'}]}_{0} \\
&\quad + \sum_{j} \mathrm{E}[a_j^2]\, \mathrm{Var}(W) \\
&= n_\text{in}\, \mathrm{Var}(W) \cdot \frac{1}{n_\text{in}} \sum_{j} \mathrm{E}[a_j^2]
\end{aligned}
""",
)
def sum_variance(rng):
    n, var, found = 3, rng.uniform(0.5, 2), []
    a, p_a = rng.normal(1, 1, size=(5, n)), chances(rng, 5)  # its entries depend on each other
    for means in (rng.normal(size=n), np.zeros(n)):  # mixed terms are seen if they are not 0
        w, p_w = combinations([centered(rng, var, mean=mean) for mean in means])
        square = mean_square(a, w, p_a, p_w)
        mixed = sum(
            p_a @ (a[:, j] * a[:, l_]) * (p_w @ w[:, j]) * (p_w @ w[:, l_])
            for j, l_ in itertools.permutations(range(n), 2)
        )
        own = sum(p_a @ a[:, j] ** 2 * (var + means[j] ** 2) for j in range(n))
        found.append(equal(square, mixed + own))
    left = variance(a, w, p_a, p_w)
    pairs = np.einsum("s,w,sj,sl,wj,wl->", p_a, p_w, a, a, w, w)
    return [*found, equal(left, pairs), equal(left, n * var * np.mean(p_a @ a**2))]


@check(
    "eq-layers-forward",
    r"""
\begin{aligned}
\mathrm{E}[z^2] &= n_\text{in}\, \mathrm{Var}(W)\; \mathrm{E}[a^2] \\
\text{kept if} \quad n_\text{in}\, \mathrm{Var}(W) &= 1
\end{aligned}
""",
)
def forward(rng):
    n_in, found = 4, []
    a, p_a = rng.normal(1, 1, size=(5, n_in)), chances(rng, 5)
    before = np.mean(p_a @ a**2)
    for var in (rng.uniform(0.5, 2), 1 / n_in):
        weights, p_w = combinations([centered(rng, var) for _ in range(n_in)])
        after = mean_square(a, weights, p_a, p_w)
        found.append(equal(after, n_in * var * before))
    return [*found, equal(after, before)]


def through(x, matrices, G):
    """What comes out of layers x W, and what G at their end is at x; stacks of matrices at once."""
    stacks = np.broadcast_shapes(*(W.shape[:-2] for W in matrices))
    at = torch.tensor(np.broadcast_to(x, stacks + x.shape), requires_grad=True)
    out = at
    for W in matrices:
        out = out @ torch.tensor(W)
    (back,) = torch.autograd.grad((torch.tensor(G) * out).sum(), at)
    return out.detach().numpy(), back.numpy()


@check(
    "eq-layers-backward",
    r"""
\begin{aligned}
\mathrm{E}\Bigl[\Bigl(\frac{\partial L}{\partial a}\Bigr)^{\!2}\Bigr] &= n_\text{out}
    \mathrm{Var}(W)\; \mathrm{E}[G^2] \\
\text{kept if} \quad n_\text{out} \mathrm{Var}(W) &= 1
\end{aligned}
""",
)
def backward(rng):
    n_in, n_out = 2, 3
    G, p_G = rng.normal(1, 1, size=(4, n_out)), chances(rng, 4)
    sent, found = np.mean(p_G @ G**2), []
    for var in (rng.uniform(0.5, 2), 1 / n_out):
        weights, p_w = combinations([centered(rng, var, 2) for _ in range(n_in * n_out)])
        _, back = through(np.ones((4, n_in)), [weights.reshape(-1, n_in, n_out)], G)
        returned = p_w @ (back**2).mean(axis=2) @ p_G
        found.append(equal(returned, n_out * var * sent))
    return [*found, equal(returned, sent)]


@check(
    "eq-layers-depth",
    r"""
\begin{aligned}
\mathrm{E}\bigl[(a^{(d)})^2\bigr] &= \mathrm{E}[x^2] \prod_{l=1}^{d} n_\text{in}^{(l)}
    \mathrm{Var}(W^{(l)}) \\
\mathrm{E}\bigl[(G^{(0)})^2\bigr] &= \mathrm{E}\bigl[(G^{(d)})^2\bigr] \prod_{l=1}^{d}
    n_\text{out}^{(l)} \mathrm{Var}(W^{(l)})
\end{aligned}
""",
)
def depth(rng):
    variances = rng.uniform(0.5, 2, size=2)  # a net of 2, 3 and 1 units
    cases = [
        combinations([centered(rng, var, 2) for _ in range(count)])
        for var, count in zip(variances, (6, 3), strict=True)
    ]
    x, G = rng.normal(size=(4, 2)), rng.normal(size=(4, 1))
    (W1, p1), (W2, p2) = cases
    out, back = through(x, [W1.reshape(-1, 1, 2, 3), W2.reshape(-1, 3, 1)], G)
    grown = (x**2).mean() * (2 * variances[0]) * (3 * variances[1])
    returned = (G**2).mean() * (3 * variances[0]) * (1 * variances[1])
    return [
        equal(p1 @ (out**2).mean(axis=(2, 3)) @ p2, grown),
        equal(p1 @ (back**2).mean(axis=(2, 3)) @ p2, returned),
    ]


def of_weights(networks, x, G):
    """The gradients for the weights of many networks, each a row of square matrices."""
    weights, a = torch.tensor(networks, requires_grad=True), torch.tensor(x)
    for number in range(networks.shape[1]):
        a = a @ weights[:, number]
    (grads,) = torch.autograd.grad((torch.tensor(G) * a).sum(), weights)
    return grads.numpy()


@check(
    "eq-layers-alike",
    r"""
\begin{aligned}
& \mathrm{E}\Bigl[\Bigl(\frac{\partial L}{\partial W^{(l)}}\Bigr)^{\!2}\Bigr] \\
&\quad = m^{l-1}\, \mathrm{E}[x^2] \cdot m^{d-l}\, \mathrm{E}\bigl[(G^{(d)})^2\bigr] \\
&\quad = m^{d-1}\, \mathrm{E}[x^2]\; \mathrm{E}\bigl[(G^{(d)})^2\bigr]
\end{aligned}
""",
)
def alike(rng):
    n, depth = 2, 3
    m = rng.uniform(0.5, 2)
    draws, chance = combinations([centered(rng, m / n, 2) for _ in range(depth * n * n)])
    x, G = rng.normal(size=(1, n)), rng.normal(size=(1, n))
    grads = of_weights(draws.reshape(-1, depth, n, n), x, G)
    found = []
    for number in range(depth):
        squares = (grads[:, number] ** 2).mean(axis=(1, 2))
        before, behind = (x**2).mean() * m**number, (G**2).mean() * m ** (depth - 1 - number)
        found.append(equal(chance @ squares, before * behind))
        found.append(equal(chance @ squares, m ** (depth - 1) * (x**2).mean() * (G**2).mean()))
    return found


@check(
    "eq-layers-compromise",
    r"""
\begin{aligned}
\mathrm{Var}(W) &= \frac{2}{n_\text{in} + n_\text{out}} \\
n_\text{in}\, \mathrm{Var}(W) &= 1 + \frac{n_\text{in} - n_\text{out}}{n_\text{in} +
    n_\text{out}} \\
n_\text{out}\, \mathrm{Var}(W) &= 1 - \frac{n_\text{in} - n_\text{out}}{n_\text{in} + n_\text{out}}
\end{aligned}
""",
)
def compromise(rng):
    n_in, n_out = rng.choice(np.arange(2.0, 50.0), size=(2, 6), replace=False)
    # The number whose inverse is the mean of the two sizes.
    var = 1 / np.mean([n_in, n_out], axis=0)
    apart = (n_in - n_out) / (n_in + n_out)
    return [
        equal(var, 2 / (n_in + n_out)),
        equal(n_in * var, 1 + apart),
        equal(n_out * var, 1 - apart),
    ]


@check(
    "eq-layers-uniform",
    r"""
\begin{aligned}
\mathrm{Var}(W) = \int_{-c}^{c} \frac{w^2}{2c}\, \mathrm{d}w &= \frac{1}{2c} \cdot \frac{2 c^3}{3}
    = \frac{c^2}{3} \\
c = \sqrt{3\, \mathrm{Var}(W)} &= \sqrt{\frac{6}{n_\text{in} + n_\text{out}}}
\end{aligned}
""",
)
def uniform(rng):
    n_in, n_out = rng.integers(2, 50, size=(2, 6))
    c = np.sqrt(6 / (n_in + n_out))
    var = torch.distributions.Uniform(torch.tensor(-c), torch.tensor(c)).variance.numpy()
    integral = np.array([(WEIGHTS * one * (one * PLACES) ** 2 / (2 * one)).sum() for one in c])
    return [
        equal(var, integral),
        equal(var, 1 / (2 * c) * (2 * c**3 / 3)),
        equal(var, c**2 / 3),
        equal(c, np.sqrt(3 * var)),
        equal(np.sqrt(3 * 2 / (n_in + n_out)), c),
    ]


def rectified(z):
    """ReLU."""
    return np.maximum(0, z)


def symmetric(rng, states, n):
    """Values of n numbers, whose opposites are as likely, and the chances."""
    values, p = rng.normal(size=(states, n)), chances(rng, states)
    return np.concatenate([values, -values]), np.concatenate([p, p]) / 2


@check(
    "eq-layers-relu-half",
    r"""
\begin{aligned}
& \mathrm{E}\bigl[\max(0, z)^2\bigr] \\
&\quad = \tfrac12\, \mathrm{E}\bigl[\max(0, z)^2 + \max(0, -z)^2\bigr] \\
&\quad = \tfrac12\, \mathrm{E}[z^2]
\end{aligned}
""",
)
def relu_half(rng):
    z, p = symmetric(rng, 5, 3)
    left = p @ np.maximum(0, z) ** 2
    both = np.maximum(0, z) ** 2 + np.maximum(0, -z) ** 2
    return [equal(left, 1 / 2 * (p @ both)), equal(both, z**2), equal(left, 1 / 2 * (p @ z**2))]


@check(
    "eq-layers-he",
    r"""
\begin{aligned}
\mathrm{E}\bigl[z_\text{next}^2\bigr] &= n_\text{in}\, \mathrm{Var}(W) \cdot \tfrac12\,
    \mathrm{E}[z^2] \\
\text{kept if} \quad \mathrm{Var}(W) &= \frac{2}{n_\text{in}}
\end{aligned}
""",
)
def he(rng):
    n_in, found = 4, []
    z, p = symmetric(rng, 5, n_in)
    before = np.mean(p @ z**2)
    for var in (rng.uniform(0.5, 2), 2 / n_in):
        weights, p_w = combinations([centered(rng, var) for _ in range(n_in)])
        after = mean_square(rectified(z), weights, p, p_w)
        found.append(equal(after, n_in * var * 1 / 2 * before))
    return [*found, equal(after, before)]


def masked(G):
    """What masks let pass, each entry in half of the cases: all values and their chances."""
    masks, chance = combinations([(np.array([0.0, 1.0]), np.full(2, 0.5))] * len(G))
    return masks * G, chance


@check(
    "eq-layers-telescope",
    r"""
\prod_{l=1}^{d} \frac{n_\text{out}^{(l)}}{n_\text{in}^{(l)}} =
    \frac{n_\text{out}^{(d)}}{n_\text{in}^{(1)}}
""",
)
def telescope(rng):
    """The left side as the factors that layers with ReLU and He's variance have, going back."""
    stacks = [tuple(rng.integers(1, 4, size=size)) for size in (2, 3, 4, 4, 5, 5)]
    left = np.ones(len(stacks))
    for number, sizes in enumerate(stacks):
        for n_in, n_out in itertools.pairwise(sizes):
            # All n_in numbers that a layer sends back are alike: the square of one.
            weights, p_w = combinations([centered(rng, 2 / n_in, 2)] * n_out)
            G = rng.normal(size=n_out)
            passed, p_m = masked(G)
            left[number] *= mean_square(passed, weights, p_m, p_w) / np.mean(G**2)
    return equal(left, np.array([sizes[-1] / sizes[0] for sizes in stacks]))


@check(
    "eq-layers-bias",
    r"""
\mathrm{Var}(z) = \mathrm{Var}(W) \Bigl( \sum_{j=1}^{n_\text{in}} \mathrm{E}[a_j^2] + 1 \Bigr)
""",
)
def bias(rng):
    n_in, var = 3, rng.uniform(0.5, 2)
    weights, p_w = combinations([centered(rng, var) for _ in range(n_in + 1)])
    a, p_a = rng.normal(1, 1, size=(5, n_in)), chances(rng, 5)
    left = variance(a, weights[:, :-1], p_a, p_w, bias=weights[:, -1])
    return equal(left, var * ((p_a @ a**2).sum() + 1))


@check(
    "eq-layers-ex-leaky",
    r"""
\mathrm{E}\bigl[f(z)^2\bigr] = \frac{1 + \alpha^2}{2}\, \mathrm{E}[z^2]
""",
)
def leaky(rng):
    z, p = symmetric(rng, 5, 3)
    alpha = rng.uniform(0.1, 0.9)
    left = p @ torch.nn.functional.leaky_relu(torch.tensor(z), alpha).numpy() ** 2
    return equal(left, (1 + alpha**2) / 2 * (p @ z**2))


@check(
    "eq-layers-ex-softplus",
    r"""
f'(z) = \frac{e^z}{1 + e^z} = \frac{e^a - 1}{e^a} = 1 - e^{-a}
""",
)
def softplus(rng):
    z = rng.normal(size=(3, 4))
    a = np.log(1 + np.exp(z))
    lines = [np.exp(z) / (1 + np.exp(z)), (np.exp(a) - 1) / np.exp(a), 1 - np.exp(-a)]
    return [gradient(lambda t: torch.nn.functional.softplus(t).sum(), z, line) for line in lines]


@check(
    "eq-layers-ex-residual",
    r"""
\frac{\partial L}{\partial x} = G + \operatorname{bp\_input}_g(G)
""",
)
def residual(rng):
    affine, activation = Linear(K, K), Tanh()
    affine.W = rng.normal(0, 0.5, size=(K + 1, K))
    x = rng.normal(size=(N, K))
    G = cubes_grad(x + activation(affine(x)))
    claimed = G + affine.bp_input(activation.bp_input(G))

    def f(t):
        return cubes(t + torch.tanh(affine_by_sample(t, torch.tensor(affine.W))))

    return gradient(f, x, claimed)


@check(
    "eq-layers-ex-shared",
    r"""
\frac{\partial L}{\partial W} = \frac{\partial L}{\partial W^{(1)}} + \frac{\partial L}{\partial
    W^{(2)}}
""",
)
def shared(rng):
    W, x = rng.normal(0, 0.5, size=(K, K)), rng.normal(size=(N, K))
    first, middle, second = Linear(K, K, bias=False), Tanh(), Linear(K, K, bias=False)
    first.W = second.W = W
    G = cubes_grad(second(middle(first(x))))
    claimed = second.bp_param(G) + first.bp_param(middle.bp_input(second.bp_input(G)))

    def f(t):
        zero = torch.zeros(1, K, dtype=t.dtype)
        hidden = torch.tanh(affine_by_sample(torch.tensor(x), torch.cat([t, zero])))
        return cubes(affine_by_sample(hidden, torch.cat([t, zero])))

    return gradient(f, W, claimed)
