"""Mistakes at a linear layer: in its two products, x.T @ grad and grad @ W.T, and its bias."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from backprop.diagnosis import _names as names
from backprop.diagnosis._model import Stage, Through, param_from, right_param, walk
from backprop.diagnosis._scene import (
    GIVES,
    Candidate,
    Scene,
    at_output,
    backward_arrays,
    forward_arrays,
    of_same_shape,
    passing,
    sites,
    with_param,
)


def detached(scene: Scene) -> Iterator[Candidate]:
    """Nothing arrives from one layer on."""
    for number in scene.trace.trainable[1:]:
        yield Candidate(
            names.ZERO,
            f"nothing passes layer {number} on the way back: the branch is detached",
            passing(scene, [scene.trace.stages[number]], lambda stage, grad: 0 * stage.x),
        )


def transposed(scene: Scene) -> Iterator[Candidate]:
    """``W`` for ``W.T``, and a transposed gradient, where the shapes allow it."""
    for stages, where in sites(scene.trace, "linear"):
        if any(stage.weights.shape[0] != stage.weights.shape[1] for stage in stages):
            continue
        yield Candidate(
            names.TRANSPOSED,
            f"with W for W.T in {where} {GIVES}",
            passing(scene, stages, lambda stage, grad: grad @ stage.weights),
        )
        yield Candidate(
            names.TRANSPOSED,
            f"with grad.T @ x for x.T @ grad in {where} {GIVES}",
            with_param(scene, stages, _turned),
        )


def _turned(stage: Stage, grad: np.ndarray) -> np.ndarray:
    result = right_param(stage, grad)
    result[: stage.in_size] = grad.T @ stage.x
    return result


def weights_of_another(scene: Scene) -> Iterator[Candidate]:
    """The gradient passes through the weights of another layer."""
    linear = [stage for stage in scene.trace.stages if stage.kind == "linear"]
    for stage in linear:
        others = {f"W.T of {s.name}": s.weights for s in linear if s is not stage}
        others |= {f"W of {s.name}": s.weights.T for s in linear if s is not stage}
        for name, W in of_same_shape(others, stage.weights).items():
            yield Candidate(
                names.OTHER_FACTOR,
                f"with {name} for W.T in {stage.name} {GIVES}",
                passing(scene, [stage], _through(W)),
            )


def _through(W: np.ndarray) -> Through:
    return lambda stage, grad: grad @ W.T


def factor_of_another(scene: Scene) -> Iterator[Candidate]:
    """One of the two factors of x.T @ grad belongs to another layer."""
    trace, forward, backward = scene.trace, forward_arrays(scene), backward_arrays(scene)
    for stage in (stage for stage in trace.stages if stage.kind == "linear"):
        for name, x in of_same_shape(forward, stage.x).items():
            yield Candidate(
                names.OTHER_FACTOR,
                f"with {name} for the input of {stage.name} its gradient is the claimed one",
                with_param(scene, [stage], _from_input(x)),
            )
        others = dict(backward)
        if stage.number == trace.trainable[0] and stage.number + 1 < len(trace.stages):
            # That is the next activation left out, and has a name of its own.
            del others[at_output(trace.stages[stage.number + 1])]
        for name, grad in of_same_shape(others, scene.right.arriving[stage.number]).items():
            yield Candidate(
                names.OTHER_FACTOR,
                f"with {name} for that at the output of {stage.name} its gradient is the claimed "
                "one",
                with_param(scene, [stage], _from_grad(grad)),
            )


def _from_input(x: np.ndarray) -> Through:
    return lambda stage, grad: param_from(stage, x, grad)


def _from_grad(other: np.ndarray) -> Through:
    return lambda stage, grad: right_param(stage, other)


def gradient_for_weights(scene: Scene) -> Iterator[Candidate]:
    """``grad_W.T`` where ``W.T`` belongs: the shapes are the same."""
    for stages, where in sites(scene.trace, "linear"):
        yield Candidate(
            names.GRADIENT_FOR_W,
            f"with grad_W.T for W.T in {where} {GIVES}",
            passing(
                scene,
                stages,
                lambda stage, grad: grad @ right_param(stage, grad)[: stage.in_size].T,
            ),
        )


def updated_first(scene: Scene) -> Iterator[Candidate]:
    """Each layer takes its step before the gradient goes on through it."""
    trace, right = scene.trace, scene.right.gradients
    if len(right) < 2:
        return
    last = trace.trainable[-1]
    # The gradient just before the last linear layer is linear in the learning rate.
    probe = walk(trace, through={last: _after_step(1.0)}).gradients[-2] - right[-2]
    if not probe.any():
        return
    rate = float(np.sum((scene.claims[-2] - right[-2]) * probe) / np.sum(probe * probe))
    if not rate > 0:
        return
    for numbers in (trace.trainable, [last]):
        yield Candidate(
            names.UPDATED_FIRST,
            f"with weights that took a step with learning rate {rate:.3g} before the gradient "
            f"went on through them {GIVES}",
            passing(scene, [trace.stages[n] for n in numbers], _after_step(rate)),
        )


def _after_step(rate: float) -> Through:
    def through(stage: Stage, grad: np.ndarray) -> np.ndarray:
        step = rate * right_param(stage, grad)[: stage.in_size]
        return grad @ (stage.weights - step).T

    return through


def mean_for_sum(scene: Scene) -> Iterator[Candidate]:
    """The mean over the batch where the sum belongs, or the other way round, in one layer."""
    count = len(scene.trace.outputs)
    for stages, where in sites(scene.trace, "linear") if count > 1 else ():
        for factor, told in ((1 / count, "mean"), (count, f"sum times {count}")):
            yield Candidate(
                names.MEAN,
                f"with the {told} over the {count} samples for the sum in {where} it gives the "
                "claimed numbers",
                with_param(scene, stages, _scaled(factor)),
            )


def _scaled(factor: float) -> Through:
    return lambda stage, grad: factor * right_param(stage, grad)


BiasRule = Callable[[np.ndarray], np.ndarray]

#: Other ways to a gradient of the bias than the sum over the batch, and what they are called.
BIASES: dict[str, tuple[str, BiasRule]] = {
    "the mean over the samples": (names.MEAN, lambda grad: grad.mean(axis=0)),
    "one sum over all entries": (names.SUMMED, lambda grad: grad.sum()),
    "the first sample's": (names.NOT_SUMMED, lambda grad: grad[0]),
    "the last sample's": (names.NOT_SUMMED, lambda grad: grad[-1]),
    "0": (names.BIAS, lambda grad: np.zeros(grad.shape[1])),
    "1": (names.BIAS, lambda grad: np.ones(grad.shape[1])),
}


def bias(scene: Scene) -> Iterator[Candidate]:
    """The sum over the batch, for the bias alone, done in another way."""
    for stages, where in sites(scene.trace, "linear"):
        if not all(stage.has_bias for stage in stages):
            continue
        for told, (name, rule) in BIASES.items():
            yield Candidate(
                name,
                f"with {told} for the gradient of the bias in {where}, and all else right, it "
                "gives the claimed numbers",
                with_param(scene, stages, _with_bias(rule)),
            )


def _with_bias(rule: BiasRule) -> Through:
    def param(stage: Stage, grad: np.ndarray) -> np.ndarray:
        result = right_param(stage, grad)
        result[-1] = rule(grad)
        return result

    return param
