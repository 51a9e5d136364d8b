"""The sheet of exercises: what each is about, how it is examined, and its common wrong answers."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from backprop.exercises._attempt import Attempt

Answer = Callable[..., Any]
Examine = Callable[[Attempt], str]

#: Levels of difficulty, and what they ask for.
LEVELS = {
    1: "repeats a step of the chapter",
    2: "joins several steps of the chapter",
    3: "asks for an idea that the chapter does not have",
}
#: Topics, in the order of the book.
TOPICS = (
    "numerical derivatives",
    "chain rule",
    "paths and sums",
    "batches and shapes",
    "activations and masks",
    "losses",
    "training",
    "tensors",
    "graphs",
    "cost and memory",
    "second derivatives",
    "initialization",
    "softmax",
    "numerical traps",
)


@dataclass(frozen=True)
class Slip:
    """A common wrong answer.

    Attributes:
        name: what is done, a few words that complete "what comes out with ...".
        says: what a reader is told: where to look, and never the solution.
        reveals: what a teacher learns about the one who answers so.
        function: the wrong answer.

    Source: the exercises of chapters 1 to 14.
    """

    name: str
    says: str
    reveals: str
    function: Answer


@dataclass(frozen=True)
class Exercise:
    """An exercise of the book.

    Attributes:
        number: chapter and exercise, like ``"4.2"``.
        title: as in the chapter.
        level: difficulty, a key of ``LEVELS``.
        minutes: how long a student needs, roughly, code included.
        topics: some of ``TOPICS``.
        examine: takes an ``Attempt``, returns in a sentence what was found right, and
            raises ``WrongAnswerError`` otherwise.
        slips: the common wrong answers.

    Source: the exercises of chapters 1 to 14.
    """

    number: str
    title: str
    level: int
    minutes: int
    topics: tuple[str, ...]
    examine: Examine
    slips: list[Slip] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What the exercise is called in the chapter's source: ``ex-4-2``."""
        return "ex-" + self.number.replace(".", "-")

    def slip(self, name: str, *, says: str, reveals: str) -> Callable[[Answer], Answer]:
        """Register the function below as a common wrong answer."""

        def register(function: Answer) -> Answer:
            self.slips.append(Slip(name, says, reveals, function))
            return function

        return register


_EXERCISES: dict[str, Exercise] = {}


def exercise(
    number: str, title: str, *, level: int, minutes: int, topics: tuple[str, ...]
) -> Callable[[Examine], Exercise]:
    """Register the function below as the examination of the exercise ``number``."""

    def register(examine: Examine) -> Exercise:
        if number in _EXERCISES:
            raise ValueError(f"exercise {number} stands twice")
        if level not in LEVELS or not topics or not set(topics) <= set(TOPICS):
            raise ValueError(f"exercise {number}: level {level}, topics {topics}")
        _EXERCISES[number] = Exercise(number, title, level, minutes, topics, examine)
        return _EXERCISES[number]

    return register


def find(number: str) -> Exercise:
    """The exercise of this number, like ``"4.2"``.

    Raises:
        KeyError: if there is none.

    Source: the exercises of chapters 1 to 14.
    """
    exercises = sheet()
    if number not in exercises:
        last = {name.split(".")[0]: name for name in exercises}
        chapter = str(number).split(".")[0]
        known = (
            f"the last of chapter {chapter} is {last[chapter]}"
            if chapter in last
            else (f"there are exercises for chapters {', '.join(last)}")
        )
        raise KeyError(f"no exercise {number!r}: {known}")
    return exercises[number]


def sheet() -> dict[str, Exercise]:
    """All exercises by number, in the order of the book.

    Source: the exercises of chapters 1 to 14.
    """
    package = importlib.import_module("backprop.exercises")
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        if module.startswith("_chapter_"):
            importlib.import_module(f"backprop.exercises.{module}")
    return dict(sorted(_EXERCISES.items(), key=lambda item: _place(item[0])))


def _place(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split("."))
