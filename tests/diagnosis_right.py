"""Right gradients of random functions, none of which may be given a diagnosis.

The gradients are written out, or come from PyTorch's autograd; where a function has a kink within
a step of x, the check may say "a kink", which is no mistake of the gradient, and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from diagnosis_networks import SMALL, draw

from backprop.checking import check_gradient, check_network


def relu(z):
    return np.maximum(z, 0)


def sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


ACTIVATIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (relu, lambda z: (z > 0) * 1.0),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "sin": (np.sin, np.cos),
    "exp": (lambda z: np.exp(z / 4), lambda z: np.exp(z / 4) / 4),
    "abs": (np.abs, np.sign),
    "identity": (lambda z: z, np.ones_like),
}


@dataclass(frozen=True)
class Right:
    """A function, a point, and the right gradient there."""

    f: Callable
    gradient: np.ndarray
    x: np.ndarray
    method: str = "auto"

    def check(self):
        return check_gradient(self.f, self.gradient, self.x, method=self.method)


def layer(rng, x=None, size=6):
    """scale · sum(act(x @ w)²) + offset, of many scales and offsets."""
    act, slope = ACTIVATIONS[rng.choice(sorted(ACTIVATIONS))]
    rows, columns, width = rng.integers(1, size, size=3)
    x = rng.normal(size=(rows, columns)) * 10 ** rng.uniform(-2, 1) if x is None else x
    w = rng.normal(size=(x.shape[1], width)) / np.sqrt(x.shape[1])
    scale, offset = 10 ** rng.uniform(-8, 8), rng.choice([0, 0, 1, 1e4, 1e8])
    # A function near 1e8 in which nothing moves more than its rounding says nothing.
    z = x @ w
    return Right(
        lambda a: scale * (act(a @ w) ** 2).sum() + offset,
        scale * 2 * (act(z) * slope(z)) @ w.T,
        x,
        rng.choice(["auto", "projections"]),
    )


def near_a_kink(rng):
    """Functions with a kink in every entry: some entries lie within 1e-5 of it, or on it."""
    shape = tuple(rng.integers(1, 7, size=rng.integers(1, 3)))
    x, c = rng.normal(size=shape), rng.normal(size=shape)
    close = rng.choice([0.0, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5], size=shape) * rng.choice([-1, 1])
    x = np.where(rng.uniform(size=shape) < rng.choice([0.1, 0.5, 1]), close, x)
    scale, offset = 10 ** rng.uniform(-4, 4), rng.choice([0, 0, 1e3, 1e6, 1e8])
    name = rng.choice(["relu", "abs"])
    act, slope = ACTIVATIONS[name]
    curve = rng.choice([0, 1])
    return Right(
        lambda a: scale * (c * act(a) + curve * a**2).sum() + offset,
        scale * (c * slope(x) + curve * 2 * x),
        x,
        rng.choice(["entries", "projections"]),
    )


def near_zero(rng):
    """A gradient at or beside a minimum: 0, or next to it."""
    x = rng.normal(size=rng.integers(1, 8, size=2))
    to = x + rng.choice([0, 1e-12, 1e-9, 1e-6, 1e-3]) * rng.normal(size=x.shape)
    scale, offset = 10 ** rng.uniform(-6, 6), rng.choice([0, 1, 1e8])
    return Right(lambda a: scale * ((a - to) ** 2).sum() + offset, scale * 2 * (x - to), x)


def constant(rng):
    """A function that does not depend on x, or on a part of it."""
    x = rng.normal(size=rng.integers(1, 8, size=2))
    part = (rng.uniform(size=x.shape) < rng.choice([0, 0.5])) * 1.0
    value = rng.choice([0.0, 1.0, 1e8])
    return Right(lambda a: value + (part * np.sin(a)).sum(), part * np.cos(x), x)


def large(rng):
    """An array too large to visit, by projections."""
    return layer(rng, rng.normal(size=(int(rng.integers(50, 120)), int(rng.integers(45, 90)))))


def scales_apart(rng):
    """Entries of x and of the gradient from 1e-6 to 1e6 side by side."""
    x = rng.normal(size=rng.integers(1, 12)) * 10 ** rng.uniform(-6, 6)
    c = rng.normal(size=x.shape) * 10 ** rng.uniform(-6, 6, size=x.shape)
    return Right(lambda a: (c * np.sin(a / 1e6) * 1e6).sum(), c * np.cos(x / 1e6), x)


def softmax(rng):
    """The cross-entropy of a softmax, with logits that may be far apart."""
    z = rng.normal(size=rng.integers(2, 8, size=2)) * 10 ** rng.uniform(-1, 1.5)
    y = rng.dirichlet(np.ones(z.shape[1]), size=len(z))

    def f(a):
        shifted = a - a.max(axis=1, keepdims=True)
        return -(y * (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))).sum()

    e = np.exp(z - z.max(axis=1, keepdims=True))
    return Right(f, e / e.sum(axis=1, keepdims=True) - y, z)


TORCH = [
    lambda a, w: torch.tanh(a @ w).pow(2).sum(),
    lambda a, w: torch.relu(a @ w).sum() + torch.sin(a).sum(),
    lambda a, w: torch.logsumexp(a @ w, dim=1).mean(),
    lambda a, w: torch.sigmoid(a @ w).prod(dim=1).sum(),
    lambda a, w: (a @ w).norm() + a.exp().mean(),
    lambda a, w: torch.nn.functional.softplus(a @ w).sum() * 1e8,
]


def tensor(rng, dtype=torch.float64):
    """A function of PyTorch's tensors, its gradient by autograd."""
    x = torch.tensor(rng.normal(size=rng.integers(1, 7, size=2)), dtype=dtype)
    w = torch.tensor(rng.normal(size=(x.shape[1], 3)), dtype=dtype)
    of = TORCH[rng.integers(len(TORCH))]
    leaf = x.clone().requires_grad_()
    of(leaf, w).backward()
    return Right(lambda a: of(a, w), leaf.grad, x)


def single_tensor(rng):
    """The same in float32, where three digits can be confirmed."""
    return tensor(rng, torch.float32)


def single(rng):
    """A function of NumPy's float32."""
    right = layer(rng)
    x = right.x.astype(np.float32)
    scale, w = 10 ** rng.uniform(-3, 3), rng.normal(size=(x.shape[1], 3)).astype(np.float32)
    gradient = (np.float32(scale) * (1 - np.tanh(x @ w) ** 2)) @ w.T
    return Right(lambda a: np.float32(scale) * np.tanh(a @ w).sum(), gradient, x)


def single_claim(rng):
    """A gradient rounded to float32, of a function in float64."""
    right = layer(rng)
    if not np.abs(right.gradient).max() < 1e30:
        return right
    return Right(right.f, right.gradient.astype(np.float32), right.x, right.method)


@dataclass(frozen=True)
class RightNetwork:
    """A whole network with a right backward pass."""

    network: object
    x: object
    y: object

    def check(self):
        return check_network(self.network, self.x, self.y)


def network(rng):
    """One of the networks, in float64."""
    drawn = draw(SMALL[rng.integers(len(SMALL))], int(rng.integers(2**31)))
    return RightNetwork(drawn.build(), drawn.x, drawn.y)


#: The families of cases, and how often each is drawn.
FAMILIES = {
    layer: 22,
    near_a_kink: 18,
    near_zero: 8,
    constant: 4,
    large: 3,
    scales_apart: 5,
    softmax: 6,
    tensor: 10,
    single_tensor: 7,
    single: 6,
    single_claim: 6,
    network: 5,
}


def case(seed):
    """The family of the case ``seed``, and the case."""
    rng = np.random.default_rng([seed, 14])
    weights = np.array(list(FAMILIES.values()), dtype=float)
    family = list(FAMILIES)[rng.choice(len(FAMILIES), p=weights / weights.sum())]
    return family.__name__, family(rng)


def verdict(seed):
    """The family, and what the check says: passes, or the names of the causes."""
    name, right = case(seed)
    report = right.check()
    return name, "passes" if report.ok else " + ".join(cause.name for cause in report.causes)
