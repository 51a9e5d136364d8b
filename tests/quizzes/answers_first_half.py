"""Answers of the quizzes on chapters 1 to 5, and of the lecture."""

import numpy as np
import torch

from equations.harness import equal, gradient
from quizzes.claims import Code, Formula, answer
from quizzes.computing import Calls, differ, no_if, row, show, slopes, tex

# The lecture


@answer("lecture", 1, "$u_3 = u_2 w_2 + b_2$")
def _(g, u2, w2):
    found = slopes(lambda u2, w2, b2: g * (u2 * w2 + b2), u2, w2, 0.7)
    return tex(found[1], found[2], found[0])


@answer("lecture", 2, "$h = x\\, w_1$", "`grad_h`")
def _(x_shape, h_shape):
    rng = np.random.default_rng(0)
    x, grad_h = rng.normal(size=x_shape), rng.normal(size=h_shape)
    expected = np.einsum("ni,nj->ij", x, grad_h)
    names = {"x": x, "grad_h": grad_h}
    return [Code("x.T @ grad_h", expected, names), row(expected.shape)]


@answer("lecture", 3)
def _(*sent):
    (total,) = slopes(lambda v: sum(one * v for one in sent), 1.0)
    return tex(total)


@answer("lecture", 4)
def _(levels):
    readers: dict = {("foot", int(levels)): []}
    for level in range(int(levels)):
        sides = [(side, level) for side in ("left", "right")]
        readers[("foot", level)] = sides
        readers |= {side: [("foot", level + 1)] for side in sides}
    made = [Calls(readers, remember).ask(("foot", 0)) for remember in (True, False)]
    return tex(*made)


# Chapters 1 and 2


@answer("chain-rule", 1, r"$\frac{dy}{dx}$", "$y = 5u$", "$u = x^2 + 1$")
def _(x):
    def y(x):
        return 5 * (x**2 + 1)

    def check(rng):
        x = rng.normal(size=(3, 4))
        return gradient(lambda x: y(x).sum(), x, 10 * x)

    (slope,) = slopes(y, x)
    wrong = 2 * x**2
    return [Formula("10x", check), *tex(slope, wrong)]


@answer("chain-rule", 2)
def _():
    def error(difference, h):
        return difference(h) - np.exp(1)

    def central(h):
        return (np.exp(1 + h) - np.exp(1 - h)) / (2 * h)

    def one_sided(h):
        return (np.exp(1 + h) - np.exp(1)) / h

    factors = [round(error(kind, 1e-3) / error(kind, 5e-4), 2) for kind in (central, one_sided)]
    orders = [np.log2(factor) for factor in factors]
    powers = [f"$h^{show(orders[0])}$", "$h$"]
    assert orders[1] == 1
    return [*tex(*factors), powers[0]]


@answer("chain-rule", 3)
def _(x, w1, b1, w2, b2, y):
    def loss(w1, b2):
        return (y - (torch.relu(x * w1 + b1) * w2 + b2)) ** 2

    return tex(*slopes(loss, w1, b2))


@answer("chain-rule", 4, "`y - u2 * w2 + b2`", "`y - (u2 * w2 + b2)`")
def _(b2):
    y, u2, w2 = np.random.default_rng(0).normal(size=3)

    def gap(b2):
        return (y - u2 * w2 + b2) - (y - (u2 * w2 + b2))

    return [no_if(abs(gap(b2)) < 1e-12).replace("No**", "No.**"), "$b_2 = 1$", *tex(gap(1.0))]


# Chapters 3 and 4


@answer("paths-batches", 1, r"$y = x \cdot x + 3x$")
def _(x):
    parts = slopes(lambda p, q, r: p * q + 3 * r, x, x, x)
    (whole,) = slopes(lambda x: x * x + 3 * x, x)
    told = " + ".join(map(show, parts))
    return [*tex(len(parts)), f"${told} = {show(whole)}$"]


@answer("paths-batches", 2, "`loss.backward(retain_graph=True)`", "`x.grad`", "`x.grad`")
def _(first):
    x = torch.tensor(float(first) / 2, requires_grad=True)
    loss = x * x
    loss.backward(retain_graph=True)
    assert x.grad == first
    loss.backward(retain_graph=True)
    return tex(x.grad)


@answer("paths-batches", 3, "`z = x @ W + b`", "`grad_z`")
def _(x_shape, w_shape):
    rng = np.random.default_rng(0)
    x, W, b = (rng.normal(size=shape) for shape in (x_shape, w_shape, w_shape[1:]))
    grad_z = rng.normal(size=(x_shape[0], w_shape[1]))
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, W, b)]
    ((tensors[0] @ tensors[1] + tensors[2]) * torch.tensor(grad_z)).sum().backward()
    names = {"x": x, "W": W, "grad_z": grad_z}
    codes = ["grad_z @ W.T", "x.T @ grad_z", "grad_z.sum(axis=0)"]
    found = [t.grad.numpy() for t in tensors]
    shapes = [row(a.shape) for a in found]
    return [*(Code(c, g, names) for c, g in zip(codes, found, strict=True)), *shapes]


@answer("paths-batches", 4)
def _(predictions, targets):
    difference = np.zeros(predictions) - np.zeros(targets)
    return [row(difference.shape), *tex(difference.size)]


# The first of two days


@answer("day-one", 1, "`grad_a = grad_y @ grad_w2.T`")
def _():
    rng = np.random.default_rng(0)
    a, w2, grad_y = (rng.normal(size=shape) for shape in ((5, 3), (3, 2), (5, 2)))
    point = torch.tensor(a, requires_grad=True)
    (point @ torch.tensor(w2) * torch.tensor(grad_y)).sum().backward()
    assert differ(grad_y @ (a.T @ grad_y).T, point.grad)
    return [Code("grad_y @ w2.T", point.grad.numpy(), {"grad_y": grad_y, "w2": w2})]


@answer("day-one", 2)
def _(one, many):
    def factor(n):
        e = torch.ones(int(n), dtype=torch.float64, requires_grad=True)
        (of_sum,) = torch.autograd.grad((e**2).sum(), e)
        (of_mean,) = torch.autograd.grad((e**2).mean(), e)
        return float((of_sum / of_mean)[0])

    return [no_if(factor(one) == 1).replace("No**", "No.**"), *tex(factor(many))]


@answer("day-one", 3, "$L = (ab)^2 + a$")
def _(a, b):
    parts = slopes(lambda p, q: (p * b) ** 2 + q, a, a)
    (whole,) = slopes(lambda a: (a * b) ** 2 + a, a)
    return [f"${show(parts[0])} + {show(parts[1])} = {show(whole)}$"]


# What the reader should know


def matrices(rng):
    return rng.normal(size=(3, 4)), rng.normal(size=(4, 2))


@answer("self-test", 1, "$x^3 - 4x$")
def _(x):
    def f(x):
        return x**3 - 4 * x

    def check(rng):
        x = rng.normal(size=(3, 4))
        return gradient(lambda x: f(x).sum(), x, 3 * x**2 - 4)

    return [Formula("3x^2 - 4", check), *tex(*slopes(f, x))]


@answer("self-test", 2, "$e^{2x}$", r"$\ln x$")
def _():
    def exponential(rng):
        x = rng.normal(size=(3, 4))
        return gradient(lambda x: torch.exp(2 * x).sum(), x, 2 * np.exp(2 * x))

    def logarithm(rng):
        x = rng.uniform(0.5, 2, size=(3, 4))
        return gradient(lambda x: torch.log(x).sum(), x, 1 / x)

    return [Formula("2 e^{2x}", exponential), Formula(r"\frac{1}{x}", logarithm)]


@answer("self-test", 3, "$f = x^2 y$")
def _(x, y):
    return tex(*slopes(lambda x, y: x**2 * y, x, y))


@answer("self-test", 4)
def _(one, other):
    conform = other[1] == one[0]
    return [row((np.zeros(one) @ np.zeros(other)).shape), "**yes**" if conform else "**no**"]


@answer(
    "self-test",
    5,
    r"$\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} \begin{pmatrix} 2 \\ 1 \end{pmatrix}$",
)
def _():
    return [row(np.array([[1, 2], [3, 4]]) @ [2, 1])]


@answer("self-test", 6, r"$(A B)^\top$")
def _():
    def check(rng):
        A, B = matrices(rng)
        return equal((A @ B).T, B.T @ A.T)

    return [Formula(r"B^\top A^\top", check)]


@answer("self-test", 7, r"$\sum_{i=1}^{4} i^2$")
def _():
    return tex(sum(i**2 for i in range(1, 5)))


@answer("self-test", 8, "`np.arange(6).reshape(2, 3).sum(axis=0)`")
def _():
    return [row(np.arange(6).reshape(2, 3).sum(axis=0))]


@answer("self-test", 9, "`np.ones((3, 1)) - np.ones(3)`")
def _():
    return [row((np.ones((3, 1)) - np.ones(3)).shape)]


@answer("self-test", 10, "`[k * k for k in range(4)][-1]`")
def _():
    return tex([k * k for k in range(4)][-1])
