"""Checks of the equations of chapter 12, softmax and cross-entropy.

Logits are drawn as (5, 4) or as one row of four. The other side of a comparison is PyTorch's
softmax and cross-entropy, autograd, or a loop over classes.
"""

import numpy as np
import torch
from torch.nn import functional

from equations.harness import as_told, check, equal, gradient, threshold

ROWS, CLASSES = 5, 4


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

    zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(g(zero), zero)
    beta = slope.item() / g(0.0)
    return [
        equal(g(z + a), g(a) / g(0.0) * g(z)),
        gradient(lambda at: (scale * torch.exp(np.log(base) * at)).sum(), z, beta * g(z)),
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
    last = sum(-(y[i] * np.log(p[i])).sum() for i in range(ROWS)) / ROWS
    return [equal(left, np.float64(theirs)), equal(left, last)]


@check(
    "eq-softmax-uniform",
    r"""
p_k = \frac{1}{K} \quad \Rightarrow \quad \ell = -\ln \frac{1}{K} = \ln K
""",
)
def uniform(rng):
    sizes = rng.choice(np.arange(2, 60), size=4, replace=False)
    losses = [picked(torch.full((K,), rng.normal(), dtype=torch.float64), K - 1) for K in sizes]
    return [
        equal(np.array([loss.item() for loss in losses]), np.log(sizes)),
        equal(-np.log(1 / sizes), np.log(sizes.astype(float))),
    ]


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
    exps = np.exp(z)
    S, p = exps.sum(), torch_softmax(z)

    def own(moved):
        """The sum of all p_i, in each of which only its own logit moves."""
        held = torch.tensor(z)
        parts = [
            torch.softmax(torch.where(torch.arange(CLASSES) == i, moved, held), 0)[i]
            for i in range(CLASSES)
        ]
        return torch.stack(parts).sum()

    return [
        gradient(own, z, p * (1 - p)),
        equal((exps * S - exps * exps) / S**2, p * (1 - p)),
        equal(exps / S * ((S - exps) / S), p * (1 - p)),
    ]


@check(
    "eq-softmax-off-diagonal",
    r"""
\frac{\partial p_i}{\partial z_j} = \frac{0 \cdot S - e^{z_i} e^{z_j}}{S^2} = -p_i\, p_j \quad (i
    \ne j)
""",
)
def off_diagonal(rng):
    z = logits(rng)
    exps, p = np.exp(z), torch_softmax(z)
    pairs = []
    for i in range(CLASSES):
        others = np.arange(CLASSES) != i

        def output(moved, i=i, others=others):
            full = torch.tensor(z)
            full = full.masked_scatter(torch.tensor(others), moved)
            return torch.softmax(full, 0)[i]

        quotient = -exps[i] * exps[others] / exps.sum() ** 2
        pairs.append(gradient(output, z[others], quotient))
        pairs.append(equal(quotient, -p[i] * p[others]))
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
    claimed = np.array(
        [[p[i] * (float(i == j) - p[j]) for j in range(CLASSES)] for i in range(CLASSES)]
    )
    pairs = [
        gradient(lambda at, i=i: torch.softmax(at, 0)[i], z, claimed[i].copy())
        for i in range(CLASSES)
    ]
    return [*pairs, equal(claimed, np.diag(p) - np.outer(p, p))]


@check(
    "eq-softmax-entropy-slope",
    r"""
\frac{\partial \ell}{\partial p_i} = \frac{\partial}{\partial p_i} \left( -\sum_{k} y_k \ln p_k
    \right) = -\frac{y_i}{p_i}
""",
)
def entropy_slope(rng):
    p, y = target(rng), target(rng)
    return gradient(lambda at: -torch.dot(torch.tensor(y), torch.log(at)), p, -y / p)


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
    through = torch.autograd.functional.jacobian(lambda at: torch.softmax(at, 0), torch.tensor(z))
    # Only the last step needs entries of y that add up to 1: the lines before are checked without.
    w = y * rng.uniform(1.5, 3)
    first = (-w / p) @ through.numpy()
    second, third = np.zeros(CLASSES), np.zeros(CLASSES)
    for i, j in np.ndindex(CLASSES, CLASSES):
        second[j] += -w[i] / p[i] * p[i] * (delta[i, j] - p[j])
        third[j] += -w[i] * delta[i, j] + w[i] * p[j]
    return [
        gradient(lambda at: entropy(at, y), z, p - y),
        gradient(lambda at: -torch.dot(torch.tensor(w), torch.log_softmax(at, 0)), z, first),
        equal(first, second),
        equal(first, third),
        equal(first, -w + p * w.sum()),
        equal(-y + p * y.sum(), p - y),
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
    point = torch.tensor(z, requires_grad=True)
    (found,) = torch.autograd.grad(picked(point, c), point)
    found = found.numpy()
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

    def mean(at):
        return sum(picked(row, c) for row, c in zip(at, labels, strict=True)) / ROWS

    def total(at):
        return functional.cross_entropy(at, torch.tensor(labels), reduction="sum")

    return [
        gradient(mean, z, (p - y) / ROWS),
        gradient(total, z, p - y),
        gradient(lambda at: functional.cross_entropy(at, torch.tensor(labels)), z, (p - y) / ROWS),
    ]


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
            found.append(threshold(lambda z: np.isinf(np.exp(dtype(z))), 0.0, far))  # noqa: B023
            found.append(-threshold(lambda z: np.exp(dtype(-z)) == 0, 0.0, far))  # noqa: B023
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
    z, c = 10 * logits(rng), int(rng.integers(CLASSES))
    m = z.max()
    inner = np.exp(z - m).sum()
    log_sum = torch.logsumexp(torch.tensor(z), 0).numpy()[()]
    # The label's own logit may be the largest, with a loss near 0: compare beside its logit.
    far = z + 1000
    top = far.max()
    shifted = np.log(np.exp(far - top).sum()) - (far[c] - top)
    return [
        equal(np.log(np.exp(z).sum()), log_sum),
        equal(np.log(np.exp(m) * inner), log_sum),
        equal(m + np.log(inner), log_sum),
        equal(np.float64(picked(torch.tensor(z), c).item() + m), np.log(inner) - (z[c] - m) + m),
        equal(np.float64(picked(torch.tensor(z), c).item() + m), shifted + m),
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
    pairs = []
    for T in (0.3, 1.0, 7.0):
        p = torch_softmax(z / T)
        pairs.append(equal(p[:, 0] / p[:, 1], np.exp(-lead / T)))
    cold, hot = torch_softmax(z / 1e-3), torch_softmax(z / 1e6)
    weight = rng.normal(size=ROWS)
    # 1 + ratio, because the harness takes no side that is all zero.
    return [
        *pairs,
        equal(weight * (1 + cold[:, 0] / cold[:, 1]), weight * (1 + 0 * lead)),
        equal(weight * (hot[:, 0] / hot[:, 1]), weight * 1.0, tolerance=1e-5),
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
    u = z / T
    return [
        gradient(lambda at: entropy(at / T, y), z, (softmax(u) - y) / T),
        gradient(lambda at: entropy(at, y), u, softmax(u) - y),
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
    p = softmax(z)
    claimed = np.diag(p) - np.outer(p, p)
    theirs = torch.autograd.functional.hessian(lambda at: entropy(at, y), torch.tensor(z)).numpy()
    rows = [
        gradient(lambda at, i=i: torch.softmax(at, 0)[i], z, claimed[i].copy())
        for i in range(CLASSES)
    ]
    return [equal(theirs, claimed), *rows]


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
    theirs = torch.autograd.functional.hessian(lambda at: entropy(at, y), torch.tensor(z)).numpy()
    curvature = v @ theirs @ v
    spread = (p * (v - mean) ** 2).sum()
    return [
        equal(curvature, (p * v**2).sum() - (p * v).sum() ** 2),
        equal(curvature, (p * v**2).sum() - mean**2),
        equal(curvature, (p * v**2).sum() - 2 * mean * (p * v).sum() + mean**2 * p.sum()),
        equal(curvature, spread),
        equal(curvature, abs(spread)),
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
    return [
        gradient(lambda at: ((torch.softmax(at, 0) - torch.tensor(y)) ** 2).sum(), z, claimed),
        equal(summed, claimed),
    ]


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

    between = 2 * p0 * (-p1 + p0 * p1 - p1**2)
    return [
        gradient(loss, z[:1], np.array([-4 * p0 * p1**2])),
        equal(np.float64(between), np.float64(-4 * p0 * p1**2)),
    ]


@check(
    "eq-softmax-twice",
    r"""
\begin{aligned}
\ell &= \ln \bigl( e^{1} + (K - 1)\, e^{0} \bigr) - 1 \\
&= \ln (e + K - 1) - 1
\end{aligned}
""",
)
def twice(rng):
    sizes = rng.choice(np.arange(2, 60), size=4, replace=False)
    losses = np.array([picked(torch.eye(K, dtype=torch.float64)[0], 0).item() for K in sizes])
    # It is the least there can be: no row of probabilities does better.
    K = int(sizes[0])
    rows = rng.dirichlet(np.full(K, 0.1), size=20)
    others = [picked(torch.tensor(row), 0).item() for row in rows]
    least = min([*others, losses[0]])
    return [
        equal(losses, np.log(np.exp(1) + (sizes - 1) * np.exp(0)) - 1),
        equal(losses, np.log(np.e + sizes - 1) - 1),
        equal(np.float64(least), np.log(np.e + K - 1) - 1),
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

    def pair(at):
        return functional.cross_entropy(at, torch.tensor(labels), reduction="sum")

    return [
        gradient(alone, single, sigma - y1),
        gradient(pair, z, np.stack([y1 - sigma, sigma - y1], axis=1)),
        gradient(pair, z, p - y),
        equal(np.float64(alone(torch.tensor(single))), np.float64(pair(torch.tensor(z)))),
    ]


@check(
    "eq-softmax-smoothing",
    r"""
\frac{\partial \ell}{\partial z_k} = p_k - (1 - \varepsilon)\, y_k - \frac{\varepsilon}{K}
""",
)
def smoothing(rng):
    z, c, eps = logits(rng), int(rng.integers(CLASSES)), rng.uniform(0.05, 0.4)
    label, y = torch.tensor([c]), np.eye(CLASSES)[c]

    def loss(at):
        return functional.cross_entropy(at[None], label, label_smoothing=eps)

    return gradient(loss, z, softmax(z) - (1 - eps) * y - eps / CLASSES)


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
    found = []
    for one in eps:
        z, y = np.zeros(K), np.full(K, one / K)
        y[c] += 1 - one
        for _ in range(60):  # Newton's method; the Hessian has no inverse, so the shift is fixed
            p = softmax(z)
            bend = np.diag(p) - np.outer(p, p) + np.ones((K, K))
            z = z - 0.5 * np.linalg.solve(bend, p - y)
        found.append(z[c] - z[(c + 1) % K])
    formula = np.log(1 + K * (1 - eps) / eps)
    return [
        equal(np.array(found), formula),
        equal(np.log((1 - eps + eps / K) / (eps / K)), formula),
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
    point = torch.tensor(W, requires_grad=True)
    loss = functional.cross_entropy(torch.tensor(x) @ point, torch.tensor(labels))
    (slope,) = torch.autograd.grad(loss, point)
    error = softmax(x @ W) - np.eye(CLASSES)[labels]
    between = np.zeros_like(W)
    for i, j, k in np.ndindex(ROWS, 3, CLASSES):
        between[j, k] += rate / ROWS * x[i, j] * error[i, k]
    stepped = W - rate * slope.numpy()
    return [
        equal(stepped, W - between),
        equal(stepped.sum(axis=1), W.sum(axis=1) - between.sum(axis=1)),
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
    q = softmax(s / T)

    def loss(at):
        return -(T**2) * torch.dot(torch.tensor(q), torch.log_softmax(at / T, 0))

    claimed = T * (softmax(z / T) - q)
    hot = 1e5
    limit = ((z - z.mean()) - (s - s.mean())) / CLASSES
    return [
        gradient(loss, z, claimed),
        equal(T**2 * (1 / T) * (softmax(z / T) - q), claimed),
        equal(hot * (softmax(z / hot) - softmax(s / hot)), limit, tolerance=1e-4),
    ]
