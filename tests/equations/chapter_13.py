"""Checks of the equations of chapter 13, training on handwritten digits.

A small softmax layer stands for the network: `losses` gives the loss of each of its samples,
by PyTorch, as a function of one parameter array. Batches are unequal unless said otherwise.
"""

from itertools import combinations, product

import numpy as np
import torch
from torch.nn import functional

from equations.harness import check, equal, gradient

SAMPLES, FEATURES, CLASSES = 6, 3, 4
#: After so many steps a velocity is what it tends to.
MANY_STEPS = 200


def problem(rng, samples=SAMPLES):
    """Inputs, labels and weights."""
    x = rng.normal(size=(samples, FEATURES))
    labels = rng.permutation(np.arange(samples) % CLASSES)
    return x, labels, rng.normal(size=(FEATURES, CLASSES))


def losses(x, labels):
    """The loss of each sample, as a function of the weights."""
    inputs, targets = torch.tensor(x), torch.tensor(labels)
    return lambda W: functional.cross_entropy(inputs @ W, targets, reduction="none")


def gradients(x, labels, W):
    """The gradient of each sample's loss, by the formula of chapter 12; shape (n, in, out)."""
    exps = np.exp(x @ W)
    p = exps / exps.sum(axis=1, keepdims=True)
    return np.einsum("ij,ik->ijk", x, p - np.eye(CLASSES)[labels])


def of_batch(x, labels, W):
    """The gradient of the mean loss of a batch, by PyTorch; shape (in, out)."""
    moved = torch.tensor(W, requires_grad=True)
    return torch.autograd.grad(losses(x, labels)(moved).mean(), moved)[0].numpy()


def scalars(rng, samples):
    return rng.uniform(0.1, 3, size=samples)


@check(
    "eq-digits-weighted",
    r"""
\begin{aligned}
L &= \frac{1}{n} \sum_{i=1}^{n} \ell_i = \frac{1}{n} \sum_{b=1}^{m} \sum_{i \in b} \ell_i \\
&= \sum_{b=1}^{m} \frac{n_b}{n}\, L_b
\end{aligned}
""",
)
def weighted(rng):
    x, labels, W = problem(rng, 11)
    each = losses(x, labels)(torch.tensor(W)).numpy()
    L = functional.cross_entropy(torch.tensor(x @ W), torch.tensor(labels)).numpy()[()]
    batches = np.split(rng.permutation(11), [4, 8])
    return [
        equal(L, sum(each) / 11),
        equal(L, sum(sum(each[i] for i in batch) for batch in batches) / 11),
        equal(L, sum(len(batch) / 11 * each[batch].mean() for batch in batches)),
    ]


@check(
    "eq-digits-averages",
    r"""
\begin{aligned}
\frac{1}{m} \sum_{b} L_b - L &= \Bigl( \frac{1}{m} - \frac{r}{n} \Bigr) (L_m - \bar L) \\
&= \frac{(m - 1)(N - r)}{m\, n}\, (L_m - \bar L)
\end{aligned}
""",
)
def averages(rng):
    N, r, m = 5, 2, 4
    n = (m - 1) * N + r
    each = scalars(rng, n)
    of_batches = np.array([each[start : start + N].mean() for start in range(0, n, N)])
    apart = of_batches[-1] - of_batches[:-1].mean()
    off = of_batches.mean() - each.mean()
    return [
        equal(off, (1 / m - r / n) * apart),
        equal(off, (m - 1) * (N - r) / (m * n) * apart),
    ]


@check(
    "eq-digits-unbiased",
    r"""
\begin{aligned}
\frac{1}{m} \sum_{b=1}^{m} g^{(b)} &= \frac{1}{m} \sum_{b=1}^{m} \frac{1}{N} \sum_{i \in b} g_i \\
&= \frac{1}{n} \sum_{i=1}^{n} g_i = \frac{\partial L}{\partial W}
\end{aligned}
""",
)
def unbiased(rng):
    x, labels, W = problem(rng)
    each = gradients(x, labels, W)
    batches = rng.permutation(SAMPLES).reshape(3, 2)
    of_batches = [of_batch(x[batch], labels[batch], W) for batch in batches]
    nested = sum(sum(each[i] for i in batch) / 2 for batch in batches) / 3
    return [
        equal(np.mean(of_batches, axis=0), nested),
        equal(nested, sum(each[i] for i in range(SAMPLES)) / SAMPLES),
        gradient(lambda W: losses(x, labels)(W).mean(), W, each.mean(axis=0)),
    ]


@check(
    "eq-digits-partition",
    r"\sum_{b=1}^{m} \frac{n_b}{n}\, g^{(b)} = \frac{\partial L}{\partial W}",
)
def partition(rng):
    x, labels, W = problem(rng, 7)
    total = np.zeros(W.shape)
    for batch in np.split(rng.permutation(7), [3, 6]):
        total += len(batch) / 7 * gradients(x[batch], labels[batch], W).mean(axis=0)
    return gradient(lambda W: losses(x, labels)(W).mean(), W, total)


@check(
    "eq-digits-expectation",
    r"""
\mathbb{E}\, g^{(b)} = \frac{1}{N} \sum_{i=1}^{n} \mathbb{E}[z_i]\, g_i =
\frac{1}{N} \sum_{i=1}^{n} \frac{N}{n}\, g_i = \frac{\partial L}{\partial W}
""",
)
def expectation(rng):
    x, labels, W = problem(rng)
    each, N = gradients(x, labels, W), 2
    subsets = [list(subset) for subset in combinations(range(SAMPLES), N)]
    mean = np.mean([each[subset].mean(axis=0) for subset in subsets], axis=0)
    drawn = np.array([np.mean([i in subset for subset in subsets]) for i in range(SAMPLES)])
    by_indicators = np.einsum("i,ijk->jk", drawn, each) / N
    return [
        equal(mean, by_indicators),
        equal(mean, (N / SAMPLES * each).sum(axis=0) / N),
        gradient(lambda W: losses(x, labels)(W).mean(), W, mean),
    ]


@check(
    "eq-digits-deviations",
    r"""
\begin{aligned}
0 &= \Bigl\| \sum_{i} d_i \Bigr\|^2 = \sum_{i} \|d_i\|^2 + \sum_{i \ne j} d_i \cdot d_j
\end{aligned}
""",
)
def deviations(rng):
    d, free = rng.normal(size=(2, 5, 3, 4))  # the second expansion holds for any arrays
    d -= d.mean(axis=0)
    squares = lambda d: sum((part**2).sum() for part in d)  # noqa: E731
    pairs = lambda d: sum(  # noqa: E731
        (d[i] * d[j]).sum() for i in range(len(d)) for j in range(len(d)) if i != j
    )
    weight = rng.normal()
    return [
        equal(weight + np.square(d.sum(axis=0)).sum(), weight + np.float64(0)),
        equal(np.square(free.sum(axis=0)).sum(), squares(free) + pairs(free)),
        equal(squares(d), -pairs(d)),  # what the two lines say of d
    ]


@check(
    "eq-digits-variance",
    r"""
\begin{aligned}
&\mathbb{E}\, \Bigl\| g^{(b)} - \frac{\partial L}{\partial W} \Bigr\|^2 = \frac{1}{N^2}\, \mathbb{E}\, \Bigl\| \sum_{i} z_i d_i \Bigr\|^2 \\
&\; = \frac{1}{N^2} \Bigl( \frac{N}{n} \sum_{i} \|d_i\|^2 + \frac{N (N - 1)}{n (n - 1)} \sum_{i \ne j} d_i \cdot d_j \Bigr) \\
&\; = \frac{1}{N n} \Bigl( 1 - \frac{N - 1}{n - 1} \Bigr) \sum_{i} \|d_i\|^2 \\
&\; = \frac{1}{N} \cdot \frac{n - N}{n - 1}\, S^2, \qquad S^2 = \frac{1}{n} \sum_{i} \|d_i\|^2
\end{aligned}
""",  # noqa: E501
)
def variance(rng):
    n, results = SAMPLES, []
    x, labels, W = problem(rng)
    full = of_batch(x, labels, W)
    each = gradients(x, labels, W)
    d = each - full
    squares = (d**2).sum()
    pairs = sum((d[i] * d[j]).sum() for i in range(n) for j in range(n) if i != j)
    results.append(equal(each[:2].mean(axis=0) - full, d[:2].sum(axis=0) / 2))
    for N in (1, 2, 4):
        subsets = [list(subset) for subset in combinations(range(n), N)]
        measured = np.mean([((each[s].mean(axis=0) - full) ** 2).sum() for s in subsets])
        by_indicators = np.mean([(d[s].sum(axis=0) ** 2).sum() for s in subsets]) / N**2
        expanded = (N / n * squares + N * (N - 1) / (n * (n - 1)) * pairs) / N**2
        third = (1 - (N - 1) / (n - 1)) * squares / (N * n)
        last = (n - N) / (n - 1) / N * (squares / n)
        results += [equal(measured, side) for side in (by_indicators, expanded, third, last)]
    return results


@check(
    "eq-digits-scaling",
    r"""
\sum_{b=1}^{K} \eta\, g^{(b)} = K \eta \cdot \frac{1}{KN} \sum_{b=1}^{K} \sum_{i \in b} g_i
""",
)
def scaling(rng):
    K, N, eta = 3, 2, rng.uniform(0.1, 1)
    x, labels, W = problem(rng)
    each = gradients(x, labels, W)
    batches = rng.permutation(SAMPLES).reshape(K, N)
    steps = sum(eta * of_batch(x[batch], labels[batch], W) for batch in batches)
    joined = K * eta * (1 / (K * N) * sum(each[i] for batch in batches for i in batch))
    return equal(steps, joined)


@check(
    "eq-digits-sum-rate",
    r"""
\eta\, \frac{\partial}{\partial W} \sum_{i=1}^{N} \ell_i =
(N \eta)\, \frac{\partial L}{\partial W}
""",
)
def sum_rate(rng):
    eta = rng.uniform(0.1, 1)
    x, labels, W = problem(rng)
    mean = gradients(x, labels, W).mean(axis=0)
    return gradient(lambda W: eta * losses(x, labels)(W).sum(), W, SAMPLES * eta * mean)


@check("eq-digits-luck", r"\sqrt{\mathbb{E}\, (A - a)^2} = \sqrt{\frac{a (1 - a)}{n}}")
def luck(rng):
    a, results = rng.uniform(0.1, 0.9), []
    for n in (1, 3, 7):
        spread = 0.0
        for right in product((0, 1), repeat=n):  # all the ways in which a test can go
            k = sum(right)
            spread += a**k * (1 - a) ** (n - k) * (k / n - a) ** 2
        results.append(equal(np.sqrt(spread), np.sqrt(a * (1 - a) / n)))
    return results


@check(
    "eq-digits-update",
    r"M' = \frac{s M + n_b L_b}{s + n_b} = M + \frac{n_b}{s + n_b}\, (L_b - M)",
)
def update(rng):
    each, s, n_b = scalars(rng, 7), 5, 2
    M, L_b = each[:s].mean(), each[s:].mean()
    return [
        equal(each.mean(), (s * M + n_b * L_b) / (s + n_b)),
        equal(each.mean(), M + n_b / (s + n_b) * (L_b - M)),
    ]


@check(
    "eq-digits-momentum",
    r"""
\begin{aligned}
v_t &= \sum_{s=1}^{t} \mu^{t - s} g_s \\
g_s = g \;&\Rightarrow\; v_t = \frac{1 - \mu^t}{1 - \mu}\, g \to \frac{1}{1 - \mu}\, g
\end{aligned}
""",
    given={"g_s = g": "what the rest of the line is said of"},
)
def momentum(rng):
    mu, g = rng.uniform(0.2, 0.8), rng.normal(size=(5, 3, 4))

    def velocity(gradients):
        v = np.zeros(gradients.shape[1:])
        for one in gradients:
            v = mu * v + one
        return v

    unrolled = sum(mu ** (4 - s) * g[s] for s in range(5))
    same = velocity(np.repeat(g[:1], 5, axis=0))
    for_long = velocity(np.repeat(g[:1], MANY_STEPS, axis=0))
    return [
        equal(velocity(g), unrolled),
        equal(same, (1 - mu**5) / (1 - mu) * g[0]),
        equal(for_long, g[0] / (1 - mu)),
    ]


@check(
    "eq-digits-decay",
    r"""
\begin{aligned}
\frac{\partial}{\partial W} \Bigl( L + \frac{\lambda}{2} \sum_{j,k} W_{jk}^2 \Bigr) &= \frac{\partial L}{\partial W} + \lambda W \\
W - \eta \Bigl( \frac{\partial L}{\partial W} + \lambda W \Bigr) &= (1 - \eta \lambda)\, W - \eta\, \frac{\partial L}{\partial W}
\end{aligned}
""",  # noqa: E501
)
def decay(rng):
    lam, eta = rng.uniform(0.1, 1, size=2)
    x, labels, W = problem(rng)
    grad = gradients(x, labels, W).mean(axis=0)
    penalized = lambda W: losses(x, labels)(W).mean() + lam / 2 * (W**2).sum()  # noqa: E731
    stepped = W - eta * (of_batch(x, labels, W) + lam * W)
    return [
        gradient(penalized, W, grad + lam * W),
        equal(stepped, (1 - eta * lam) * W - eta * grad),
    ]


@check(
    "eq-digits-pieces",
    r"""
\frac{1}{N} \sum_{i=1}^{N} g_i = \sum_{b=1}^{q} \frac{N_b}{N} \cdot \frac{1}{N_b} \sum_{i \in b} g_i
= \sum_{b=1}^{q} \frac{N_b}{N}\, g^{(b)}
""",
)
def pieces(rng):
    x, labels, W = problem(rng, 9)
    each = gradients(x, labels, W)
    parts = np.split(rng.permutation(9), [4, 8])
    whole = sum(each[i] for i in range(9)) / 9
    return [
        equal(whole, sum(len(b) / 9 * (1 / len(b) * sum(each[i] for i in b)) for b in parts)),
        equal(whole, sum(len(b) / 9 * of_batch(x[b], labels[b], W) for b in parts)),
    ]
