"""Mistakes at an activation: its derivative left out, inverted, or taken from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from backprop.diagnosis import _names as names
from backprop.diagnosis._model import ACTIVATIONS, Stage, Through, slope
from backprop.diagnosis._scene import (
    GIVES,
    Candidate,
    Scene,
    backward_arrays,
    forward_arrays,
    of_same_shape,
    passing,
    sites,
)

Factor = Callable[[Stage], np.ndarray]


def derivative_left_out(scene: Scene) -> Iterator[Candidate]:
    """The gradient passes an activation as if it were not there."""
    for stages, where in sites(scene.trace, "relu", "sigmoid", "tanh"):
        relu = stages[0].kind == "relu"
        name, what = (
            (names.MASK_MISSING, "mask x > 0") if relu else (names.NO_DERIVATIVE, "derivative")
        )
        yield Candidate(
            name,
            f"without the {what} of {where} {GIVES}",
            passing(scene, stages, lambda stage, grad: grad),
        )


def mask_inverted(scene: Scene) -> Iterator[Candidate]:
    """The gradient passes where it should not, and only there."""
    for stages, where in sites(scene.trace, "relu"):
        yield Candidate(
            names.MASK_INVERTED,
            f"with the mask x <= 0 in {where} {GIVES}",
            passing(scene, stages, lambda stage, grad: grad * (stage.x <= 0)),
        )


def mask_of_another_array(scene: Scene) -> Iterator[Candidate]:
    """The mask asks another array than the layer's input where it is positive."""
    arrays = forward_arrays(scene) | backward_arrays(scene)
    for stages, where in sites(scene.trace, "relu"):
        found = dict(MASKS)
        if len(stages) == 1:
            for name, array in of_same_shape(arrays, stages[0].x).items():
                found[name] = _masked_by(array)
        for source, rule in found.items():
            yield Candidate(
                names.MASK_OF_ANOTHER,
                f"with the mask of {where} taken from {source} {GIVES}",
                passing(scene, stages, rule),
            )


def _masked_by(array: np.ndarray) -> Through:
    return lambda stage, grad: grad * (array > 0)


#: Where a mask may come from in any layer.
MASKS: dict[str, Through] = {
    "the gradient itself": lambda stage, grad: grad * (grad > 0),
    "the first sample alone": lambda stage, grad: grad * (stage.x[:1] > 0),
    "the mean of the batch": lambda stage, grad: grad * (stage.x.mean(axis=0) > 0),
    "abs(x) > 1": lambda stage, grad: grad * (np.abs(stage.x) > 1),
}


def wrong_derivative(scene: Scene) -> Iterator[Candidate]:
    """Another function where the derivative of an activation should be."""
    for stages, where in sites(scene.trace, "relu", "sigmoid", "tanh"):
        for source, factor in DERIVATIVES[stages[0].kind].items():
            yield Candidate(
                names.WRONG_DERIVATIVE,
                f"with {source} for the derivative in {where} {GIVES}",
                passing(scene, stages, _times(factor)),
            )


def _times(factor: Factor) -> Through:
    return lambda stage, grad: grad * factor(stage)


def _sigmoid_at_output(stage: Stage) -> np.ndarray:
    s = ACTIVATIONS["sigmoid"](stage.out)
    return s * (1 - s)


#: What may stand for the derivative of each activation.
DERIVATIVES: dict[str, dict[str, Factor]] = {
    "relu": {"its value": lambda stage: stage.out},
    "sigmoid": {
        "its value": lambda stage: stage.out,
        "its derivative squared": lambda stage: slope(stage) ** 2,
        "x (1 - x) of its input": lambda stage: stage.x * (1 - stage.x),
        "the derivative at its output": _sigmoid_at_output,
        "that of tanh, 1 - s²,": lambda stage: 1 - stage.out**2,
        "1 - s": lambda stage: 1 - stage.out,
        "s (1 + s)": lambda stage: stage.out * (1 + stage.out),
    },
    "tanh": {
        "its value": lambda stage: stage.out,
        "its derivative squared": lambda stage: slope(stage) ** 2,
        "1 - x² of its input": lambda stage: 1 - stage.x**2,
        "the derivative at its output": lambda stage: 1 - np.tanh(stage.out) ** 2,
        "that of the sigmoid, t (1 - t),": lambda stage: stage.out * (1 - stage.out),
        "1 - t": lambda stage: 1 - stage.out,
        "1 + t²": lambda stage: 1 + stage.out**2,
    },
}
