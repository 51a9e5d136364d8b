"""Plausible mistakes in a backward pass, each repeated in an otherwise right one.

Each function of `MISTAKES` makes one kind of mistake, wherever it can be made: in each layer
alone, and in all layers of a kind at once, as a mistake in a class is. What it yields are the
gradients that come out, for comparison with the claimed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backprop._diagnosis_model import (
    ACTIVATIONS,
    Stage,
    Through,
    Trace,
    Walk,
    param_from,
    right_param,
    right_through,
    slope,
    softmax,
    walk,
)


@dataclass(frozen=True)
class Scene:
    """What the mistakes are made in.

    Attributes:
        trace: the forward pass.
        right: the right backward pass.
        before: the forward pass before this one, for what may be stale; None if not known.
        claims: the claimed gradients, from which a learning rate may be read.
    """

    trace: Trace
    right: Walk
    before: Trace | None
    claims: Sequence[np.ndarray]


@dataclass(frozen=True)
class Candidate:
    """A mistake and the gradients it leads to."""

    name: str
    evidence: str
    gradients: list[np.ndarray]


Mistake = Callable[[Scene], Iterator[Candidate]]


def _sites(trace: Trace, *kinds: str) -> Iterator[tuple[list[Stage], str]]:
    """Each stage of these kinds alone, and all of one kind together, with a name."""
    for kind in kinds:
        stages = [stage for stage in trace.stages if stage.kind == kind]
        for stage in stages:
            yield [stage], stage.name
        if len(stages) > 1:
            numbers = ", ".join(str(stage.number) for stage in stages)
            yield stages, f"layers {numbers} (all of kind {kind})"


def _edited(trace: Trace, stages: Sequence[Stage], through: Through) -> list[np.ndarray]:
    return walk(trace, through={stage.number: through for stage in stages}).gradients


def _same_shape(arrays: Mapping[str, np.ndarray], wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Those of the shape of ``wanted`` that are not ``wanted`` itself."""
    return {
        name: array
        for name, array in arrays.items()
        if array.shape == wanted.shape and not np.array_equal(array, wanted)
    }


def _forward_arrays(trace: Trace) -> dict[str, np.ndarray]:
    first = {"the batch x": trace.stages[0].x}
    return first | {f"the output of {stage.name}": stage.out for stage in trace.stages}


def _at_output(stage: Stage) -> str:
    return f"the gradient at the output of {stage.name}"


def _backward_arrays(scene: Scene) -> dict[str, np.ndarray]:
    return {
        _at_output(stage): grad
        for stage, grad in zip(scene.trace.stages, scene.right.arriving, strict=True)
    }


# Activations


def mask_missing(scene: Scene) -> Iterator[Candidate]:
    """The gradient passes an activation as if it were not there."""
    for stages, where in _sites(scene.trace, "relu", "sigmoid", "tanh"):
        relu = stages[0].kind == "relu"
        name = "mask missing" if relu else "activation derivative left out"
        what = "mask x > 0" if relu else "derivative"
        yield Candidate(
            name,
            f"without the {what} of {where} a backward pass gives the claimed numbers",
            _edited(scene.trace, stages, lambda stage, grad: grad),
        )


def mask_inverted(scene: Scene) -> Iterator[Candidate]:
    """The gradient passes where it should not, and only there."""
    for stages, where in _sites(scene.trace, "relu"):
        yield Candidate(
            "mask inverted",
            f"with the mask x <= 0 in {where} a backward pass gives the claimed numbers",
            _edited(scene.trace, stages, lambda stage, grad: grad * (stage.x <= 0)),
        )


def mask_of_another_array(scene: Scene) -> Iterator[Candidate]:
    """The mask asks another array than the layer's input where it is positive."""

    def of_grad(stage: Stage, grad: np.ndarray) -> np.ndarray:
        return grad * (grad > 0)

    def of_first(stage: Stage, grad: np.ndarray) -> np.ndarray:
        return grad * (stage.x[:1] > 0)

    def of_all(stage: Stage, grad: np.ndarray) -> np.ndarray:
        return np.where(stage.x.mean(axis=0) > 0, grad, 0)

    def by_absolute(stage: Stage, grad: np.ndarray) -> np.ndarray:
        return grad * (np.abs(stage.x) > 1)

    rules: dict[str, Through] = {
        "the gradient itself": of_grad,
        "the first sample alone": of_first,
        "the mean of the batch": of_all,
        "abs(x) > 1": by_absolute,
    }
    arrays = _forward_arrays(scene.trace) | _backward_arrays(scene)
    for stages, where in _sites(scene.trace, "relu"):
        found = dict(rules)
        if len(stages) == 1:
            for name, array in _same_shape(arrays, stages[0].x).items():
                found[name] = lambda stage, grad, a=array: grad * (a > 0)  # type: ignore[misc]
        for source, rule in found.items():
            yield Candidate(
                "mask from the wrong array",
                f"with the mask of {where} taken from {source} a backward pass gives the "
                "claimed numbers",
                _edited(scene.trace, stages, rule),
            )


def wrong_derivative(scene: Scene) -> Iterator[Candidate]:
    """Another function where the derivative of an activation should be."""
    for stages, where in _sites(scene.trace, "relu", "sigmoid", "tanh"):
        for source, factor in _derivatives(stages[0].kind).items():
            yield Candidate(
                "wrong activation derivative",
                f"with {source} for the derivative in {where} a backward pass gives the "
                "claimed numbers",
                _edited(scene.trace, stages, lambda stage, grad, f=factor: grad * f(stage)),  # type: ignore[misc]
            )


def _derivatives(kind: str) -> dict[str, Callable[[Stage], np.ndarray]]:
    sigmoid = ACTIVATIONS["sigmoid"]
    common: dict[str, Callable[[Stage], np.ndarray]] = {"its value": lambda stage: stage.out}
    if kind != "relu":
        common["its derivative squared"] = lambda stage: slope(stage) ** 2
    if kind == "sigmoid":
        return common | {
            "x (1 - x) of its input": lambda stage: stage.x * (1 - stage.x),
            "the derivative at its output": lambda stage: (
                sigmoid(stage.out) * (1 - sigmoid(stage.out))
            ),
            "that of tanh, 1 - s²,": lambda stage: 1 - stage.out**2,
            "1 - s": lambda stage: 1 - stage.out,
            "s (1 + s)": lambda stage: stage.out * (1 + stage.out),
        }
    if kind == "tanh":
        return common | {
            "1 - x² of its input": lambda stage: 1 - stage.x**2,
            "the derivative at its output": lambda stage: 1 - np.tanh(stage.out) ** 2,
            "that of the sigmoid, t (1 - t),": lambda stage: stage.out * (1 - stage.out),
            "1 - t": lambda stage: 1 - stage.out,
            "1 + t²": lambda stage: 1 + stage.out**2,
        }
    return common


# Linear layers


def transposed_weights(scene: Scene) -> Iterator[Candidate]:
    """``W`` for ``W.T``, and a transposed gradient, where the shapes allow it."""
    for stages, where in _sites(scene.trace, "linear"):
        if any(stage.weights.shape[0] != stage.weights.shape[1] for stage in stages):
            continue
        yield Candidate(
            "transposed",
            f"with W for W.T in {where} a backward pass gives the claimed numbers",
            _edited(scene.trace, stages, lambda stage, grad: grad @ stage.weights),
        )

        def turned(stage: Stage, grad: np.ndarray) -> np.ndarray:
            result = right_param(stage, grad)
            result[: stage.in_size] = (grad.T @ stage.x).copy()
            return result

        yield Candidate(
            "transposed",
            f"with grad.T @ x for x.T @ grad in {where} a backward pass gives the claimed numbers",
            walk(scene.trace, param={stage.number: turned for stage in stages}).gradients,
        )


def another_factor(scene: Scene) -> Iterator[Candidate]:
    """One of the two factors of a product is that of another layer."""
    trace, forward, backward = scene.trace, _forward_arrays(scene.trace), _backward_arrays(scene)
    linear = [stage for stage in trace.stages if stage.kind == "linear"]
    for stage in linear:
        weights = {f"W.T of {other.name}": other.weights for other in linear if other is not stage}
        turned = {f"W of {other.name}": other.weights.T for other in linear if other is not stage}
        for name, W in _same_shape(weights | turned, stage.weights).items():
            yield Candidate(
                "factor of another layer",
                f"with {name} for W.T in {stage.name} a backward pass gives the claimed numbers",
                _edited(trace, [stage], lambda _, grad, W=W: grad @ W.T),  # type: ignore[misc]
            )
        for name, x in _same_shape(forward, stage.x).items():
            yield Candidate(
                "factor of another layer",
                f"with {name} for the input of {stage.name} its gradient is the claimed one",
                walk(
                    trace,
                    param={stage.number: lambda stage, grad, x=x: param_from(stage, x, grad)},  # type: ignore[misc]
                ).gradients,
            )
        others = dict(backward)
        if stage is linear[0] and stage.number + 1 < len(trace.stages):
            # That is the next activation left out, and has a name of its own.
            del others[_at_output(trace.stages[stage.number + 1])]
        for name, other in _same_shape(others, scene.right.arriving[stage.number]).items():
            yield Candidate(
                "factor of another layer",
                f"with {name} for that at the output of {stage.name} its gradient is the claimed "
                "one",
                walk(
                    trace,
                    param={stage.number: lambda stage, _, g=other: right_param(stage, g)},  # type: ignore[misc]
                ).gradients,
            )


def gradient_for_weights(scene: Scene) -> Iterator[Candidate]:
    """``grad_W.T`` where ``W.T`` belongs: the shapes are the same."""
    for stages, where in _sites(scene.trace, "linear"):
        yield Candidate(
            "gradient in place of weights",
            f"with grad_W.T for W.T in {where} a backward pass gives the claimed numbers",
            _edited(
                scene.trace,
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
    if scene.claims[-2].shape != probe.shape or not probe.any():
        return
    rate = float(np.sum((scene.claims[-2] - right[-2]) * probe) / np.sum(probe * probe))
    if not rate > 0:
        return
    rule = _after_step(rate)
    for numbers in (trace.trainable, [last]):
        yield Candidate(
            "update before all gradients",
            f"with weights that took a step with learning rate {rate:.3g} before the gradient "
            "went on through them a backward pass gives the claimed numbers",
            walk(trace, through=dict.fromkeys(numbers, rule)).gradients,
        )


def _after_step(rate: float) -> Through:
    def through(stage: Stage, grad: np.ndarray) -> np.ndarray:
        step = rate * right_param(stage, grad)[: stage.in_size]
        return grad @ (stage.weights - step).T

    return through


def mean_for_sum(scene: Scene) -> Iterator[Candidate]:
    """The mean over the batch where the sum belongs, or the other way round, in one layer."""
    count = len(scene.trace.outputs)
    for stages, where in _sites(scene.trace, "linear") if count > 1 else ():
        for factor, told in ((1 / count, "mean"), (count, f"sum times {count}")):
            yield Candidate(
                "mean for sum",
                f"with the {told} over the {count} samples for the sum in {where} it gives the "
                "claimed numbers",
                walk(
                    scene.trace,
                    param={
                        stage.number: lambda stage, grad, c=factor: c * right_param(stage, grad)  # type: ignore[misc]
                        for stage in stages
                    },
                ).gradients,
            )


def bias(scene: Scene) -> Iterator[Candidate]:
    """The sum over the batch, for the bias alone, done in another way."""
    rules: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
        "the mean over the samples": ("mean for sum", lambda grad: grad.mean(axis=0)),
        "one sum over all entries": ("summed where per entry", lambda grad: grad.sum()),
        "the first sample's": ("broadcast axis not summed", lambda grad: grad[0]),
        "the last sample's": ("broadcast axis not summed", lambda grad: grad[-1]),
        "0": ("bias gradient", lambda grad: np.zeros(grad.shape[1])),
        "1": ("bias gradient", lambda grad: np.ones(grad.shape[1])),
    }
    for stages, where in _sites(scene.trace, "linear"):
        if not all(stage.has_bias for stage in stages):
            continue
        for told, (name, rule) in rules.items():

            def param(stage: Stage, grad: np.ndarray, rule: Callable = rule) -> np.ndarray:
                result = right_param(stage, grad)
                result[-1] = rule(grad)
                return result

            yield Candidate(
                name,
                f"with {told} for the gradient of the bias in {where}, and all else right, it "
                "gives the claimed numbers",
                walk(scene.trace, param={stage.number: param for stage in stages}).gradients,
            )


def detached(scene: Scene) -> Iterator[Candidate]:
    """Nothing arrives from one layer on."""
    for number in scene.trace.trainable[1:]:
        yield Candidate(
            "zero everywhere",
            f"nothing passes layer {number} on the way back: the branch is detached",
            walk(scene.trace, through={number: lambda stage, grad: 0 * stage.x}).gradients,
        )


# What was kept from another time


def stale(scene: Scene) -> Iterator[Candidate]:
    """Something belongs to the batch before this one."""
    trace, before = scene.trace, scene.before
    if before is None or before.outputs.shape != trace.outputs.shape:
        return
    name, told = "stale cache", "of the batch before this one, a backward pass gives the claimed"
    yield Candidate(name, f"with everything {told} numbers", walk(before).gradients)
    yield Candidate(
        name, f"with outputs and targets {told} numbers", walk(trace, top=before.top).gradients
    )
    yield Candidate(
        name,
        f"with what all layers keep {told} numbers",
        walk(before, top=trace.top).gradients,
    )
    yield Candidate(
        "accumulated across calls",
        "it is the gradient of the batch before this one plus that of this one",
        [a + b for a, b in zip(scene.right.gradients, walk(before).gradients, strict=True)],
    )
    for stages, where in _sites(trace, "linear", "relu", "sigmoid", "tanh"):
        old = {stage.number: before.stages[stage.number] for stage in stages}
        # The parameters are those of now: only what went through is old.
        old = {n: replace(stage, W=trace.stages[n].W) for n, stage in old.items()}

        def through(stage: Stage, grad: np.ndarray, old: dict[int, Stage] = old) -> np.ndarray:
            return right_through(old[stage.number], grad)

        def param(stage: Stage, grad: np.ndarray, old: dict[int, Stage] = old) -> np.ndarray:
            return right_param(old[stage.number], grad)

        edit = dict.fromkeys(old, through), dict.fromkeys(old, param)
        yield Candidate(
            name, f"with what {where} keeps {told} numbers", walk(trace, None, *edit).gradients
        )


# The loss


def wrong_top(scene: Scene) -> Iterator[Candidate]:
    """The gradient of the loss with respect to the outputs, taken for another."""
    trace, o, y = scene.trace, scene.trace.outputs, scene.trace.targets
    for name, told, top in _tops(trace.loss.rpartition(", ")[0], o, y):
        with np.errstate(all="ignore"):
            gradients = walk(trace, top=_scaled(trace, top)).gradients
        if all(np.isfinite(gradient).all() for gradient in gradients):
            yield Candidate(
                name,
                f"with {told} for the gradient of the loss a backward pass gives the claimed "
                "numbers",
                gradients,
            )


def _scaled(trace: Trace, top: np.ndarray) -> np.ndarray:
    """With the reduction of the loss, which is the one factor that a wrong top keeps."""
    reduction = trace.loss.rpartition(", ")[2]
    return top / {"sum": 1, "mean over the entries": top.size}.get(reduction, len(top))


def _tops(loss: str, o: np.ndarray, y: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    confused, wrong = "logits against probabilities", "wrong loss gradient"
    with np.errstate(all="ignore"):
        if loss == "softmax cross-entropy":
            p = softmax(o)
            e = p - y
            yield confused, "-y / p, which is with respect to the probabilities,", -y / p
            yield (
                confused,
                "softmax's derivative applied twice",
                p * (e - (e * p).sum(axis=1, keepdims=True)),
            )
            yield confused, "outputs - y, the logits taken for probabilities,", o - y
            yield wrong, "p alone, the targets left out,", p
            yield wrong, "-y alone, the normalization left out,", -y
            yield wrong, "p (1 - p) (p - y), softmax taken for sigmoids,", p * (1 - p) * e
            yield wrong, "2 (p - y), as of squares of the probabilities,", 2 * e * p * (1 - p)
        elif loss == "binary cross-entropy":
            p = ACTIVATIONS["sigmoid"](o)
            yield (
                confused,
                "(p - y) / (p (1 - p)), which is with respect to the probabilities,",
                (p - y) / (p * (1 - p)),
            )
            yield confused, "the sigmoid's derivative applied twice", (p - y) * p * (1 - p)
            yield confused, "outputs - y, the logits taken for probabilities,", o - y
            yield wrong, "p alone, the targets left out,", p
        elif loss.endswith("of probabilities"):
            yield confused, "p - y, which is with respect to the logits,", o - y
            yield wrong, "-y / p alone", -y / o
        elif loss.endswith("squares"):
            unit = 1.0 if loss.startswith("half") else 2.0
            yield wrong, "the outputs, the targets left out,", unit * o
            yield wrong, "ones", np.ones_like(o)
            yield wrong, "the sign of the error", np.sign(o - y)
            if o.shape[1] == 1:
                spread = o - y.T
                told = "labels of shape (N,) against outputs of shape (N, 1), which broadcast,"
                yield "broadcast axis not summed", told, unit * spread.mean(axis=1, keepdims=True)


#: The mistakes in the order in which they are tried, most specific first.
MISTAKES: tuple[Mistake, ...] = (
    detached,
    mask_missing,
    mask_inverted,
    stale,
    gradient_for_weights,
    updated_first,
    transposed_weights,
    wrong_top,
    bias,
    mean_for_sum,
    wrong_derivative,
    another_factor,
    mask_of_another_array,
)
