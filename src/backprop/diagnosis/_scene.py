"""What mistakes are made in: a forward pass, the right backward pass, and what is claimed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backprop.diagnosis._model import Stage, Through, Trace, Walk, walk


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

#: How evidence ends, after "with such and such".
GIVES = "a backward pass gives the claimed numbers"


def sites(trace: Trace, *kinds: str) -> Iterator[tuple[list[Stage], str]]:
    """Each stage of these kinds alone, and all of one kind together, with a name."""
    for kind in kinds:
        stages = [stage for stage in trace.stages if stage.kind == kind]
        for stage in stages:
            yield [stage], stage.name
        if len(stages) > 1:
            numbers = ", ".join(str(stage.number) for stage in stages)
            yield stages, f"layers {numbers} (all of kind {kind})"


def passing(scene: Scene, stages: Sequence[Stage], through: Through) -> list[np.ndarray]:
    """The gradients, where the gradient passes ``stages`` in another way."""
    return walk(scene.trace, through={stage.number: through for stage in stages}).gradients


def with_param(scene: Scene, stages: Sequence[Stage], param: Through) -> list[np.ndarray]:
    """The gradients, where those of the parameters of ``stages`` are computed in another way."""
    return walk(scene.trace, param={stage.number: param for stage in stages}).gradients


def of_same_shape(arrays: Mapping[str, np.ndarray], wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Those of the shape of ``wanted`` that are not ``wanted`` itself."""
    return {
        name: array
        for name, array in arrays.items()
        if array.shape == wanted.shape and not np.array_equal(array, wanted)
    }


def forward_arrays(scene: Scene) -> dict[str, np.ndarray]:
    """What the forward pass went through, by name."""
    stages = scene.trace.stages
    return {"the batch x": stages[0].x} | {f"the output of {s.name}": s.out for s in stages}


def backward_arrays(scene: Scene) -> dict[str, np.ndarray]:
    """What arrived at each layer on the way back, by name."""
    return {
        at_output(stage): grad
        for stage, grad in zip(scene.trace.stages, scene.right.arriving, strict=True)
    }


def at_output(stage: Stage) -> str:
    """What evidence calls the gradient that arrives at a stage."""
    return f"the gradient at the output of {stage.name}"
