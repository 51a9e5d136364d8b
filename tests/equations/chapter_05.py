"""Checks of the equations of chapter 5, the PyTorch example reversed.

The networks have the form of the chapter's and no two equal sizes, so that a product with a
transpose in the wrong place cannot conform. Gradients are compared with those of programs in
PyTorch that go through the samples one by one.
"""

import numpy as np
import torch

from equations.harness import check, equal, gradient

N, D, H, K = 5, 3, 4, 2


def network(rng, *, samples=N, outputs=K, scale=1.0):
    """A network with one hidden layer: its arrays by their names in the chapter."""
    x, y = rng.normal(size=(samples, D)), rng.normal(size=(samples, outputs))
    w1, w2 = scale * rng.normal(size=(D, H)), scale * rng.normal(size=(H, outputs))
    return after_hidden({"x": x, "y": y, "w1": w1, "w2": w2}, x @ w1)


def after_hidden(net, h):
    """The network with the pre-activations h, and what follows from them."""
    a = np.maximum(h, 0)
    return net | {"h": h, "a": a, "y_pred": a @ net["w2"]}


def of_640(rng):
    """The same with 64 samples of 10 outputs, as in the chapter."""
    return network(rng, samples=64, outputs=10)


def squares(outputs, targets):
    """The sum of the squared differences, in PyTorch."""
    return torch.nn.functional.mse_loss(outputs, targets, reduction="sum")


def loss(x, y, w1, w2):
    """The loss in PyTorch, one sample after the other."""
    samples = zip(x, y, strict=True)
    return sum(squares(torch.relu(w1.T @ row) @ w2, target) for row, target in samples)


def of(net, name):
    """The loss as a function of w1 or w2."""
    fixed = {key: torch.tensor(net[key]) for key in ("x", "y", "w1", "w2")}
    return lambda moved: loss(**(fixed | {name: moved}))


def from_hidden(net):
    """The loss as a function of the hidden activations a."""
    y, w2 = torch.tensor(net["y"]), torch.tensor(net["w2"])
    return lambda a: sum(squares(row @ w2, target) for row, target in zip(a, y, strict=True))


def by_autograd(f, at):
    """The gradient of f, a function of one tensor, as autograd computes it."""
    point = torch.tensor(at, requires_grad=True)
    return torch.autograd.grad(f(point), point)[0].numpy()


def hidden_gradient(net):
    """The gradient with respect to h, by the formulas of the chapter."""
    return (2 * (net["y_pred"] - net["y"]) @ net["w2"].T) * (net["h"] > 0)


def local_of_w2(a):
    """The local derivative of entry (i, p) of y_pred by entry (j, k) of w2: [i, p, j, k]."""
    return np.einsum("ij,pk->ipjk", a, np.eye(K))


def slope(z):
    """The derivative of tanh."""
    return 1 - np.tanh(z) ** 2


def deep(rng):
    """Three layers, tanh in the first two and the identity in the last."""
    net = {"a0": rng.normal(size=(N, 3)), "y": rng.normal(size=(N, 2))}
    for layer, shape in enumerate([(3, 6), (6, 4), (4, 2)], start=1):
        net[f"w{layer}"] = 0.5 * rng.normal(size=shape)
        net[f"z{layer}"] = net[f"a{layer - 1}"] @ net[f"w{layer}"]
        net[f"a{layer}"] = np.tanh(net[f"z{layer}"]) if layer < 3 else net[f"z{layer}"]
    return net


def from_z(net, layer):
    """The loss of the three layers as a function of one pre-activation."""

    def f(z):
        for later in range(layer + 1, 4):
            z = torch.tanh(z) @ torch.tensor(net[f"w{later}"])
        return squares(z, torch.tensor(net["y"]))

    return f


def deltas(net):
    """The gradients with respect to all pre-activations, by the recursion in arrays."""
    found = {3: 2 * (net["a3"] - net["y"])}
    for layer in (2, 1):
        found[layer] = (found[layer + 1] @ net[f"w{layer + 1}"].T) * slope(net[f"z{layer}"])
    return found


@check(
    "eq-reversed-grad-y-pred",
    r"""
\begin{aligned}
\frac{\partial L}{\partial \hat y_{ik}} &= \frac{\partial}{\partial \hat y_{ik}} \sum_{i'}
    \sum_{k'} \left(\hat y_{i'k'} - y_{i'k'}\right)^2 \\
&= 2 \left(\hat y_{ik} - y_{ik}\right) \\
\frac{\partial L}{\partial \hat y} &= 2 \left(\hat y - y\right)
\end{aligned}
""",
)
def grad_y_pred(rng):
    net = network(rng)
    y_pred, y = net["y_pred"], net["y"]
    by_entry = np.array([[2 * (y_pred[i, k] - y[i, k]) for k in range(K)] for i in range(N)])

    def f(y_pred):
        return squares(y_pred, torch.tensor(y))

    def summed(y_pred):
        return sum((y_pred[i, k] - y[i, k]) ** 2 for i in range(N) for k in range(K))

    return [
        gradient(f, y_pred, by_autograd(summed, y_pred)),
        gradient(f, y_pred, by_entry),
        gradient(f, y_pred, 2 * (y_pred - y)),
    ]


@check(
    "eq-reversed-local-w2",
    r"""
\frac{\partial \hat y_{ik'}}{\partial (w_2)_{jk}} = a_{ij}\, \mathbf{1}[k' = k]
""",
)
def local_w2(rng):
    net = network(rng)
    weight = rng.normal(size=(N, K))
    a = torch.tensor(net["a"])
    claimed = np.einsum("ip,ipjk->jk", weight, local_of_w2(net["a"]))
    return gradient(lambda w2: (torch.tensor(weight) * (a @ w2)).sum(), net["w2"], claimed)


@check(
    "eq-reversed-grad-w2-entry",
    r"""
\begin{aligned}
\frac{\partial L}{\partial (w_2)_{jk}}
&= \sum_{i} \sum_{k'} \frac{\partial L}{\partial \hat y_{ik'}} \cdot \frac{\partial \hat
    y_{ik'}}{\partial (w_2)_{jk}} \\
&= \sum_{i} \sum_{k'} \frac{\partial L}{\partial \hat y_{ik'}} \; a_{ij}\, \mathbf{1}[k' = k] \\
&= \sum_{i} a_{ij}\, \frac{\partial L}{\partial \hat y_{ik}} \\
&= \sum_{i} \left(a^\top\right)_{ji} \frac{\partial L}{\partial \hat y_{ik}}
\end{aligned}
""",
)
def grad_w2_entry(rng):
    net = network(rng)
    a, g = net["a"], 2 * (net["y_pred"] - net["y"])
    claims = [np.zeros((H, K)) for _ in range(4)]
    local = local_of_w2(a)
    for j in range(H):
        for k in range(K):
            for i in range(N):
                for p in range(K):
                    claims[0][j, k] += g[i, p] * local[i, p, j, k]
                    claims[1][j, k] += g[i, p] * a[i, j] * (p == k)
                claims[2][j, k] += a[i, j] * g[i, k]
                claims[3][j, k] += a.T[j, i] * g[i, k]
    return [gradient(of(net, "w2"), net["w2"], claim) for claim in claims]


@check(
    "eq-reversed-grad-w2",
    r"""
\frac{\partial L}{\partial w_2} = a^\top\, \frac{\partial L}{\partial \hat y}
""",
)
def grad_w2(rng):
    net = network(rng)
    return gradient(of(net, "w2"), net["w2"], net["a"].T @ (2 * (net["y_pred"] - net["y"])))


@check(
    "eq-reversed-grad-a-entry",
    r"""
\begin{aligned}
\frac{\partial L}{\partial a_{ij}}
&= \sum_{i'} \sum_{k} \frac{\partial L}{\partial \hat y_{i'k}} \cdot \frac{\partial \hat
    y_{i'k}}{\partial a_{ij}} \\
&= \sum_{i'} \sum_{k} \frac{\partial L}{\partial \hat y_{i'k}} \; (w_2)_{jk}\, \mathbf{1}[i' =
    i] \\
&= \sum_{k} \frac{\partial L}{\partial \hat y_{ik}} \left(w_2^\top\right)_{kj}
\end{aligned}
""",
)
def grad_a_entry(rng):
    net = network(rng)
    g, w2 = 2 * (net["y_pred"] - net["y"]), net["w2"]
    local = np.einsum("jk,in->inkj", w2, np.eye(N))  # of entry (n, k) by entry (i, j): [i, n, k, j]
    claims = [np.zeros((N, H)) for _ in range(3)]
    for i in range(N):
        for j in range(H):
            for k in range(K):
                for n in range(N):
                    claims[0][i, j] += g[n, k] * local[i, n, k, j]
                    claims[1][i, j] += g[n, k] * w2[j, k] * (n == i)
                claims[2][i, j] += g[i, k] * w2.T[k, j]
    return [gradient(from_hidden(net), net["a"], claim) for claim in claims]


@check(
    "eq-reversed-grad-a",
    r"""
\frac{\partial L}{\partial a} = \frac{\partial L}{\partial \hat y}\; w_2^\top
""",
)
def grad_a(rng):
    net = network(rng)
    claimed = 2 * (net["y_pred"] - net["y"]) @ net["w2"].T
    return gradient(from_hidden(net), net["a"], claimed)


@check(
    "eq-reversed-grad-h",
    r"""
\begin{aligned}
\frac{\partial L}{\partial h_{ij}} &= \frac{\partial L}{\partial a_{ij}} \cdot \frac{\partial
    a_{ij}}{\partial h_{ij}} = \frac{\partial L}{\partial a_{ij}} \cdot \mathbf{1}[h_{ij} > 0]
    \\
\frac{\partial L}{\partial h} &= \frac{\partial L}{\partial a} \odot \mathbf{1}[h > 0]
\end{aligned}
""",
)
def grad_h(rng):
    net = network(rng)
    h = net["h"]
    grad_a = 2 * (net["y_pred"] - net["y"]) @ net["w2"].T
    by_entry = np.array([[grad_a[i, j] * (h[i, j] > 0) for j in range(H)] for i in range(N)])
    local = by_autograd(lambda h: torch.relu(h).sum(), h)

    def f(h):
        return from_hidden(net)(torch.relu(h))

    return [
        gradient(f, h, grad_a * local),
        gradient(f, h, by_entry),
        gradient(f, h, grad_a * (h > 0)),
    ]


@check(
    "eq-reversed-grad-w1",
    r"""
\begin{aligned}
\frac{\partial L}{\partial (w_1)_{dj}} &= \sum_{i} \frac{\partial L}{\partial h_{ij}} \cdot
    \frac{\partial h_{ij}}{\partial (w_1)_{dj}} \\
&= \sum_{i} x_{id}\, \frac{\partial L}{\partial h_{ij}} \\
\frac{\partial L}{\partial w_1} &= x^\top\, \frac{\partial L}{\partial h}
\end{aligned}
""",
)
def grad_w1(rng):
    net = network(rng)
    x, grad_h = net["x"], hidden_gradient(net)
    by_entry = np.array(
        [[sum(x[i, d] * grad_h[i, j] for i in range(N)) for j in range(H)] for d in range(D)]
    )
    by_rates = np.zeros((D, H))
    for i, j in np.ndindex(N, H):
        local = by_autograd(lambda w1, i=i, j=j: torch.tensor(x[i]) @ w1[:, j], net["w1"])
        by_rates += grad_h[i, j] * local
    return [
        gradient(of(net, "w1"), net["w1"], by_rates),
        gradient(of(net, "w1"), net["w1"], by_entry),
        gradient(of(net, "w1"), net["w1"], x.T @ grad_h),
    ]


@check(
    "eq-reversed-four-factors",
    r"""
\frac{\partial L}{\partial w_1} = x^\top \Bigl( \bigl( 2 (\hat y - y)\; w_2^\top \bigr) \odot
    \mathbf{1}[h > 0] \Bigr)
""",
)
def four_factors(rng):
    net = network(rng)
    x, y, w2 = net["x"], net["y"], net["w2"]
    claimed = x.T @ ((2 * (net["y_pred"] - y) @ w2.T) * (net["h"] > 0))
    return gradient(of(net, "w1"), net["w1"], claimed)


@check(
    "eq-reversed-descent",
    r"""
\begin{aligned}
&\left. \frac{d}{d\eta}\, L\bigl(w_1 - \eta\, g_1,\; w_2 - \eta\, g_2\bigr) \right|_{\eta = 0}
    \\
&\qquad = - \sum_{d,\, j} (g_1)_{dj}^2 - \sum_{j,\, k} (g_2)_{jk}^2
\end{aligned}
""",
)
def descent(rng):
    net = network(rng, scale=0.3)
    g1 = net["x"].T @ hidden_gradient(net)
    g2 = net["a"].T @ (2 * (net["y_pred"] - net["y"]))
    t = {name: torch.tensor(value) for name, value in net.items()}

    def f(eta):
        return loss(
            t["x"], t["y"], t["w1"] - eta * torch.tensor(g1), t["w2"] - eta * torch.tensor(g2)
        )

    return gradient(f, np.zeros(()), -np.square(g1).sum() - np.square(g2).sum())


@check(
    "eq-reversed-delta",
    r"""
\delta^{(l)} = \frac{\partial L}{\partial z^{(l)}}
""",
)
def delta(rng):
    net = deep(rng)
    # Sample by sample, as a product of Jacobians from the loss to z1.
    rows = {3: [], 2: [], 1: []}
    for i in range(N):
        row = 2 * (net["z3"][i] - net["y"][i])
        rows[3].append(row)
        for layer in (2, 1):
            row = row @ net[f"w{layer + 1}"].T @ np.diag(slope(net[f"z{layer}"][i]))
            rows[layer].append(row)
    return [
        gradient(from_z(net, layer), net[f"z{layer}"], np.array(found))
        for layer, found in rows.items()
    ]


@check(
    "eq-reversed-delta-entry",
    r"""
\begin{aligned}
\delta^{(l)}_{ij}
&= \sum_{k} \frac{\partial L}{\partial z^{(l+1)}_{ik}} \cdot \frac{\partial
    z^{(l+1)}_{ik}}{\partial a^{(l)}_{ij}} \cdot \frac{\partial a^{(l)}_{ij}}{\partial
    z^{(l)}_{ij}} \\
&= \sum_{k} \delta^{(l+1)}_{ik}\; W^{(l+1)}_{jk}\; f'\bigl(z^{(l)}_{ij}\bigr)
\end{aligned}
""",
)
def delta_entry(rng):
    net = deep(rng)
    found = {3: 2 * (net["z3"] - net["y"])}
    results = []
    for layer in (2, 1):
        z, w, after = net[f"z{layer}"], net[f"w{layer + 1}"], found[layer + 1]
        by_rates, by_weights = np.zeros_like(z), np.zeros_like(z)
        d_a_d_z = 1 / np.cosh(z) ** 2
        d_next_d_a = np.broadcast_to(w.T, (N, *w.T.shape))  # [i, k, j]
        for i, j in np.ndindex(z.shape):
            for k in range(w.shape[1]):
                by_rates[i, j] += after[i, k] * d_next_d_a[i, k, j] * d_a_d_z[i, j]
                by_weights[i, j] += after[i, k] * w[j, k] * (1 - np.tanh(z[i, j]) ** 2)
        found[layer] = by_weights
        results += [gradient(from_z(net, layer), z, by_rates)]
        results += [gradient(from_z(net, layer), z, by_weights)]
    return results


@check(
    "eq-reversed-delta-recursion",
    r"""
\delta^{(l)} = \left( \delta^{(l+1)} \left(W^{(l+1)}\right)^{\!\top} \right) \odot
    f'\bigl(z^{(l)}\bigr)
""",
)
def delta_recursion(rng):
    net = deep(rng)
    found = deltas(net)
    return [gradient(from_z(net, layer), net[f"z{layer}"], found[layer]) for layer in (2, 1)]


@check(
    "eq-reversed-delta-gradients",
    r"""
\begin{aligned}
\frac{\partial L}{\partial W^{(l)}} &= \left(a^{(l-1)}\right)^{\!\top} \delta^{(l)} \\
\frac{\partial L}{\partial a^{(l-1)}} &= \delta^{(l)} \left(W^{(l)}\right)^{\!\top}
\end{aligned}
""",
)
def delta_gradients(rng):
    net = deep(rng)
    found = deltas(net)
    results = []
    for layer in (1, 2, 3):
        w, before = net[f"w{layer}"], net[f"a{layer - 1}"]
        after, weights = from_z(net, layer), torch.tensor(w)
        inputs = torch.tensor(before)
        results.append(gradient(lambda w, a=inputs, f=after: f(a @ w), w, before.T @ found[layer]))
        results.append(gradient(lambda a, w=weights, f=after: f(a @ w), before, found[layer] @ w.T))
    return results


@check(
    "eq-reversed-delta-start",
    r"""
\begin{aligned}
f(z) &= z, \qquad f'(z) = 1 \\
\delta^{(2)} &= \frac{\partial L}{\partial a^{(2)}} \odot f'\bigl(z^{(2)}\bigr) = 2
    \bigl(a^{(2)} - y\bigr)
\end{aligned}
""",
    given={"f(z) &= z": "defines the activation of the last layer"},
    harmless={
        "weight * slopes -> weight": "that this factor is 1 is stated",
        "of_a * slopes -> of_a": "that this factor is 1 is stated",
    },
)
def delta_start(rng):
    net = network(rng)
    z, weight = net["y_pred"], rng.normal(size=(N, K))
    y = torch.tensor(net["y"])
    of_a, slopes = by_autograd(lambda a: squares(a, y), z), np.ones((N, K))
    return [
        gradient(lambda z: (torch.tensor(weight) * z).sum(), z, weight * slopes),
        gradient(lambda z: squares(z, y), z, of_a * slopes),
        gradient(lambda z: squares(z, y), z, 2 * (z - net["y"])),
    ]


@check(
    "eq-reversed-sigmoid",
    r"""
\begin{aligned}
s'(z) &= -\left(1 + e^{-z}\right)^{-2} \cdot \left(-e^{-z}\right) \\
&= \frac{e^{-z}}{\left(1 + e^{-z}\right)^2} \\
&= \frac{1}{1 + e^{-z}} \cdot \frac{(1 + e^{-z}) - 1}{1 + e^{-z}} \\
&= s(z)\, \bigl(1 - s(z)\bigr)
\end{aligned}
""",
    harmless={"-z -> z": "the slope at -z is that at z, in every line"},
)
def sigmoid(rng):
    z, weight = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    e = np.exp(-z)
    s = 1 / (1 + e)
    lines = [
        -((1 + e) ** -2) * -e,
        e / (1 + e) ** 2,
        1 / (1 + e) * (((1 + e) - 1) / (1 + e)),
        s * (1 - s),
    ]

    def f(z):
        return (torch.tensor(weight) * torch.sigmoid(z)).sum()

    return [gradient(f, z, weight * line) for line in lines]


@check(
    "eq-reversed-hidden-update",
    r"""
x \left( w_1 - \eta\, x^\top\, \frac{\partial L}{\partial h} \right) = h - \eta \left( x\,
    x^\top \right) \frac{\partial L}{\partial h}
""",
)
def hidden_update(rng):
    net = network(rng)
    x, eta = net["x"], 0.1
    stepped = net["w1"] - eta * by_autograd(of(net, "w1"), net["w1"])
    return equal(x @ stepped, net["h"] - eta * (x @ x.T) @ hidden_gradient(net))


@check(
    "eq-reversed-mean",
    r"""
\begin{aligned}
L_\text{mean} &= \frac{1}{640}\, L \\
\frac{\partial L_\text{mean}}{\partial w} &= \frac{1}{640}\, \frac{\partial L}{\partial w}
\end{aligned}
""",
)
def mean(rng):
    net = of_640(rng)
    t = {name: torch.tensor(value) for name, value in net.items()}
    mean_loss = torch.nn.functional.mse_loss(t["y_pred"], t["y"]).numpy()
    total = np.square(net["y_pred"] - net["y"]).sum()
    g1 = net["x"].T @ hidden_gradient(net)
    g2 = net["a"].T @ (2 * (net["y_pred"] - net["y"]))

    def f(w1, w2):
        outputs = torch.relu(t["x"] @ w1) @ w2
        return torch.nn.functional.mse_loss(outputs, t["y"])

    return [
        equal(mean_loss, total / 640),
        gradient(lambda w1: f(w1, t["w2"]), net["w1"], g1 / 640),
        gradient(lambda w2: f(t["w1"], w2), net["w2"], g2 / 640),
    ]


@check(
    "eq-reversed-mean-rate",
    r"""
w - 640\, \eta\; \frac{\partial L_\text{mean}}{\partial w} = w - \eta\; \frac{\partial
    L}{\partial w}
""",
)
def mean_rate(rng):
    net, eta = of_640(rng), 0.01
    g2 = net["a"].T @ (2 * (net["y_pred"] - net["y"]))
    steps = {"w1": net["x"].T @ hidden_gradient(net), "w2": g2}

    def mean_loss(name):
        fixed = {key: torch.tensor(net[key]) for key in ("x", "y", "w1", "w2")}

        def f(moved):
            t = fixed | {name: moved}
            outputs = torch.relu(t["x"] @ t["w1"]) @ t["w2"]
            return torch.nn.functional.mse_loss(outputs, t["y"])

        return f

    return [
        equal(
            net[name] - 640 * eta * by_autograd(mean_loss(name), net[name]),
            net[name] - eta * step,
        )
        for name, step in steps.items()
    ]


@check(
    "eq-reversed-early",
    r"""
\begin{aligned}
&\frac{\partial L}{\partial \hat y} \left( w_2 - \eta\, \frac{\partial L}{\partial w_2}
    \right)^{\!\top} \\
&\qquad = \frac{\partial L}{\partial a} - \eta\; \frac{\partial L}{\partial \hat y} \left(
    \frac{\partial L}{\partial w_2} \right)^{\!\top}
\end{aligned}
""",
)
def early(rng):
    net, eta = network(rng), 0.1
    y = torch.tensor(net["y"])
    new_w2 = net["w2"] - eta * by_autograd(of(net, "w2"), net["w2"])
    automatic = by_autograd(lambda y_pred: squares(y_pred, y), net["y_pred"])
    g = 2 * (net["y_pred"] - net["y"])
    grad_w2 = net["a"].T @ g
    right = g @ net["w2"].T - eta * g @ grad_w2.T
    return equal(np.einsum("ik,jk->ij", automatic, new_w2), right)


@check(
    "eq-reversed-bias",
    r"""
\begin{aligned}
\frac{\partial L}{\partial (b_1)_j} &= \sum_{i} \frac{\partial L}{\partial h_{ij}} \\
\frac{\partial L}{\partial (b_2)_k} &= \sum_{i} \frac{\partial L}{\partial \hat y_{ik}}
\end{aligned}
""",
)
def bias(rng):
    net = network(rng)
    t = {name: torch.tensor(value) for name, value in net.items()}
    b1, b2 = rng.normal(size=H), rng.normal(size=K)
    h = net["x"] @ net["w1"] + b1
    g = 2 * (np.maximum(h, 0) @ net["w2"] + b2 - net["y"])
    grad_h = (g @ net["w2"].T) * (h > 0)

    def f(b1, b2):
        hidden = torch.relu(torch.nn.functional.linear(t["x"], t["w1"].T, b1))
        return squares(torch.nn.functional.linear(hidden, t["w2"].T, b2), t["y"])

    return [
        gradient(lambda b1: f(b1, torch.tensor(b2)), b1, sum(grad_h[i] for i in range(N))),
        gradient(lambda b2: f(torch.tensor(b1), b2), b2, sum(g[i] for i in range(N))),
    ]


@check(
    "eq-reversed-tanh",
    r"""
\begin{aligned}
\tanh'(z) &= \frac{\left(e^{z} + e^{-z}\right)^2 - \left(e^{z} - e^{-z}\right)^2}{\left(e^{z} +
    e^{-z}\right)^2} \\
&= 1 - \tanh(z)^2
\end{aligned}
""",
)
def tanh(rng):
    z, weight = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    up, down = np.exp(z), np.exp(-z)
    by_quotient = ((up + down) ** 2 - (up - down) ** 2) / (up + down) ** 2

    def f(z):
        return (torch.tensor(weight) * torch.tanh(z)).sum()

    return [
        gradient(f, z, weight * by_quotient),
        gradient(f, z, weight * (1 - np.tanh(z) ** 2)),
    ]


@check(
    "eq-reversed-row-space",
    r"""
- \eta \sum_{t=1}^{T} x^\top \delta_t = x^\top \Bigl( - \eta \sum_{t=1}^{T} \delta_t \Bigr)
""",
)
def row_space(rng):
    net, eta = network(rng, scale=0.3), 0.01
    x, w1, found = net["x"], net["w1"], []
    for _ in range(4):
        found.append(hidden_gradient(after_hidden(net, x @ w1)))
        w1 = w1 - eta * by_autograd(of(net, "w1"), w1)
    right = x.T @ (-eta * sum(found))
    return [equal(-eta * sum(x.T @ delta for delta in found), right), equal(w1 - net["w1"], right)]
