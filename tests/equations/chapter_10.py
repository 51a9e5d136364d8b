"""Checks of the equations of chapter 10, gradients of gradients."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch.autograd.functional import jvp

from backprop.checking import numerical_gradient
from equations.harness import NUMERICAL, Result, check, equal, gradient, threshold

SHAPE = (7,)
#: Points and weights of Gauss and Legendre on [0, 1]: exact far beyond what is needed here.
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(12)
POINTS, WEIGHTS = (POINTS + 1) / 2, WEIGHTS / 2
#: No learning rate that is looked for is larger.
FAR = 100.0


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


def slope_of(f: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    """The gradient of f by PyTorch, as a function that can be differentiated again."""

    def slope(t: torch.Tensor) -> torch.Tensor:
        point = t if t.requires_grad else t.clone().requires_grad_()
        return torch.autograd.grad(f(point), point, create_graph=True)[0]

    return slope


slope = slope_of(quartic)


def by_torch(f: Callable[[torch.Tensor], torch.Tensor], w: np.ndarray) -> np.ndarray:
    """The matrix of all second derivatives of f, by PyTorch."""
    return torch.autograd.functional.hessian(f, torch.tensor(w)).numpy()


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
    harmless={"weight + third -> weight": "the third derivative is 0"},
)
def example(rng: np.random.Generator) -> Result:
    def y(t: torch.Tensor) -> torch.Tensor:
        return 3 * (7 + t**2)

    x, weight = rng.normal(size=(2, *SHAPE))
    _, second, third = repeated(y, x, 3)
    return [
        gradient(lambda t: y(t).sum(), x, 3 * (2 * x)),
        gradient(lambda t: y(t).sum(), x, 6 * x),
        equal(weight * second, weight * 6),
        equal(weight + third, weight + 0),  # the harness takes no side that is all zero
    ]


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
    drawn = rng.uniform(0.5, 2, size=(6, *SHAPE))  # positive: the ReLU is on
    x, w1, b1, w2, b2, y = drawn
    X, W1, B1, W2, B2, Y = torch.tensor(drawn)
    u2 = x * w1 + b1
    e = u2 * w2 + b2 - y

    def grad_w1(w1: torch.Tensor, w2: torch.Tensor) -> torch.Tensor:
        return slope_of(lambda w: ((torch.relu(X * w + B1) * w2 + B2 - Y) ** 2).sum())(w1)

    return [
        gradient(lambda t: grad_w1(t, W2).sum(), w1, 2 * (w2 * x) ** 2),
        gradient(lambda t: grad_w1(W1, t).sum(), w2, 2 * x * (u2 * w2 + e)),
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
    H, twice = quartic_hessian(w), by_torch(quartic, w)
    return [
        [
            equal(H[i], twice[i]),
            equal(H[:, i], by_columns(w)[:, i], tolerance=NUMERICAL),
            gradient(lambda t, i=i: slope(t)[i], w, H[:, i].copy()),
        ]
        for i in range(3)
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
        return np.sin(a) * b**2 + a**2 * np.exp(b)

    delta = f(a + s, b + t) - f(a + s, b) - f(a, b + t) + f(a, b)

    # All points of the rectangle at once: axis 0 goes along s, axis 1 along t.
    along, across = np.broadcast_arrays(a + POINTS[:, None, None] * s, b + POINTS[:, None] * t)

    def mixed(first):
        p = [torch.tensor(place, requires_grad=True) for place in (along, across)]
        value = (torch.sin(p[0]) * p[1] ** 2 + p[0] ** 2 * torch.exp(p[1])).sum()
        (once,) = torch.autograd.grad(value, p[first], create_graph=True)
        (twice,) = torch.autograd.grad(once.sum(), p[1 - first])
        return twice.numpy()

    return [
        equal(delta, s * t * np.einsum("p,q,pqk->k", WEIGHTS, WEIGHTS, mixed(first)))
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
    product, table = quartic_hessian(w) @ v, by_columns(w)
    summed = np.array([sum(table[i, j] * v[j] for j in range(3)) for i in range(3)])
    return [
        equal(product, summed, tolerance=NUMERICAL),
        gradient(lambda t: sum(slope(t)[j] * float(v[j]) for j in range(3)), w, product),
    ]


@check("eq-second-directional", r"\frac{d}{ds}\, g(w + s v) \Big|_{s=0} = H v")
def directional(rng: np.random.Generator) -> Result:
    w, v = rng.normal(size=(2, 3))
    s = 1e-5
    quotient = (quartic_gradient(w + s * v) - quartic_gradient(w - s * v)) / (2 * s)
    automatic = jvp(slope, torch.tensor(w), torch.tensor(v))[1]
    product = quartic_hessian(w) @ v
    return [equal(automatic.numpy(), product), equal(quotient, product, tolerance=NUMERICAL)]


# The two-layer network, with an activation function of which nothing vanishes.

D_IN, D_HIDDEN, D_OUT, SAMPLES = 3, 4, 2, 5


def phi(h):
    return torch.sin(h) + h**2 if isinstance(h, torch.Tensor) else np.sin(h) + h**2


def d_phi(h):
    return np.cos(h) + 2 * h


def dd_phi(h):
    return 2 - np.sin(h)


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


def with_rates(net: dict[str, np.ndarray], names: str) -> list[np.ndarray]:
    """Each of the quantities ``names`` and its rate as the weights move, by PyTorch's autograd."""
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

    found = zip(*jvp(quantities, (w1, w2), (v1, v2)), strict=True)
    return [array.detach().numpy() for pair in found for array in pair]


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
    x, _, w1, w2, v1, v2 = net.values()
    h, r_h = x @ w1, x @ v1
    a, r_a = phi(h), d_phi(h) * r_h
    claimed = [h, r_h, a, r_a, a @ w2, r_a @ w2 + a @ v2]
    found = with_rates(net, "h a y_pred")
    return [equal(*pair) for pair in zip(found, claimed, strict=True)]


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
    x, y, _, w2, _, v2 = net.values()
    h, r_h, a, r_a, y_pred, r_y_pred = with_rates(net, "h a y_pred")
    G_y = 2 * (y_pred - y)
    r_G_y = 2 * r_y_pred
    G_w2 = a.T @ G_y
    r_G_w2 = r_a.T @ G_y + a.T @ r_G_y
    G_a = G_y @ w2.T
    r_G_a = r_G_y @ w2.T + G_y @ v2.T
    G_h = G_a * d_phi(h)
    r_G_h = r_G_a * d_phi(h) + G_a * dd_phi(h) * r_h
    G_w1 = x.T @ G_h
    r_G_w1 = x.T @ r_G_h
    claimed = [G_y, r_G_y, G_w2, r_G_w2, G_a, r_G_a, G_h, r_G_h, G_w1, r_G_w1]
    found = with_rates(net, "G_y G_w2 G_a G_h G_w1")
    return [equal(*pair) for pair in zip(found, claimed, strict=True)]


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
    "eq-second-model",
    r"M(\eta) = L - \eta\, g^\top g + \frac{\eta^2}{2}\, g^\top H g",
    harmless={
        "torch.tensor(start) -> -torch.tensor(start)": "the point is 0",
        "torch.tensor(start) -> 2 * torch.tensor(start)": "the point is 0",
    },
)
def quadratic_model(rng: np.random.Generator) -> Result:
    w = rng.normal(size=3)
    g, H = quartic_gradient(w), quartic_hessian(w)
    loss = quartic_lines(w, -g)

    def model(eta: torch.Tensor) -> torch.Tensor:
        L = quartic(torch.tensor(w))
        return L - eta * float(g @ g) + eta**2 / 2 * float(g @ H @ g)

    start = np.zeros(1)
    (first, second), (slope, bend) = repeated(loss, start, 2), repeated(model, start, 2)
    value = loss(torch.tensor(start)).numpy()
    return [
        equal(value, model(torch.tensor(start)).numpy()),
        equal(first, slope),
        equal(second, bend),
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

    def loss(w: torch.Tensor) -> torch.Tensor:  # quadratic, and so its own model
        return ((torch.tensor(x) @ w - torch.tensor(y)) ** 2).sum()

    g, H = slope_of(loss)(torch.tensor(w)).detach().numpy(), by_torch(loss, w)

    def model(eta: float) -> float:
        return loss(torch.tensor(w - eta * g)).item()

    best = (g @ g) / (g @ H @ g)
    lowest = threshold(lambda eta: model(eta + 1) > model(eta - 1), low=0.0, high=FAR)
    back = threshold(lambda eta: model(eta) > model(0.0), low=lowest, high=FAR)
    return [
        equal(np.float64(lowest), best),
        equal(np.float64(model(best)), model(0.0) - (g @ g) ** 2 / (2 * g @ H @ g)),
        equal(np.float64(back), 2 * best),
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

    def loss(t: torch.Tensor) -> torch.Tensor:
        return (t - torch.tensor(lowest)) @ torch.tensor(H) @ (t - torch.tensor(lowest)) / 2

    g = slope_of(loss)(torch.tensor(w)).detach().numpy()
    c = q.T @ (w - lowest)
    claimed = sum((1 - eta * eigenvalues[i]) * c[i] * q[:, i] for i in range(4))
    return equal(w - eta * g - lowest, claimed)


def equal_to_its_transpose(rng: np.random.Generator) -> np.ndarray:
    """A symmetric matrix with nothing else to it."""
    a = rng.normal(size=(4, 4))
    return a + a.T


@check(
    "eq-second-mean",
    r"""
    \frac{v^\top H v}{v^\top v} = \frac{\sum_i \lambda_i\, c_i^2}{\sum_i c_i^2}
    """,
)
def mean_of_eigenvalues(rng: np.random.Generator) -> Result:
    v = rng.normal(size=4)
    H = equal_to_its_transpose(rng)
    eigenvalues, q = np.linalg.eigh(H)  # of both signs, found here and not put in
    c = q.T @ v
    mean = sum(eigenvalues[i] * c[i] ** 2 for i in range(4)) / sum(c[i] ** 2 for i in range(4))
    return [
        equal(v, sum(c[i] * q[:, i] for i in range(4))),
        equal((v @ H @ v) / (v @ v), mean),
    ]


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


def signs(n: int) -> np.ndarray:
    """All vectors whose n entries are 1 or -1, as rows."""
    return np.array(list(itertools.product([-1.0, 1.0], repeat=n)))


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
    vs = signs(4)
    average = np.mean([v * (H @ v) for v in vs], axis=0)
    middle = [sum(H[i, j] * np.mean(vs[:, i] * vs[:, j]) for j in range(4)) for i in range(4)]
    return [equal(average, np.array(middle)), equal(average, np.array([H[i, i] for i in range(4)]))]


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


def loss_of_inputs(x: torch.Tensor, w: torch.Tensor, y: float) -> torch.Tensor:
    """A loss whose derivatives are short enough to be written out."""
    return (torch.sin(x @ w) + x[0] * w[0] - y) ** 2


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
    x, w, y = rng.normal(size=3), rng.normal(size=3), rng.normal()
    first = np.eye(3)[0]
    z = x @ w
    e = np.sin(z) + x[0] * w[0] - y
    e_x = np.cos(z) * w + w[0] * first
    e_w = np.cos(z) * x + x[0] * first
    e_wx = -np.sin(z) * np.outer(x, w) + np.cos(z) * np.eye(3) + np.outer(first, first)
    mixed = 2 * np.outer(e_w, e_x) + 2 * e * e_wx

    def slope_x(t: torch.Tensor) -> torch.Tensor:
        return slope_of(lambda inputs: loss_of_inputs(inputs, t, y))(torch.tensor(x))

    return [
        gradient(lambda t: (slope_x(t) ** 2).sum() / 2, w, mixed @ (2 * e * e_x)),
        gradient(lambda t: (slope(t) ** 2).sum() / 2, w, quartic_hessian(w) @ quartic_gradient(w)),
    ]
