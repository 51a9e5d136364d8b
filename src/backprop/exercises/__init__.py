"""Checks for answers to the book's exercises, which say what kind of mistake was made.

``check("4.2", answer)`` calls ``answer``, a function, with random arguments as the stub in the
chapter describes them, and prints what is right or what is wrong: never the solution, which is
not known here either. Gradients are compared with central differences, other results with
a slower way to compute them or with what they must satisfy. An answer that fails is compared
with the common wrong answers of its exercise, so that a mistake often made can be named.

``grade`` returns the same as an object, for a teacher or a test that goes through many answers.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from backprop.exercises._attempt import Attempt, WrongAnswerError
from backprop.exercises._sheet import Exercise, Slip, find, sheet

__all__ = ["Exercise", "Slip", "Verdict", "check", "find", "grade", "sheet"]

#: What is told fits the box of a solution; reports of gradients have wider lines of their own.
WIDTH = 66
REPORT_WIDTH = 76


@dataclass(frozen=True)
class Verdict:
    """What came of an answer; print it to read it, and use it as a truth value.

    Attributes:
        exercise: the exercise that was answered.
        state: ``right``, ``wrong``, or ``open`` for a stub that is still to be filled in.
        message: what is right, or what is wrong, in lines.
        cause: for a wrong answer the kind of mistake in a few words, where it is known: a
            cause of `backprop.diagnosis`, or one of the attempt (``raises``, ``shape``, ...).
        slip: the common wrong answer that gives the same results, if there is one.

    Source: the exercises of chapters 1 to 14.
    """

    exercise: Exercise
    state: Literal["right", "wrong", "open"]
    message: str
    cause: str | None = None
    slip: Slip | None = None

    def __bool__(self) -> bool:
        """Whether the answer is right."""
        return self.state == "right"

    def __str__(self) -> str:
        """The verdict in a few lines."""
        words = {"right": "right", "wrong": "not right yet", "open": "not answered yet"}
        told = [f"Exercise {self.exercise.number}, {self.exercise.title}: {words[self.state]}"]
        if self.slip:
            told += _lines(f"This is what comes out with {self.slip.name}. {self.slip.says}")
        lines = self.message.splitlines()
        for line in lines:
            kept = len(lines) > 1 and len(line) <= REPORT_WIDTH
            told += [f"  {line}"] if kept else _lines(line)
        return "\n".join(told)


def check(number: str, answer: Callable[..., Any]) -> None:
    """Try an answer and print what is right about it, or what kind of mistake it makes.

    Args:
        number: the number of the exercise in the book, like ``"4.2"``.
        answer: a function with the arguments of the stub in the chapter. It is called with
            copies, a few times, with random numbers in them.

    Raises:
        KeyError: if the book has no exercise of this number.
        TypeError: if ``answer`` is no function.

    Source: the exercises of chapters 1 to 14.
    """
    print(grade(number, answer))


def grade(number: str, answer: Callable[..., Any]) -> Verdict:
    """Try an answer as ``check`` does, and return the verdict instead of printing it.

    Args:
        number: the number of the exercise in the book, like ``"4.2"``.
        answer: a function with the arguments of the stub in the chapter.

    Returns:
        A ``Verdict``. Whatever the answer raises is part of it.

    Raises:
        KeyError: if the book has no exercise of this number.
        TypeError: if ``answer`` is no function.

    Source: the exercises of chapters 1 to 14.
    """
    exercise = find(number)
    if not callable(answer):
        raise TypeError(
            f"the answer to exercise {number} is {type(answer).__name__}; expected a function, "
            "as in the stub (give its name, without calling it)"
        )
    attempt = Attempt(answer)
    try:
        confirmed = exercise.examine(attempt)
    except NotImplementedError:
        return Verdict(exercise, "open", "")
    except WrongAnswerError as wrong:
        slip = next((s for s in exercise.slips if attempt.is_like(s.function)), None)
        return Verdict(exercise, "wrong", str(wrong), wrong.cause, slip)
    return Verdict(exercise, "right", inspect.cleandoc(confirmed))


def _lines(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
