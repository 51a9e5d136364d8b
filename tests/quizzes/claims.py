"""How the answers to a quiz are checked: what they claim is computed again from the question.

A quiz is a file in ``chapters/teaching/quizzes``: a numbered list of questions and, folded, a
numbered list of answers. For each question one function is registered with ``answer``.

- It is called with the *givens* of its question, in their order: each ``$name = number$`` gives a
  number, each ``$(4, 3)$`` a tuple, each ``$12$`` a number. So a number that is changed in the
  question changes what the answer has to be.
- Every other formula and every piece of code in the question is quoted by ``asks``.
- It returns the *claims* of the answer, in their order: a text that the answer must have
  word for word, made from what was computed; a ``Formula``, compared by the harness of the
  equations; a ``Code``, evaluated as it is printed. Whatever an answer has in bold, as code, or as
  mathematics other than a plain symbol is a claim, and a number anywhere else is refused.
"""

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from equations.harness import CheckFunction, verify

QUIZZES = Path(__file__).parent.parent.parent / "chapters/teaching/quizzes"

SPAN = re.compile(r"\*\*.+?\*\*|(?<!\})`[^`]+`|\$[^$]+\$", re.S)
ROLE = re.compile(r"\{[a-z:]+\}`[^`]*`")
#: A letter with or without a hat, an index or a name below: nothing is claimed by it.
SYMBOL = re.compile(r"\$\\?(hat |bar |[a-z]+)?[A-Za-z]?(_(\w|\{\w+\}))?\$")
PLAIN = r"-?\d+(?:\.\d+)?"
NUMBER = r"-?\d[\d,]*(?:\.\d+)?"
ITEM = re.compile(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", re.M | re.S)


@dataclass(frozen=True)
class Formula:
    """A formula, and a check of it as the chapters' equations have: see `equations.harness`."""

    latex: str
    run: CheckFunction

    def text(self) -> str:
        return f"${self.latex}$"

    def problems(self) -> list[str]:
        return verify(self.run)


@dataclass(frozen=True)
class Code:
    """Python as it is printed, what it must give, and what its names mean."""

    source: str
    expected: Any
    names: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        return f"`{self.source}`"

    def problems(self) -> list[str]:
        found = np.asarray(eval(self.source, {"np": np}, dict(self.names)))
        wanted = np.asarray(self.expected)
        if found.shape != wanted.shape:
            return [f"{self.source} has the shape {found.shape}, not {wanted.shape}"]
        if wanted.size > 1 and np.ptp(wanted) == 0:
            return [f"{self.source} is compared with a constant"]
        return [] if np.allclose(found, wanted, rtol=1e-6) else [f"{self.source} is wrong"]


Claim = str | Formula | Code


@dataclass(frozen=True)
class Answer:
    """The function that answers a question, and what it quotes of it."""

    compute: Callable[..., Sequence[Claim]]
    asks: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """A question and its answer as a quiz prints them."""

    question: str
    answer: str


ANSWERS: dict[tuple[str, int], Answer] = {}


def answer(quiz: str, number: int, *asks: str) -> Callable[[Callable[..., Any]], None]:
    """Register the function that answers a question.

    Args:
        quiz: the file's name, without its ending.
        number: the question's.
        asks: every formula and piece of code in the question that is no given.
    """

    def register(compute: Callable[..., Sequence[Claim]]) -> None:
        if (quiz, number) in ANSWERS:
            raise ValueError(f"{quiz} {number} is answered twice")
        ANSWERS[quiz, number] = Answer(compute, asks)

    return register


def load() -> dict[tuple[str, int], Answer]:
    """All answers, by quiz and number."""
    for module in sorted(Path(__file__).parent.glob("answers_*.py")):
        importlib.import_module(f"quizzes.{module.stem}")
    return ANSWERS


def read(text: str) -> dict[int, Asked]:
    """The questions of a quiz with their answers, by number.

    Raises:
        ValueError: if it is not one list of questions and one of answers, numbered alike.
    """
    parts = re.fullmatch(
        r"(.*?)^:::\{admonition\} Answers\n:class: dropdown\n\n(.*?)^:::\n", text, re.M | re.S
    )
    if parts is None:
        raise ValueError("questions, and then answers in an admonition that is folded")
    questions, answers = (_items(part) for part in parts.groups())
    if list(questions) != list(answers) or list(questions) != list(range(1, len(answers) + 1)):
        raise ValueError(f"questions {list(questions)}, answers {list(answers)}")
    return {n: Asked(questions[n], answers[n]) for n in questions}


def _items(text: str) -> dict[int, str]:
    return {int(number): " ".join(words.split()) for number, words in ITEM.findall(text)}


def given(span: str) -> Any:
    """The number or the tuple that a formula of a question gives, or None."""
    body = span.strip("$")
    if match := re.fullmatch(rf"(?:[^=]+ = )?({NUMBER})", body):
        return float(match[1].replace(",", ""))
    if match := re.fullmatch(rf"(?:[^=]+ = )?\(({PLAIN}(?:, {PLAIN})*)\)", body):
        parts = match[1].split(", ")
        return tuple(float(part) if "." in part else int(part) for part in parts)
    return None


def spans(text: str) -> list[str]:
    """What a text has in bold, as code or as mathematics, except plain symbols."""
    return [span for span in SPAN.findall(ROLE.sub("", text)) if not SYMBOL.fullmatch(span)]


def problems(asked: Asked, one: Answer) -> list[str]:
    """What is wrong between a question, its answer and what is computed."""
    told = [span for span in spans(asked.question) if not span.startswith("**")]
    givens = [given(span) for span in told]
    found = []
    quoted = [span for span, value in zip(told, givens, strict=True) if value is None]
    if quoted != list(one.asks):
        found.append(f"the question asks about {quoted}, and its check about {list(one.asks)}")
    claims = list(one.compute(*(value for value in givens if value is not None)))
    texts = [claim if isinstance(claim, str) else claim.text() for claim in claims]
    printed = spans(asked.answer)
    if not claims or texts != printed:
        found.append(f"the answer claims {printed}, and its check {texts}")
    bare = SPAN.sub("", ROLE.sub("", asked.answer))
    if loose := re.findall(r"\d+", bare):
        found.append(f"numbers that nobody checks: {loose}")
    for claim in claims:
        if not isinstance(claim, str):
            found += claim.problems()
    return found
