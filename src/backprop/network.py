"""A network: layers in a row and a loss at the end.

The walk back through the layers is derived in chapters 5 and 11.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from backprop.arrays import Array
from backprop.layers import Layer
from backprop.losses import Loss


class NeuralNet:
    """Layers applied one after the other, the loss of what comes out, and gradient descent.

    Args:
        layers: first to last, each of them an object of its own.
        loss: what judges the outputs of the last layer.

    Attributes:
        layers: the list of the layers.
        loss: the loss.
        outputs: what the last layer said in the last `evaluate`, shape (batch, out); None before.

    Raises:
        ValueError: without layers, or if one layer stands in two places: it remembers only one
            forward pass.

    Source: chapter 5, ``def-reversed-layer``; chapter 11, ``def-layers-stack`` and
    ``eq-layers-walk``.
    """

    def __init__(self, layers: Sequence[Layer], loss: Loss) -> None:
        """Put ``layers`` in front of ``loss``; the arguments are those of the class."""
        self.layers, self.loss = list(layers), loss
        if not self.layers:
            raise ValueError("layers is empty; expected at least one layer")
        if len({id(layer) for layer in self.layers}) < len(self.layers):
            raise ValueError(
                "a layer stands in two places, but remembers only one forward pass; expected a "
                "layer of its own for each place"
            )
        #: What the last layer said in the last `evaluate`, shape (batch, out); None before.
        self.outputs: Array | None = None
        self._evaluated = False
        #: Layers and loss, and what holds memory among them and in them; see `_remembered`.
        self._own: list[Any] = []
        self._parts: list[Any] = []

    def __repr__(self) -> str:
        """The layers and the loss."""
        return f"NeuralNet({self.layers!r}, {self.loss!r})"

    @property
    def parameters(self) -> list[Array]:
        """The ``W`` of each layer that has one, first to last."""
        return [layer.W for layer in self._trainable()]

    def __call__(self, x: Array) -> Array:
        """The outputs for the batch ``x``; what `evaluate` left for `backprop` stays as it is.

        Args, errors: as for the first layer. Returns the output of the last layer.
        """
        before = self._remembered()
        try:
            return self._outputs(x)
        finally:
            self._restore(before)

    def evaluate(self, x: Array, y: Array) -> Any:
        """The loss of the outputs for ``x`` against the targets ``y``: the forward pass.

        If anything is refused, the network is as it was before.

        Args:
            x: a batch for the first layer, (batch, in).
            y: the targets, in the shape of the last layer's output, (batch, out).

        Returns:
            A NumPy scalar or a 0-d tensor.

        Raises:
            TypeError, ValueError: as the layers and the loss do.

        Source: chapter 11, ``def-layers-stack``.
        """
        before = self._remembered()
        try:
            outputs = self._outputs(x)
            value = self.loss(outputs, y)
        except BaseException:
            self._restore(before)
            raise
        self.outputs, self._evaluated = outputs, True
        return value

    def backprop(self) -> list[Array]:
        """The gradients of the last loss with respect to the parameters, in their order.

        Raises:
            RuntimeError: unless `evaluate` was called since the network was made and since a
                parameter last changed.

        Source: chapter 5, ``eq-reversed-delta-recursion`` and ``eq-reversed-delta-gradients``;
        chapter 11, ``eq-layers-walk``.
        """
        if not self._evaluated:
            raise RuntimeError("NeuralNet.backprop needs a loss; expected evaluate(x, y) before it")
        gradients = []
        grad = self.loss.bp_input()
        first = next(iter(self._trainable()), None)
        for layer in reversed(self.layers):
            if layer.W is not None:
                gradients.append(layer.bp_param(grad))
            if layer is first:
                break  # nothing before this layer has parameters
            grad = layer.bp_input(grad)
        return gradients[::-1]

    def gradient_descent(self, learning_rate: float) -> None:
        """Subtract ``learning_rate`` times its gradient from each parameter.

        All gradients are computed before any parameter changes. Arrays that were assigned to
        the layers are not written to; from the second step on, a layer changes its own array.

        Raises:
            ValueError: unless the learning rate is a positive, finite number.
            RuntimeError: as for `backprop`.

        Source: chapter 5, ``eq-reversed-descent`` and ``eq-reversed-early``.
        """
        if not (math.isfinite(learning_rate) and learning_rate > 0):
            raise ValueError(
                f"learning_rate is {learning_rate!r}; expected a positive, finite number"
            )
        gradients = self.backprop()
        for layer, grad in zip(self._trainable(), gradients, strict=True):
            # float(): a NumPy float64 would turn float32 parameters into float64.
            layer.descend(grad, float(learning_rate))
        self._evaluated = False

    def _trainable(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.W is not None]

    def _outputs(self, x: Array) -> Array:
        for layer in self.layers:
            x = layer(x)
        return x

    def _remembered(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """What layers and loss remember, each beside a copy of it."""
        own = [*self.layers, self.loss]
        if own != self._own:  # looked through once, and again when a layer is exchanged
            self._own, self._parts = own, _with_inner(own)
        return [(vars(part), vars(part).copy()) for part in self._parts]

    def _restore(self, before: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        for state, copy in before:
            state.update(copy)


def _with_inner(parts: Sequence[Any]) -> list[Any]:
    """``parts``, and the layers in their attributes or in lists there, and so on."""
    found = list(parts)
    for part in found:  # which grows
        for value in vars(part).values():
            inside = value if isinstance(value, list) else [value]
            found += [inner for inner in inside if isinstance(inner, Layer)]
    return found
