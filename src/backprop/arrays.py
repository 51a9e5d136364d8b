"""The only file that knows NumPy from PyTorch, and the checks that what comes in is usable.

Everything else in the package asks this file for an array's namespace, for its values
as NumPy, or for NumPy values in the kind of another array. PyTorch is never imported
on its own account: whoever passes a tensor has imported it already.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import array_api_compat
import numpy as np

#: A NumPy array, a NumPy scalar, a PyTorch tensor or a Python number.
Array = Any

#: The dtypes that can carry a derivative here, by NumPy's names.
FLOATING = ("float16", "float32", "float64")
#: The dtypes that can count, by NumPy's names.
INTEGRAL = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_NOTHING = nullcontext()
_NUMPY_FLOATING = {np.dtype(name) for name in FLOATING}
#: For each of them the integers of its size.
_BITS = {dtype: np.dtype(f"i{dtype.itemsize}") for dtype in _NUMPY_FLOATING}


def is_tensor(x: object) -> bool:
    """Whether ``x`` is a PyTorch tensor.

    Source: chapter 11.
    """
    # NumPy's arrays are recognized first, because asking for PyTorch's takes longer.
    return not isinstance(x, np.ndarray) and bool(array_api_compat.is_torch_array(x))


def describe(x: object) -> str:
    """What ``x`` is, in words for a message: ``a NumPy array of int64, shape (3, 4)``.

    Source: chapter 11.
    """
    if is_tensor(x) or isinstance(x, np.ndarray):
        kind = "a PyTorch tensor" if is_tensor(x) else "a NumPy array"
        return f"{kind} of {dtype_name(x)}, shape {shape(x)}"
    return "None" if x is None else f"{type(x).__name__} {x!r}"[:80]


def _require_known(x: object, name: str) -> None:
    if not (isinstance(x, np.ndarray | np.generic | float | int) or is_tensor(x)):
        raise TypeError(
            f"{name} is {describe(x)}; expected a NumPy array, a PyTorch tensor or a number "
            "(a list becomes an array by np.array(...))"
        )


def namespace(x: Array, name: str = "x") -> Any:
    """The functions that go with ``x``, under the names of the Python array API standard.

    Numbers belong to NumPy, which has these names since its version 2.1.

    Raises:
        TypeError: for anything but a NumPy array, a PyTorch tensor or a number.

    Source: chapter 11.
    """
    if type(x) is np.ndarray:
        return np
    _require_known(x, name)
    return array_api_compat.array_namespace(x) if is_tensor(x) else np


def shape(x: Array) -> tuple[int, ...]:
    """The shape of ``x`` as a tuple; ``()`` for a number.

    Source: chapter 11.
    """
    return tuple(getattr(x, "shape", ()))


def dtype_name(x: Array) -> str:
    """The name of the dtype of ``x``, the same for NumPy and PyTorch: ``float32``, say.

    Source: chapter 11.
    """
    return _name_of(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype)


@cache
def _name_of(dtype: Any) -> str:
    # Remembered, because NumPy takes longer to name a dtype than to multiply a small matrix.
    return dtype.name if isinstance(dtype, np.dtype) else str(dtype).removeprefix("torch.")


def to_numpy(x: Array, name: str = "x") -> np.ndarray:
    """The values of ``x`` as a NumPy array of its shape and dtype, off the graph, on the CPU.

    The result may share memory with ``x``.

    Raises:
        TypeError: for anything but a NumPy array, a PyTorch tensor or a number, and for
            tensors of a dtype that NumPy lacks.

    Source: chapter 1.
    """
    _require_known(x, name)
    if not is_tensor(x):
        return np.asarray(x)
    try:
        return np.asarray(x.numpy(force=True))
    except TypeError:
        raise TypeError(
            f"{name} is {describe(x)}, a dtype that NumPy lacks; convert it with {name}.double()"
        ) from None


def like(values: Any, x: Array) -> Array:
    """A copy of ``values`` in the kind of ``x``: array, tensor or number, its dtype and device.

    The shape is that of ``values``. A tensor that is returned requires no gradient.

    Raises:
        TypeError: if ``x`` is no array, tensor or number, or is a number while ``values`` has
            a shape other than ().

    Source: chapter 1.
    """
    xp = namespace(x)
    if is_tensor(x):
        # In two steps, because PyTorch refuses to change the dtype of a 0-d NumPy array.
        return xp.asarray(xp.asarray(np.array(values)), dtype=x.dtype, device=x.device)
    if isinstance(x, np.ndarray):
        return np.array(values, dtype=x.dtype)
    if np.ndim(values):
        raise TypeError(f"values of shape {np.shape(values)} do not fit into {describe(x)}")
    # NumPy's float64 is a Python float too, but has to come back as float64.
    number = x.dtype.type if isinstance(x, np.generic) else type(x)
    return number(np.asarray(values).item())


def without_graph(x: Array) -> AbstractContextManager[Any]:
    """A context for tensors in which PyTorch records no graph; for other ``x`` it does nothing.

    Source: chapter 1.
    """
    if not is_tensor(x):
        return _NOTHING
    import torch

    return torch.no_grad()


def require_floating(x: Array, name: str = "x") -> None:
    """Refuse what cannot be moved by a small step: integers, booleans, complex numbers.

    Raises:
        TypeError: unless ``x`` is an array, a tensor or a number of float16, float32 or float64.

    Source: chapter 1, ``eq-central-difference``.
    """
    if type(x) is np.ndarray and x.dtype in _NUMPY_FLOATING:
        return  # what it mostly is; the rest takes longer
    _require_known(x, name)
    if dtype_name(x) not in FLOATING:
        raise TypeError(
            f"{name} is {describe(x)}; expected a floating-point dtype, best float64: "
            "a derivative needs small steps, which integers cannot take"
        )


def require_same_shape(a: Array, b: Array, names: tuple[str, str]) -> None:
    """Refuse two arrays that only broadcasting could bring together.

    Raises:
        ValueError: unless the shapes are equal.

    Source: chapter 4, ``eq-batch-flat-targets``.
    """
    _require_equal_shapes(shape(a), shape(b), names)


def _require_equal_shapes(
    one: tuple[int, ...], other: tuple[int, ...], names: tuple[str, str]
) -> None:
    if one != other:
        raise ValueError(
            f"{names[0]} has shape {one} and {names[1]} has shape {other}; expected "
            "equal shapes: nothing is broadcast here, because broadcasting hides mistakes"
        )


def require_same_kind(a: Array, b: Array, names: tuple[str, str]) -> None:
    """Refuse two arrays that would have to be converted to be used together.

    Raises:
        TypeError: unless both are NumPy arrays or both tensors, of one dtype, on one device.

    Source: chapter 11.
    """
    if type(a) is type(b) is np.ndarray and a.dtype == b.dtype:
        return  # what they mostly are; the rest takes longer
    devices = [getattr(x, "device", "cpu") for x in (a, b)]
    if (
        is_tensor(a) != is_tensor(b)
        or dtype_name(a) != dtype_name(b)
        or str(devices[0]) != str(devices[1])
    ):
        told = [f"{describe(x)}, on {device}" for x, device in zip((a, b), devices, strict=True)]
        raise TypeError(
            f"{names[0]} is {told[0]}, and {names[1]} is {told[1]}; expected one library, one "
            "dtype and one device: convert one of them"
        )


def require_like(
    a: Array, expected: tuple[int, ...], kind: Array, names: tuple[str, str, str]
) -> None:
    """Refuse ``a`` unless it is floating-point, of the shape ``expected`` and like ``kind``.

    Args:
        a: what is looked at.
        expected: a shape.
        kind: an array of the library, dtype and device that are expected, in any shape.
        names: what messages call ``a``, what has the shape, and what is of the kind.

    Raises:
        TypeError, ValueError: as `require_floating`, `require_same_shape`, `require_same_kind`.

    Source: chapter 11, ``eq-layers-contract``.
    """
    known = type(a) is type(kind) is np.ndarray and a.dtype in _NUMPY_FLOATING
    if known and a.dtype == kind.dtype and a.shape == expected:
        return  # what it mostly is; the rest takes longer
    require_floating(a, names[0])
    _require_equal_shapes(shape(a), expected, names[:2])
    require_same_kind(a, kind, (names[0], names[2]))


def require_batch(x: Array, width: int | None = None, name: str = "x") -> None:
    """Refuse what is no batch: floating-point numbers of shape (batch, features), neither zero.

    Args:
        x: the array to look at.
        width: the number of features that is expected; None for any.
        name: what the message calls it.

    Raises:
        TypeError: for anything but a floating-point array or tensor.
        ValueError: for another rank than 2, for an empty batch, for another width.

    Source: chapter 4, ``def-batch-affine``.
    """
    known = type(x) is np.ndarray and x.dtype in _NUMPY_FLOATING
    if known and x.ndim == 2 and x.size and width in (None, x.shape[1]):
        return  # what it mostly is; the rest takes longer
    require_floating(x, name)
    if len(shape(x)) != 2 or width not in (None, shape(x)[1]):
        expected = f"(batch, {'features' if width is None else width})"
        raise ValueError(
            f"{name} has shape {shape(x)}; expected {expected}: one sample a row, also when "
            "there is only one sample"
        )
    require_not_empty(x, name)


def require_not_empty(x: Array, name: str = "x") -> None:
    """Refuse an array without entries.

    Raises:
        ValueError: if any size in the shape of ``x`` is 0.

    Source: chapter 4, ``def-batch-mse``.
    """
    if 0 in shape(x):
        raise ValueError(f"{name} is empty: its shape is {shape(x)}; expected at least one sample")


def are_plain_labels(labels: Array, outputs: Array) -> bool:
    """Whether ``labels`` need no further look: NumPy's int64, one a row, from 0 to columns - 1.

    Args:
        labels: what may be labels.
        outputs: a batch, shape (batch, classes).

    Source: chapter 12, ``def-softmax-loss``.
    """
    if not (type(labels) is type(outputs) is np.ndarray and labels.dtype == np.int64):
        return False
    # Read without their sign, negative labels are larger than any number of classes.
    return labels.shape == outputs.shape[:1] and labels.view(np.uint64).max() < outputs.shape[1]


def softplus(x: Array) -> Array:
    """``log(1 + exp(x))`` of each entry, without overflow: about ``x`` for large ``x``.

    Source: chapter 6, ``eq-audit-stable``; chapter 8, ``eq-general-softplus``.
    """
    xp = namespace(x)
    return xp.logaddexp(xp.zeros_like(x), x)


def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))`` of each entry, as the exponential of ``-softplus(-x)``.

    It neither overflows nor loses its relative accuracy where it is tiny.

    Source: chapter 6, ``def-audit-sigmoid`` and ``eq-audit-stable``.
    """
    return namespace(x).exp(-softplus(-x))


def positive_part(x: Array) -> Array:
    """``max(0, x)`` of each entry; NaN stays NaN.

    Source: chapter 4, ``def-batch-steps``.
    """
    if isinstance(x, np.ndarray | np.generic):
        return np.maximum(x, 0)
    xp = namespace(x)
    # Not maximum(x, 0), which PyTorch refuses, nor its relu, which keeps the sign of -0.
    return xp.where(x <= 0, xp.zeros_like(x), x)


def masked(x: Array, mask: Array) -> Array:
    """``x`` where ``mask`` holds, and 0 elsewhere, even where ``x`` is infinite or NaN.

    Args:
        x: floating-point numbers.
        mask: truth values, in the shape of ``x``.

    Source: chapter 4, ``eq-batch-grad-relu``; chapter 11, ``eq-layers-relu``.
    """
    if type(x) is not np.ndarray or x.dtype not in _BITS:
        xp = namespace(x)
        return xp.where(mask, x, xp.zeros_like(x))
    # np.where guesses the way at each entry; without a pattern it guesses wrong half the time.
    # A number's bits times 1 are the number, and times 0 they are 0, whatever they stand for.
    return (x.view(_BITS[x.dtype]) * mask).view(x.dtype)


def row_max(x: Array) -> Array:
    """The largest entry of each row of ``x``, shape (rows, columns); as a column, (rows, 1).

    Source: chapter 12, ``eq-softmax-stable``.
    """
    # The common name, max, takes longer: it wraps the method, and in PyTorch finds the places.
    return x.amax(dim=1, keepdim=True) if is_tensor(x) else x.max(axis=1, keepdims=True)
