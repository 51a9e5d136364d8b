"""Checks of the equations of chapter 12, softmax and cross-entropy.

Logits are drawn as (5, 4) or as one row of four. The other side of a comparison is PyTorch's
softmax and cross-entropy, autograd, or a loop over classes.
"""

import numpy as np
import torch
from torch.nn import functional

from equations.harness import as_told, check, equal, gradient, positive, threshold

ROWS, CLASSES = 5, 4
ZERO = "the numerator of the quotient rule has 0 in it, which is written out"


def softmax(z):
    exps = np.exp(z)
    return exps / exps.sum(axis=-1, keepdims=True)


def torch_softmax(z):
    return torch.softmax(torch.tensor(z), dim=-1).numpy()


def logits(rng):
    """One sample's logits."""
    return rng.normal(size=CLASSES)


def target(rng):
    """Probabilities in place of a one-hot row: what is derived holds for both."""
    y = rng.uniform(0.1, 1, size=CLASSES)
    return y / y.sum()


def entropy(z, y):
    """PyTorch's cross-entropy of one sample."""
    return functional.cross_entropy(z[None], torch.tensor(y)[None])


def picked(z, c):
    """The same for a label."""
    return functional.cross_entropy(z[None], torch.tensor([c]))


def loss_at(z, c):
    """The same for NumPy's logits, as a number."""
    return picked(torch.tensor(z), c).item()


def slope(f, z):
    """The gradient of f by PyTorch, as NumPy."""
    at = torch.tensor(z, requires_grad=True)
    (found,) = torch.autograd.grad(f(at), at)
    return found.numpy()


def softmax_slopes(z):
    """The table of all slopes of PyTorch's softmax."""
    return torch.autograd.functional.jacobian(
        lambda at: torch.softmax(at, 0), torch.tensor(z)
    ).numpy()


def bends(z, y):
    """All second derivatives of PyTorch's cross-entropy of one sample."""
    return torch.autograd.functional.hessian(lambda at: entropy(at, y), torch.tensor(z)).numpy()


@check(
    "eq-softmax-why-exp",
    r"""
\begin{aligned}
g(z + a) &= \frac{g(a)}{g(0)}\, g(z) \\
g'(z) &= \beta\, g(z), \qquad \beta = \frac{g'(0)}{g(0)} \\
g(z) &= g(0)\, e^{\beta z}
\end{aligned}
""",
)
def why_exp(rng):
    base, scale = rng.uniform(1.5, 3), rng.uniform(0.5, 2)
    z, a = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))

    def g(at):
        return scale * base**at

    beta = slope(g, np.zeros(())) / g(0.0)
    return [
        equal(g(z + a), g(a) / g(0.0) * g(z)),
        gradient(lambda at: (scale * torch.exp(np.log(base) * at)).sum(), z, beta * g(z)),
        equal(np.log(base), beta),
        equal(g(z), g(0.0) * np.exp(beta * z)),
    ]


@check(
    "eq-softmax-odds",
    r"""
\frac{p_i}{p_j} = e^{z_i - z_j}, \qquad \ln p_i - \ln p_j = z_i - z_j
""",
)
def odds(rng):
    z = logits(rng)
    p = torch_softmax(z)
    log_p = torch.log_softmax(torch.tensor(z), dim=0).numpy()
    return [
        equal(p[:, None] / p[None, :], np.exp(z[:, None] - z[None, :])),
        equal(log_p[:, None] - log_p[None, :], z[:, None] - z[None, :]),
        equal(log_p, np.log(p)),
    ]


@check(
    "eq-softmax-shift",
    r"""
\frac{e^{z_k + a}}{\sum_{j} e^{z_j + a}} = \frac{e^{a}\, e^{z_k}}{e^{a} \sum_{j} e^{z_j}} = p_k
""",
)
def shift(rng):
    z, a = logits(rng), rng.normal()
    left = np.exp(z + a) / sum(np.exp(one + a) for one in z)
    middle = np.exp(a) * np.exp(z) / (np.exp(a) * np.exp(z).sum())
    return [equal(left, middle), equal(middle, torch_softmax(z))]


@check(
    "eq-softmax-two",
    r"""
\begin{aligned}
p_1 &= \frac{e^{z_1}}{e^{z_0} + e^{z_1}} = \frac{1}{1 + e^{-(z_1 - z_0)}} \\
&= \sigma(z_1 - z_0)
\end{aligned}
""",
)
def two(rng):
    z = rng.normal(size=(ROWS, 2))
    p = torch_softmax(z)[:, 1].copy()
    difference = z[:, 1] - z[:, 0]
    return [
        equal(p, np.exp(z[:, 1]) / (np.exp(z[:, 0]) + np.exp(z[:, 1]))),
        equal(p, 1 / (1 + np.exp(-difference))),
        equal(p, torch.sigmoid(torch.tensor(difference)).numpy()),
    ]


@check(
    "eq-softmax-likelihood",
    r"""
\begin{aligned}
-\frac{1}{N} \ln \prod_{i} p_{i,c_i} &= \frac{1}{N} \sum_{i} \left( -\ln p_{i,c_i} \right) \\
&= -\frac{1}{N} \sum_{i} \sum_{k} y_{ik} \ln p_{ik}
\end{aligned}
""",
)
def likelihood(rng):
    z = rng.normal(size=(ROWS, CLASSES))
    labels = rng.integers(CLASSES, size=ROWS)
    p, y = softmax(z), np.eye(CLASSES)[labels]
    product = 1.0
    for i in range(ROWS):
        product *= p[i, labels[i]]
    left = np.float64(-np.log(product) / ROWS)
    theirs = functional.nll_loss(torch.log_softmax(torch.tensor(z), 1), torch.tensor(labels))
    picked_out = sum(-np.log(p[i, labels[i]]) for i in range(ROWS)) / ROWS
    weighted = -sum(y[i, k] * np.log(p[i, k]) for i, k in np.ndindex(ROWS, CLASSES)) / ROWS
    return [equal(left, np.float64(theirs)), equal(left, picked_out), equal(left, weighted)]


def alike(rng, classes):
    """Logits that are all the same number."""
    return np.full(classes, rng.normal())


@check(
    "eq-softmax-uniform",
    r"""
p_k = \frac{1}{K} \quad \Rightarrow \quad \ell = -\ln \frac{1}{K} = \ln K
""",
)
def uniform(rng):
    sizes = rng.choice(np.arange(2, 60), size=4, replace=False)
    rows = [alike(rng, K) for K in sizes]
    p = np.array([torch_softmax(z)[-1] for z in rows])
    losses = np.array([loss_at(z, 0) for z in rows])
    return [equal(p, 1 / sizes), equal(losses, -np.log(1 / sizes)), equal(losses, np.log(sizes))]


@check(
    "eq-softmax-diagonal",
    r"""
\begin{aligned}
\frac{\partial p_i}{\partial z_i} &= \frac{e^{z_i} S - e^{z_i} e^{z_i}}{S^2} = \frac{e^{z_i}}{S}
    \cdot \frac{S - e^{z_i}}{S} \\
&= p_i\, (1 - p_i)
\end{aligned}
""",
)
def diagonal(rng):
    z = logits(rng)
    exps, S, p = np.exp(z), np.exp(z).sum(), torch_softmax(z)

    def own(moved):
        """The sum of all p_i, in each of which only its own logit moves."""
        held = torch.tensor(z)
        parts = [
            torch.softmax(torch.where(torch.arange(CLASSES) == i, moved, held), 0)[i]
            for i in range(CLASSES)
        ]
        return torch.stack(parts).sum()

    lines = [(exps * S - exps * exps) / S**2, exps / S * ((S - exps) / S), p * (1 - p)]
    return [gradient(own, z, line) for line in lines]


@check(
    "eq-softmax-off-diagonal",
    r"""
\frac{\partial p_i}{\partial z_j} = \frac{0 \cdot S - e^{z_i} e^{z_j}}{S^2} = -p_i\, p_j \quad (i
    \ne j)
""",
    harmless={
        "0 * S -> 0": ZERO,
        "0 * S - exps[i] * exps[others] -> -(exps[i] * exps[others])": ZERO,
    },
)
def off_diagonal(rng):
    z = logits(rng)
    exps, S, p = np.exp(z), np.exp(z).sum(), torch_softmax(z)
    pairs = [equal(p, exps / S)]
    for i in range(CLASSES):
        others = np.arange(CLASSES) != i

        def output(moved, i=i, others=others):
            full = torch.tensor(z)
            full = full.masked_scatter(torch.tensor(others), moved)
            return torch.softmax(full, 0)[i]

        pairs.append(gradient(output, z[others], (0 * S - exps[i] * exps[others]) / S**2))
        pairs.append(gradient(output, z[others], -p[i] * p[others]))
    return pairs


@check(
    "eq-softmax-jacobian",
    r"""
\frac{\partial p_i}{\partial z_j} = p_i\, (\delta_{ij} - p_j)
""",
)
def jacobian(rng):
    z = logits(rng)
    p = softmax(z)
    pairs = []
    for i in range(CLASSES):
        row = np.array([p[i] * (float(i == j) - p[j]) for j in range(CLASSES)])
        pairs.append(gradient(lambda at, i=i: torch.softmax(at, 0)[i], z, row))
    return pairs


@check(
    "eq-softmax-entropy-slope",
    r"""
\frac{\partial \ell}{\partial p_i} = \frac{\partial}{\partial p_i} \left( -\sum_{k} y_k \ln p_k
    \right) = -\frac{y_i}{p_i}
""",
)
def entropy_slope(rng):
    p, y = target(rng), target(rng)

    def loss(at):
        """PyTorch's cross-entropy, up to a number that does not depend on p."""
        return functional.kl_div(torch.log(at), torch.tensor(y), reduction="sum")

    return [
        gradient(loss, p, -y / p),
        gradient(lambda at: -torch.dot(torch.tensor(y), torch.log(at)), p, -y / p),
    ]


@check(
    "eq-softmax-product",
    r"""
\begin{aligned}
\frac{\partial \ell}{\partial z_j} &= \sum_{i} \frac{\partial \ell}{\partial p_i}\, \frac{\partial
    p_i}{\partial z_j} \\
&= \sum_{i} \left( -\frac{y_i}{p_i} \right) p_i\, (\delta_{ij} - p_j) \\
&= -\sum_{i} y_i\, \delta_{ij} + \sum_{i} y_i\, p_j \\
&= -y_j + p_j \sum_{i} y_i = p_j - y_j
\end{aligned}
""",
)
def product(rng):
    z, y = logits(rng), target(rng)
    p = softmax(z)
    delta = np.eye(CLASSES)
    # Only the last step needs entries of y that add up to 1: the lines before are checked without.
    w = rng.uniform(1.5, 3, size=CLASSES)
    slopes = slope(lambda at: -torch.dot(torch.tensor(w), torch.log(at)), p)
    first = slopes @ softmax_slopes(z)
    second, third = np.zeros(CLASSES), np.zeros(CLASSES)
    for i, j in np.ndindex(CLASSES, CLASSES):
        second[j] += -w[i] / p[i] * p[i] * (delta[i, j] - p[j])
        third[j] += -w[i] * delta[i, j] + w[i] * p[j]
    return [
        gradient(lambda at: -torch.dot(torch.tensor(w), torch.log_softmax(at, 0)), z, first),
        equal(first, second),
        equal(first, third),
        equal(first, -w + p * w.sum()),
        gradient(lambda at: entropy(at, y), z, p - y),
    ]


@check(
    "eq-softmax-joint-loss",
    r"""
\begin{aligned}
\ell &= -\ln \frac{e^{z_c}}{\sum_{j} e^{z_j}} = \ln \sum_{j} e^{z_j} - z_c \\
&= \ln \sum_{j} e^{z_j} - \sum_{k} y_k z_k
\end{aligned}
""",
)
def joint_loss(rng):
    z = rng.normal(size=(ROWS, CLASSES))
    labels = rng.integers(CLASSES, size=ROWS)
    rows, y = np.arange(ROWS), np.eye(CLASSES)[labels]
    theirs = functional.cross_entropy(torch.tensor(z), torch.tensor(labels), reduction="none")
    log_sum = np.log(np.exp(z).sum(axis=1))
    soft = np.stack([target(rng) for _ in rows])
    with_soft = functional.cross_entropy(torch.tensor(z), torch.tensor(soft), reduction="none")
    return [
        equal(theirs.numpy(), -np.log(np.exp(z[rows, labels]) / np.exp(z).sum(axis=1))),
        equal(theirs.numpy(), log_sum - z[rows, labels]),
        equal(theirs.numpy(), log_sum - (y * z).sum(axis=1)),
        equal(with_soft.numpy(), log_sum - (soft * z).sum(axis=1)),
    ]


@check(
    "eq-softmax-lse-slope",
    r"""
\frac{\partial}{\partial z_j} \ln \sum_{k} e^{z_k} = \frac{1}{\sum_{k} e^{z_k}}\, e^{z_j} = p_j
""",
)
def lse_slope(rng):
    z = logits(rng)
    middle = 1 / np.exp(z).sum() * np.exp(z)
    return [
        gradient(lambda at: torch.logsumexp(at, 0), z, middle),
        equal(middle, torch_softmax(z)),
    ]


@check(
    "eq-softmax-gradient",
    r"""
\frac{\partial \ell}{\partial z} = p - y
""",
)
def joint_gradient(rng):
    z, y, c = logits(rng), target(rng), int(rng.integers(CLASSES))
    return [
        gradient(lambda at: picked(at, c), z, softmax(z) - np.eye(CLASSES)[c]),
        gradient(lambda at: entropy(at, y), z, softmax(z) - y),
    ]


@check(
    "eq-softmax-balance",
    r"""
\begin{aligned}
\frac{\partial \ell}{\partial z_k} &= p_k \quad (k \ne c) \\
-\frac{\partial \ell}{\partial z_c} &= 1 - p_c = \sum_{k \ne c} p_k = \sum_{k \ne c} \frac{\partial
    \ell}{\partial z_k}
\end{aligned}
""",
)
def balance(rng):
    z, c = logits(rng), int(rng.integers(CLASSES))
    p = softmax(z)
    others = np.arange(CLASSES) != c
    claimed = np.where(others, p, -(1 - p[c]))
    found = slope(lambda at: picked(at, c), z)
    return [
        gradient(lambda at: picked(at, c), z, claimed),
        equal(np.float64(1 - p[c]), np.float64(p[others].sum())),
        equal(np.float64(-found[c]), np.float64(found[others].sum())),
        equal(np.float64(-found[c]), np.float64(p[others].sum())),
    ]


@check(
    "eq-softmax-batch",
    r"""
\frac{\partial L}{\partial z_{ik}} = \frac{1}{N} \frac{\partial \ell_i}{\partial z_{ik}} =
    \frac{1}{N}\, (p_{ik} - y_{ik})
""",
)
def batch(rng):
    z = rng.normal(size=(ROWS, CLASSES))
    labels = rng.integers(CLASSES, size=ROWS)
    p, y = softmax(z), np.eye(CLASSES)[labels]
    singles = [slope(lambda at, c=c: picked(at, c), row) for row, c in zip(z, labels, strict=True)]

    def mean(at):
        return functional.cross_entropy(at, torch.tensor(labels))

    return [
        gradient(mean, z, 1 / ROWS * np.stack(singles)),
        gradient(mean, z, 1 / ROWS * (p - y)),
    ]


def overflows(z):
    return np.isinf(np.exp(z))


def vanishes(z):
    return np.exp(z) == 0


@check(
    "eq-softmax-range",
    r"""
\begin{aligned}
&\text{float32:} \\
&\; e^z = \infty \text{ above } z = 128 \ln 2 \approx 88.72 \\
&\; e^z = 0 \text{ below } z = -150 \ln 2 \approx -103.97 \\
&\text{float64:} \\
&\; e^z = \infty \text{ above } z = 1024 \ln 2 \approx 709.78 \\
&\; e^z = 0 \text{ below } z = -1075 \ln 2 \approx -745.13
\end{aligned}
""",
)
def exponential_range(rng):
    found = []
    for dtype, far in ((np.float32, 200.0), (np.float64, 1000.0)):
        with np.errstate(all="ignore"):
            found.append(threshold(lambda z: overflows(dtype(z)), 0.0, far))  # noqa: B023
            found.append(-threshold(lambda z: vanishes(dtype(-z)), 0.0, far))  # noqa: B023
    exact = np.array([128, -150, 1024, -1075]) * np.log(2)
    told = np.array([88.72, -103.97, 709.78, -745.13])
    weight = rng.normal()
    return as_told(weight, found, exact, told, 0.005)


@check(
    "eq-softmax-stable",
    r"""
\begin{aligned}
\ln \sum_{j} e^{z_j} &= \ln \Bigl( e^{m} \sum_{j} e^{z_j - m} \Bigr) \\
&= m + \ln \sum_{j} e^{z_j - m} \\
\ell &= \ln \sum_{j} e^{z_j - m} - (z_c - m)
\end{aligned}
""",
)
def stable(rng):
    z, c = rng.normal(0, 10, size=CLASSES), int(rng.integers(CLASSES))
    m = z.max()
    inner = np.exp(z - m).sum()
    log_sum = torch.logsumexp(torch.tensor(z), 0).numpy()[()]
    # The label's own logit may be the largest, with a loss near 0: compare beside its logit.
    far = rng.normal(1000, 10, size=CLASSES)
    top = far.max()
    shifted = np.log(np.exp(far - top).sum()) - (far[c] - top)
    return [
        equal(np.log(np.exp(z).sum()), log_sum),
        equal(np.log(np.exp(m) * inner), log_sum),
        equal(m + np.log(inner), log_sum),
        equal(loss_at(z, c) + m, np.log(inner) - (z[c] - m) + m),
        equal(loss_at(far, c) + m, shifted + m),
    ]


@check(
    "eq-softmax-limits",
    r"""
\frac{p_i}{p_j} = e^{-(z_j - z_i) / T} \to
\begin{cases}
0 & \text{as } T \to 0 \\
1 & \text{as } T \to \infty
\end{cases}
""",
)
def limits(rng):
    z = np.sort(rng.normal(size=(ROWS, 2)), axis=1)
    z[:, 1] += 0.1
    lead = z[:, 1] - z[:, 0]

    def ratio(T):
        p = torch_softmax(z / T)
        return p[:, 0] / p[:, 1]

    # Near its limits: to 0 the ratio goes like the exponential of -lead / T, to 1 like lead / T.
    cold, hot = 0.01, 1e6
    return [
        *(equal(ratio(T), np.exp(-lead / T)) for T in (0.3, 1.0, 7.0)),
        equal(cold * np.log(ratio(cold)), -lead),
        equal(hot * (1 - ratio(hot)), lead, tolerance=1e-5),
    ]


@check(
    "eq-softmax-temperature-gradient",
    r"""
\frac{\partial \ell}{\partial z_k} = \frac{\partial \ell}{\partial u_k} \cdot \frac{\partial
    u_k}{\partial z_k} = \frac{1}{T}\, (p_k - y_k)
""",
)
def temperature_gradient(rng):
    z, y, T = logits(rng), target(rng), rng.uniform(0.3, 4)
    of_u = slope(lambda u: entropy(u, y), z / T)
    u_of_z = slope(lambda at: (at / T).sum(), z)

    def heated(at):
        return entropy(at / T, y)

    return [
        gradient(heated, z, of_u * u_of_z),
        gradient(heated, z, 1 / T * (softmax(z / T) - y)),
    ]


@check(
    "eq-softmax-hessian",
    r"""
H_{ij} = \frac{\partial^2 \ell}{\partial z_i\, \partial z_j} = \frac{\partial p_i}{\partial z_j} =
    p_i\, \delta_{ij} - p_i\, p_j
""",
)
def hessian(rng):
    z, y = logits(rng), target(rng)
    p, pairs = softmax(z), []
    for i in range(CLASSES):
        row = np.array([p[i] * float(i == j) - p[i] * p[j] for j in range(CLASSES)])
        pairs.append(equal(bends(z, y)[i], row))
        pairs.append(equal(bends(z, y)[i], softmax_slopes(z)[i]))
        pairs.append(gradient(lambda at, i=i: torch.softmax(at, 0)[i], z, row))
    return pairs


@check(
    "eq-softmax-variance",
    r"""
\begin{aligned}
v^\top H v &= \sum_{i} p_i v_i^2 - \Bigl( \sum_{i} p_i v_i \Bigr)^2 \\
&= \sum_{i} p_i v_i^2 - \bar v^2 \\
&= \sum_{i} p_i v_i^2 - 2 \bar v \sum_{i} p_i v_i + \bar v^2 \sum_{i} p_i \\
&= \sum_{i} p_i\, (v_i - \bar v)^2 \ge 0
\end{aligned}
""",
)
def variance(rng):
    z, y, v = logits(rng), target(rng), rng.normal(size=CLASSES)
    p = softmax(z)
    mean = sum(p[k] * v[k] for k in range(CLASSES))
    curvature = v @ bends(z, y) @ v
    spread = (p * (v - mean) ** 2).sum()
    third = sum(p[i] * v[i] ** 2 - 2 * mean * p[i] * v[i] + mean**2 * p[i] for i in range(CLASSES))
    return [
        equal(curvature, (p * v**2).sum() - (p * v).sum() ** 2),
        equal(curvature, (p * v**2).sum() - mean**2),
        equal(curvature, third),
        equal(curvature, spread),
        positive(spread),
    ]


@check(
    "eq-softmax-squared",
    r"""
\begin{aligned}
\frac{\partial \ell}{\partial z_j} &= \sum_{i} 2 e_i\, p_i\, (\delta_{ij} - p_j) \\
&= 2 p_j \Bigl( e_j - \sum_{i} p_i e_i \Bigr)
\end{aligned}
""",
)
def squared(rng):
    z, y = logits(rng), target(rng)
    p = softmax(z)
    e = p - y
    summed = np.zeros(CLASSES)
    for i, j in np.ndindex(CLASSES, CLASSES):
        summed[j] += 2 * e[i] * p[i] * (float(i == j) - p[j])
    claimed = 2 * p * (e - (p * e).sum())

    def loss(at):
        return ((torch.softmax(at, 0) - torch.tensor(y)) ** 2).sum()

    return [gradient(loss, z, summed), gradient(loss, z, claimed)]


@check(
    "eq-softmax-squared-two",
    r"""
\frac{\partial \ell}{\partial z_0} = 2 p_0 \left( -p_1 + p_0 p_1 - p_1^2 \right) = -4\, p_0\, p_1^2
""",
)
def squared_two(rng):
    z = rng.normal(size=2)
    p0, p1 = softmax(z)
    y = torch.tensor([1.0, 0.0], dtype=torch.float64)
    held = torch.tensor(z[1:])

    def loss(first):
        return ((torch.softmax(torch.cat([first, held]), 0) - y) ** 2).sum()

    return [
        gradient(loss, z[:1], np.array([2 * p0 * (-p1 + p0 * p1 - p1**2)])),
        gradient(loss, z[:1], np.array([-4 * p0 * p1**2])),
    ]


@check(
    "eq-softmax-twice",
    r"""
\begin{aligned}
\ell &= \ln \bigl( e^{1} + (K - 1)\, e^{0} \bigr) - 1 \\
&= \ln (e + K - 1) - 1
\end{aligned}
""",
    harmless={"(sizes - 1) * np.exp(0) -> sizes - 1": "the exponential of 0 is 1"},
)
def twice(rng):
    sizes = rng.choice(np.arange(2, 60), size=4, replace=False)
    losses = np.array([loss_at(np.eye(K)[0], 0) for K in sizes])
    return [
        equal(losses, np.log(np.exp(1) + (sizes - 1) * np.exp(0)) - 1),
        equal(losses, np.log(np.e + sizes - 1) - 1),
    ]


@check(
    "eq-softmax-two-entropy",
    r"""
\begin{aligned}
\frac{\partial \ell}{\partial z} &= \sigma(z) - y_1 \\
\frac{\partial \ell}{\partial z_1} &= \sigma(z) - y_1 = p_1 - y_1 \\
\frac{\partial \ell}{\partial z_0} &= y_1 - \sigma(z) = p_0 - y_0
\end{aligned}
""",
)
def two_entropy(rng):
    z = rng.normal(size=(ROWS, 2))
    labels = rng.integers(2, size=ROWS)
    y1 = labels.astype(float)
    single = z[:, 1] - z[:, 0]
    sigma = 1 / (1 + np.exp(-single))
    p, y = softmax(z), np.stack([1 - y1, y1], axis=1)
    binary = functional.binary_cross_entropy_with_logits

    def alone(at):
        return binary(at, torch.tensor(y1), reduction="sum")

    def pair(z0, z1):
        return functional.cross_entropy(
            torch.stack([z0, z1], dim=1), torch.tensor(labels), reduction="sum"
        )

    z0, z1 = torch.tensor(z).T
    return [
        gradient(alone, single, sigma - y1),
        gradient(lambda at: pair(z0, at), z[:, 1], sigma - y1),
        gradient(lambda at: pair(z0, at), z[:, 1], p[:, 1] - y[:, 1]),
        gradient(lambda at: pair(at, z1), z[:, 0], y1 - sigma),
        gradient(lambda at: pair(at, z1), z[:, 0], p[:, 0] - y[:, 0]),
        equal(np.float64(alone(torch.tensor(single))), np.float64(pair(z0, z1))),
    ]


def smoothed(z, c, eps):
    """PyTorch's cross-entropy with a smoothed label."""
    return functional.cross_entropy(z[None], torch.tensor([c]), label_smoothing=eps)


@check(
    "eq-softmax-smoothing",
    r"""
\frac{\partial \ell}{\partial z_k} = p_k - (1 - \varepsilon)\, y_k - \frac{\varepsilon}{K}
""",
)
def smoothing(rng):
    z, c, eps = logits(rng), int(rng.integers(CLASSES)), rng.uniform(0.05, 0.4)
    y = np.eye(CLASSES)[c]
    return gradient(lambda at: smoothed(at, c, eps), z, softmax(z) - (1 - eps) * y - eps / CLASSES)


@check(
    "eq-softmax-smooth-gap",
    r"""
\begin{aligned}
z_c - z_k &= \ln \frac{1 - \varepsilon + \varepsilon / K}{\varepsilon / K} \\
&= \ln \left( 1 + \frac{K (1 - \varepsilon)}{\varepsilon} \right)
\end{aligned}
""",
)
def smooth_gap(rng):
    eps, K, c = rng.uniform(0.05, 0.4, size=3), CLASSES, int(rng.integers(CLASSES))

    def pull(gap, one):
        """The slope for the label's logit, if it is so far above the others, which are 0."""
        return slope(lambda at: smoothed(at, c, one), gap * np.eye(K)[c])[c]

    # The least loss: all other logits are pulled alike, and the slopes add up to 0.
    gaps = [threshold(lambda gap, one=one: pull(gap, one) > 0, low=0.0, high=50.0) for one in eps]
    return [
        equal(np.array(gaps), np.log((1 - eps + eps / K) / (eps / K))),
        equal(np.array(gaps), np.log(1 + K * (1 - eps) / eps)),
    ]


@check(
    "eq-softmax-row-sums",
    r"""
\begin{aligned}
&\sum_{k} \Bigl( W_{jk} - \eta\, \frac{\partial L}{\partial W_{jk}} \Bigr) \\
&\; = \sum_{k} W_{jk} - \frac{\eta}{N} \sum_{i} x_{ij} \sum_{k} (p_{ik} - y_{ik}) \\
&\; = \sum_{k} W_{jk}
\end{aligned}
""",
)
def row_sums(rng):
    x, W, rate = rng.normal(size=(ROWS, 3)), rng.normal(size=(3, CLASSES)), rng.uniform(1, 5)
    labels = rng.integers(CLASSES, size=ROWS)

    def loss(at):
        return functional.cross_entropy(torch.tensor(x) @ at, torch.tensor(labels))

    stepped = W - rate * slope(loss, W)
    error = softmax(x @ W) - np.eye(CLASSES)[labels]
    left, right = [], []
    for some in range(1, CLASSES + 1):  # of the sums over fewer classes something is left
        left.append(stepped[:, :some].sum(axis=1))
        error_sum = error[:, :some].sum(axis=1)
        right.append(W[:, :some].sum(axis=1) - rate / ROWS * (x.T @ error_sum))
    return [
        *(equal(*pair) for pair in zip(left, right, strict=True)),
        equal(stepped.sum(axis=1), W.sum(axis=1)),
    ]


@check(
    "eq-softmax-distill",
    r"""
\begin{aligned}
\frac{\partial \ell}{\partial z_k} &= T^2 \cdot \frac{1}{T}\, (p_k - q_k) = T\, (p_k - q_k) \\
&\approx \frac{1}{K} \bigl( (z_k - \bar z) - (s_k - \bar s) \bigr)
\end{aligned}
""",
)
def distill(rng):
    z, s, T = logits(rng), logits(rng), rng.uniform(0.5, 4)
    p, q = softmax(z / T), softmax(s / T)

    def loss(at):
        return -(T**2) * torch.dot(torch.tensor(q), torch.log_softmax(at / T, 0))

    hot = 1e5
    limit = 1 / CLASSES * ((z - z.mean()) - (s - s.mean()))
    return [
        gradient(loss, z, T**2 * (1 / T) * (p - q)),
        gradient(loss, z, T * (p - q)),
        equal(hot * (softmax(z / hot) - softmax(s / hot)), limit, tolerance=1e-4),
    ]
