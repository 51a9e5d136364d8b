"""What several examinations need: results of several parts, functions of one argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backprop.exercises._attempt import Attempt


def parts(
    attempt: Attempt, result: Any, *names: str, what: str = "The answer should return"
) -> list[Any]:
    """The parts of a result, or of a part of it, held to be as many as ``names``.

    Raises:
        WrongAnswerError: if they are not.
    """
    several = isinstance(result, tuple | list) or getattr(result, "ndim", 0) > 0
    attempt.holds(
        several and len(result) == len(names),
        f"{what} {len(names)} things: {', '.join(names)}.",
        "wrong shape",
    )
    return list(result)


def named(attempt: Attempt, result: Any, names: str) -> dict[str, Any]:
    """The parts of a result by name, held to be as many as ``names`` has words."""
    words = names.split()
    return dict(zip(words, parts(attempt, result, *words), strict=True))


def truth_values(attempt: Attempt, results: Sequence[Any]) -> None:
    """Hold each of the results to be True or False."""
    for result in results:
        attempt.holds(
            np.ndim(result) == 0 and result in (True, False),
            "The answer should return True or False.",
            "no verdict",
        )


def alone(f: Callable[..., Any], place: int, arguments: Sequence[Any]) -> Callable[[Any], Any]:
    """``f`` as a function of the argument at ``place`` alone, the others as they are."""

    def of_one(value: Any) -> Any:
        return f(*arguments[:place], value, *arguments[place + 1 :])

    return of_one
