"""Checks of the equations of chapter 2, the chain rule.

Scalar formulas are evaluated entry by entry on (3, 4) arrays: twelve independent networks,
some with the ReLU on and some with it off, none of them near the kink.
"""

import numpy as np
import torch

from equations.harness import check, equal, gradient

SHAPE = (3, 4)


def network(rng):
    """Inputs of twelve scalar networks; the sign of u1 alternates and it stays away from 0."""
    x, w1, w2, b2, y = (rng.normal(size=SHAPE) for _ in range(5))
    signs = np.where(np.arange(12).reshape(SHAPE) % 2 == 0, 1.0, -1.0)
    u1 = signs * rng.uniform(0.5, 2.0, size=SHAPE)
    return {"x": x, "w1": w1, "b1": u1 - x * w1, "w2": w2, "b2": b2, "y": y}


def forward(x, w1, b1, w2, b2, y):
    """The substitutions in NumPy."""
    u1 = x * w1 + b1
    u2 = np.maximum(0, u1)
    u3 = u2 * w2 + b2
    return u1, u2, u3, y - u3


def error(x, w1, b1, w2, b2, y):
    """Prediction minus target."""
    return np.maximum(0, x * w1 + b1) * w2 + b2 - y


def total(x, w1, b1, w2, b2, y):
    """The sum of the twelve losses, in PyTorch."""
    return ((y - (torch.relu(x * w1 + b1) * w2 + b2)) ** 2).sum()


def of_input(values, name, claimed):
    """The gradient of the losses with respect to one of their inputs."""
    tensors = {key: torch.tensor(value) for key, value in values.items()}
    return gradient(lambda moved: total(**(tensors | {name: moved})), values[name], claimed)


def losses_from(values):
    """The sum of the losses as functions of u1, u2, u3 and u4, by name."""
    w2, b2, y = (torch.tensor(values[name]) for name in ("w2", "b2", "y"))
    return {
        "u4": lambda u4: (u4**2).sum(),
        "u3": lambda u3: ((y - u3) ** 2).sum(),
        "u2": lambda u2: ((y - (u2 * w2 + b2)) ** 2).sum(),
        "u1": lambda u1: ((y - (torch.relu(u1) * w2 + b2)) ** 2).sum(),
    }


def slope(step, at):
    """The derivative of an elementwise function of one tensor, by autograd."""
    point = torch.tensor(at, requires_grad=True)
    return torch.autograd.grad(step(point).sum(), point)[0].numpy()


def mean_slope(step, at, move):
    """The mean of the slopes on the way, by Simpson's rule: exact for squares and cubes."""
    first, middle, last = (slope(step, at + part * move) for part in (0, 0.5, 1))
    return (first + 4 * middle + last) / 6


def weighted(step, at, derivative, rng):
    """A local derivative, seen through a random weight for each entry."""
    weight = rng.normal(size=SHAPE)
    return gradient(lambda u: (torch.tensor(weight) * step(u)).sum(), at, weight * derivative)


@check(
    "eq-chain-example-steps",
    r"""
\begin{aligned}
\frac{dy}{du} &= 3 \\
\frac{du}{dx} &= 2x
\end{aligned}
""",
)
def chain_example_steps(rng):
    x = rng.normal(size=SHAPE)
    return [
        weighted(lambda u: 3 * u, 7 + x**2, np.full(SHAPE, 3.0), rng),
        weighted(lambda x: 7 + x**2, x, 2 * x, rng),
    ]


@check(
    "eq-chain-example-product",
    r"""\frac{dy}{dx} = \frac{dy}{du} \cdot \frac{du}{dx} = 3 \cdot 2x = 6x""",
)
def chain_example_product(rng):
    x = rng.normal(size=SHAPE)

    def y(x):
        return (3 * (7 + x**2)).sum()

    d_y_d_u = slope(lambda u: 3 * u, 7 + x**2)
    d_u_d_x = slope(lambda x: 7 + x**2, x)
    return [
        gradient(y, x, d_y_d_u * d_u_d_x),
        gradient(y, x, 3 * (2 * x)),
        gradient(y, x, 6 * x),
    ]


@check(
    "eq-chain-example-change",
    r"""
\begin{aligned}
\Delta u &= \left(7 + (x + \Delta x)^2\right) - \left(7 + x^2\right) = 2x\,\Delta x + \Delta x^2 \\
\Delta y &= 3\,\Delta u = 6x\,\Delta x + 3\,\Delta x^2
\end{aligned}
""",
)
def chain_example_change(rng):
    x, dx = rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    y, y_moved = 3 * (7 + x**2), 3 * (7 + (x + dx) ** 2)
    du = (7 + (x + dx) ** 2) - (7 + x**2)
    change = dx * mean_slope(lambda x: 7 + x**2, x, dx)
    return [
        equal(change, du),
        equal(change, 2 * x * dx + dx**2),
        equal(y_moved - y, 3 * du),
        equal(y_moved - y, 6 * x * dx + 3 * dx**2),
    ]


def cube_factor(u, du):
    """The factor epsilon of f(u) = u³: its change is (3u² + epsilon) du."""
    return 3 * u * du + du**2


@check(
    "eq-chain-remainder",
    r"""f(u + \Delta u) = f(u) + f'(u)\,\Delta u + r(\Delta u)""",
)
def chain_remainder(rng):
    u, du = rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    weight = rng.normal(size=SHAPE)
    return [
        weighted(lambda u: u**3, u, 3 * u**2, rng),
        equal((u + du) ** 3, u**3 + 3 * u**2 * du + cube_factor(u, du) * du),
        # The remainder is small compared with the step: r / du shrinks like du.
        equal(weight * cube_factor(u, 1e-12 * du) / 1e-12, weight * 3 * u * du),
    ]


@check(
    "eq-chain-increment",
    r"""
\Delta y = f(u + \Delta u) - f(u) = \left(f'(u) + \varepsilon(\Delta u)\right) \Delta u
""",
)
def chain_increment(rng):
    u, du = rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    du[0, 0] = 0.0
    change = du * mean_slope(lambda u: u**3, u, du)
    return [
        equal(change, (u + du) ** 3 - u**3),
        equal(change, (3 * u**2 + cube_factor(u, du)) * du),
    ]


@check(
    "eq-chain-quotient",
    r"""
\frac{\Delta y}{\Delta x} = \left(f'(u) + \varepsilon(\Delta u)\right) \frac{\Delta u}{\Delta x}
""",
)
def chain_quotient(rng):
    x, dx = rng.normal(size=SHAPE), rng.uniform(0.5, 1.5, size=SHAPE)
    x[0, 0], dx[0, 0] = -1.0, 2.0  # u = x² ends where it began: the change of u is 0
    u, moved = x**2, (x + dx) ** 2
    du = moved - u
    return equal((moved**3 - u**3) / dx, (3 * u**2 + cube_factor(u, du)) * (du / dx))


@check(
    "eq-chain-rule",
    r"""\frac{dy}{dx} = f'(g(x)) \cdot g'(x) = \frac{dy}{du} \cdot \frac{du}{dx}""",
)
def chain_rule(rng):
    x = rng.normal(size=SHAPE)
    u = x**2 + 0.5 * x
    d_y_d_u = slope(lambda u: torch.sin(u) + u**2, u)
    d_u_d_x = slope(lambda x: x**2 + 0.5 * x, x)

    def y(x):
        return (torch.sin(x**2 + 0.5 * x) + (x**2 + 0.5 * x) ** 2).sum()

    return [
        gradient(y, x, (np.cos(u) + 2 * u) * (2 * x + 0.5)),
        gradient(y, x, d_y_d_u * d_u_d_x),
    ]


@check(
    "eq-chain-rule-three",
    r"""
\frac{dL}{dx} = \frac{dL}{du_1} \cdot \frac{du_1}{dx} = \frac{dL}{du_2} \cdot \frac{du_2}{du_1}
    \cdot \frac{du_1}{dx}
""",
)
def chain_rule_three(rng):
    x = rng.normal(size=SHAPE)
    u1 = x**2 - x
    u2 = np.sin(u1)
    d_u1_d_x, d_u2_d_u1, d_loss_d_u2 = 2 * x - 1, np.cos(u1), np.exp(u2)
    d_loss_d_u1 = np.exp(np.sin(u1)) * np.cos(u1)

    def f(x):
        return torch.exp(torch.sin(x**2 - x)).sum()

    return [
        gradient(f, x, d_loss_d_u1 * d_u1_d_x),
        gradient(f, x, d_loss_d_u2 * d_u2_d_u1 * d_u1_d_x),
    ]


@check(
    "eq-local-derivatives",
    r"""
\begin{aligned}
\frac{\partial u_5}{\partial u_4} &= 2 u_4 \\
\frac{\partial u_4}{\partial u_3} &= -1 \\
\frac{\partial u_3}{\partial u_2} &= w_2 \\
\frac{\partial u_2}{\partial u_1} &= \begin{cases} 0 & u_1 \le 0 \\ 1 & u_1 > 0 \end{cases} \\
\frac{\partial u_1}{\partial w_1} &= x
\end{aligned}
""",
)
def local_derivatives(rng):
    values = network(rng)
    u1, u2, u3, u4 = forward(**values)
    t = {name: torch.tensor(value) for name, value in values.items()}
    return [
        weighted(lambda u4: u4**2, u4, 2 * u4, rng),
        weighted(lambda u3: t["y"] - u3, u3, np.full(SHAPE, -1.0), rng),
        weighted(lambda u2: u2 * t["w2"] + t["b2"], u2, values["w2"], rng),
        weighted(torch.relu, u1, np.where(u1 > 0, 1.0, 0.0), rng),
        weighted(lambda w1: t["x"] * w1 + t["b1"], values["w1"], values["x"], rng),
    ]


@check(
    "eq-local-derivatives-rest",
    r"""
\begin{aligned}
\frac{\partial u_1}{\partial b_1} &= 1, &
\frac{\partial u_3}{\partial b_2} &= 1, &
\frac{\partial u_4}{\partial y} &= 1, \\
\frac{\partial u_1}{\partial x} &= w_1, &
\frac{\partial u_3}{\partial w_2} &= u_2
\end{aligned}
""",
)
def local_derivatives_rest(rng):
    values = network(rng)
    _, u2, u3, _ = forward(**values)
    t = {name: torch.tensor(value) for name, value in values.items()}
    hidden, one = torch.tensor(u2), np.ones(SHAPE)
    return [
        weighted(lambda b1: t["x"] * t["w1"] + b1, values["b1"], one, rng),
        weighted(lambda x: x * t["w1"] + t["b1"], values["x"], values["w1"], rng),
        weighted(lambda w2: hidden * w2 + t["b2"], values["w2"], u2, rng),
        weighted(lambda b2: hidden * t["w2"] + b2, values["b2"], one, rng),
        weighted(lambda y: y - torch.tensor(u3), values["y"], one, rng),
    ]


@check(
    "eq-backward-steps",
    r"""
\begin{aligned}
\frac{\partial L}{\partial u_4} &= 2u_4 \\
\frac{\partial L}{\partial u_3} &= \frac{\partial L}{\partial u_4} \cdot \frac{\partial
    u_4}{\partial u_3} = \frac{\partial L}{\partial u_4} \cdot (-1) \\
\frac{\partial L}{\partial u_2} &= \frac{\partial L}{\partial u_3} \cdot \frac{\partial
    u_3}{\partial u_2} = \frac{\partial L}{\partial u_3} \cdot w_2 \\
\frac{\partial L}{\partial u_1} &= \frac{\partial L}{\partial u_2} \cdot \frac{\partial
    u_2}{\partial u_1} = \frac{\partial L}{\partial u_2} \cdot \mathbf{1}[u_1 > 0] \\
\frac{\partial L}{\partial w_1} &= \frac{\partial L}{\partial u_1} \cdot \frac{\partial
    u_1}{\partial w_1} = \frac{\partial L}{\partial u_1} \cdot x
\end{aligned}
""",
)
def backward_steps(rng):
    values = network(rng)
    u1, u2, u3, u4 = forward(**values)
    losses = losses_from(values)
    t = {name: torch.tensor(value) for name, value in values.items()}
    u4_by_u3 = slope(lambda u3: t["y"] - u3, u3)
    u3_by_u2 = slope(lambda u2: u2 * t["w2"] + t["b2"], u2)
    u2_by_u1 = slope(torch.relu, u1)
    u1_by_w1 = slope(lambda w1: t["x"] * w1 + t["b1"], values["w1"])
    grad_u4 = 2 * u4
    grad_u3 = grad_u4 * (-1)
    grad_u2 = grad_u3 * values["w2"]
    grad_u1 = grad_u2 * (u1 > 0)
    return [
        gradient(losses["u4"], u4, grad_u4),
        gradient(losses["u3"], u3, grad_u4 * u4_by_u3),
        gradient(losses["u3"], u3, grad_u3),
        gradient(losses["u2"], u2, grad_u3 * u3_by_u2),
        gradient(losses["u2"], u2, grad_u2),
        gradient(losses["u1"], u1, grad_u2 * u2_by_u1),
        gradient(losses["u1"], u1, grad_u1),
        of_input(values, "w1", grad_u1 * u1_by_w1),
        of_input(values, "w1", grad_u1 * values["x"]),
    ]


@check(
    "eq-chain-product",
    r"""
\frac{\partial L}{\partial w_1} = \frac{\partial u_5}{\partial u_4} \cdot \frac{\partial
    u_4}{\partial u_3} \cdot \frac{\partial u_3}{\partial u_2} \cdot \frac{\partial
    u_2}{\partial u_1} \cdot \frac{\partial u_1}{\partial w_1}
""",
)
def chain_product(rng):
    values = network(rng)
    u1, _, _, u4 = forward(**values)
    product = (2 * u4) * -1 * values["w2"] * (u1 > 0) * values["x"]
    return of_input(values, "w1", product)


@check(
    "eq-expansion",
    r"""
\begin{aligned}
& \frac{\partial L}{\partial w_1}
= 2u_4 \cdot (-1) \cdot w_2 \cdot \begin{cases} 0 & u_1 \le 0 \\ 1 & u_1 > 0 \end{cases} \cdot x \\
&= \begin{cases} 0 & u_1 \le 0 \\ -2 u_4 w_2 x & u_1 > 0 \end{cases} \\
&= \begin{cases} 0 & u_1 \le 0 \\ -2 (y - u_3) w_2 x & u_1 > 0 \end{cases} \\
&= \begin{cases} 0 & u_1 \le 0 \\ -2 (y - (u_2 w_2 + b_2)) w_2 x & u_1 > 0 \end{cases} \\
&= \begin{cases} 0 & u_1 \le 0 \\ -2 (y - (\max(0, u_1) w_2 + b_2)) w_2 x & u_1 > 0 \end{cases} \\
&= \begin{cases} 0 & x w_1 + b_1 \le 0 \\ -2 (y - (\max(0, x w_1 + b_1) w_2 + b_2)) w_2 x
    & x w_1 + b_1 > 0 \end{cases}
\end{aligned}
""",
)
def expansion(rng):
    values = network(rng)
    u1, u2, u3, u4 = forward(**values)
    x, w1, b1, w2, b2, y = (values[name] for name in ("x", "w1", "b1", "w2", "b2", "y"))
    outside = np.maximum(0, x * w1 + b1)
    lines = [
        2 * u4 * (-1) * w2 * np.where(u1 <= 0, 0, 1) * x,
        np.where(u1 <= 0, 0, -2 * u4 * w2 * x),
        np.where(u1 <= 0, 0, -2 * (y - u3) * w2 * x),
        np.where(u1 <= 0, 0, -2 * (y - (u2 * w2 + b2)) * w2 * x),
        np.where(u1 <= 0, 0, -2 * (y - (np.maximum(0, u1) * w2 + b2)) * w2 * x),
        np.where(x * w1 + b1 <= 0, 0, -2 * (y - (outside * w2 + b2)) * w2 * x),
    ]
    return [of_input(values, "w1", line) for line in lines]


@check(
    "eq-gradient-w1",
    r"""
\frac{\partial L}{\partial w_1} = \begin{cases} 0 & x w_1 + b_1 \le 0 \\ 2 e\, w_2\, x & x w_1 +
    b_1 > 0 \end{cases}
""",
)
def gradient_w1(rng):
    values = network(rng)
    on = values["x"] * values["w1"] + values["b1"] > 0
    claimed = np.where(on, 2 * error(**values) * values["w2"] * values["x"], 0)
    return of_input(values, "w1", claimed)


@check(
    "eq-mean-of-gradients",
    r"""
\frac{\partial}{\partial w_1} \left( \frac{1}{N} \sum_{i=1}^{N} L_i \right) = \frac{1}{N}
    \sum_{i=1}^{N} \frac{\partial L_i}{\partial w_1}
""",
)
def mean_of_gradients(rng):
    samples = 5
    w1, b1, w2, b2 = (rng.normal(size=SHAPE) for _ in range(4))
    x, y = (rng.normal(size=(samples, *SHAPE)) for _ in range(2))
    e = error(x, w1, b1, w2, b2, y)
    of_samples = np.where(x * w1 + b1 > 0, 2 * e * w2 * x, 0)
    fixed = {
        name: torch.tensor(value)
        for name, value in {"x": x, "b1": b1, "w2": w2, "b2": b2, "y": y}.items()
    }
    return gradient(lambda w1: total(w1=w1, **fixed) / samples, w1, of_samples.sum(0) / samples)


@check(
    "eq-reuse-b1",
    r"""
\frac{\partial L}{\partial b_1} = \frac{\partial L}{\partial u_1} \cdot \frac{\partial
    u_1}{\partial b_1} = \frac{\partial L}{\partial u_1}
""",
    harmless={"grad_u1 * u1_by_b1 -> grad_u1": "that this factor is 1 is the second statement"},
)
def reuse_b1(rng):
    values = network(rng)
    u1, _, _, u4 = forward(**values)
    u1_by_b1 = slope(lambda b1: torch.tensor(values["x"] * values["w1"]) + b1, values["b1"])
    grad_u1 = -2 * u4 * values["w2"] * (u1 > 0)
    return [
        gradient(losses_from(values)["u1"], u1, grad_u1),
        of_input(values, "b1", grad_u1 * u1_by_b1),
        of_input(values, "b1", grad_u1),
    ]


@check(
    "eq-forward-mode",
    r"""
\begin{aligned}
\frac{\partial u_1}{\partial w_1} &= x \\
\frac{\partial u_2}{\partial w_1} &= \mathbf{1}[u_1 > 0] \cdot \frac{\partial u_1}{\partial w_1} \\
\frac{\partial u_3}{\partial w_1} &= w_2 \cdot \frac{\partial u_2}{\partial w_1} \\
\frac{\partial u_4}{\partial w_1} &= - \frac{\partial u_3}{\partial w_1} \\
\frac{\partial L}{\partial w_1} &= 2u_4 \cdot \frac{\partial u_4}{\partial w_1}
\end{aligned}
""",
)
def forward_mode(rng):
    values = network(rng)
    u1, _, _, u4 = forward(**values)
    t = {name: torch.tensor(value) for name, value in values.items()}

    def from_w1(last):
        def step(w1):
            u1 = t["x"] * w1 + t["b1"]
            u2 = torch.relu(u1)
            u3 = u2 * t["w2"] + t["b2"]
            return {"u1": u1, "u2": u2, "u3": u3, "u4": t["y"] - u3}[last]

        return step

    rate_u1 = values["x"]
    rate_u2 = (u1 > 0) * rate_u1
    rate_u3 = values["w2"] * rate_u2
    rate_u4 = -rate_u3
    rates = {"u1": rate_u1, "u2": rate_u2, "u3": rate_u3, "u4": rate_u4}
    return [
        *(weighted(from_w1(name), values["w1"], rate, rng) for name, rate in rates.items()),
        of_input(values, "w1", 2 * u4 * rate_u4),
    ]


@check(
    "eq-gradient-b1-x",
    r"""
\begin{aligned}
\frac{\partial L}{\partial b_1} &= \begin{cases} 0 & x w_1 + b_1 \le 0 \\ 2 e\, w_2 & x w_1 +
    b_1 > 0 \end{cases} \\
\frac{\partial L}{\partial x} &= \begin{cases} 0 & x w_1 + b_1 \le 0 \\ 2 e\, w_2\, w_1 & x w_1
    + b_1 > 0 \end{cases}
\end{aligned}
""",
)
def gradient_b1_x(rng):
    values = network(rng)
    on = values["x"] * values["w1"] + values["b1"] > 0
    e, w1, w2 = error(**values), values["w1"], values["w2"]
    return [
        of_input(values, "b1", np.where(on, 2 * e * w2, 0)),
        of_input(values, "x", np.where(on, 2 * e * w2 * w1, 0)),
    ]


@check(
    "eq-gradient-w2-b2",
    r"""
\begin{aligned}
\frac{\partial L}{\partial w_2} &= 2 e\, u_2 = 2 e\, \max(0,\; x w_1 + b_1) \\
\frac{\partial L}{\partial b_2} &= 2 e
\end{aligned}
""",
)
def gradient_w2_b2(rng):
    values = network(rng)
    e, u2 = error(**values), forward(**values)[1]
    outside = np.maximum(0, values["x"] * values["w1"] + values["b1"])
    return [
        of_input(values, "w2", 2 * e * u2),
        of_input(values, "w2", 2 * e * outside),
        of_input(values, "b2", 2 * e),
    ]


@check(
    "eq-gradient-u2-y",
    r"""
\begin{aligned}
\frac{\partial L}{\partial u_2} &= 2u_4 \cdot (-1) \cdot w_2 = 2 e\, w_2 \\
\frac{\partial L}{\partial y} &= 2u_4 \cdot 1 = -2e
\end{aligned}
""",
)
def gradient_u2_y(rng):
    values = network(rng)
    e, w2 = error(**values), values["w2"]
    _, u2, _, u4 = forward(**values)
    from_u2 = losses_from(values)["u2"]
    return [
        gradient(from_u2, u2, 2 * u4 * (-1) * w2),
        gradient(from_u2, u2, 2 * e * w2),
        of_input(values, "y", 2 * u4 * 1),
        of_input(values, "y", -2 * e),
    ]


@check(
    "eq-leaky-relu",
    r"""
\frac{\partial u_2}{\partial u_1} = \begin{cases} 0.1 & u_1 \le 0 \\ 1 & u_1 > 0 \end{cases}
""",
)
def leaky_relu(rng):
    u1 = forward(**network(rng))[0]
    leaky = torch.nn.LeakyReLU(0.1)
    return weighted(leaky, u1, np.where(u1 > 0, 1.0, 0.1), rng)
