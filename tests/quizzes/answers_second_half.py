"""Answers of the quizzes on chapters 5 to 14."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from backprop.checking import check_gradient
from backprop.layers import Sigmoid
from equations.harness import threshold
from quizzes.claims import Code, answer
from quizzes.computing import Calls, differ, no_if, row, show, slopes, tex

MUSEUM = Path(__file__).parent.parent.parent / "chapters/text/14-museum.md"

# Chapters 5 and 6


@answer("program", 1, "`w2 -= rate * grad_w2`", "`grad_a = grad_y @ w2.T`", "`grad_w1`")
def _():
    rng = np.random.default_rng(0)
    x, w1, w2, y = (rng.normal(size=s) for s in ((6, 4), (4, 3), (3, 2), (6, 2)))
    point = torch.tensor(w1, requires_grad=True)
    loss = ((torch.relu(torch.tensor(x) @ point) @ torch.tensor(w2) - torch.tensor(y)) ** 2).sum()
    loss.backward()
    a = np.maximum(x @ w1, 0)
    grad_y = 2 * (a @ w2 - y)
    w2 = w2 - 0.01 * a.T @ grad_y
    claimed = x.T @ (grad_y @ w2.T * (x @ w1 > 0))
    return [no_if(differ(claimed, point.grad)).replace("No**", "No.**")]


@answer("program", 2, "$10^{-6}$")
def _(N, K):
    prediction = torch.zeros(int(N), int(K), dtype=torch.float64, requires_grad=True)
    y = torch.arange(N * K, dtype=torch.float64).reshape(int(N), int(K)) + 1
    (of_sum,) = torch.autograd.grad(((prediction - y) ** 2).sum(), prediction)
    (of_mean,) = torch.autograd.grad(((prediction - y) ** 2).mean(), prediction)
    rate = 1e-6 * float((of_sum / of_mean)[0, 0])
    digits, power = f"{rate:.1e}".split("e")
    return [rf"${digits} \cdot 10^{{{int(power)}}}$"]


@answer("program", 3)
def _(h, g):
    point = torch.tensor(h, dtype=torch.float64, requires_grad=True)
    (torch.relu(point) * torch.tensor(g)).sum().backward()
    at_zero = slopes(torch.relu, 0.0)
    return [row(point.grad), "$0$", *tex(*at_zero)]


@answer("program", 4)
def _(p, one, other):
    z = float(np.log(p / (1 - p)))

    def loss(label):
        target = torch.tensor(float(label), dtype=torch.float64)
        entropy = torch.nn.functional.binary_cross_entropy_with_logits
        return slopes(lambda z: entropy(z, target), z)[0]

    return tex(loss(one), loss(other))


# Chapters 7 and 8


@answer("graphs", 1)
def _(before, after):
    assert before[0] == after[0]
    weights = before[1] * after[1]
    return tex(np.prod(after) * weights, weights)


@answer("graphs", 2, "$b = 2a$", "$c = a + b$", "$e = 3a$", r"$z = b \cdot c$")
def _():
    reads = {"b": "a", "c": "ab", "e": "a", "z": "bc"}

    def depends(node, on):
        return node == on or any(depends(one, on) for one in reads.get(node, ""))

    nodes = sorted({*reads, *"".join(reads.values())})
    kept = [node for node in nodes if depends("z", node) and depends(node, "b")]
    contributions = sum(reads.get(node, "").count("b") for node in kept)
    return [f"**{', '.join(kept[:-1])} and {kept[-1]}**", *tex(contributions)]


@answer("graphs", 3, r"$W = V \odot V$")
def _():
    rng = np.random.default_rng(0)
    V, D = rng.normal(size=(2, 3, 4))
    both = [torch.tensor(V, requires_grad=True) for _ in range(2)]
    (both[0] * both[1] * torch.tensor(D)).sum().backward()
    once, again = (t.grad.numpy() for t in both)
    assert not differ(once, again)
    names = {"V": V, "D": D}
    return [Code("D * V", once, names), Code("2 * D * V", once + again, names)]


@answer("graphs", 4)
def _(arrows):
    chain = {k: [k + 1] for k in range(int(arrows))} | {int(arrows): []}
    with_table, without = (Calls(chain, remember).ask(0) for remember in (True, False))
    return [no_if(with_table == without), *tex(without)]


# Chapters 9 and 10


@answer("modes", 1)
def _(inputs, outputs):
    f = torch.nn.Linear(int(inputs), int(outputs), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(f, torch.zeros(int(inputs), dtype=torch.float64))
    return tex(jacobian.shape[1], jacobian.shape[0])


def multiplications(shapes):
    """What a product of matrices costs, taken from the left."""
    (rows, inner), *others = shapes
    cost = 0
    for one, columns in others:
        assert one == inner
        cost, inner = cost + rows * one * columns, columns
    return cost


@answer("modes", 2)
def _(*widths):
    jacobians = [(after, before) for before, after in pairwise(widths)][::-1]
    turned = [shape[::-1] for shape in jacobians[::-1]]
    return tex(multiplications(jacobians), multiplications(turned))


@answer("modes", 3, "$f(x) = x^3 - 2x$")
def _(x, tangent):
    def f(x):
        return x**3 - 2 * x

    (slope,) = slopes(f, x)
    return tex(f(x), slope * tangent)


@answer("modes", 4)
def _(eigenvalue):
    def grows(rate):
        return abs(1 - rate * eigenvalue) > 1 + 1e-13

    return tex(round(threshold(grows, 1e-3, 1), 9))


# Chapters 11 and 12


@answer("layers-softmax", 1, "`bp_input`")
def _(s, g):
    layer = Sigmoid()
    layer(np.array([[np.log(s / (1 - s))]]))
    return tex(layer.bp_input(np.array([[g]]))[0, 0])


@answer("layers-softmax", 2)
def _(n):
    # Of a pre-activation that is normally distributed, with variance 1: the ReLU's square.
    z = np.linspace(-12, 12, 240_001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    kept = (np.maximum(z, 0) ** 2 * density).sum() * (z[1] - z[0])
    return tex(round(1 / (n * kept), 7))


@answer("layers-softmax", 3)
def _(p, label):
    z = torch.tensor(np.log(p), requires_grad=True)
    torch.nn.functional.cross_entropy(z, torch.tensor(int(label))).backward()
    return [row(z.grad), *tex(z.grad.sum())]


@answer("layers-softmax", 4, "`np.exp(z) / np.exp(z).sum()`")
def _(z):
    z = np.array(z, dtype=np.float64)
    with np.errstate(all="ignore"):
        plain = np.exp(z) / np.exp(z).sum()
    shifted = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    return ["**NaN**" if np.isnan(plain).all() else "**a number**", row(shifted)]


# Chapters 13 and 14


@answer("training-museum", 1)
def _(many, high, few, low):
    losses = np.repeat([high, low], [int(many), int(few)])
    return tex(losses.mean())


@answer("training-museum", 2)
def _(rate, N):
    e = torch.ones(int(N), dtype=torch.float64, requires_grad=True)
    (of_sum,) = torch.autograd.grad((e**2).sum(), e)
    (of_mean,) = torch.autograd.grad((e**2).mean(), e)
    return tex(rate * float((of_sum / of_mean)[0]))


@answer("training-museum", 3)
def _():
    rows = re.findall(r"^\| \d+ \| [^|]+ \| (yes|no)", MUSEUM.read_text("utf-8"), re.M)
    return [no_if("yes" in rows), *tex(rows.count("yes"), len(rows))]


@answer("training-museum", 4, "`2 * x`")
def _(shape):
    x = np.random.default_rng(0).normal(size=shape)
    report = check_gradient(lambda x: (x**2).mean(), 2 * x, x)
    (factor,) = {round(float(f), 6) for f in ((2 * x) / report_gradient(x)).ravel()}
    return [f"**{report.causes[0].name}**", f"${show(factor)}$"]


def report_gradient(x):
    point = torch.tensor(x, requires_grad=True)
    (point**2).mean().backward()
    return point.grad.numpy()
