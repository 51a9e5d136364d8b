"""An answer on trial: it is called with copies, what it returns is compared, and remembered."""

from __future__ import annotations

import copy
import inspect
import math
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backprop import arrays
from backprop.checking import check_gradient

#: Results of float64 arithmetic in another order agree so far, relative to the largest entry.
SAME = 1e-9


class WrongAnswerError(Exception):
    """An answer is not right; the message says what is wrong with it, not what is right.

    Attributes:
        cause: the kind of mistake in a few words, or None.
    """

    def __init__(self, message: str, cause: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause


class Attempt:
    """An answer that is being examined.

    Call it as the exercise calls the answer. Everything else raises ``WrongAnswerError`` unless
    what it is given is right.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._calls: list[tuple[tuple[Any, ...], Any]] = []

    def __call__(self, *arguments: Any, changes: bool = False) -> Any:
        """What the answer returns for copies of the arguments.

        Args:
            arguments: as the stub of the exercise names them.
            changes: whether the answer may change its arguments.

        Raises:
            WrongAnswerError: if it cannot be called so, raises, returns nothing or changes
                an argument.
            NotImplementedError: if it does: it is still a stub.
        """
        names = self._names(arguments)
        given = copy.deepcopy(arguments)
        try:
            with np.errstate(all="ignore"):
                result = self._function(*given)
        except NotImplementedError:
            raise
        except Exception as error:
            self._calls.append((arguments, repr(error)))
            raise WrongAnswerError(_told(error, names, arguments), "raises") from error
        self._calls.append((copy.deepcopy(arguments), result))
        if result is None:
            raise WrongAnswerError("The answer returns None: is a `return` missing?", "no result")
        for name, before, after in zip(names, arguments, given, strict=True):
            if not changes and _is_data(before) and not alike(before, after):
                raise WrongAnswerError(
                    f"The answer changes its argument {name} in place, and so the caller's array. "
                    "Compute a new one.",
                    "changes its argument",
                )
        return result

    def gradient(
        self,
        f: Callable[[Any], Any],
        x: Any,
        claimed: Any,
        what: str = "The gradient",
    ) -> None:
        """Hold ``claimed`` to be the gradient of the scalar function ``f`` at ``x``."""
        claimed = numbers(claimed, what)
        report = check_gradient(f, claimed, x)
        if not report.ok:
            told = str(report).replace("The gradient", what, 1)
            raise WrongAnswerError(told, report.causes[0].name if report.causes else None)

    def equal(
        self, result: Any, expected: Any, what: str = "The result", tolerance: float = SAME
    ) -> None:
        """Hold ``result`` to be ``expected``, in shape and up to rounding.

        The message tells the kind of the difference, and no value that was expected.
        """
        result, expected = numbers(result, what), np.asarray(expected, dtype=np.float64)
        if result.shape != expected.shape:
            turned = result.ndim > 1 and result.T.shape == expected.shape
            also = turned and near(result.T, expected, tolerance)
            raise WrongAnswerError(
                f"{what} has the shape {result.shape}; expected {expected.shape}."
                + (" Its transpose has the right numbers." if also else ""),
                "transposed" if also else "wrong shape",
            )
        if near(result, expected, tolerance):
            return
        raise WrongAnswerError(*_difference(result, expected, what, tolerance))

    def holds(self, condition: object, message: str, cause: str | None = None) -> None:
        """Hold a condition to be true; ``message`` says what is wrong if it is not."""
        if not bool(condition):
            raise WrongAnswerError(message, cause)

    def is_like(self, other: Callable[..., Any]) -> bool:
        """Whether ``other`` returns the same in all calls that were made."""
        for arguments, result in self._calls:
            try:
                with np.errstate(all="ignore"):
                    theirs = other(*copy.deepcopy(arguments))
            except Exception as error:
                theirs = repr(error)
            if not alike(result, theirs):
                return False
        return bool(self._calls)

    def _names(self, arguments: Sequence[Any]) -> list[str]:
        try:
            signature = inspect.signature(self._function)
        except (TypeError, ValueError):
            return [f"number {i + 1}" for i in range(len(arguments))]
        try:
            bound = signature.bind(*arguments)
        except TypeError as error:
            raise WrongAnswerError(
                f"The answer takes {signature}, and the exercise calls it with {len(arguments)} "
                "arguments: keep the first line of the stub.",
                "signature",
            ) from error
        names: list[str] = []
        for name, value in bound.arguments.items():
            many = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
            names += [f"*{name}"] * len(value) if many else [name]
        return names


def numbers(value: Any, what: str = "The result") -> np.ndarray:
    """A result as a float64 array (an integer or boolean one too, a tensor or a list).

    Raises:
        WrongAnswerError: if it is nothing of the kind.
    """
    if arrays.is_tensor(value):
        value = arrays.to_numpy(value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise WrongAnswerError(
            f"{what} is no array: its rows differ in length.", "no numbers"
        ) from error
    if array.dtype.kind not in "fiub":
        raise WrongAnswerError(
            f"{what} is of type {type(value).__name__}; expected numbers.", "no numbers"
        )
    return array.astype(np.float64)


def near(a: np.ndarray, b: np.ndarray, tolerance: float = SAME) -> bool:
    """Whether two arrays of one shape agree, relative to the largest entry; NaN equals NaN."""
    finite = np.abs(b[np.isfinite(b)])
    allowed = tolerance * float(np.max(finite, initial=0.0))
    return bool(np.allclose(a, b, rtol=0, atol=allowed, equal_nan=True))


def alike(a: Any, b: Any) -> bool:
    """Whether two results are the same: arrays up to rounding, containers part by part."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    try:
        left, right = numbers(a), numbers(b)
    except WrongAnswerError:
        return a is b or (type(a) is type(b) and type(a).__eq__ is not object.__eq__ and a == b)
    return left.shape == right.shape and near(left, right)


def _is_data(value: Any) -> bool:
    """Whether a value can be compared with what it was before: not a function, a generator."""
    return isinstance(value, np.ndarray | list | dict | tuple) or arrays.is_tensor(value)


def _difference(
    result: np.ndarray, expected: np.ndarray, what: str, tolerance: float
) -> tuple[str, str]:
    """What kind of difference lies between two arrays of one shape, and its name."""
    bad = ~np.isfinite(result)
    if bad.any() and np.isfinite(expected).all():
        return f"{what}: {int(bad.sum())} of {bad.size} numbers are not finite.", "not finite"
    if near(-result, expected, tolerance):
        return f"{what} has the opposite sign.", "sign"
    if result.T.shape == result.shape and near(result.T, expected, tolerance):
        return f"{what} is transposed.", "transposed"
    largest = np.unravel_index(int(np.argmax(np.abs(np.nan_to_num(expected)))), expected.shape)
    if expected.size > 1 and expected[largest]:
        with np.errstate(all="ignore"):
            factor = float(result[largest] / expected[largest])
        if math.isfinite(factor) and factor and near(result / factor, expected, tolerance):
            return f"{what} is {factor:.6g} times what it should be.", "constant factor"
    wrong = ~np.isclose(result, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    if expected.size == 1:
        return f"{what} is wrong.", "wrong value"
    return f"{what} is wrong in {int(wrong.sum())} of {wrong.size} entries.", "wrong value"


def _told(error: Exception, names: Sequence[str], arguments: Sequence[Any]) -> str:
    """An error of the answer, the line that raised it, and the shapes it was given."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.name != "__call__"]
    line = f" in the line `{frames[0].line}`" if frames and frames[0].line else ""
    shapes = ", ".join(
        f"{name} {np.shape(value)}"
        for name, value in zip(names, arguments, strict=True)
        if hasattr(value, "shape")
    )
    return f"The answer raises {type(error).__name__}{line}: {error}" + (
        f"\nIt was called with {shapes}." if shapes else ""
    )
