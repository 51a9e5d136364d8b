"""Losses: one number for a batch of outputs and targets, and its gradient.

A loss is called on the outputs of a network and on the targets, two arrays of one shape, and
returns a scalar. ``bp_input()`` then returns the gradient of that very scalar with respect to
the outputs: where the scalar is a mean, the factor 1/N is in the gradient. The derivations
stand in chapters 4, 5, 6 and 12.
"""

from __future__ import annotations

import math
from typing import Any

from backprop.arrays import (
    INTEGRAL,
    Array,
    are_plain_labels,
    describe,
    dtype_name,
    is_tensor,
    namespace,
    require_batch,
    require_floating,
    require_not_empty,
    require_same_kind,
    require_same_shape,
    row_max,
    shape,
    sigmoid,
    softplus,
)


class Loss:
    """What all losses share: they look at the targets before they believe them.

    Source: chapter 4, ``def-batch-mse`` and ``eq-batch-grad-prediction``.
    """

    def __init__(self) -> None:
        """Start without a forward pass."""
        self._forward: tuple[Array, Array] | None = None

    def __repr__(self) -> str:
        """The name; a loss has no settings."""
        return f"{type(self).__name__}()"

    def __call__(self, outputs: Array, targets: Array) -> Any:
        """The loss of a batch.

        Args:
            outputs: what the network said, shape (batch, ...), floating-point; kept, not copied.
            targets: what it should have said, in the same shape. Integers and truth values are
                converted to the dtype of ``outputs``, and so are floats of another width.

        Returns:
            A NumPy scalar or a 0-d tensor, of the dtype of ``outputs``.

        Raises:
            TypeError: unless ``outputs`` is floating-point and ``targets`` is numeric and of
                the same library.
            ValueError: if the shapes differ, if the batch is empty, or if there is a NaN in
                ``targets`` or a target that this loss has no meaning for.
        """
        targets = self._accept(outputs, targets)
        value = self._value(outputs, targets)
        self._forward = (outputs, targets)
        return value

    def bp_input(self) -> Array:
        """The gradient of the last value with respect to the outputs, in their shape.

        Raises:
            RuntimeError: before a forward pass.
        """
        if self._forward is None:
            raise RuntimeError(
                f"{type(self).__name__}.bp_input needs a forward pass to go back through; "
                "expected a call of the loss before it"
            )
        return self._gradient(*self._forward)

    def _accept(self, outputs: Array, targets: Array) -> Array:
        """The targets as the loss uses them, after a look at both."""
        require_floating(outputs, "outputs")
        if shape(outputs) == ():
            raise ValueError(f"outputs is {describe(outputs)}; expected a batch: (batch, ...)")
        namespace(targets, "targets")  # refuses what is no array
        require_same_shape(outputs, targets, ("outputs", "targets"))
        require_not_empty(outputs, "outputs")
        targets = _as_targets(targets, outputs)
        self._require_meaning(targets)
        return targets

    def _require_meaning(self, targets: Array) -> None:
        """Refuse targets that this loss has no meaning for."""

    def _value(self, outputs: Array, targets: Array) -> Any:
        raise NotImplementedError

    def _gradient(self, outputs: Array, targets: Array) -> Array:
        raise NotImplementedError


class SumSquaredError(Loss):
    """The sum of the squared errors over all entries, ``((outputs - targets) ** 2).sum()``.

    Source: chapter 5, ``def-reversed-forward`` and ``eq-reversed-grad-y-pred``.
    """

    def _value(self, outputs: Array, targets: Array) -> Any:
        error = outputs - targets
        return (error * error).sum()

    def _gradient(self, outputs: Array, targets: Array) -> Array:
        return 2 * (outputs - targets)


class MeanSquaredError(Loss):
    """The mean of the squared errors over all entries, as in ``torch.nn.functional.mse_loss``.

    With K outputs a sample this is 1/K of the sum over the entries divided by the number of
    samples; for one output a sample the two agree.

    Source: chapter 4, ``def-batch-two-means`` and ``eq-batch-two-means``.
    """

    def _value(self, outputs: Array, targets: Array) -> Any:
        error = outputs - targets
        return (error * error).mean()

    def _gradient(self, outputs: Array, targets: Array) -> Array:
        return (2 / _entries(outputs)) * (outputs - targets)


class BinaryCrossEntropy(Loss):
    """The mean over all entries of ``-y log(p) - (1 - y) log(1 - p)``, p the sigmoid of a logit.

    The outputs are the logits, from minus to plus infinity, and the targets probabilities, most
    often 0 or 1: as in ``torch.nn.functional.binary_cross_entropy_with_logits``. Neither value
    nor gradient overflows or is cut off, however large the logits are.

    Source: chapter 6, ``def-audit-loss``, ``eq-audit-stable`` and ``eq-audit-logit-slopes``.
    """

    def _require_meaning(self, targets: Array) -> None:
        outside = (targets < 0) | (targets > 1)
        if outside.any():
            raise ValueError(
                f"targets has the entry {float(targets[outside][0]):g}; expected probabilities "
                "between 0 and 1"
            )

    def _value(self, outputs: Array, targets: Array) -> Any:
        # -log(p) is softplus(-z) and -log(1 - p) is softplus(z): no logarithm of a rounded 0.
        each = targets * softplus(-outputs) + (1 - targets) * softplus(outputs)
        return namespace(each).mean(each)

    def _gradient(self, outputs: Array, targets: Array) -> Array:
        return (sigmoid(outputs) - targets) / _entries(outputs)


class SoftmaxCrossEntropy(Loss):
    """The mean over the samples of ``-log(p[label])``, p the softmax of a row of logits.

    The outputs are the logits, shape (batch, classes). The targets are labels, whole numbers
    from 0 to classes - 1 of shape (batch,), or a row of probabilities for each sample, shape
    (batch, classes), such as the rows of a one-hot matrix: as in
    ``torch.nn.functional.cross_entropy``. Neither value nor gradient overflows, as long as the
    differences of the logits are finite.

    Source: chapter 12, ``def-softmax-loss``, ``eq-softmax-stable`` and ``eq-softmax-batch``.
    """

    def __init__(self) -> None:
        """Start without a forward pass."""
        super().__init__()
        #: Of the last call: the probabilities, and where the labels are in them, if it had labels.
        self._p: Array | None = None
        self._at: tuple[Array, Array] | None = None

    def probabilities(self, outputs: Array) -> Array:
        """The softmax of each row of logits, for outputs without labels.

        Args:
            outputs: the logits, shape (batch, classes), floating-point.

        Returns:
            Probabilities in the same shape; each row adds up to 1.

        Raises:
            TypeError, ValueError: as for a call.

        Source: chapter 12, ``def-softmax-softmax`` and ``eq-softmax-shift``.
        """
        require_batch(outputs, name="outputs")
        return _softmax(outputs)[0]

    def _accept(self, outputs: Array, targets: Array) -> Array:
        require_batch(outputs, name="outputs")
        namespace(targets, "targets")  # refuses what is no array
        if len(shape(targets)) == 2:
            return super()._accept(outputs, targets)
        return _as_labels(targets, outputs)

    def _require_meaning(self, targets: Array) -> None:
        sums = targets.sum(axis=1)
        if (targets < 0).any() or (abs(sums - 1) > 1e-3).any():
            raise ValueError(
                "targets has a row that is no probability distribution; expected entries of at "
                "least 0 that add up to 1 in each row, or labels of shape (batch,)"
            )

    def _value(self, outputs: Array, targets: Array) -> Any:
        self._p, shifted, log_sum = _softmax(outputs)
        if targets.ndim == 1:
            rows = namespace(outputs).arange(len(targets), device=outputs.device)
            self._at = (rows, targets)
            at_target = shifted[self._at]
        else:
            self._at = None
            at_target = (targets * shifted).sum(axis=1)
        # Not -log(p): where p was rounded to 0, its logarithm is infinite.
        return (log_sum[:, 0] - at_target).sum() / len(targets)

    def _gradient(self, outputs: Array, targets: Array) -> Array:
        if self._at is None:
            grad = self._p - targets
        else:
            grad = namespace(outputs).asarray(self._p, copy=True)
            # Without the one-hot matrix, which is 0 everywhere else.
            grad[self._at] -= 1
        grad /= len(targets)
        return grad


def _softmax(outputs: Array) -> tuple[Array, Array, Array]:
    """Probabilities, the logits less the largest of their row, and log(sum(exp)) of these."""
    xp = namespace(outputs)
    shifted = outputs - row_max(outputs)
    p = xp.exp(shifted)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    return p, shifted, xp.log(total)


def _as_labels(targets: Array, outputs: Array) -> Array:
    """``targets`` as int64, after a look at their kind, their number and their range."""
    if are_plain_labels(targets, outputs):
        return targets  # what they mostly are; the rest takes longer
    (batch, classes), dtype = shape(outputs), dtype_name(targets)
    if dtype not in INTEGRAL:
        raise TypeError(
            f"targets is {describe(targets)}; expected labels: whole numbers, shape ({batch},)"
        )
    if shape(targets) != (batch,):
        raise ValueError(
            f"targets has shape {shape(targets)}; expected labels of shape ({batch},), or "
            f"probabilities of shape ({batch}, {classes})"
        )
    if is_tensor(targets) != is_tensor(outputs) or targets.device != outputs.device:
        raise TypeError(
            f"outputs is {describe(outputs)}, and targets is {describe(targets)}; expected one "
            "library and one device: convert one of them"
        )
    lowest, highest = int(targets.min()), int(targets.max())
    if lowest < 0 or highest >= classes:
        wrong = lowest if lowest < 0 else highest
        raise ValueError(f"targets has the label {wrong}; expected 0 to {classes - 1}")
    # PyTorch would take uint8 for a mask.
    xp = namespace(targets)
    return targets if dtype == "int64" else xp.astype(targets, xp.int64)


def _entries(outputs: Array) -> int:
    return math.prod(shape(outputs))


def _as_targets(targets: Array, outputs: Array) -> Array:
    """``targets`` in the dtype of ``outputs``, after a look at their kind and for NaN."""
    xp = namespace(targets)
    if targets.dtype != outputs.dtype:
        if not xp.isdtype(targets.dtype, ("bool", "integral", "real floating")):
            raise TypeError(f"targets is {describe(targets)}; expected real numbers")
        if is_tensor(targets) == is_tensor(outputs):
            targets = xp.astype(targets, outputs.dtype, copy=False)
    require_same_kind(outputs, targets, ("outputs", "targets"))
    if xp.isnan(targets).any():
        raise ValueError(f"targets is {describe(targets)}, with NaN in it; expected numbers")
    return targets
