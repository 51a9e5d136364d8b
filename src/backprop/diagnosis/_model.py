"""A network as its forward pass shows it, and the right backward pass through it.

Layers are recognized by what they compute, not by their class: a layer whose output is
``max(0, x)`` is a ReLU, whatever its backward pass does. So a reader's own layers are known too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backprop import arrays
from backprop.diagnosis._losses import Loss, as_targets, gradient_of, recognize_loss

Gradient = np.ndarray


@dataclass(frozen=True)
class Stage:
    """One layer in one forward pass, all arrays in float64.

    Attributes:
        number: its place in the network, from 0.
        kind: ``linear``, ``relu``, ``sigmoid``, ``tanh``, ``identity`` or ``unknown``.
        x: what went in, shape (batch, in).
        out: what came out, shape (batch, out).
        W: the parameters, or None.
        in_size: how many rows of W are weights; one more is the bias, if there is one.
    """

    number: int
    kind: str
    x: np.ndarray
    out: np.ndarray
    W: np.ndarray | None = None

    @property
    def in_size(self) -> int:
        """The number of features that come in."""
        return int(self.x.shape[1])

    @property
    def weights(self) -> np.ndarray:
        """W without the bias."""
        assert self.W is not None
        return self.W[: self.in_size]

    @property
    def has_bias(self) -> bool:
        """Whether W has a last row for the bias."""
        return self.W is not None and len(self.W) > self.in_size

    @property
    def name(self) -> str:
        """What evidence calls it."""
        kinds = {"relu": "ReLU", "sigmoid": "sigmoid", "tanh": "tanh"}
        return f"layer {self.number} ({kinds.get(self.kind, self.kind)})"


@dataclass(frozen=True)
class Trace:
    """A forward pass, and the gradient of the loss with respect to the outputs."""

    stages: tuple[Stage, ...]
    targets: np.ndarray
    loss: Loss
    top: np.ndarray

    @property
    def outputs(self) -> np.ndarray:
        """What the last layer said."""
        return self.stages[-1].out

    @property
    def trainable(self) -> list[int]:
        """The numbers of the stages with parameters."""
        return [stage.number for stage in self.stages if stage.W is not None]


def record(layers: Sequence[Any], value: float, x: Any, y: Any) -> Trace | None:
    """Run ``x`` through ``layers`` and recognize all of it; None where something is unknown.

    Args:
        layers: called one after the other; each may have parameters ``W``.
        value: the loss of the network for ``x`` and ``y``, by which the loss is recognized.
        x: a batch, shape (batch, in).
        y: the targets.
    """
    stages = []
    for number, layer in enumerate(layers):
        before = as_float(x)
        x = layer(x)
        W = getattr(layer, "W", None)
        stages.append(_recognized(number, before, as_float(x), None if W is None else as_float(W)))
    targets = as_targets(as_float(y), stages[-1].out)
    found = recognize_loss(stages[-1].out, targets, value)
    if found is None or any(stage.kind == "unknown" for stage in stages):
        return None
    return Trace(tuple(stages), targets, found, gradient_of(found, stages[-1].out, targets))


def as_float(x: Any) -> np.ndarray:
    """A float64 copy, which nothing changes in place."""
    return np.array(arrays.to_numpy(x), dtype=np.float64)


def _recognized(number: int, x: np.ndarray, out: np.ndarray, W: np.ndarray | None) -> Stage:
    kind = "unknown"
    if x.ndim == out.ndim == 2:
        if W is not None:
            kind = "linear" if _is_affine(x, out, W) else "unknown"
        elif x.shape == out.shape:
            with np.errstate(over="ignore"):
                for name, function in ACTIVATIONS.items():
                    if np.allclose(out, function(x), rtol=1e-5, atol=1e-7):
                        kind = name
                        break
    return Stage(number, kind, x, out, W)


def _is_affine(x: np.ndarray, out: np.ndarray, W: np.ndarray) -> bool:
    if W.ndim != 2 or W.shape[0] - x.shape[1] not in (0, 1) or W.shape[1] != out.shape[1]:
        return False
    product = x @ W[: x.shape[1]]
    if W.shape[0] > x.shape[1]:
        product = product + W[-1]
    return np.allclose(out, product, rtol=1e-4, atol=1e-5)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": arrays.sigmoid,
    "tanh": np.tanh,
    "identity": lambda x: x,
}


# The backward pass, and the same with a mistake in it.

Through = Callable[[Stage, np.ndarray], np.ndarray]


def right_through(stage: Stage, grad: np.ndarray) -> np.ndarray:
    """The gradient with respect to the stage's input."""
    if stage.kind == "linear":
        return grad @ stage.weights.T
    return grad * slope(stage)


def slope(stage: Stage) -> np.ndarray:
    """The derivative of an activation, entry by entry."""
    return {
        "relu": lambda: (stage.x > 0) * 1.0,
        "sigmoid": lambda: stage.out * (1 - stage.out),
        "tanh": lambda: 1 - stage.out**2,
        "identity": lambda: np.ones_like(stage.x),
    }[stage.kind]()


def right_param(stage: Stage, grad: np.ndarray) -> np.ndarray:
    """The gradient with respect to W."""
    return param_from(stage, stage.x, grad)


def param_from(stage: Stage, x: np.ndarray, grad: np.ndarray) -> np.ndarray:
    """``x.T @ grad``, above the sum of the rows of ``grad`` if the stage has a bias."""
    product = x.T @ grad
    if not stage.has_bias:
        return product
    return np.concatenate([product, grad.sum(axis=0, keepdims=True)])


@dataclass(frozen=True)
class Walk:
    """A backward pass: the gradients of the parameters, and what arrived at each stage."""

    gradients: list[np.ndarray]
    arriving: list[np.ndarray]


def walk(
    trace: Trace,
    top: np.ndarray | None = None,
    through: Mapping[int, Through] | None = None,
    param: Mapping[int, Through] | None = None,
) -> Walk:
    """The backward pass through ``trace``, right but for what is given.

    Args:
        trace: the forward pass.
        top: the gradient with respect to the outputs, instead of the right one.
        through: for some stages, how the gradient passes, instead of `right_through`.
        param: for some stages, the gradient of W, instead of `right_param`.
    """
    grad = trace.top if top is None else top
    gradients, arriving = [], []
    first = trace.trainable[0]
    for stage in reversed(trace.stages):
        arriving.append(grad)
        if stage.W is not None:
            gradients.append((param or {}).get(stage.number, right_param)(stage, grad))
        if stage.number == first:
            break
        grad = (through or {}).get(stage.number, right_through)(stage, grad)
    arriving += [np.zeros(0)] * first  # nothing before it is asked for
    return Walk(gradients[::-1], arriving[::-1])
