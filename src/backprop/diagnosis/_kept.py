"""Mistakes with what was kept from another call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from backprop.diagnosis import _names as names
from backprop.diagnosis._model import Stage, Through, right_param, right_through, walk
from backprop.diagnosis._scene import Candidate, Scene, sites

_OLD = "of the batch before this one, a backward pass gives the claimed numbers"


def stale(scene: Scene) -> Iterator[Candidate]:
    """Something belongs to the batch before this one."""
    trace, before = scene.trace, scene.before
    if before is None or before.outputs.shape != trace.outputs.shape:
        return
    for kept, gradients in (
        ("everything", walk(before).gradients),
        ("outputs and targets", walk(trace, top=before.top).gradients),
        ("what all layers keep", walk(before, top=trace.top).gradients),
    ):
        yield Candidate(names.STALE, f"with {kept} {_OLD}", gradients)
    for stages, where in sites(trace, "linear", "relu", "sigmoid", "tanh"):
        # The parameters are those of now: only what went through is old.
        old = {s.number: replace(before.stages[s.number], W=s.W) for s in stages}
        through = dict.fromkeys(old, _in_place_of(old, right_through))
        param = dict.fromkeys(old, _in_place_of(old, right_param))
        yield Candidate(
            names.STALE,
            f"with what {where} keeps {_OLD}",
            walk(trace, through=through, param=param).gradients,
        )


def _in_place_of(old: dict[int, Stage], rule: Through) -> Through:
    def with_old(stage: Stage, grad: np.ndarray) -> np.ndarray:
        return rule(old[stage.number], grad)

    return with_old


def accumulated(scene: Scene) -> Iterator[Candidate]:
    """The gradient of the batch before this one was not put back to 0."""
    if scene.before is None:
        return
    pairs = zip(scene.right.gradients, walk(scene.before).gradients, strict=True)
    yield Candidate(
        names.ACCUMULATED,
        "it is the gradient of the batch before this one plus that of this one",
        [now + old for now, old in pairs],
    )
