"""Checks of the equations of chapter 4, from one sample to a batch.

All sizes differ (five samples, three inputs, four hidden units or outputs), so that a lost
transpose or a sum over the wrong axis changes a shape. The losses that autograd and finite
differences see are written sample by sample, with loops in place of the matrix products.
"""

import numpy as np
import torch

from equations.harness import check, equal, gradient

N, D, H, K = 5, 3, 4, 2


def affine(rng, outputs=H):
    """An affine step, x (N, D), W (D, K), b (K,), and a gradient G for its result z (N, K)."""
    sizes = {"x": (N, D), "W": (D, outputs), "b": (outputs,), "G": (N, outputs)}
    return {name: rng.normal(size=size) for name, size in sizes.items()}


def looped(x, W, b):
    """z = x W + b from single entries, in PyTorch."""
    return torch.stack([torch.stack([(x_i * w_k).sum() for w_k in W.T]) + b for x_i in x])


def behind(z):
    """A loss of z that is not linear, so that its gradient depends on z."""
    return torch.sin(z).sum() + (z**2 * torch.arange(1.0, z.numel() + 1).reshape(z.shape)).sum()


def behind_grad(z):
    """The gradient of ``behind``, in NumPy."""
    return np.cos(z) + 2 * z * np.arange(1.0, z.size + 1).reshape(z.shape)


def of_affine(values, name, claimed):
    """The gradient of ``behind`` with respect to x, W or b, as claimed."""
    t = {key: torch.tensor(values[key]) for key in ("x", "W", "b")}
    return gradient(lambda moved: behind(looped(**(t | {name: moved}))), values[name], claimed)


def affine_and_grad(rng):
    """An affine step with the gradient that ``behind`` sends back to its z."""
    values = affine(rng)
    return values, behind_grad(values["x"] @ values["W"] + values["b"])


def network(rng, outputs=1):
    """A two-layer network with every hidden unit on for some samples, off for others."""
    values = {
        "x": rng.normal(size=(N, D)),
        "W1": rng.normal(size=(D, H)),
        "W2": rng.normal(size=(H, outputs)),
        "b2": rng.normal(size=outputs),
        "y": rng.normal(size=(N, outputs)),
    }
    # The bias puts zero in the middle of the widest gap of each column: far from the kink.
    sums = np.sort(values["x"] @ values["W1"], axis=0)
    gap = np.argmax(np.diff(sums, axis=0), axis=0)
    units = np.arange(H)
    return values | {"b1": -(sums[gap, units] + sums[gap + 1, units]) / 2}


def forward(x, W1, b1, W2, b2, y):
    """The substitutions in NumPy."""
    u1 = x @ W1 + b1
    u2 = np.maximum(0, u1)
    u3 = u2 @ W2 + b2
    return u1, u2, u3, y - u3


def loss(x, W1, b1, W2, b2, y, weights=None):
    """The mean over the samples, one sample after the other, in PyTorch."""
    each = []
    for x_i, y_i in zip(x, y, strict=True):
        hidden = torch.relu(sum(x_ij * row for x_ij, row in zip(x_i, W1, strict=True)) + b1)
        prediction = sum(unit * row for unit, row in zip(hidden, W2, strict=True)) + b2
        each.append(((y_i - prediction) ** 2).sum())
    if weights is None:
        return sum(each) / len(each)
    return sum(w * one for w, one in zip(weights, each, strict=True)) / sum(weights)


def of_input(values, name, claimed, f=loss):
    """The gradient of the loss with respect to one of the network's inputs, as claimed."""
    t = {key: torch.tensor(value) for key, value in values.items()}
    return gradient(lambda moved: f(**(t | {name: moved})), values[name], claimed)


def losses_from(values):
    """The loss as a function of u1, u2, u3, u4, by name."""
    W2, b2, y = (torch.tensor(values[name]) for name in ("W2", "b2", "y"))
    samples = len(y)
    return {
        "u4": lambda u4: sum(u**2 for u in u4.flatten()) / samples,
        "u3": lambda u3: ((y - u3) ** 2).sum() / samples,
        "u2": lambda u2: ((y - (u2 @ W2 + b2)) ** 2).sum() / samples,
        "u1": lambda u1: ((y - (torch.relu(u1) @ W2 + b2)) ** 2).sum() / samples,
    }


@check(
    "eq-batch-grad-prediction",
    r"""
\begin{aligned}
\frac{\partial L}{\partial \hat y_i} &= \frac{1}{N} \sum_{n=1}^{N} 2\,(\hat y_n -
    y_n)\,\frac{\partial \hat y_n}{\partial \hat y_i} \\
&= \frac{1}{N} \sum_{n=1}^{N} 2\,(\hat y_n - y_n)\,\delta_{ni} = \frac{2}{N} (\hat y_i - y_i)
\end{aligned}
""",
)
def grad_prediction(rng):
    predicted, target = rng.normal(size=N), rng.normal(size=N)
    by_itself = rates(lambda p: p.clone(), predicted)
    with_rates = (2 * (predicted - target)[:, None] * by_itself).sum(axis=0) / N
    with_delta = (2 * (predicted - target)[:, None] * np.eye(N)).sum(axis=0) / N

    def f(p):
        return torch.nn.functional.mse_loss(p, torch.tensor(target))

    return [
        gradient(f, predicted, with_rates),
        gradient(f, predicted, with_delta),
        gradient(f, predicted, 2 / N * (predicted - target)),
    ]


def rates(f, at):
    """The derivatives of all entries of f by all entries of its argument, by autograd."""
    return torch.autograd.functional.jacobian(f, torch.tensor(at)).numpy()


def local_of_w(x, outputs):
    """The derivative of z_im by W_jk as an array (N, K, D, K): x_ij where m = k."""
    return np.einsum("ij,mk->imjk", x, np.eye(outputs))


@check(
    "eq-batch-all-paths",
    r"""
\frac{\partial L}{\partial W_{jk}} = \sum_{i=1}^{N} \sum_{m=1}^{K} \frac{\partial L}{\partial
    z_{im}} \cdot \frac{\partial z_{im}}{\partial W_{jk}}
""",
)
def all_paths(rng):
    values, grad_z = affine_and_grad(rng)
    x, W, b = values["x"], values["W"], values["b"]
    claimed = np.zeros((D, H))
    for j, k in np.ndindex(D, H):
        moved = W.copy()
        moved[j, k] += 1
        local = (x @ moved + b) - (x @ W + b)  # exact, as z is affine in W
        claimed[j, k] = (grad_z * local).sum()
    return of_affine(values, "W", claimed)


@check(
    "eq-batch-local-w",
    r"""
\begin{aligned}
\frac{\partial z_{im}}{\partial W_{jk}} &= \sum_{l=1}^{D} x_{il}\,\frac{\partial
    W_{lm}}{\partial W_{jk}} \\
&= \sum_{l=1}^{D} x_{il}\,\delta_{lj}\,\delta_{mk} = x_{ij}\,\delta_{mk}
\end{aligned}
""",
)
def local_w(rng):
    values = affine(rng)
    x, W, b = (values[name] for name in ("x", "W", "b"))
    local = rates(lambda W: looped(torch.tensor(x), W, torch.tensor(b)), W)
    by_itself = rates(lambda W: W.clone(), W)
    with_deltas = np.einsum("il,lj,mk->imjk", x, np.eye(D), np.eye(H))
    return [
        equal(local, np.einsum("il,lmjk->imjk", x, by_itself)),
        equal(local, with_deltas),
        equal(local, local_of_w(x, H)),
    ]


@check(
    "eq-batch-grad-w-entry",
    r"""
\begin{aligned}
\frac{\partial L}{\partial W_{jk}} &= \sum_{i=1}^{N} \sum_{m=1}^{K} \frac{\partial L}{\partial
    z_{im}}\, x_{ij}\,\delta_{mk} \\
&= \sum_{i=1}^{N} x_{ij}\,\frac{\partial L}{\partial z_{ik}}
\end{aligned}
""",
)
def grad_w_entry(rng):
    values, grad_z = affine_and_grad(rng)
    with_delta = np.einsum("im,imjk->jk", grad_z, local_of_w(values["x"], H))
    entries = np.zeros((D, H))
    for j, k in np.ndindex(D, H):
        entries[j, k] = sum(values["x"][i, j] * grad_z[i, k] for i in range(N))
    return [of_affine(values, "W", with_delta), of_affine(values, "W", entries)]


@check(
    "eq-batch-grad-w",
    r"""
\frac{\partial L}{\partial W} = x^\top \frac{\partial L}{\partial z}
""",
)
def grad_w(rng):
    values, grad_z = affine_and_grad(rng)
    return of_affine(values, "W", values["x"].T @ grad_z)


@check(
    "eq-batch-local-x",
    r"""
\begin{aligned}
\frac{\partial z_{nk}}{\partial x_{ij}} &= \sum_{l=1}^{D} \frac{\partial x_{nl}}{\partial
    x_{ij}}\, W_{lk} \\
&= \sum_{l=1}^{D} \delta_{ni}\,\delta_{lj}\, W_{lk} = \delta_{ni}\, W_{jk}
\end{aligned}
""",
)
def local_x(rng):
    values = affine(rng)
    x, W, b = (values[name] for name in ("x", "W", "b"))
    local = rates(lambda x: looped(x, torch.tensor(W), torch.tensor(b)), x)
    by_itself = rates(lambda x: x.clone(), x)
    with_deltas = np.einsum("ni,lj,lk->nkij", np.eye(N), np.eye(D), W)
    return [
        equal(local, np.einsum("nlij,lk->nkij", by_itself, W)),
        equal(local, with_deltas),
        equal(local, np.einsum("ni,jk->nkij", np.eye(N), W)),
    ]


@check(
    "eq-batch-grad-x-entry",
    r"""
\begin{aligned}
\frac{\partial L}{\partial x_{ij}} &= \sum_{n=1}^{N} \sum_{k=1}^{K} \frac{\partial L}{\partial
    z_{nk}}\,\delta_{ni}\, W_{jk} \\
&= \sum_{k=1}^{K} \frac{\partial L}{\partial z_{ik}}\, W_{jk}
\end{aligned}
""",
)
def grad_x_entry(rng):
    values, grad_z = affine_and_grad(rng)
    with_delta = np.einsum("nk,ni,jk->ij", grad_z, np.eye(N), values["W"])
    entries = np.zeros((N, D))
    for i, j in np.ndindex(N, D):
        entries[i, j] = sum(grad_z[i, k] * values["W"][j, k] for k in range(H))
    return [of_affine(values, "x", with_delta), of_affine(values, "x", entries)]


@check(
    "eq-batch-grad-x",
    r"""
\frac{\partial L}{\partial x} = \frac{\partial L}{\partial z}\, W^\top
""",
)
def grad_x(rng):
    values, grad_z = affine_and_grad(rng)
    return of_affine(values, "x", grad_z @ values["W"].T)


@check(
    "eq-batch-grad-b",
    r"""
\frac{\partial L}{\partial b_k} = \sum_{i=1}^{N} \sum_{m=1}^{K} \frac{\partial L}{\partial
    z_{im}}\,\delta_{mk} = \sum_{i=1}^{N} \frac{\partial L}{\partial z_{ik}}
""",
)
def grad_b(rng):
    values, grad_z = affine_and_grad(rng)
    with_delta = np.einsum("im,mk->k", grad_z, np.eye(H))
    return [of_affine(values, "b", with_delta), of_affine(values, "b", grad_z.sum(axis=0))]


@check(
    "eq-batch-outer",
    r"""
\frac{\partial L}{\partial W} = \sum_{i=1}^{N} x_i^\top\, \frac{\partial L}{\partial z_i}
""",
)
def outer_products(rng):
    values, grad_z = affine_and_grad(rng)
    rows = [slice(i, i + 1) for i in range(N)]
    return of_affine(values, "W", sum(values["x"][row].T @ grad_z[row] for row in rows))


@check(
    "eq-batch-local-relu",
    r"""
\frac{\partial u_{2,nm}}{\partial u_{1,ih}} = \delta_{ni}\,\delta_{mh}\,\mathbf{1}[u_{1,ih} > 0]
""",
)
def local_relu(rng):
    u1 = forward(**network(rng))[0]
    on = (u1 > 0).astype(float)
    local = rates(torch.relu, u1)
    # Zeros and ones, the same in many draws: so both sides are weighed.
    weight = rng.normal(size=local.shape)
    return equal(weight * local, weight * np.einsum("ni,mh,ih->nmih", np.eye(N), np.eye(H), on))


@check(
    "eq-batch-grad-relu",
    r"""
\frac{\partial L}{\partial u_1} = \frac{\partial L}{\partial u_2} \odot \mathbf{1}[u_1 > 0]
""",
)
def grad_relu(rng):
    u1 = forward(**network(rng))[0]
    grad_u2 = behind_grad(np.maximum(0, u1))
    return gradient(lambda u: behind(torch.relu(u)), u1, grad_u2 * (u1 > 0))


@check(
    "eq-batch-backward",
    r"""
\begin{aligned}
\frac{\partial L}{\partial u_{5,i}} &= \frac{1}{N} \\
\frac{\partial L}{\partial u_4} &= \frac{\partial L}{\partial u_5} \odot 2 u_4 = \frac{2}{N}\,
    u_4 \\
\frac{\partial L}{\partial u_3} &= - \frac{\partial L}{\partial u_4} \\
\frac{\partial L}{\partial u_2} &= \frac{\partial L}{\partial u_3}\, W_2^\top \\
\frac{\partial L}{\partial u_1} &= \frac{\partial L}{\partial u_2} \odot \mathbf{1}[u_1 > 0]
\end{aligned}
""",
)
def backward(rng):
    values = network(rng)
    u1, u2, u3, u4 = forward(**values)
    losses, weight = losses_from(values), rng.normal(size=(N, 1))
    grad_u5 = np.full((N, 1), 1 / N)
    grad_u4 = grad_u5 * 2 * u4
    grad_u3 = -grad_u4
    grad_u2 = grad_u3 @ values["W2"].T
    return [
        # A constant gradient, seen through a random weight for each sample.
        gradient(lambda u5: (torch.tensor(weight) * u5).mean(), u4**2, weight * grad_u5),
        gradient(losses["u4"], u4, grad_u4),
        gradient(losses["u4"], u4, 2 / N * u4),
        gradient(losses["u3"], u3, grad_u3),
        gradient(losses["u2"], u2, grad_u2),
        gradient(losses["u1"], u1, grad_u2 * (u1 > 0)),
    ]


@check(
    "eq-batch-backward-parameters",
    r"""
\begin{aligned}
\frac{\partial L}{\partial W_2} &= u_2^\top \frac{\partial L}{\partial u_3}, &
\frac{\partial L}{\partial b_2} &= \sum_{i=1}^{N} \frac{\partial L}{\partial u_{3,i}}, \\
\frac{\partial L}{\partial W_1} &= x^\top \frac{\partial L}{\partial u_1}, &
\frac{\partial L}{\partial b_1} &= \sum_{i=1}^{N} \frac{\partial L}{\partial u_{1,i}}
\end{aligned}
""",
)
def backward_parameters(rng):
    values = network(rng)
    u1, u2, _, u4 = forward(**values)
    grad_u3 = -2 / N * u4
    grad_u1 = (grad_u3 @ values["W2"].T) * (u1 > 0)
    return [
        of_input(values, "W2", u2.T @ grad_u3),
        of_input(values, "b2", grad_u3.sum(axis=0)),
        of_input(values, "W1", values["x"].T @ grad_u1),
        of_input(values, "b1", grad_u1.sum(axis=0)),
    ]


def errors_and_switches(values):
    """The errors e, and which units are on, 1 or 0."""
    u1, _, u3, _ = forward(**values)
    return u3 - values["y"], (u1 > 0).astype(float)


@check(
    "eq-batch-w1-rows",
    r"""
\begin{aligned}
\frac{\partial L}{\partial W_1} &= \frac{2}{N} \sum_{i=1}^{N} x_i^\top \left[ (e_i W_2^\top)
    \odot \mathbf{1}[u_{1,i} > 0] \right] \\
&= \frac{2}{N}\, x^\top \left[ (e\, W_2^\top) \odot \mathbf{1}[u_1 > 0] \right]
\end{aligned}
""",
)
def w1_rows(rng):
    values = network(rng)
    x, W2 = values["x"], values["W2"]
    e, on = errors_and_switches(values)
    rows = [slice(i, i + 1) for i in range(N)]
    by_rows = 2 / N * sum(x[row].T @ ((e[row] @ W2.T) * on[row]) for row in rows)
    at_once = 2 / N * x.T @ ((e @ W2.T) * on)
    return [of_input(values, "W1", by_rows), of_input(values, "W1", at_once)]


@check(
    "eq-batch-expansion",
    r"""
\begin{aligned}
& \frac{\partial L}{\partial W_{1,jh}}
= \frac{1}{N} \sum_{i=1}^{N} 2 u_{4,i} \cdot (-1) \cdot W_{2,h} \cdot \mathbf{1}[u_{1,ih} > 0]
    \cdot x_{ij} \\
&= \frac{1}{N} \sum_{i=1}^{N} \begin{cases} 0 & u_{1,ih} \le 0 \\ -2 u_{4,i}\, W_{2,h}\, x_{ij}
    & u_{1,ih} > 0 \end{cases} \\
&= \frac{1}{N} \sum_{i=1}^{N} \begin{cases} 0 & u_{1,ih} \le 0 \\ -2 (y_i - u_{3,i})\, W_{2,h}\,
    x_{ij} & u_{1,ih} > 0 \end{cases} \\
&= \frac{1}{N} \sum_{i=1}^{N} \begin{cases} 0 & u_{1,ih} \le 0 \\ -2 (y_i - (u_{2,i} W_2 +
    b_2))\, W_{2,h}\, x_{ij} & u_{1,ih} > 0 \end{cases} \\
&= \frac{1}{N} \sum_{i=1}^{N} \begin{cases} 0 & u_{1,ih} \le 0 \\
    \begin{aligned} & {-2} \bigl( y_i - (\max(0, x_i W_1 + b_1) W_2 \\[-2pt] & \qquad {} + b_2)
    \bigr) W_{2,h}\, x_{ij} \end{aligned} & u_{1,ih} > 0 \end{cases}
\end{aligned}
""",
)
def expansion(rng):
    values = network(rng)
    x, W1, b1, W2, b2, y = (values[name] for name in ("x", "W1", "b1", "W2", "b2", "y"))
    u1, u2, u3, u4 = (u[..., 0] if u.shape[1] == 1 else u for u in forward(**values))
    W2_h, y_i = W2[:, 0], y[:, 0]
    terms = [
        lambda i, j, h: 2 * u4[i] * -1 * W2_h[h] * (u1[i, h] > 0) * x[i, j],
        lambda i, j, h: 0 if u1[i, h] <= 0 else -2 * u4[i] * W2_h[h] * x[i, j],
        lambda i, j, h: 0 if u1[i, h] <= 0 else -2 * (y_i[i] - u3[i]) * W2_h[h] * x[i, j],
        lambda i, j, h: (
            0 if u1[i, h] <= 0 else -2 * (y_i[i] - ((u2[i] @ W2)[0] + b2[0])) * W2_h[h] * x[i, j]
        ),
        lambda i, j, h: (
            0
            if u1[i, h] <= 0
            else -2
            * (y_i[i] - ((np.maximum(0, x[i] @ W1 + b1) @ W2)[0] + b2[0]))
            * W2_h[h]
            * x[i, j]
        ),
    ]
    results = []
    for term in terms:
        claimed = np.zeros((D, H))
        for j, h in np.ndindex(D, H):
            claimed[j, h] = sum(term(i, j, h) for i in range(N)) / N
        results.append(of_input(values, "W1", claimed))
    return results


@check(
    "eq-batch-w1-cases",
    r"""
\frac{\partial L}{\partial W_{1,jh}} = \frac{2}{N} \sum_{i=1}^{N} \begin{cases} 0 & u_{1,ih} \le
    0 \\ e_i\, W_{2,h}\, x_{ij} & u_{1,ih} > 0 \end{cases}
""",
)
def w1_cases(rng):
    values = network(rng)
    u1 = forward(**values)[0]
    e, _ = errors_and_switches(values)
    claimed = np.zeros((D, H))
    for i, j, h in np.ndindex(N, D, H):
        if u1[i, h] > 0:
            claimed[j, h] += 2 / N * e[i, 0] * values["W2"][h, 0] * values["x"][i, j]
    return of_input(values, "W1", claimed)


@check(
    "eq-batch-two-means",
    r"""
\begin{aligned}
\frac{\partial L_{\text{samples}}}{\partial \hat y_{ik}} &= \frac{2}{N} (\hat y_{ik} - y_{ik})
    \\
\frac{\partial L_{\text{entries}}}{\partial \hat y_{ik}} &= \frac{2}{N K} (\hat y_{ik} - y_{ik})
\end{aligned}
""",
)
def two_means(rng):
    predicted, target = rng.normal(size=(N, K)), rng.normal(size=(N, K))
    t = torch.tensor(target)
    error = predicted - target
    return [
        gradient(lambda p: ((p - t) ** 2).sum(dim=1).mean(), predicted, 2 / N * error),
        gradient(lambda p: torch.nn.functional.mse_loss(p, t), predicted, 2 / (N * K) * error),
    ]


@check(
    "eq-batch-stacked",
    r"""
\begin{bmatrix} x & \mathbf{1} \end{bmatrix} \begin{bmatrix} W \\ b \end{bmatrix} = x W + b
""",
)
def stacked(rng):
    v = affine(rng)
    wide, tall = np.hstack([v["x"], np.ones((N, 1))]), np.vstack([v["W"], v["b"]])
    return equal(wide @ tall, v["x"] @ v["W"] + v["b"])


@check(
    "eq-batch-stacked-grad",
    r"""
\frac{\partial L}{\partial \begin{bmatrix} W \\ b \end{bmatrix}} = \begin{bmatrix} x &
    \mathbf{1} \end{bmatrix}^\top \frac{\partial L}{\partial z} = \begin{bmatrix} x^\top
    \frac{\partial L}{\partial z} \\ \mathbf{1}^\top \frac{\partial L}{\partial z} \end{bmatrix}
""",
)
def stacked_grad(rng):
    values, grad_z = affine_and_grad(rng)
    x, ones = values["x"], np.ones((N, 1))
    tall = np.vstack([values["W"], values["b"]])

    def f(W):
        return behind(looped(torch.tensor(x), W[:-1], W[-1]))

    return [
        gradient(f, tall, np.hstack([x, ones]).T @ grad_z),
        gradient(f, tall, np.vstack([x.T @ grad_z, ones.T @ grad_z])),
    ]


@check(
    "eq-batch-trace",
    r"""
\begin{aligned}
\sum_{i=1}^{N} \sum_{j=1}^{D} x_{ij}\,\frac{\partial L}{\partial z_{ij}} &= \sum_{j=1}^{D}
    \left( x^\top \frac{\partial L}{\partial z} \right)_{jj} \\
&= \operatorname{tr} \left( x^\top \frac{\partial L}{\partial z} \right)
\end{aligned}
""",
)
def trace(rng):
    values = affine(rng, outputs=D)
    x, G = values["x"], values["G"]
    # The entry-by-entry sum needs no right gradient: any G of the shape of x will do. That
    # the matrix is the gradient is checked with it.
    right = x.T @ G

    def weighed(W):
        return (torch.tensor(G) * looped(torch.tensor(x), W, torch.tensor(values["b"]))).sum()

    return [
        equal((x * G).sum(), sum(right[j, j] for j in range(D))),
        equal((x * G).sum(), np.trace(right)),
        gradient(weighed, values["W"], right),
    ]


@check(
    "eq-batch-flat-targets",
    r"""
\begin{aligned}
& \frac{\partial}{\partial \hat y_i} \left( \frac{1}{N^2} \sum_{n=1}^{N} \sum_{m=1}^{N} (\hat
    y_n - y_m)^2 \right) \\
&= \frac{2}{N^2} \sum_{m=1}^{N} (\hat y_i - y_m) = \frac{2}{N} (\hat y_i - \bar y)
\end{aligned}
""",
)
def flat_targets(rng):
    predicted, target = rng.normal(size=N), rng.normal(size=N)

    def f(p):
        return ((p.reshape(N, 1) - torch.tensor(target)) ** 2).mean()

    summed = 2 / N**2 * np.array([sum(p - t for t in target) for p in predicted])
    return [
        gradient(f, predicted, summed),
        gradient(f, predicted, 2 / N * (predicted - target.mean())),
    ]


@check(
    "eq-batch-ex-x",
    r"""
\begin{aligned}
\frac{\partial L}{\partial x} &= \frac{2}{N} \left[ (e\, W_2^\top) \odot \mathbf{1}[u_1 > 0]
    \right] W_1^\top \\
\frac{\partial L}{\partial x_i} &= \frac{2}{N} \left[ (e_i W_2^\top) \odot \mathbf{1}[u_{1,i} >
    0] \right] W_1^\top
\end{aligned}
""",
)
def ex_x(rng):
    values = network(rng)
    W1, W2 = values["W1"], values["W2"]
    e, on = errors_and_switches(values)
    rows = [2 / N * ((e[i : i + 1] @ W2.T) * on[i : i + 1]) @ W1.T for i in range(N)]
    return [
        of_input(values, "x", 2 / N * ((e @ W2.T) * on) @ W1.T),
        of_input(values, "x", np.concatenate(rows)),
    ]


@check(
    "eq-batch-ex-b1",
    r"""
\begin{aligned}
\frac{\partial L}{\partial b_1} &= \frac{2}{N} \sum_{i=1}^{N} (e_i W_2^\top) \odot
    \mathbf{1}[u_{1,i} > 0] \\
\frac{\partial L}{\partial b_{1,h}} &= \frac{2}{N} \sum_{i=1}^{N} \begin{cases} 0 & u_{1,ih} \le
    0 \\ e_i\, W_{2,h} & u_{1,ih} > 0 \end{cases}
\end{aligned}
""",
)
def ex_b1(rng):
    values = network(rng)
    u1, W2 = forward(**values)[0], values["W2"]
    e, on = errors_and_switches(values)
    entries = np.zeros(H)
    for i, h in np.ndindex(N, H):
        if u1[i, h] > 0:
            entries[h] += 2 / N * e[i, 0] * W2[h, 0]
    return [
        of_input(values, "b1", 2 / N * ((e @ W2.T) * on).sum(axis=0)),
        of_input(values, "b1", entries),
    ]


@check(
    "eq-batch-ex-w2-b2",
    r"""
\begin{aligned}
\frac{\partial L}{\partial W_2} &= \frac{2}{N}\, u_2^\top e = \frac{2}{N} \sum_{i=1}^{N}
    u_{2,i}^\top\, e_i \\
\frac{\partial L}{\partial b_2} &= \frac{2}{N} \sum_{i=1}^{N} e_i \\
&= \frac{2}{N} \sum_{i=1}^{N} \left( \max(0, x_i W_1 + b_1) W_2 + b_2 - y_i \right)
\end{aligned}
""",
)
def ex_w2_b2(rng):
    values = network(rng)
    x, W1, b1, W2, b2, y = (values[name] for name in ("x", "W1", "b1", "W2", "b2", "y"))
    u2, (e, _) = forward(**values)[1], errors_and_switches(values)
    by_rows = 2 / N * sum(u2[i : i + 1].T @ e[i : i + 1] for i in range(N))
    inserted = 2 / N * sum(np.maximum(0, x[i] @ W1 + b1) @ W2 + b2 - y[i] for i in range(N))
    return [
        of_input(values, "W2", 2 / N * u2.T @ e),
        of_input(values, "W2", by_rows),
        of_input(values, "b2", 2 / N * e.sum(axis=0)),
        of_input(values, "b2", inserted),
    ]


@check(
    "eq-batch-ex-u2",
    r"""
\frac{\partial L}{\partial u_2} = \frac{2}{N}\, e\, W_2^\top
""",
)
def ex_u2(rng):
    values = network(rng)
    u2, (e, _) = forward(**values)[1], errors_and_switches(values)
    return gradient(losses_from(values)["u2"], u2, 2 / N * e @ values["W2"].T)


@check(
    "eq-batch-ex-weighted",
    r"""
\frac{\partial L}{\partial W_1} = \frac{2}{C}\, x^\top \left[ \left( (c \odot e)\, W_2^\top
    \right) \odot \mathbf{1}[u_1 > 0] \right]
""",
    harmless={
        "torch.tensor(c[:, 0]) -> -torch.tensor(c[:, 0])": "weights are divided by their sum",
        "torch.tensor(c[:, 0]) -> 2 * torch.tensor(c[:, 0])": "weights are divided by their sum",
    },
)
def ex_weighted(rng):
    values, c = network(rng), rng.uniform(0.0, 3.0, size=(N, 1))
    e, on = errors_and_switches(values)
    claimed = 2 / c.sum() * values["x"].T @ (((c * e) @ values["W2"].T) * on)
    return of_input(values, "W1", claimed, lambda **v: loss(**v, weights=torch.tensor(c[:, 0])))


@check(
    "eq-batch-ex-columns",
    r"""
\begin{aligned}
\frac{\partial L}{\partial W_2} &= \frac{2}{N K}\, u_2^\top e \\
\frac{\partial L}{\partial b_2} &= \frac{2}{N K} \sum_{i=1}^{N} e_i \\
\frac{\partial L}{\partial u_{2,ih}} &= \frac{2}{N K} \sum_{k=1}^{K} e_{ik}\, W_{2,hk} \\
\frac{\partial L}{\partial W_1} &= \frac{2}{N K}\, x^\top \left[ (e\, W_2^\top) \odot
    \mathbf{1}[u_1 > 0] \right]
\end{aligned}
""",
)
def ex_columns(rng):
    values = network(rng, outputs=K)
    u2, (e, on) = forward(**values)[1], errors_and_switches(values)
    W2, factor = values["W2"], 2 / (N * K)
    grad_u2 = np.zeros((N, H))
    for i, h in np.ndindex(N, H):
        grad_u2[i, h] = factor * sum(e[i, k] * W2[h, k] for k in range(K))

    def from_u2(u2):
        t = {name: torch.tensor(value) for name, value in values.items()}
        return torch.nn.functional.mse_loss(u2 @ t["W2"] + t["b2"], t["y"])

    def f(x, W1, b1, W2, b2, y):
        return torch.nn.functional.mse_loss(torch.relu(x @ W1 + b1) @ W2 + b2, y)

    return [
        of_input(values, "W2", factor * u2.T @ e, f),
        of_input(values, "b2", factor * e.sum(axis=0), f),
        gradient(from_u2, u2, grad_u2),
        of_input(values, "W1", factor * values["x"].T @ ((e @ W2.T) * on), f),
    ]
