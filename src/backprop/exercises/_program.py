"""The program of chapter 5: its gradients the slow way, and backward passes to be judged."""

from __future__ import annotations

import itertools

import numpy as np

from backprop.exercises._attempt import Attempt
from backprop.exercises._parts import parts


def draw(seed: int, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Normally distributed arrays of these shapes, by name."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def compare(attempt: Attempt, loss, values: dict[str, np.ndarray], *names: str) -> None:
    """Hold the answer for ``values`` to be the gradients of ``loss`` for the arrays named."""
    result = parts(attempt, attempt(*values.values()), *(f"grad_{name}" for name in names))
    for name, claimed in zip(names, result, strict=True):

        def moved(array, name=name):
            return loss(**(values | {name: array}))

        attempt.gradient(moved, values[name], claimed, f"grad_{name}")


def mean_of_first_loss(N, D, H, K, s1, s2):
    """The mean over all networks whose numbers are +1 or -1, one after another."""
    shapes = [(N, D), (D, H), (H, K), (N, K)]
    ends = np.cumsum([a * b for a, b in shapes])
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=int(ends[-1]))))
    x, w1, w2, y = (
        part.reshape(-1, *shape)
        for part, shape in zip(np.split(signs, ends[:-1], axis=1), shapes, strict=True)
    )
    return ((np.maximum(x @ (s1 * w1), 0) @ (s2 * w2) - y) ** 2).sum(axis=(1, 2)).mean()


def variants():
    """Backward passes of (x, y, w1, w2) that return grad_w1 and grad_w2: wrong ones, right ones."""

    def run(x, y, w1, w2, factor=2, mask=lambda h: h > 0, seen=lambda h: np.maximum(h, 0)):
        h = x @ w1
        grad_y_pred = factor * (np.maximum(h, 0) @ w2 - y)
        return x.T @ ((grad_y_pred @ w2.T) * mask(h)), seen(h).T @ grad_y_pred

    def half(x, y, w1, w2):
        return run(x, y, w1, w2, factor=1)

    def unmasked(x, y, w1, w2):
        return run(x, y, w1, w2, mask=lambda h: np.maximum(h, 0) >= 0)

    def before(x, y, w1, w2):
        return run(x, y, w1, w2, seen=lambda h: h)

    def behind(x, y, w1, w2):
        return run(x, y, w1, w2, mask=lambda h: np.maximum(h, 0) > 0)

    def original(x, y, w1, w2):
        return run(x, y, w1, w2, mask=lambda h: ~(h < 0))

    return (half, unmasked, before), (behind, original)


def slow_gradients(x, y, w1, w2):
    """Central differences, entry by entry."""

    def loss(w1, w2):
        return ((np.maximum(x @ w1, 0) @ w2 - y) ** 2).sum()

    grads = np.zeros_like(w1), np.zeros_like(w2)
    for which, w in enumerate((w1, w2)):
        for at in np.ndindex(w.shape):
            E = np.zeros_like(w)
            E[at] = 1e-6
            up, down = ((w1 + E, w2), (w1 - E, w2)) if not which else ((w1, w2 + E), (w1, w2 - E))
            grads[which][at] = (loss(*up) - loss(*down)) / 2e-6
    return grads


def apart(backward, seed=0, positive=False, factor_free=False):
    """How far a backward pass is from central differences on a small network, relatively."""
    values = draw(seed, x=(5, 3), y=(5, 2), w1=(3, 4), w2=(4, 2))
    if positive:
        values |= {name: np.abs(values[name]) for name in ("x", "w1")}
    pairs = zip(backward(**values), slow_gradients(**values), strict=True)
    found, slow = (np.concatenate([a.ravel() for a in side]) for side in zip(*pairs, strict=True))
    if factor_free:
        found = found * (found @ slow) / (found @ found)
    return np.abs(found - slow).max() / np.abs(slow).max()
