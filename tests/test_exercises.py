"""Every exercise is solved by its published solution and failed by its published wrong answers."""

import inspect
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from backprop import exercises
from backprop.exercises import _sheet
from backprop.exercises._attempt import Attempt, WrongAnswerError

TWINS = sorted((Path(__file__).parent.parent / "chapters/text").glob("*.md"))
EXERCISE = re.compile(r"^:::\{exercise\} (?P<title>.+)\n:label: ex-(?P<label>\S+)\n", re.M)
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?P<code>.*?)^```$", re.M | re.S)


@dataclass
class Printed:
    """An exercise as a chapter prints it."""

    number: str
    title: str
    imports: str
    stub: str = ""
    solution: str = ""
    hints: list = field(default_factory=list)


def printed(twin):
    """The exercises of one chapter's text."""
    text = twin.read_text("utf-8")
    imports = next(m["code"] for m in CELL.finditer(text) if "import numpy" in m["code"])
    found = list(EXERCISE.finditer(text))
    for match, end in zip(found, [*(m.start() for m in found[1:]), len(text)], strict=True):
        part = text[match.end() : end]
        question, _, solution = part.partition(":::{solution-start}")
        one = Printed(match["label"].replace("-", "."), match["title"], imports)
        one.hints = re.findall(r"^:::\{admonition\} (.+)\n:class: dropdown tip$", question, re.M)
        calls = f'exercises.check("{one.number}", '
        one.stub = "".join(m["code"] for m in CELL.finditer(question) if calls in m["code"])
        one.solution = "".join(m["code"] for m in CELL.finditer(solution) if calls in m["code"])
        yield one


PRINTED = {one.number: one for twin in TWINS for one in printed(twin)}
SHEET = exercises.sheet()
each = pytest.mark.parametrize("number", PRINTED)
SLIPS = [(exercise, slip) for exercise in SHEET.values() for slip in exercise.slips]


def answers(code, imports):
    """What is handed to ``exercises.check`` when ``code`` runs with nothing but the imports."""
    given = []
    names = {}
    exec(imports.replace("charts.use_book_style()", ""), names)
    checker = type("Checker", (), {"check": lambda number, answer: given.append((number, answer))})
    exec(code, names | {"exercises": checker})
    return given


def test_the_sheet_and_the_chapters_have_the_same_exercises():
    assert list(SHEET) == list(PRINTED)
    assert len(PRINTED) > 5


@each
def test_the_sheet_has_the_chapters_title(number):
    assert SHEET[number].title == PRINTED[number].title


@each
def test_the_chapter_gives_two_hints_one_stub_and_one_solution(number):
    one = PRINTED[number]
    assert one.hints == ["Hint 1", "Hint 2"]
    assert one.stub.count("exercises.check(") == 1
    assert one.solution.count("exercises.check(") == 1


@each
def test_the_stub_is_open_and_has_the_signature_of_the_solution(number):
    one = PRINTED[number]
    [(stub_number, stub)] = answers(one.stub, one.imports)
    [(_, solution)] = answers(one.solution, one.imports)
    name = f"answer_{number.replace('.', '_')}"
    assert (stub_number, stub.__name__, solution.__name__) == (number, name, name)
    assert inspect.signature(stub) == inspect.signature(solution)
    assert stub.__doc__
    with pytest.raises(NotImplementedError):
        stub(*inspect.signature(stub).parameters)
    assert exercises.grade(number, stub).state == "open"


@each
def test_the_published_solution_is_right(number):
    one = PRINTED[number]
    [(_, solution)] = answers(one.solution, one.imports)
    verdict = exercises.grade(number, solution)
    assert verdict, str(verdict)
    assert verdict.message.endswith(".")


@pytest.mark.parametrize("number", SHEET)
def test_there_are_three_wrong_answers(number):
    exercise = SHEET[number]
    assert len(exercise.slips) >= 3
    assert len({slip.name for slip in exercise.slips}) == len(exercise.slips)
    assert 3 <= exercise.minutes <= 60
    assert inspect.getdoc(exercise.examine)


@pytest.mark.parametrize(
    ("exercise", "slip"), SLIPS, ids=[f"{e.number}: {s.name}" for e, s in SLIPS]
)
def test_a_published_wrong_answer_fails_and_is_named(exercise, slip):
    verdict = exercises.grade(exercise.number, slip.function)
    assert verdict.state == "wrong"
    assert verdict.slip is slip, "another wrong answer gives the same numbers"
    assert slip.says in " ".join(str(verdict).split())
    assert verdict.message, "without the slip nothing would be said"


def test_no_code_stands_in_what_is_told():
    for exercise, slip in SLIPS:
        for word in (slip.name, slip.says):
            assert "`" not in word, f"{exercise.number}: code in {word!r}"


# What can go wrong with any answer


@pytest.fixture
def doubling(monkeypatch):
    """An exercise for the tests below: return 2 x for x of shape (2, 3)."""
    monkeypatch.setattr(_sheet, "_EXERCISES", dict(_sheet._EXERCISES))

    @_sheet.exercise("99.1", "Doubling", level=1, minutes=3, topics=("tensors",))
    def examine(attempt):
        """Twice the argument."""
        x = np.random.default_rng(1).normal(size=(2, 3))
        attempt.equal(attempt(x), 2 * x)
        square = np.random.default_rng(2).normal(size=(2, 2))
        attempt.equal(attempt(square), 2 * square)
        return "All is doubled."

    @examine.slip("a square", says="Twice, not squared.", reveals="Reads too fast.")
    def _(x):
        return x**2

    return examine


def broken(x):
    return x.nothing


def in_place(x):
    x *= 2
    return x


def asks_for_more(x, y):
    return x


@pytest.mark.parametrize(
    ("answer", "cause", "told"),
    [
        (broken, "raises", "called with x (2, 3)"),
        (in_place, "changes its argument", "changes its argument x in place"),
        (asks_for_more, "signature", "takes (x, y), and the exercise calls it with 1"),
        (lambda x: None, "no result", "returns None: is a `return` missing?"),
        (lambda x: "2x", "no numbers", "of type str; expected numbers"),
        (lambda x: [[1, 2], [1]], "no numbers", "its rows differ in length"),
        (lambda x: 2 * x.T, "transposed", "shape (3, 2); expected (2, 3). Its transpose has"),
        (lambda x: x.T, "wrong shape", "shape (3, 2); expected (2, 3)."),
        (lambda x: 2 * x if len(x.T) == 3 else 2 * x.T, "transposed", "is transposed"),
        (lambda x: -2 * x, "sign", "has the opposite sign"),
        (lambda x: 6 * x, "constant factor", "is 3 times what it should be"),
        (lambda x: np.log(-(x**2)), "not finite", "6 of 6 numbers are not finite"),
        (lambda x: 2 * x + np.eye(2, x.shape[1]), "wrong value", "is wrong in 2 of 6 entries"),
        (lambda x: 2 * x + 1e-6, "wrong value", "is wrong in 6 of 6 entries"),
    ],
)
def test_the_kind_of_mistake_is_told(doubling, answer, cause, told):
    verdict = exercises.grade("99.1", answer)
    assert (verdict.state, verdict.cause, verdict.slip) == ("wrong", cause, None)
    assert told in " ".join(str(verdict).split())


def test_the_line_that_raises_is_shown(doubling):
    told = " ".join(str(exercises.grade("99.1", broken)).split())
    assert "AttributeError in the line `return x.nothing`" in told


def test_an_answer_of_tensors_or_lists_is_taken(doubling):
    assert exercises.grade("99.1", lambda x: 2 * torch.tensor(x))
    assert exercises.grade("99.1", lambda x: (2 * x).tolist())


def test_a_slip_is_recognized(doubling):
    verdict = exercises.grade("99.1", lambda x: x * x)
    assert verdict.slip is doubling.slips[0]
    assert "what comes out with a square. Twice, not squared." in str(verdict)


def test_check_prints_the_verdict(doubling, capsys):
    assert exercises.check("99.1", lambda x: x + x) is None
    assert capsys.readouterr().out == "Exercise 99.1, Doubling: right\n  All is doubled.\n"


def test_what_a_verdict_prints(doubling):
    def told(state, message="", slip=None):
        return str(exercises.Verdict(doubling, state, message, None, slip)).splitlines()

    assert told("open") == ["Exercise 99.1, Doubling: not answered yet"]
    head = "Exercise 99.1, Doubling: not right yet"
    slip = "  This is what comes out with a square. Twice, not squared."
    assert told("wrong", "no", doubling.slips[0]) == [head, slip, "  no"]
    # One line is filled into the box; of a report the lines stay, but for one that is too wide.
    words = "seven at " * 10
    seven, three = " ".join(["seven at"] * 7), " ".join(["seven at"] * 3)
    assert told("wrong", words) == [head, f"  {seven}", f"  {three}"]
    line, wide = "x " * 37 + "xx", "x " * 38 + "x"
    assert told("wrong", f"{line}\nthen") == [head, f"  {line}", "  then"]
    assert told("wrong", f"{wide}\nthen") == [
        head,
        "  " + "x " * 31 + "x",
        "  " + "x " * 6 + "x",
        "  then",
    ]
    hyphens = "-".join(["part"] * 15)
    assert told("wrong", f"a {hyphens}") == [head, "  a", f"  {hyphens}"]


def test_verdicts_fit_a_narrow_page():
    for exercise, slip in SLIPS:
        verdict = str(exercises.grade(exercise.number, slip.function))
        assert max(map(len, verdict.splitlines())) <= 80, verdict


def test_an_unknown_number_and_an_answer_that_is_no_function_are_refused():
    with pytest.raises(KeyError, match=r"no exercise '4.99': the last of chapter 4 is 4.6"):
        exercises.check("4.99", print)
    with pytest.raises(KeyError, match="there are exercises for chapters"):
        exercises.check("98.1", print)
    with pytest.raises(TypeError, match="without calling it"):
        exercises.check("4.1", np.zeros(3))


def test_a_mistake_in_the_sheet_is_refused(doubling):
    with pytest.raises(ValueError, match="stands twice"):
        _sheet.exercise("99.1", "", level=1, minutes=3, topics=("tensors",))(print)
    for level, topics in ((4, ("tensors",)), (1, ()), (1, ("cooking",))):
        with pytest.raises(ValueError, match=r"exercise 99.2: level"):
            _sheet.exercise("99.2", "", level=level, minutes=3, topics=topics)(print)


def test_results_are_compared_part_by_part():
    attempt = Attempt(lambda x: {"a": [x, 2 * x], "b": "word"})
    attempt(np.arange(3.0))
    assert attempt.is_like(lambda x: {"a": (x + 0, x + x), "b": "word"})
    assert not attempt.is_like(lambda x: {"a": (x, x), "b": "word"})
    assert not attempt.is_like(lambda x: {"a": (x, 2 * x), "b": "other"})
    assert not attempt.is_like(lambda x: 1 / 0)


def test_a_condition_that_does_not_hold_is_told():
    attempt = Attempt(print)
    attempt.holds(True, "never")
    with pytest.raises(WrongAnswerError, match="too large") as caught:
        attempt.holds(np.False_, "too large", "size")
    assert caught.value.cause == "size"


@pytest.mark.parametrize("expected", [np.array([np.nan, 1.0]), np.array([np.inf, 1.0])])
def test_numbers_that_are_meant_to_be_not_finite_can_be_asked_for(expected):
    attempt = Attempt(print)
    attempt.equal(expected.copy(), expected)
    with pytest.raises(WrongAnswerError):
        attempt.equal(np.array([0.0, 1.0]), expected)
