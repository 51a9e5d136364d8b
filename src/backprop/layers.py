"""Layers with a forward pass and a backward pass, for batches of samples.

Each layer is called on ``x`` of shape (batch, in) and remembers what its backward pass needs.
``bp_input(grad)`` then turns the gradient of the loss with respect to the layer's output,
shape (batch, out), into the gradient with respect to its input; ``bp_param(grad)`` into the
one with respect to ``layer.W``. All of it belongs to the most recent call. NumPy arrays give
NumPy arrays, PyTorch tensors give tensors on their device, and dtypes are kept.

The derivations stand in chapters 4, 5 and 11.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from backprop.arrays import (
    Array,
    like,
    masked,
    namespace,
    positive_part,
    require_batch,
    require_floating,
    require_like,
    require_same_kind,
    shape,
    sigmoid,
    without_graph,
)


class Layer:
    """What all layers share: they refuse a backward pass that does not fit the forward pass.

    Source: chapter 11, ``def-layers-function`` and ``eq-layers-contract``.
    """

    #: The parameters, None for a layer that has none.
    W: Array | None = None

    def __init__(self) -> None:
        """Start without a forward pass."""
        #: Of the last forward pass: the output's shape, and the arrays that going back needs.
        self._forward: tuple[Any, ...] | None = None

    def __repr__(self) -> str:
        """The name, for layers without settings."""
        return f"{type(self).__name__}()"

    def __call__(self, x: Array) -> Array:
        """The layer's output for the batch ``x`` of shape (batch, in)."""
        raise NotImplementedError

    def bp_input(self, grad: Array) -> Array:
        """The gradient with respect to the input of the last call.

        Args:
            grad: the gradient of the loss with respect to the layer's output, in its shape.

        Returns:
            An array of the shape of the input, (batch, in).

        Raises:
            RuntimeError: before a forward pass.
            TypeError: if ``grad`` is not of the kind of the input.
            ValueError: if ``grad`` does not have the shape of the output.

        Source: chapter 11, ``eq-layers-contract``.
        """
        raise NotImplementedError

    def bp_param(self, grad: Array) -> Array | None:
        """The gradient with respect to ``W``: None here, for a layer without parameters.

        Args, errors: as for `bp_input`.

        Source: chapter 11, ``eq-layers-contract``.
        """
        self._recall(grad, "bp_param")
        return None

    def descend(self, grad: Array, learning_rate: float) -> None:
        """Subtract ``learning_rate * grad`` from ``W``, if the layer has parameters.

        Args:
            grad: what `bp_param` returned; it may be used up.
            learning_rate: a positive number.

        Source: chapter 5, ``eq-reversed-descent``.
        """
        if self.W is not None:
            with without_graph(grad):
                self.W = self.W - learning_rate * grad

    def _recall(self, grad: Array, method: str) -> tuple[Any, ...]:
        """What the forward pass kept, after a look at ``grad``."""
        if self._forward is None:
            raise RuntimeError(
                f"{type(self).__name__}.{method} needs a forward pass to go back through; "
                "expected a call of the layer since it was made and since W was last assigned"
            )
        expected, kept = self._forward[:2]
        require_like(grad, expected, kept, ("grad", "the layer's output", "what it keeps"))
        return self._forward[1:]


class Linear(Layer):
    """The affine map ``x @ W[:-1] + W[-1]``: the last row of ``W`` is the bias.

    This is the product of ``x`` with a column of ones beside it and ``W``, without that column
    ever being built. The weights are drawn by Xavier's uniform rule, within
    ±sqrt(6 / (in_size + out_size)) (Glorot and Bengio, 2010), with a bias of zero, which is not
    counted among the inputs. Weights that were drawn take the library, dtype and device of the
    first batch; weights that were assigned stay as they are.

    Args:
        in_size: the number of features of a sample, at least 1.
        out_size: the number of outputs for a sample, at least 1.
        rng: a NumPy generator, or a seed for one; None draws differently every time.
        bias: without it ``W`` has no last row for the bias, and the map is linear.

    Raises:
        ValueError: unless both sizes are at least 1.

    Source: chapter 4, ``eq-batch-stacked`` and ``eq-batch-stacked-grad``; chapter 11,
    ``def-layers-column`` and ``eq-layers-uniform``.
    """

    def __init__(
        self,
        in_size: int,
        out_size: int,
        rng: np.random.Generator | int | None = None,
        *,
        bias: bool = True,
    ) -> None:
        """Draw the weights; the arguments are those of the class."""
        super().__init__()
        for name, size in (("in_size", in_size), ("out_size", out_size)):
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
                raise ValueError(f"{name} is {size!r}; expected a whole number, at least 1")
        self.in_size, self.out_size, self.bias = int(in_size), int(out_size), bool(bias)
        bound = math.sqrt(6 / (self.in_size + self.out_size))
        sizes = (self.in_size, self.out_size)
        drawn = np.random.default_rng(rng).uniform(-bound, bound, size=sizes)
        self.W = np.concatenate([drawn, np.zeros((1, self.out_size))]) if self.bias else drawn
        self._drawn = True

    def __repr__(self) -> str:
        """The sizes, and whether there is a bias."""
        return f"Linear({self.in_size}, {self.out_size}{'' if self.bias else ', bias=False'})"

    @property
    def W(self) -> Array:  # noqa: N802 - the field's name for it
        """The parameters, shape (in_size + 1, out_size), the last row being the bias.

        Without a bias the shape is (in_size, out_size). Assigning, also by ``layer.W -= step``,
        forgets the forward pass, because its gradients belong to the weights of that time.

        Raises:
            TypeError: on assigning anything but a floating-point array or tensor.
            ValueError: on assigning an array of another shape.
        """
        return self._W

    @W.setter
    def W(self, values: Array) -> None:  # noqa: N802
        require_floating(values, "W")
        expected = (self.in_size + self.bias, self.out_size)
        if shape(values) != expected:
            told = ", whose last row is the bias" if self.bias else ""
            raise ValueError(f"W has shape {shape(values)}; expected {expected}{told}")
        self._W, self._drawn, self._own, self._forward = values, False, False, None

    def __call__(self, x: Array) -> Array:
        """The affine map of each row of ``x``.

        Args:
            x: shape (batch, in_size); it is kept, not copied.

        Returns:
            An array of shape (batch, out_size).

        Raises:
            TypeError: unless ``x`` is floating-point, and of the kind of an assigned ``W``.
            ValueError: if ``x`` is empty or has another shape.

        Source: chapter 4, ``def-batch-affine``.
        """
        require_batch(x, self.in_size)
        if self._drawn:
            self.W = like(self.W, x)
        require_same_kind(x, self.W, ("x", "W"))
        W = self._W
        output = x @ W[: self.in_size]
        if self.bias:
            output += W[-1]
        self._forward = (shape(output), x, W)
        return output

    def bp_input(self, grad: Array) -> Array:
        """``grad @ W[:-1].T``, shape (batch, in_size); see `Layer.bp_input`.

        Source: chapter 4, ``eq-batch-grad-x``; chapter 11, ``eq-layers-column-input``.
        """
        _, W = self._recall(grad, "bp_input")
        return grad @ W[: self.in_size].T

    def bp_param(self, grad: Array) -> Array:
        """``x.T @ grad`` above the sum of the rows of ``grad``, in the shape of ``W``.

        Args, errors: as for `Layer.bp_input`.

        Source: chapter 4, ``eq-batch-grad-w`` and ``eq-batch-grad-b``; chapter 11,
        ``eq-layers-column-param``.
        """
        x, W = self._recall(grad, "bp_param")
        if not self.bias:
            return x.T @ grad
        xp = namespace(grad)
        # Both parts are computed where they belong: putting them together would copy them.
        with without_graph(grad):
            grad_W = xp.empty_like(W)
            xp.matmul(x.T, grad, out=grad_W[:-1])
            grad_W[-1] = grad.sum(axis=0)
        return grad_W

    def descend(self, grad: Array, learning_rate: float) -> None:
        """Subtract ``learning_rate * grad`` from ``W``; the forward pass is forgotten.

        An array that was assigned to ``W`` is not written to: the first step makes a new one,
        which the steps after it change in place.

        Args:
            grad: what `bp_param` returned; it is used up.
            learning_rate: a positive number.

        Source: chapter 5, ``eq-reversed-descent``.
        """
        with without_graph(grad):
            grad *= learning_rate
            if self._own:
                self._W -= grad
                self._forward = None
            else:
                self.W = self._W - grad
                self._own = True


class ReLU(Layer):
    """The rectified linear unit, ``max(0, x)``, entry by entry.

    Its derivative is 1 where ``x > 0`` and 0 elsewhere, at 0 too: the book's convention.

    Source: chapter 1, ``eq-relu-derivative``; chapter 4, ``eq-batch-grad-relu``.
    """

    def __call__(self, x: Array) -> Array:
        """``x`` where it is positive, 0 elsewhere (NaN stays NaN).

        Args, errors: as for `Linear.__call__`, for any number of features.
        """
        require_batch(x)
        output = positive_part(x)
        self._forward = (shape(output), output)
        return output

    def bp_input(self, grad: Array) -> Array:
        """``grad`` where the input was positive, 0 elsewhere; see `Layer.bp_input`.

        Source: chapter 11, ``eq-layers-relu``.
        """
        (output,) = self._recall(grad, "bp_input")
        # The output is positive where the input was.
        return masked(grad, output > 0)


class Sigmoid(Layer):
    """The logistic sigmoid, ``1 / (1 + exp(-x))``, entry by entry.

    Source: chapter 6, ``def-audit-sigmoid`` and ``eq-audit-sigmoid-slope``.
    """

    def __call__(self, x: Array) -> Array:
        """The sigmoid of each entry, strictly without overflow.

        Args, errors: as for `ReLU.__call__`.
        """
        require_batch(x)
        output = sigmoid(x)
        self._forward = (shape(output), output)
        return output

    def bp_input(self, grad: Array) -> Array:
        """``grad * s * (1 - s)`` with the output s; see `Layer.bp_input`.

        Source: chapter 11, ``eq-layers-sigmoid``.
        """
        (output,) = self._recall(grad, "bp_input")
        return grad * (output * (1 - output))


class Tanh(Layer):
    """The hyperbolic tangent, entry by entry.

    Source: chapter 5, ``eq-reversed-tanh``.
    """

    def __call__(self, x: Array) -> Array:
        """The hyperbolic tangent of each entry.

        Args, errors: as for `ReLU.__call__`.
        """
        require_batch(x)
        output = namespace(x).tanh(x)
        self._forward = (shape(output), output)
        return output

    def bp_input(self, grad: Array) -> Array:
        """``grad * (1 - t * t)`` with the output t; see `Layer.bp_input`.

        Source: chapter 11, ``eq-layers-tanh``.
        """
        (output,) = self._recall(grad, "bp_input")
        return grad * (1 - output * output)
