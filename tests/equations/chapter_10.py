"""Checks of the equations of chapter 10, gradients of gradients."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch.autograd.functional import jvp

from backprop.checking import numerical_gradient
from equations.harness import NUMERICAL, Result, check, equal, gradient

SHAPE = (3, 4)
#: Points and weights of Gauss and Legendre on [0, 1]: exact far beyond what is needed here.
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(24)
POINTS, WEIGHTS = (POINTS + 1) / 2, WEIGHTS / 2


def repeated(f: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray, times: int) -> np.ndarray:
    """The derivatives of an elementwise f, of the orders 1 to ``times``, stacked."""
    point = torch.tensor(x, requires_grad=True)
    value, found = f(point), []
    for _ in range(times):
        (value,) = torch.autograd.grad(value.sum() + 0 * point.sum(), point, create_graph=True)
        found.append(value.detach().numpy().copy())
    return np.stack(found)


# A loss of three numbers that is symmetric in nothing, and its gradient by hand.


def quartic(w: torch.Tensor) -> torch.Tensor:
    return w[0] ** 2 * w[1] + torch.exp(w[0] * w[2]) + w[1] ** 3 * w[2]


def quartic_gradient(w: np.ndarray) -> np.ndarray:
    a, b, c = w
    grown = np.exp(a * c)
    return np.array([2 * a * b + c * grown, a**2 + 3 * b**2 * c, a * grown + b**3])


def quartic_hessian(w: np.ndarray) -> np.ndarray:
    a, b, c = w
    grown = np.exp(a * c)
    mixed = grown + a * c * grown
    return np.array(
        [
            [2 * b + c**2 * grown, 2 * a, mixed],
            [2 * a, 6 * b * c, 3 * b**2],
            [mixed, 3 * b**2, a**2 * grown],
        ]
    )


def by_columns(w: np.ndarray) -> np.ndarray:
    """The derivatives of each entry j of the gradient, by differences, as column j."""
    columns = [numerical_gradient(lambda a, j=j: quartic_gradient(a)[j], w) for j in range(3)]
    return np.stack(columns, axis=1)


@check(
    "eq-second-example",
    r"""
    \begin{aligned}
    \frac{dy}{dx} &= 3 \cdot 2x = 6x \\
    \frac{d^2 y}{dx^2} &= 6 \\
    \frac{d^3 y}{dx^3} &= 0
    \end{aligned}
    """,
)
def example(rng: np.random.Generator) -> Result:
    x = rng.normal(size=SHAPE)
    return equal(repeated(lambda t: 3 * (7 + t**2), x, 3), np.stack([6 * x, 6 + 0 * x, 0 * x]))


@check(
    "eq-second-tanh",
    r"""
    \begin{aligned}
    a' &= 1 - a^2 \\
    a'' &= -2a\,(1 - a^2) \\
    a''' &= (6a^2 - 2)(1 - a^2)
    \end{aligned}
    """,
)
def tanh(rng: np.random.Generator) -> Result:
    x = rng.normal(size=SHAPE)
    a = np.tanh(x)
    lines = [1 - a**2, -2 * a * (1 - a**2), (6 * a**2 - 2) * (1 - a**2)]
    found = repeated(torch.tanh, x, 3)
    return [equal(found[k], lines[k]) for k in range(3)]


@check(
    "eq-second-scalar",
    r"""
    \begin{aligned}
    \frac{\partial^2 L}{\partial w_1^2} &= 2\,(w_2\, x)^2 \\
    \frac{\partial^2 L}{\partial w_2\, \partial w_1} &= 2x\,(u_2 w_2 + e)
    \end{aligned}
    """,
)
def scalar(rng: np.random.Generator) -> Result:
    x, w1, b1, w2, b2, y = rng.uniform(0.5, 2, size=(6, *SHAPE))  # the ReLU is on
    u2 = x * w1 + b1
    e = u2 * w2 + b2 - y

    def grad_w1(w1: torch.Tensor, w2: torch.Tensor) -> torch.Tensor:
        w1 = w1.requires_grad_() if w1.is_leaf else w1
        error = torch.relu(torch.tensor(x) * w1 + torch.tensor(b1)) * w2 + torch.tensor(b2 - y)
        return torch.autograd.grad((error**2).sum(), w1, create_graph=True)[0].sum()

    return [
        gradient(lambda t: grad_w1(t, torch.tensor(w2)), w1, 2 * (w2 * x) ** 2),
        gradient(lambda t: grad_w1(torch.tensor(w1), t), w2, 2 * x * (u2 * w2 + e)),
    ]


@check(
    "eq-second-hessian",
    r"""
    H_{ij} = \frac{\partial^2 L}{\partial w_i\, \partial w_j}
    = \frac{\partial g_j}{\partial w_i}
    """,
)
def hessian(rng: np.random.Generator) -> Result:
    w = rng.normal(size=3)
    by_torch = torch.autograd.functional.hessian(quartic, torch.tensor(w)).numpy()
    return [
        equal(by_torch, quartic_hessian(w)),
        equal(by_torch, by_columns(w), tolerance=NUMERICAL),
    ]


@check(
    "eq-second-least-squares",
    r"""
    \frac{\partial^2 L}{\partial W_{dk}\, \partial W_{el}} = 2\,(x^\top x)_{de}\,\delta_{kl}
    """,
)
def least_squares(rng: np.random.Generator) -> Result:
    x, y, W = rng.normal(size=(5, 3)), rng.normal(size=(5, 2)), rng.normal(size=(3, 2))
    found = torch.autograd.functional.hessian(
        lambda t: ((torch.tensor(x) @ t - torch.tensor(y)) ** 2).sum(), torch.tensor(W)
    )
    return equal(found.numpy(), np.einsum("de,kl->dkel", 2 * x.T @ x, np.eye(2)))


@check(
    "eq-second-mixed-change",
    r"""
    \begin{aligned}
    \Delta &= \int_0^s\!\!\int_0^t \frac{\partial}{\partial b}\frac{\partial f}{\partial a}(a + \sigma,\, b + \tau)\; d\tau\, d\sigma \\
    \Delta &= \int_0^t\!\!\int_0^s \frac{\partial}{\partial a}\frac{\partial f}{\partial b}(a + \sigma,\, b + \tau)\; d\sigma\, d\tau
    \end{aligned}
    """,  # noqa: E501
)
def difference(rng: np.random.Generator) -> Result:
    a, b, s, t = rng.normal(size=(4, *SHAPE))

    def f(a, b):
        return np.sin(a) * b**2 + a**3 * np.exp(b)

    delta = f(a + s, b + t) - f(a + s, b) - f(a, b + t) + f(a, b)

    def mixed(a, b, first):
        p = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
        value = (torch.sin(p[0]) * p[1] ** 2 + p[0] ** 3 * torch.exp(p[1])).sum()
        (once,) = torch.autograd.grad(value, p[first], create_graph=True)
        return torch.autograd.grad(once.sum(), p[1 - first])[0].numpy()

    pairs = list(itertools.product(zip(POINTS, WEIGHTS, strict=True), repeat=2))
    return [
        equal(
            delta,
            s * t * sum(u * v * mixed(a + p * s, b + q * t, first) for (p, u), (q, v) in pairs),
        )
        for first in (0, 1)
    ]


@check(
    "eq-second-symmetric",
    r"""
    \frac{\partial}{\partial b}\frac{\partial f}{\partial a} = \frac{\partial}{\partial a}\frac{\partial f}{\partial b}
    """,  # noqa: E501
)
def symmetric(rng: np.random.Generator) -> Result:
    a, b = rng.normal(size=(2, *SHAPE))

    def f_a(b):
        return torch.cos(torch.tensor(a)) * b**2 + 3 * torch.tensor(a) ** 2 * torch.exp(b)

    def f_b(a):
        return 2 * torch.sin(a) * torch.tensor(b) + a**3 * torch.exp(torch.tensor(b))

    other = repeated(f_b, a, 1)[0]
    return gradient(lambda t: f_a(t).sum(), b, other)


@check(
    "eq-second-hvp",
    r"""
    \begin{aligned}
    (Hv)_i &= \sum_{j=1}^{n} \frac{\partial g_j}{\partial w_i}\, v_j \\
    &= \frac{\partial}{\partial w_i} \sum_{j=1}^{n} g_j v_j
    \end{aligned}
    """,
)
def hessian_vector(rng: np.random.Generator) -> Result:
    w, v = rng.normal(size=(2, 3))

    def g_dot_v(t: torch.Tensor) -> torch.Tensor:
        a, b, c = t
        grown = torch.exp(a * c)
        g = [2 * a * b + c * grown, a**2 + 3 * b**2 * c, a * grown + b**3]
        return sum(entry * float(rate) for entry, rate in zip(g, v, strict=True))

    product = quartic_hessian(w) @ v
    return [gradient(g_dot_v, w, product), equal(by_columns(w) @ v, product, tolerance=NUMERICAL)]


@check("eq-second-directional", r"\frac{d}{ds}\, g(w + s v) \Big|_{s=0} = H v")
def directional(rng: np.random.Generator) -> Result:
    w, v = rng.normal(size=(2, 3))
    s = 1e-5

    def slope(t: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(quartic(t), t, create_graph=True)[0]

    quotient = (quartic_gradient(w + s * v) - quartic_gradient(w - s * v)) / (2 * s)
    automatic = jvp(slope, torch.tensor(w), torch.tensor(v))[1]
    product = quartic_hessian(w) @ v
    return [equal(automatic.numpy(), product), equal(quotient, product, tolerance=NUMERICAL)]


# The two-layer network, with an activation function of which nothing vanishes.

D_IN, D_HIDDEN, D_OUT, SAMPLES = 3, 4, 2, 5


def phi(h):
    return torch.sin(h) + h**2 if isinstance(h, torch.Tensor) else np.sin(h) + h**2


def network(rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {
        "x": (SAMPLES, D_IN),
        "y": (SAMPLES, D_OUT),
        "w1": (D_IN, D_HIDDEN),
        "w2": (D_HIDDEN, D_OUT),
        "v1": (D_IN, D_HIDDEN),
        "v2": (D_HIDDEN, D_OUT),
    }
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def rates(net: dict[str, np.ndarray], names: str) -> list[np.ndarray]:
    """The rates of the quantities ``names`` as the weights move, by PyTorch's autograd."""
    x, y, w1, w2, v1, v2 = (torch.tensor(a) for a in net.values())

    def quantities(w1: torch.Tensor, w2: torch.Tensor) -> tuple[torch.Tensor, ...]:
        h = x @ w1
        a = phi(h)
        y_pred = a @ w2
        loss = ((y_pred - y) ** 2).sum()
        wanted = (y_pred, a, h, w1, w2)
        G = torch.autograd.grad(loss, wanted, create_graph=True)
        found = {"h": h, "a": a, "y_pred": y_pred}
        found |= dict(zip(["G_y", "G_a", "G_h", "G_w1", "G_w2"], G, strict=True))
        return tuple(found[name] for name in names.split())

    return [rate.numpy() for rate in jvp(quantities, (w1, w2), (v1, v2))[1]]


def r_forward(net: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    h = net["x"] @ net["w1"]
    a, d_phi = phi(h), np.cos(h) + 2 * h
    r_h = net["x"] @ net["v1"]
    r_a = d_phi * r_h
    r_y_pred = r_a @ net["w2"] + a @ net["v2"]
    return {"h": h, "a": a, "d_phi": d_phi, "r_h": r_h, "r_a": r_a, "r_y_pred": r_y_pred}


@check(
    "eq-second-r-forward",
    r"""
    \begin{aligned}
    h &= x\,w_1 & \mathcal{R}h &= x\,v_1 \\
    a &= \varphi(h) & \mathcal{R}a &= \varphi'(h) \odot \mathcal{R}h \\
    \hat y &= a\,w_2 & \mathcal{R}\hat y &= (\mathcal{R}a)\,w_2 + a\,v_2
    \end{aligned}
    """,
)
def forward_rates(rng: np.random.Generator) -> Result:
    net = network(rng)
    claimed = r_forward(net)
    found = rates(net, "h a y_pred")
    return [equal(*pair) for pair in zip(found, list(claimed.values())[3:], strict=True)]


@check(
    "eq-second-r-backward",
    r"""
    \begin{aligned}
    G_{\hat y} &= 2(\hat y - y) \\
    \mathcal{R}G_{\hat y} &= 2\,\mathcal{R}\hat y \\
    G_{w_2} &= a^\top G_{\hat y} \\
    \mathcal{R}G_{w_2} &= (\mathcal{R}a)^\top G_{\hat y} + a^\top\, \mathcal{R}G_{\hat y} \\
    G_a &= G_{\hat y}\, w_2^\top \\
    \mathcal{R}G_a &= (\mathcal{R}G_{\hat y})\, w_2^\top + G_{\hat y}\, v_2^\top \\
    G_h &= G_a \odot \varphi'(h) \\
    \mathcal{R}G_h &= \mathcal{R}G_a \odot \varphi'(h) \\
    &\quad + G_a \odot \varphi''(h) \odot \mathcal{R}h \\
    G_{w_1} &= x^\top G_h \\
    \mathcal{R}G_{w_1} &= x^\top\, \mathcal{R}G_h
    \end{aligned}
    """,
)
def backward_rates(rng: np.random.Generator) -> Result:
    net = network(rng)
    at = r_forward(net)
    G_y = 2 * (at["a"] @ net["w2"] - net["y"])
    r_G_y = 2 * at["r_y_pred"]
    G_w2 = at["a"].T @ G_y
    r_G_w2 = at["r_a"].T @ G_y + at["a"].T @ r_G_y
    G_a = G_y @ net["w2"].T
    r_G_a = r_G_y @ net["w2"].T + G_y @ net["v2"].T
    G_h = G_a * at["d_phi"]
    r_G_h = r_G_a * at["d_phi"] + G_a * (2 - np.sin(at["h"])) * at["r_h"]
    G_w1 = net["x"].T @ G_h

    def loss(w1: torch.Tensor, w2: torch.Tensor) -> torch.Tensor:
        y_pred = phi(torch.tensor(net["x"]) @ w1) @ w2
        return ((y_pred - torch.tensor(net["y"])) ** 2).sum()

    claimed = [r_G_y, r_G_w2, r_G_a, r_G_h, net["x"].T @ r_G_h]
    found = rates(net, "G_y G_w2 G_a G_h G_w1")
    return [
        gradient(lambda t: loss(t, torch.tensor(net["w2"])), net["w1"], G_w1),
        gradient(lambda t: loss(torch.tensor(net["w1"]), t), net["w2"], G_w2),
        *(equal(*pair) for pair in zip(found, claimed, strict=True)),
    ]


def quartic_lines(w: np.ndarray, v: np.ndarray) -> Callable[[torch.Tensor], torch.Tensor]:
    """The same for an array of distances, elementwise."""

    def f(s: torch.Tensor) -> torch.Tensor:
        a, b, c = (float(w[k]) + s * float(v[k]) for k in range(3))
        return a**2 * b + torch.exp(a * c) + b**3 * c

    return f


@check(
    "eq-second-curvature",
    r"""
    \begin{aligned}
    \frac{d}{ds} L(w + s v) \Big|_{s=0} &= g^\top v \\
    \frac{d^2}{ds^2} L(w + s v) \Big|_{s=0} &= v^\top H v
    \end{aligned}
    """,
)
def curvature(rng: np.random.Generator) -> Result:
    w, v = rng.normal(size=(2, 3))
    first, second = repeated(quartic_lines(w, v), np.zeros(1), 2)
    return [
        equal(first, np.array([quartic_gradient(w) @ v])),
        equal(second, np.array([v @ quartic_hessian(w) @ v])),
    ]


@check(
    "eq-second-best-rate",
    r"""
    \begin{aligned}
    \eta^* &= \frac{g^\top g}{g^\top H g} \\
    M(\eta^*) &= L - \frac{(g^\top g)^2}{2\, g^\top H g} \\
    M(2\eta^*) &= L
    \end{aligned}
    """,
)
def best_rate(rng: np.random.Generator) -> Result:
    x, y, w = rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3)

    def loss(w):
        return ((x @ w - y) ** 2).sum()

    g, H = 2 * x.T @ (x @ w - y), 2 * x.T @ x  # a quadratic loss is its own model
    best = (g @ g) / (g @ H @ g)
    # The parabola through the losses at three rates, and where it is lowest.
    etas = np.array([0.0, 0.1, 0.2])
    two, one, _ = np.polyfit(etas, [loss(w - eta * g) for eta in etas], 2)
    return [
        equal(np.array([-one / (2 * two)]), np.array([best])),
        equal(np.array([loss(w - best * g)]), np.array([loss(w) - (g @ g) ** 2 / (2 * g @ H @ g)])),
        equal(np.array([loss(w - 2 * best * g)]), np.array([loss(w)])),
    ]


def bowl(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A symmetric matrix by its eigenvalues and eigenvectors (columns), and a vector."""
    q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    eigenvalues = rng.uniform(0.5, 3, size=4)
    return q @ np.diag(eigenvalues) @ q.T, eigenvalues, q, rng.normal(size=4)


@check(
    "eq-second-component",
    r"""
    \begin{aligned}
    & w - \eta\,g - w^* \\
    & = \sum_{i=1}^{n} (1 - \eta \lambda_i)\, c_i\, q_i
    \end{aligned}
    """,
)
def component(rng: np.random.Generator) -> Result:
    H, eigenvalues, q, w = bowl(rng)
    lowest, eta = rng.normal(size=4), rng.uniform(0.1, 1)
    point = torch.tensor(w, requires_grad=True)
    away = point - torch.tensor(lowest)
    (g,) = torch.autograd.grad(away @ torch.tensor(H) @ away / 2, point)
    c = q.T @ (w - lowest)
    claimed = sum((1 - eta * eigenvalues[i]) * c[i] * q[:, i] for i in range(4))
    return equal(w - eta * g.numpy() - lowest, claimed)


@check(
    "eq-second-mean",
    r"""
    \frac{v^\top H v}{v^\top v} = \frac{\sum_i \lambda_i\, c_i^2}{\sum_i c_i^2}
    """,
)
def mean_of_eigenvalues(rng: np.random.Generator) -> Result:
    a, v = rng.normal(size=(4, 4)), rng.normal(size=4)
    H = a + a.T  # eigenvalues of both signs, found here and not put in
    eigenvalues, q = np.linalg.eigh(H)
    c = q.T @ v
    weights = c**2 / (c**2).sum()
    return equal(np.array([(v @ H @ v) / (v @ v)]), np.array([weights @ eigenvalues]))


@check("eq-second-power", r"H^k v = \sum_{i=1}^{n} \lambda_i^k\, c_i\, q_i")
def power(rng: np.random.Generator) -> Result:
    H, eigenvalues, q, v = bowl(rng)
    c = q.T @ v
    return [
        equal(
            np.linalg.matrix_power(H, k) @ v,
            sum(eigenvalues[i] ** k * c[i] * q[:, i] for i in range(4)),
        )
        for k in (1, 2, 5)
    ]


@check(
    "eq-second-sigmoid",
    r"""
    \begin{aligned}
    s' &= s(1 - s) \\
    s'' &= s(1 - s)(1 - 2s) \\
    s''' &= s(1 - s)(1 - 6s + 6s^2)
    \end{aligned}
    """,
)
def sigmoid(rng: np.random.Generator) -> Result:
    x = rng.normal(size=SHAPE)
    s = 1 / (1 + np.exp(-x))
    lines = [s * (1 - s), s * (1 - s) * (1 - 2 * s), s * (1 - s) * (1 - 6 * s + 6 * s**2)]
    found = repeated(torch.sigmoid, x, 3)
    return [equal(found[k], lines[k]) for k in range(3)]


@check(
    "eq-second-diagonal",
    r"""
    \begin{aligned}
    \mathbb{E}\,[v \odot Hv]_i &= \sum_{j=1}^{n} H_{ij}\, \mathbb{E}[v_i v_j] \\
    &= H_{ii}
    \end{aligned}
    """,
)
def diagonal(rng: np.random.Generator) -> Result:
    H = bowl(rng)[0]
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=4)))
    average = np.mean([v * (H @ v) for v in signs], axis=0)
    products = np.mean([np.outer(v, v) for v in signs], axis=0)
    return [equal(average, (H * products).sum(axis=1)), equal(average, np.diag(H).copy())]


@check(
    "eq-second-newton",
    r"""
    \begin{aligned}
    & \frac{\partial}{\partial d} \Bigl( g^\top d + \tfrac12\, d^\top H d \Bigr) \\
    & = g + H d
    \end{aligned}
    """,
)
def newton(rng: np.random.Generator) -> Result:
    H, _, _, g = bowl(rng)
    d = rng.normal(size=4)
    return gradient(
        lambda t: torch.tensor(g) @ t + t @ torch.tensor(H) @ t / 2,
        d,
        g + H @ d,
    )


@check(
    "eq-second-penalty",
    r"""
    \begin{aligned}
    & \frac{\partial}{\partial w_j}\, \frac12 \sum_{i} (G_x)_i^2 \\
    & \quad = \sum_{i} \frac{\partial^2 L}{\partial w_j\, \partial x_i}\, (G_x)_i \\
    & \frac{\partial}{\partial w_j}\, \frac12 \sum_{i} g_i^2 = (H g)_j
    \end{aligned}
    """,
)
def penalty(rng: np.random.Generator) -> Result:
    # L = (sin(x . w) + x_1 w_1 - y)^2, whose derivatives are short enough to be written out.
    x, w, y = rng.normal(size=3), rng.normal(size=3), rng.normal()
    first = np.eye(3)[0]
    z = x @ w
    e = np.sin(z) + x[0] * w[0] - y
    e_x = np.cos(z) * w + w[0] * first
    e_w = np.cos(z) * x + x[0] * first
    e_wx = -np.sin(z) * np.outer(x, w) + np.cos(z) * np.eye(3) + np.outer(first, first)
    mixed = 2 * np.outer(e_w, e_x) + 2 * e * e_wx

    def half_square(t: torch.Tensor) -> torch.Tensor:
        inputs = torch.tensor(x)
        error = torch.sin(inputs @ t) + inputs[0] * t[0] - y
        slope_x = torch.cos(inputs @ t) * t + t[0] * torch.tensor(first)
        return ((2 * error * slope_x) ** 2).sum() / 2

    def half_gradient(t: torch.Tensor) -> torch.Tensor:
        a, b, c = t
        grown = torch.exp(a * c)
        g = [2 * a * b + c * grown, a**2 + 3 * b**2 * c, a * grown + b**3]
        return sum(entry**2 for entry in g) / 2

    return [
        gradient(half_square, w, mixed @ (2 * e * e_x)),
        gradient(half_gradient, w, quartic_hessian(w) @ quartic_gradient(w)),
    ]
