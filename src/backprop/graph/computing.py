"""How operations are computed where NumPy and PyTorch have no function of one name for it.

Each function takes the namespace ``xp`` and the attributes of a node, and returns the function
that turns the values of the node's inputs into its own.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from backprop import arrays

Compute = Callable[..., Any]
Axis = int | tuple[int, ...] | None


def summed(xp: Any) -> Compute:
    """The library's sum; NumPy's without the checks around it, which take longer than it does.

    Source: chapter 8, ``eq-general-sum``.
    """
    return np.add.reduce if xp is np else xp.sum


def largest(xp: Any) -> Compute:
    """The library's maximum over axes, as `summed`.

    Source: chapter 12, ``eq-softmax-stable``.
    """
    return np.maximum.reduce if xp is np else xp.max


def relu(xp: Any) -> Compute:
    """max(0, x); NaN stays NaN.

    Source: chapter 4, ``def-batch-steps``.
    """
    if hasattr(xp, "relu"):
        return xp.relu
    return lambda x: xp.maximum(x, 0)


def masked(xp: Any) -> Compute:
    """The first value where the second holds, and 0 elsewhere, even where it is infinite.

    Source: chapter 4, ``eq-batch-grad-relu``.
    """
    return arrays.masked


def sigmoid(xp: Any) -> Compute:
    """1 / (1 + exp(-x)), without overflow.

    Source: chapter 6, ``eq-audit-stable``.
    """
    return lambda x: xp.exp(-xp.logaddexp(xp.zeros_like(x), -x))


def sum_to(xp: Any) -> Compute:
    """The sum over the axes along which the second value was repeated to fit the first.

    Source: chapter 8, ``eq-general-broadcast``.
    """
    reduce = summed(xp)

    def compute(x: Any, like: Any) -> Any:
        shape = getattr(like, "shape", ())
        if x.shape == shape:
            return x
        total = reduce(x, axis=_repeated(x.shape, shape))
        return total if total.shape == shape else total.reshape(shape)

    return compute


@lru_cache
def _repeated(shape: tuple[int, ...], original: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which broadcasting repeats ``original`` to get ``shape``."""
    extra = len(shape) - len(original)
    return tuple(
        axis
        for axis in range(len(shape))
        if axis < extra or (original[axis - extra] == 1 and shape[axis] != 1)
    )


def expand(xp: Any, axis: Axis, keepdims: bool) -> Compute:
    """The first value repeated along the axes that a reduction of the second took away.

    Source: chapter 8, ``eq-general-sum``.
    """
    inserted = insert_axes(xp, axis, keepdims)
    return lambda x, like: xp.broadcast_to(inserted(x, like), like.shape)


def insert_axes(xp: Any, axis: Axis, keepdims: bool) -> Compute:
    """The first value with the axes that a reduction of the second took away, of size 1.

    Source: chapter 8, ``eq-general-sum``.
    """
    if keepdims or axis is None:
        return lambda x, like: x
    return lambda x, like: x.reshape(_kept(like.shape, axis))


@lru_cache
def _kept(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    axes = (axis,) if isinstance(axis, int) else axis or ()
    gone = {a % len(shape) for a in axes}
    return tuple(1 if a in gone else size for a, size in enumerate(shape))


def _axes(x: Any, axis: Axis) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    return (axis,) if isinstance(axis, int) else axis


def count(xp: Any, axis: Axis) -> Compute:
    """How many entries a reduction over ``axis`` takes together, as a number.

    Source: chapter 4, ``def-batch-mse``.
    """

    def compute(x: Any) -> float:
        return float(math.prod(x.shape[a] for a in _axes(x, axis)))

    return compute


def logsumexp(xp: Any, axis: Axis, keepdims: bool) -> Compute:
    """log(sum(exp(x))), with the largest entry taken out of the exponential.

    Source: chapter 12, ``eq-softmax-stable``.
    """

    reduce, maximum = summed(xp), largest(xp)

    def compute(x: Any) -> Any:
        top = maximum(x, axis=axis, keepdims=True)
        if not xp.isfinite(top).all():  # inf - inf is NaN
            top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
        result = xp.log(reduce(xp.exp(x - top), axis=axis, keepdims=keepdims))
        return result + (top if keepdims else top.reshape(result.shape))

    return compute


def matmul(xp: Any) -> Compute:
    """The matrix product; vectors are refused, because their gradients need other rules.

    Source: chapter 8, ``eq-general-matmul``.
    """

    def compute(a: Any, b: Any) -> Any:
        if a.ndim < 2 or b.ndim < 2:
            raise ValueError(
                f"@ got the shapes {tuple(a.shape)} and {tuple(b.shape)}; expected matrices, or "
                "stacks of them: for vectors, use einsum"
            )
        return a @ b

    return compute


def piece(xp: Any, which: int, axis: int) -> Compute:
    """The part of the first value that came from the input ``which`` of a concatenation.

    Source: chapter 7, ``eq-tensor-concatenate``.
    """

    def compute(x: Any, *parts: Any) -> Any:
        start = 0
        for part in parts[:which]:
            start += part.shape[axis]
        index = [slice(None)] * x.ndim
        index[axis] = slice(start, start + parts[which].shape[axis])
        return x[tuple(index)]

    return compute


def _put(xp: Any, x: Any, like: Any, index: Any) -> Any:
    """Zeros in the shape of ``like`` with ``x`` added at ``index``, which may name a row twice."""
    result = xp.zeros(like.shape, dtype=x.dtype, device=x.device)
    if hasattr(xp, "add") and hasattr(xp.add, "at"):
        xp.add.at(result, index, x)
        return result
    index = index if isinstance(index, tuple) else (index,)
    picks = [xp.asarray(i) if hasattr(i, "__len__") else i for i in index]
    if not any(hasattr(i, "ndim") for i in picks):
        result[tuple(picks)] = x
        return result
    flat = xp.reshape(xp.arange(result.numel(), device=x.device), result.shape)[tuple(picks)]
    result.view(-1).index_add_(0, flat.reshape(-1), x.reshape(-1))
    return result


def scatter(xp: Any, index: Any) -> Compute:
    """Zeros in the shape of the second value, with the first added at ``index``.

    Source: chapter 7, ``eq-tensor-rows``.
    """
    return lambda x, like: _put(xp, x, like, index)


def rows(xp: Any) -> Compute:
    """The rows that the second value names; masks are refused, because shapes must be known.

    Source: chapter 7, ``eq-tensor-rows``.
    """
    masks = (xp.bool,) if xp is np else (xp.bool, xp.uint8)

    def compute(x: Any, index: Any) -> Any:
        if index.dtype in masks:
            raise TypeError(f"rows are picked by an array of {index.dtype}; expected int64")
        return x[index]

    return compute


def scatter_rows(xp: Any) -> Compute:
    """Zeros in the shape of the second value, with the first added to the rows of the third.

    Source: chapter 7, ``eq-tensor-rows``.
    """
    return lambda x, like, rows: _put(xp, x, like, rows)


def seed(xp: Any) -> Compute:
    """The gradient to start with: what is given, or 1 for a single number.

    Source: chapter 8, ``eq-general-build``.
    """

    def compute(z: Any, given: Any = None) -> Any:
        if given is not None:
            if tuple(given.shape) != tuple(z.shape):
                raise ValueError(
                    f"the seed has shape {tuple(given.shape)}; expected that of the array whose "
                    f"gradient is taken, {tuple(z.shape)}"
                )
            return given
        if tuple(z.shape) != ():
            raise ValueError(
                f"a gradient was asked for of an array of shape {tuple(z.shape)}; expected a "
                "single number, or a seed: the gradient to start with, in that shape"
            )
        return xp.ones_like(z)

    return compute


def einsum(xp: Any, terms: tuple[str, ...], output: str) -> Compute:
    """The sum of products over the letters that the output lacks.

    Where a letter has two sizes, one of them 1, the libraries would repeat; that is refused.

    Source: chapter 7, ``def-tensor-einsum``.
    """
    subscripts = f"{','.join(terms)}->{output}"
    library = _library(xp)

    def compute(*values: Any) -> Any:
        sizes: dict[str, int] = {}
        for term, value in zip(terms, values, strict=True):
            shape = tuple(value.shape)
            pairs = list(zip(term, shape, strict=False))
            if len(term) != len(shape) or any(sizes.setdefault(k, n) != n for k, n in pairs):
                shapes = ", ".join(str(tuple(value.shape)) for value in values)
                raise ValueError(
                    f"einsum {subscripts!r} got the shapes {shapes}; expected a letter for each "
                    "axis, and one size for each letter"
                )
        return library.einsum(subscripts, *values)

    return compute


def _library(xp: Any) -> Any:
    """The library itself, for the two functions that the array API standard does not have."""
    return importlib.import_module(xp.__name__.removeprefix("array_api_compat."))
