"""Checks of the equations of chapter 14, a museum of wrong gradients."""

import numpy as np
import torch

from equations.harness import check, equal, gradient


@check(
    "eq-museum-swapped",
    r"""
\begin{aligned}
g\, (h^\top g)^\top &= g\, g^\top h \\
&= \frac{\partial}{\partial h}\, \frac{1}{2} \sum_{j,k} (h^\top g)_{jk}^2
\end{aligned}
""",
)
def swapped(rng):
    N, H, K = 5, 4, 3
    h, g = rng.normal(size=(N, H)), rng.normal(size=(N, K))
    return [
        equal(g @ (h.T @ g).T, g @ g.T @ h),
        gradient(lambda h: ((h.T @ torch.tensor(g)) ** 2).sum() / 2, h, g @ g.T @ h),
    ]


@check(
    "eq-museum-slope-twice",
    r"""
\begin{aligned}
\frac{d}{dz}\, \tfrac{1}{2} \bigl( \sigma(z) - y \bigr)^2 &= (\sigma(z) - y)\, \sigma'(z) \\
&= (p - y)\, p\, (1 - p)
\end{aligned}
""",
)
def slope_twice(rng):
    z, y = rng.normal(size=(3, 4)), rng.integers(0, 2, size=(3, 4)).astype(float)
    p, tilt = 1 / (1 + np.exp(-z)), np.exp(-z) / (1 + np.exp(-z)) ** 2
    targets = torch.tensor(y)
    return [
        gradient(lambda z: ((torch.sigmoid(z) - targets) ** 2).sum() / 2, z, (p - y) * tilt),
        equal((p - y) * tilt, (p - y) * p * (1 - p)),
    ]


@check(
    "eq-museum-piling",
    r"""
\begin{aligned}
w_{t+1} - w_t &= -\eta \sum_{s=0}^{t} g_s \\
&= (w_t - w_{t-1}) - \eta\, g_t
\end{aligned}
""",
)
def piling(rng):
    """A descent on a quadratic loss whose gradients are added up in a loop, as in the program."""
    curvature, eta = rng.uniform(0.5, 2, size=4), 0.1
    w, total, at, found = rng.normal(size=4), np.zeros(4), [], []
    for _ in range(6):
        at.append(w)
        found.append(curvature * w)
        total = total + found[-1]
        w = w - eta * total
    at.append(w)
    t = 5
    return [
        equal(at[t + 1] - at[t], -eta * np.sum(found[: t + 1], axis=0)),
        equal(at[t + 1] - at[t], (at[t] - at[t - 1]) - eta * found[t]),
    ]


@check(
    "eq-museum-decayed-bias",
    r"""
\begin{aligned}
\frac{\partial}{\partial b_k} \Bigl( L + \frac{\lambda}{2} \sum_{m} b_m^2 \Bigr) &= \frac{2}{K} (b_k - \bar r_k) + \lambda\, b_k \\
\text{which is zero for} \quad b_k &= \frac{\bar r_k}{1 + K \lambda / 2}
\end{aligned}
""",  # noqa: E501
    harmless={
        "(decay / 2) ** 0.5 -> -(decay / 2) ** 0.5": "the row wants 0, and minus 0 is 0",
    },
)
def decayed_bias(rng):
    N, D, K, decay = 5, 2, 3, rng.uniform(0.2, 2)
    x, W, y, b = (rng.normal(size=size) for size in ((N, D), (D, K), (N, K), K))
    rest = (y - x @ W).mean(axis=0)

    def penalized(b):
        outputs = torch.tensor(x @ W) + b
        return ((outputs - torch.tensor(y)) ** 2).mean() + decay / 2 * (b**2).sum()

    # The minimum by least squares: a row for each entry of the loss, and one for the penalty.
    rows = np.concatenate([np.full((N, 1), (1 / (N * K)) ** 0.5), [[(decay / 2) ** 0.5]]])
    wanted = np.concatenate([(y - x @ W) / (N * K) ** 0.5, np.zeros((1, K))])
    return [
        gradient(penalized, b, 2 / K * (b - rest) + decay * b),
        equal((np.linalg.pinv(rows) @ wanted)[0], rest / (1 + K * decay / 2)),
    ]


@check(
    "eq-museum-length",
    r"""
\frac{\partial}{\partial d_k} \sqrt{\sum_{m} d_m^2} = \frac{d_k}{\sqrt{\sum_{m} d_m^2}}
""",
)
def length(rng):
    d = rng.normal(size=5)
    return gradient(lambda d: torch.sqrt((d**2).sum()), d, d / np.sqrt((d**2).sum()))


@check(
    "eq-museum-tied",
    r"""
\frac{\partial L}{\partial W} = \frac{2}{D^2} \bigl( (W W^\top - S) + (W W^\top - S)^\top \bigr)\, W
""",
    harmless={
        "W @ W.T - S -> _transposed(W @ W.T - S)": "it is added to its transpose",
    },
)
def tied(rng):
    D, K = 4, 2
    W, S = rng.normal(size=(D, K)), rng.normal(size=(D, D))
    off = W @ W.T - S
    return gradient(
        lambda W: ((W @ W.T - torch.tensor(S)) ** 2).mean(), W, 2 / D**2 * (off + off.T) @ W
    )
