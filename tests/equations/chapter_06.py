"""Checks of the equations of chapter 6, an audit of three layers.

The networks here have random weights, batches of five and three outputs in place of one, so
that few shapes agree by accident. A loss is then the sum over the outputs of a sample.
"""

from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional

from equations.harness import as_told, check, equal, gradient, positive, threshold

SHAPE = (3, 4)
SAMPLES = 5
SIZES = (3, 4, 2, 3)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def draw(rng, samples=SAMPLES):
    """Samples, labels and the three weight matrices of a random network."""
    x = rng.normal(size=(samples, SIZES[0]))
    y = rng.integers(0, 2, size=(samples, SIZES[3])).astype(float)
    weights = [rng.normal(size=pair) for pair in pairwise(SIZES)]
    return x, y, weights


def draw_off_the_kinks(rng):
    """A network in which each layer has units that are on and units that are off."""
    while True:
        x, y, weights = draw(rng)
        z1 = x @ weights[0]
        z2 = np.maximum(0, z1) @ weights[1]
        clear = all(np.abs(z).min() > 0.01 for z in (z1, z2))
        if clear and all(0 < (z > 0).sum() < z.size for z in (z1, z2)):
            return x, y, weights


def entropy(logits, y, reduction="sum"):
    """PyTorch's cross-entropy of the probabilities."""
    return functional.binary_cross_entropy(torch.sigmoid(logits), y, reduction=reduction)


def total(x, y, weights, activation):
    """The sum of the losses of a batch, sample by sample, in PyTorch."""
    losses = []
    for row, labels in zip(x, y, strict=True):
        signal = row
        for number, weight in enumerate(weights, 1):
            signal = torch.einsum("j,jk->k", signal, weight)
            if number < len(weights):
                signal = activation(signal)
        losses.append(entropy(signal, labels))
    return torch.stack(losses).sum()


def tensors(arrays):
    return [torch.tensor(array) for array in arrays]


def of_weights(x, y, weights, activation, claimed, scale=1.0):
    """The gradients of ``scale`` times the sum of the losses, for all three matrices."""
    pairs = []
    for number, claim in enumerate(claimed):

        def loss(moved, number=number):
            now = tensors(weights)
            now[number] = moved
            return scale * total(torch.tensor(x), torch.tensor(y), now, activation)

        pairs.append(gradient(loss, weights[number], claim))
    return pairs


def from_z(y, weights, activation, layer):
    """The loss as a function of the numbers z of a layer; layer 0 is the input."""
    later = tensors(weights[layer:])

    def loss(z):
        signal = z if layer in (0, 3) else activation(z)
        return (
            total(signal, torch.tensor(y), later, activation)
            if later
            else entropy(signal, torch.tensor(y))
        )

    return loss


def weighted(step, at, derivative, rng):
    """A local derivative, seen through a random weight for each entry."""
    weight = rng.normal(size=at.shape)
    return gradient(lambda u: (torch.tensor(weight) * step(u)).sum(), at, weight * derivative)


def rates(f, at):
    """The derivatives of all entries of f by all entries of its argument, by autograd."""
    return torch.autograd.functional.jacobian(f, torch.tensor(at)).numpy()


def same(z):
    return z


@check(
    "eq-audit-rounding",
    r"""
\begin{aligned}
\Delta q &\approx \sum_m \frac{\partial q}{\partial w_m}\, \Delta w_m \\
\left| \Delta q \right| &\lesssim \tfrac{1}{2} \cdot 10^{-4} \sum_m \left| \frac{\partial
    q}{\partial w_m} \right|
\end{aligned}
""",
)
def rounding(rng):
    x, c = rng.normal(size=(5, 3)), rng.normal(size=(5, 4))
    w, change = rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    slopes = x.T @ (c * (1 - np.tanh(x @ w) ** 2))

    def q(moved):
        return (torch.tensor(c) * torch.tanh(torch.tensor(x) @ moved)).sum()

    def along(direction, size):
        way = torch.tensor(direction)
        return lambda step: size * q(torch.tensor(w) + step[0] * way)

    worst = 0.5 * 1e-4 * np.abs(slopes).sum()
    here = np.zeros(1)
    return [
        gradient(along(change, 1.0), here, np.array([(slopes * change).sum()])),
        # The bound is reached when every weight is off by half a unit in its worst direction.
        gradient(along(0.5 * np.sign(slopes), 1e-4), here, np.array([worst])),
    ]


@check(
    "eq-audit-complement",
    r"""
\begin{aligned}
1 - \sigma(z) &= \frac{1 + e^{-z} - 1}{1 + e^{-z}} = \frac{e^{-z}}{1 + e^{-z}} \\
&= \frac{1}{e^{z} + 1} = \sigma(-z)
\end{aligned}
""",
)
def complement(rng):
    z = rng.normal(size=SHAPE)
    e = np.exp(-z)
    left = 1 - sigmoid(z)
    return [
        equal(left, (1 + e - 1) / (1 + e)),
        equal(left, e / (1 + e)),
        equal(left, 1 / (np.exp(z) + 1)),
        equal(left, torch.sigmoid(torch.tensor(-z)).numpy()),
    ]


@check(
    "eq-audit-sigmoid-slope",
    r"""
\begin{aligned}
\frac{d\sigma}{dz} &= -\left(1 + e^{-z}\right)^{-2} \cdot \left(-e^{-z}\right) =
    \frac{e^{-z}}{\left(1 + e^{-z}\right)^2} \\
&= \frac{1}{1 + e^{-z}} \cdot \frac{e^{-z}}{1 + e^{-z}} = \sigma(z)\,(1 - \sigma(z))
\end{aligned}
""",
    harmless={"-z -> z": "the slope at -z is that at z, in every form"},
)
def sigmoid_slope(rng):
    z = rng.normal(size=SHAPE)
    e = np.exp(-z)
    forms = [
        -((1 + e) ** -2.0) * -e,
        e / (1 + e) ** 2,
        1 / (1 + e) * (e / (1 + e)),
        sigmoid(z) * (1 - sigmoid(z)),
    ]
    return [weighted(torch.sigmoid, z, form, rng) for form in forms]


@check(
    "eq-audit-entropy-slope",
    r"""
\begin{aligned}
\frac{\partial \ell}{\partial \hat y} &= -\frac{y}{\hat y} + \frac{1 - y}{1 - \hat y} =
    \frac{-y\,(1 - \hat y) + (1 - y)\,\hat y}{\hat y\,(1 - \hat y)} \\
&= \frac{-y + y \hat y + \hat y - y \hat y}{\hat y\,(1 - \hat y)} = \frac{\hat y - y}{\hat y\,(1
    - \hat y)}
\end{aligned}
""",
)
def entropy_slope(rng):
    p = rng.uniform(0.1, 0.9, size=SHAPE)
    y = rng.uniform(size=SHAPE)
    below = p * (1 - p)
    forms = [
        -y / p + (1 - y) / (1 - p),
        (-y * (1 - p) + (1 - y) * p) / below,
        (-y + y * p + p - y * p) / below,
        (p - y) / below,
    ]
    target = torch.tensor(y)

    def loss(p):
        return functional.binary_cross_entropy(p, target, reduction="sum")

    return [gradient(loss, p, form) for form in forms]


@check(
    "eq-audit-delta3",
    r"""
\begin{aligned}
\frac{\partial \ell}{\partial z_3} &= \frac{\partial \ell}{\partial \hat y} \cdot \frac{\partial
    \hat y}{\partial z_3} \\
&= \frac{\hat y - y}{\hat y\,(1 - \hat y)} \cdot \hat y\,(1 - \hat y) = \hat y - y
\end{aligned}
""",
)
def delta3(rng):
    z, y = rng.normal(size=SHAPE), rng.uniform(size=SHAPE)
    p = sigmoid(z)
    product = (-y / p + (1 - y) / (1 - p)) * (np.exp(-z) / (1 + np.exp(-z)) ** 2)
    forms = [product, (p - y) / (p * (1 - p)) * (p * (1 - p)), p - y]
    return [gradient(lambda z: entropy(z, torch.tensor(y)), z, form) for form in forms]


@check(
    "eq-audit-logit-form",
    r"""
\begin{aligned}
\ell &= -y \left(z - \ln(1 + e^z)\right) + (1 - y) \ln(1 + e^z) \\
&= \ln(1 + e^z) - y z
\end{aligned}
""",
)
def logit_form(rng):
    z, y = rng.normal(size=SHAPE), rng.uniform(size=SHAPE)
    left = -y * np.log(sigmoid(z)) - (1 - y) * np.log(1 - sigmoid(z))
    log = np.log(1 + np.exp(z))
    return [equal(left, -y * (z - log) + (1 - y) * log), equal(left, log - y * z)]


@check(
    "eq-audit-logit-slopes",
    r"""
\begin{aligned}
\frac{d \ell}{d z} &= \frac{e^z}{1 + e^z} - y = \sigma(z) - y \\
\frac{d^2 \ell}{d z^2} &= \sigma(z)\,(1 - \sigma(z)) > 0
\end{aligned}
""",
)
def logit_slopes(rng):
    z, y = rng.normal(size=SHAPE), rng.uniform(size=SHAPE)
    target = torch.tensor(y)

    def loss(z):
        return entropy(z, target)

    second = sigmoid(z) * (1 - sigmoid(z))
    return [
        gradient(loss, z, np.exp(z) / (1 + np.exp(z)) - y),
        gradient(loss, z, sigmoid(z) - y),
        weighted(lambda z: torch.exp(z) / (1 + torch.exp(z)) - target, z, second, rng),
        positive(second),
    ]


@check(
    "eq-audit-delta-entries",
    r"""
\delta_{2,j} = \sum_k \frac{\partial L}{\partial z_{3,k}} \cdot \frac{\partial z_{3,k}}{\partial
    z_{2,j}} = \sum_k \delta_{3,k} W_{3,jk}
""",
)
def delta_entries(rng):
    _, y, weights = draw(rng)
    z2 = rng.normal(size=(SAMPLES, SIZES[2]))
    W3 = weights[2]
    delta = sigmoid(z2 @ W3) - y
    by_rates, claimed = np.zeros_like(z2), np.zeros_like(z2)
    for i in range(SAMPLES):
        local = rates(lambda z: z @ torch.tensor(W3), z2[i])
        for j, k in np.ndindex(W3.shape):
            by_rates[i, j] += delta[i, k] * local[k, j]
            claimed[i, j] += delta[i, k] * W3[j, k]
    of_z2 = from_z(y, weights, same, 2)
    return [gradient(of_z2, z2, by_rates), gradient(of_z2, z2, claimed)]


@check(
    "eq-audit-deltas",
    r"""
\begin{aligned}
\delta_2 &= \delta_3\, W_3^\top \\
\delta_1 &= \delta_2\, W_2^\top \\
\delta_0 &= \delta_1\, W_1^\top = (\hat y - y)\, W_3^\top W_2^\top W_1^\top
\end{aligned}
""",
)
def deltas(rng):
    x, y, weights = draw(rng)
    W1, W2, W3 = weights
    z1 = x @ W1
    z2 = z1 @ W2
    z3 = z2 @ W3
    d3 = sigmoid(z3) - y
    d2 = d3 @ W3.T
    d1 = d2 @ W2.T
    d0 = d1 @ W1.T
    return [
        gradient(from_z(y, weights, same, 2), z2, d2),
        gradient(from_z(y, weights, same, 1), z1, d1),
        gradient(from_z(y, weights, same, 0), x, d0),
        gradient(from_z(y, weights, same, 0), x, (sigmoid(z3) - y) @ W3.T @ W2.T @ W1.T),
    ]


@check(
    "eq-audit-weight-entry",
    r"""
\frac{\partial L}{\partial W_{2,jk}} = \frac{\partial L}{\partial z_{2,k}} \cdot \frac{\partial
    z_{2,k}}{\partial W_{2,jk}} = z_{1,j}\, \delta_{2,k}
""",
)
def weight_entry(rng):
    _, y, weights = draw(rng, samples=1)
    _, W2, W3 = weights
    z1 = rng.normal(size=(1, SIZES[1]))
    d2 = (sigmoid(z1 @ W2 @ W3) - y) @ W3.T
    by_rates, claimed = np.zeros_like(W2), np.zeros_like(W2)
    local = rates(lambda W: torch.tensor(z1[0]) @ W, W2)
    for j, k in np.ndindex(W2.shape):
        by_rates[j, k] = d2[0, k] * local[k, j, k]
        claimed[j, k] = z1[0, j] * d2[0, k]

    def loss(moved):
        later = [moved, torch.tensor(W3)]
        return total(torch.tensor(z1), torch.tensor(y), later, torch.nn.Identity())

    return [gradient(loss, W2, by_rates), gradient(loss, W2, claimed)]


@check(
    "eq-audit-weights",
    r"""
\begin{aligned}
\frac{\partial L}{\partial W_3} &= z_2^\top\, \delta_3 \\
\frac{\partial L}{\partial W_2} &= z_1^\top\, \delta_2 \\
\frac{\partial L}{\partial W_1} &= x^\top\, \delta_1
\end{aligned}
""",
)
def weights(rng):
    x, y, network = draw(rng, samples=1)
    W1, W2, W3 = network
    z1 = x @ W1
    z2 = z1 @ W2
    d3 = sigmoid(z2 @ W3) - y
    d2 = d3 @ W3.T
    d1 = d2 @ W2.T
    return of_weights(x, y, network, torch.nn.Identity(), [x.T @ d1, z1.T @ d2, z2.T @ d3])


@check(
    "eq-audit-masked",
    r"""
\begin{aligned}
\delta_3 &= \hat y - y \\
\delta_2 &= \left(\delta_3 W_3^\top\right) \odot \mathbf{1}[z_2 > 0] \\
\delta_1 &= \left(\delta_2 W_2^\top\right) \odot \mathbf{1}[z_1 > 0] \\
\frac{\partial L}{\partial W_3} &= h_2^\top \delta_3, \qquad
\frac{\partial L}{\partial W_2} = h_1^\top \delta_2 \\
\frac{\partial L}{\partial W_1} &= x^\top \delta_1
\end{aligned}
""",
)
def masked(rng):
    x, y, network = draw_off_the_kinks(rng)
    W1, W2, W3 = network
    z1 = x @ W1
    h1 = np.maximum(0, z1)
    z2 = h1 @ W2
    h2 = np.maximum(0, z2)
    z3 = h2 @ W3
    d3 = sigmoid(z3) - y
    d2 = (d3 @ W3.T) * (z2 > 0)
    d1 = (d2 @ W2.T) * (z1 > 0)
    return [
        gradient(from_z(y, network, torch.relu, 3), z3, d3),
        gradient(from_z(y, network, torch.relu, 2), z2, d2),
        gradient(from_z(y, network, torch.relu, 1), z1, d1),
        *of_weights(x, y, network, torch.relu, [x.T @ d1, h1.T @ d2, h2.T @ d3]),
    ]


@check(
    "eq-audit-batch",
    r"""
\begin{aligned}
\delta_3 &= \frac{1}{N} \left(\hat y - y\right) \\
\frac{\partial L}{\partial W_1} &= x^\top \delta_1 = \frac{1}{N} \sum_{i=1}^{N} x_i^\top
    \tilde\delta_{1,i}
\end{aligned}
""",
)
def batch(rng):
    x, y, network = draw(rng)
    W1, W2, W3 = network
    z3 = x @ W1 @ W2 @ W3
    d3 = (sigmoid(z3) - y) / SAMPLES
    whole = x.T @ (d3 @ W3.T @ W2.T)
    added = np.zeros_like(W1)
    for i in range(SAMPLES):
        of_one = (sigmoid(z3[i : i + 1]) - y[i : i + 1]) @ W3.T @ W2.T
        added += x[i : i + 1].T @ of_one
    last = tensors([y, W2, W3])

    def mean_loss(W1):
        losses = total(torch.tensor(x), last[0], [W1, *last[1:]], torch.nn.Identity())
        return losses / SAMPLES

    return [
        gradient(lambda z: entropy(z, last[0]) / SAMPLES, z3, d3),
        gradient(mean_loss, W1, whole),
        gradient(mean_loss, W1, added / SAMPLES),
    ]


PLACES = np.arange(4.0)
LABELS = np.array([1.0, 0, 1, 0])


def line_loss(m, c):
    """The mean loss of the four samples of the chapter, in PyTorch."""
    z = m * (torch.tensor(PLACES) - 1.5) + c
    return entropy(z, torch.tensor(LABELS), reduction="mean")


@check(
    "eq-audit-line-slopes",
    r"""
\begin{aligned}
\frac{\partial L}{\partial m} &= \frac{1}{4} \sum_{t=0}^{3} \left(\sigma(z(t)) - y_t\right)
    \left(t - \tfrac{3}{2}\right) \\
\frac{\partial L}{\partial c} &= \frac{1}{4} \sum_{t=0}^{3} \left(\sigma(z(t)) - y_t\right)
\end{aligned}
""",
)
def line_slopes(rng):
    m, c = rng.normal(size=2)
    errors = sigmoid(m * (PLACES - 1.5) + c) - LABELS
    return [
        gradient(lambda m: line_loss(m, c), np.array(m), (errors * (PLACES - 1.5)).sum() / 4),
        gradient(lambda c: line_loss(m, c), np.array(c), errors.sum() / 4),
    ]


@check(
    "eq-audit-line-slope",
    r"""
\frac{\partial L}{\partial m} = \frac{1}{4} \left( 3\, \sigma\!\left(\tfrac{3}{2} m\right) -
    \sigma\!\left(-\tfrac{1}{2} m\right) \right)
""",
)
def line_slope(rng):
    m = rng.normal(size=SHAPE)
    claimed = (3 * sigmoid(1.5 * m) - sigmoid(-0.5 * m)) / 4
    return gradient(
        lambda m: torch.stack([line_loss(one, 0.0) for one in m.flatten()]).sum(), m, claimed
    )


def positive_root():
    """The one positive root of the quartic, by bisection."""
    low, high = 1.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle**4 - 2 * middle - 3 < 0 else (low, middle)
    return low


@check("eq-audit-quartic", r"""r^4 - 2r - 3 = (r + 1)\left(r^3 - r^2 + r - 3\right) = 0""")
def quartic(rng):
    m, weight = rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    r = np.exp(-m / 2)
    whole = r**4 - 2 * r - 3
    root = positive_root()
    slope = 3 * sigmoid(1.5 * m) - sigmoid(-0.5 * m)
    return [
        equal(whole, (r + 1) * (r**3 - r**2 + r - 3)),
        equal(slope, -whole / ((1 + r**3) * (1 + r))),
        equal(weight * (root**3 + root), weight * (root**2 + 3)),
    ]


def lowest_point(w):
    """Slope and intercept where the loss of the line is smallest, by Newton's method from w."""
    features = np.stack([PLACES - 1.5, np.ones(4)], axis=1)
    for _ in range(50):
        p = sigmoid(features @ w)
        bend = features.T @ (features * (p * (1 - p))[:, None])
        w = w - np.linalg.solve(bend, features.T @ (p - LABELS))
    return w


@check(
    "eq-audit-line-minimum",
    r"""
L_{\min} = \frac{1}{2} \left( \ln\left(1 + r^{-3}\right) + \ln\left(1 + r\right) \right) \approx
    0.5869
""",
)
def line_minimum(rng):
    smallest = float(line_loss(*torch.tensor(lowest_point(rng.normal(size=2)))))
    r = positive_root()
    formula = 0.5 * (np.log(1 + r**-3) + np.log(1 + r))
    weight = rng.normal(size=SHAPE)
    return [
        equal(weight * smallest, weight * formula),
        equal(weight * smallest, weight * 0.5869, tolerance=1e-4),
    ]


@check(
    "eq-audit-saturation",
    r"""
\begin{aligned}
\text{float32:} \quad \sigma(z) &= 1 \text{ from } z \approx 24 \ln 2 \approx 16.6 \text{ on,}
    \\
\sigma(z) &= 0 \text{ below } z \approx -128 \ln 2 \approx -88.7 \\
\text{float64:} \quad \sigma(z) &= 1 \text{ from } z \approx 53 \ln 2 \approx 36.7 \text{ on,}
    \\
\sigma(z) &= 0 \text{ below } z \approx -1024 \ln 2 \approx -709.8
\end{aligned}
""",
)
def saturation(rng):
    def rounded(dtype):
        def at(z):
            with np.errstate(over="ignore"):
                return dtype(1) / (dtype(1) + np.exp(-dtype(z)))

        return at

    found = []
    for dtype, far in ((np.float32, 100.0), (np.float64, 800.0)):
        value = rounded(dtype)
        found.append(threshold(lambda z: value(z) == 1, 0.0, 60.0))  # noqa: B023
        found.append(-threshold(lambda z: value(-z) == 0, 0.0, far))  # noqa: B023
    exact = np.array([24, -128, 53, -1024]) * np.log(2)
    told = np.array([16.6, -88.7, 36.7, -709.8])
    weight = rng.normal()
    return as_told(weight, found, exact, told, 0.05)


@check(
    "eq-audit-stable",
    r"""
\begin{aligned}
\ell &= y \ln\left(1 + e^{-z}\right) + (1 - y) \ln\left(1 + e^{z}\right) \\
\ln\left(1 + e^{u}\right) &= \max(0, u) + \ln\left(1 + e^{-|u|}\right)
\end{aligned}
""",
)
def stable(rng):
    z, y = 5 * rng.normal(size=SHAPE), rng.uniform(size=SHAPE)
    by_pytorch = functional.binary_cross_entropy_with_logits(
        torch.tensor(z), torch.tensor(y), reduction="none"
    ).numpy()

    def softplus(u):
        return np.maximum(0, u) + np.log(1 + np.exp(-np.abs(u)))

    return [
        equal(by_pytorch, y * np.log(1 + np.exp(-z)) + (1 - y) * np.log(1 + np.exp(z))),
        equal(np.log(1 + np.exp(z)), softplus(z)),
        equal(by_pytorch, y * softplus(-z) + (1 - y) * softplus(z)),
    ]


@check(
    "eq-audit-conforming",
    r"""
\begin{aligned}
\frac{\partial L}{\partial V_2} &= V_3^\top\, (\hat y - y)\, (V_1 \mathbf{x})^\top \\
\frac{\partial L}{\partial V_1} &= V_2^\top V_3^\top\, (\hat y - y)\, \mathbf{x}^\top \\
\frac{\partial L}{\partial W_2} &= (x W_1)^\top\, (\hat y - y)\, W_3^\top \\
\frac{\partial L}{\partial W_1} &= x^\top\, (\hat y - y)\, W_3^\top W_2^\top
\end{aligned}
""",
)
def conforming(rng):
    x, y, network = draw(rng, samples=1)
    W1, W2, W3 = network
    V1, V2, V3 = (W.T.copy() for W in network)
    column, error = x.T, (sigmoid(x @ W1 @ W2 @ W3) - y)
    # With one output, as in the chapter, ŷ - y is its own transpose; here it is a column.
    of_V2 = V3.T @ error.T @ (V1 @ column).T
    of_V1 = V2.T @ V3.T @ error.T @ column.T
    of_W2 = (x @ W1).T @ error @ W3.T
    of_W1 = x.T @ error @ W3.T @ W2.T
    row, labels = torch.tensor(x), torch.tensor(y)
    t1, t2, t3 = tensors([V1, V2, V3])
    linear = functional.linear

    def of_second(V):
        return entropy(linear(linear(linear(row, t1), V), t3), labels)

    def of_first(V):
        return entropy(linear(linear(linear(row, V), t2), t3), labels)

    return [
        gradient(of_second, V2, of_V2),
        gradient(of_first, V1, of_V1),
        gradient(lambda W: of_second(W.T), W2, of_W2),
        gradient(lambda W: of_first(W.T), W1, of_W1),
    ]


@check(
    "eq-audit-columns",
    r"""
\begin{aligned}
\boldsymbol\delta_2 &= V_3^\top \boldsymbol\delta_3, & \frac{\partial L}{\partial V_3} &=
    \boldsymbol\delta_3\, \mathbf{z}_2^\top \\
\boldsymbol\delta_1 &= V_2^\top \boldsymbol\delta_2, & \frac{\partial L}{\partial V_2} &=
    \boldsymbol\delta_2\, \mathbf{z}_1^\top \\
& & \frac{\partial L}{\partial V_1} &= \boldsymbol\delta_1\, \mathbf{x}^\top
\end{aligned}
""",
)
def columns(rng):
    x, y, network = draw(rng)
    V1, V2, V3 = (W.T.copy() for W in network)
    z1 = V1 @ x.T
    z2 = V2 @ z1
    d3 = sigmoid(V3 @ z2) - y.T
    d2 = V3.T @ d3
    d1 = V2.T @ d2
    row, labels = tensors([x, y])
    t1, t2, t3 = tensors([V1, V2, V3])
    linear = functional.linear
    return [
        gradient(lambda z: entropy(linear(z.T, t3), labels), z2, d2),
        gradient(lambda z: entropy(linear(linear(z.T, t2), t3), labels), z1, d1),
        gradient(lambda V: entropy(linear(linear(linear(row, t1), t2), V), labels), V3, d3 @ z2.T),
        gradient(lambda V: entropy(linear(linear(linear(row, t1), V), t3), labels), V2, d2 @ z1.T),
        gradient(lambda V: entropy(linear(linear(linear(row, V), t2), t3), labels), V1, d1 @ x),
    ]


@check(
    "eq-audit-biases",
    r"""
\frac{\partial L}{\partial b_{l,k}} = \sum_{i=1}^{N} \delta_{l,ik}
""",
)
def biases(rng):
    x, y, network = draw(rng)
    W1, W2, W3 = network
    b1, b2, b3 = (rng.normal(size=size) for size in SIZES[1:])
    z1 = x @ W1 + b1
    z2 = np.maximum(0, z1) @ W2 + b2
    d3 = sigmoid(np.maximum(0, z2) @ W3 + b3) - y
    d2 = d3 @ W3.T * (z2 > 0)
    d1 = d2 @ W2.T * (z1 > 0)
    fixed = [b1, b2, b3]
    row, labels = tensors([x, y])
    pairs = []
    for number, delta in enumerate((d1, d2, d3)):

        def loss(moved, number=number):
            now = tensors(fixed)
            now[number] = moved
            signal = row
            for layer, (W, b) in enumerate(zip(tensors(network), now, strict=True)):
                signal = functional.linear(signal, W.T, b)
                signal = torch.relu(signal) if layer < 2 else signal
            return entropy(signal, labels)

        claimed = np.zeros_like(fixed[number])
        for i, k in np.ndindex(delta.shape):
            claimed[k] += delta[i, k]
        pairs.append(gradient(loss, fixed[number], claimed))
    return pairs


@check(
    "eq-audit-tanh",
    r"""
\begin{aligned}
\delta_2 &= \left(\delta_3 W_3^\top\right) \odot \left(1 - h_2 \odot h_2\right) \\
\delta_1 &= \left(\delta_2 W_2^\top\right) \odot \left(1 - h_1 \odot h_1\right)
\end{aligned}
""",
)
def tanh(rng):
    x, y, network = draw(rng)
    W1, W2, W3 = network
    z1 = x @ W1
    h1 = np.tanh(z1)
    z2 = h1 @ W2
    h2 = np.tanh(z2)
    d3 = sigmoid(h2 @ W3) - y
    d2 = (d3 @ W3.T) * (1 - h2 * h2)
    d1 = (d2 @ W2.T) * (1 - h1 * h1)
    return [
        gradient(from_z(y, network, torch.tanh, 2), z2, d2),
        gradient(from_z(y, network, torch.tanh, 1), z1, d1),
    ]


@check(
    "eq-audit-uneven",
    r"""
\frac{\partial L}{\partial W} = \frac{1}{N_A + N_B} \left( N_A\, \frac{\partial L_A}{\partial W}
    + N_B\, \frac{\partial L_B}{\partial W} \right)
""",
)
def uneven(rng):
    x, y, network = draw(rng)
    W1, W2, W3 = network
    share = 3
    rest = SAMPLES - share

    def mean_gradient(rows, labels):
        errors = (sigmoid(rows @ W1 @ W2 @ W3) - labels) / len(rows)
        return rows.T @ errors @ W3.T @ W2.T

    first = mean_gradient(x[:share], y[:share])
    second = mean_gradient(x[share:], y[share:])
    claimed = (share * first + rest * second) / (share + rest)
    samples, labels, t2, t3 = tensors([x, y, W2, W3])

    def mean_loss(W):
        return total(samples, labels, [W, t2, t3], torch.nn.Identity()) / SAMPLES

    return gradient(mean_loss, W1, claimed)


@check(
    "eq-audit-fading",
    r"""
\frac{\hat y - 1}{10^{-12}} \cdot \hat y\,(1 - \hat y) = -10^{12}\, \hat y\, (1 - \hat y)^2
    \approx -10^{12}\, e^{z}
""",
    # The powers of 1 - p are compared at ordinary z.
    harmless={
        change: "1 - p is 1 to twelve digits where the factor fades"
        for change in (
            "(p - 1) / 1e-12 * p * (1 - p) -> (p - 1) / 1e-12 * p",
            "p - 1 -> -1",
            "1 - p -> 1",
            "-1000000000000.0 * p * (1 - p) ** 2 -> -1000000000000.0 * p",
            "2 -> 3",
        )
    },
)
def fading(rng):
    z = rng.uniform(-34, -29, size=SHAPE)
    point = torch.tensor(z, requires_grad=True)
    (slope,) = torch.autograd.grad(entropy(point, torch.ones(SHAPE, dtype=torch.float64)), point)
    p = sigmoid(z)
    # Where the factor fades, 1 - p is 1 to twelve digits; at ordinary z its powers show.
    ordinary = sigmoid(rng.normal(size=SHAPE))
    expanded = ordinary**3 - 2 * ordinary**2 + ordinary
    # PyTorch keeps the 1e-12 in float32, hence no closer than 1e-8.
    return [
        equal((ordinary - 1) / 1e-12 * ordinary * (1 - ordinary), -1e12 * expanded),
        equal(-1e12 * ordinary * (1 - ordinary) ** 2, -1e12 * expanded),
        equal(slope.numpy(), (p - 1) / 1e-12 * p * (1 - p), tolerance=1e-8),
        equal(slope.numpy(), -1e12 * p * (1 - p) ** 2, tolerance=1e-8),
        equal(slope.numpy(), -1e12 * np.exp(z), tolerance=1e-8),
    ]
