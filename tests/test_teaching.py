"""The teacher's guide: its answers are computed, its minutes add up, what it names exists."""

import json
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from quizzes import claims

from backprop import exercises
from backprop_theme import teaching
from equations.harness import equal
from tools import grade

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "chapters/teaching"
PAGES = {path.stem: path.read_text("utf-8") for path in sorted(GUIDE.glob("*.md"))}
COURSES = ("lecture-90", "two-days", "six-weeks")
PARTS = (
    "**Goals.**",
    "**Chapters and slides.**",
    "| minutes | what | with |",
    "**Live.**",
    "**Exercises.**",
    "```{class-exercises}",
    "**Typical wrong answers.**",
    "```{wrong-answers}",
    "**Quiz.**",
    "```{include} quizzes/",
)
QUIZZES = {
    (path.stem, number): asked
    for path in sorted(claims.QUIZZES.glob("*.md"))
    for number, asked in claims.read(path.read_text("utf-8")).items()
}
ANSWERS = claims.load()


def sessions():
    """Each session of each course: its name, and its text."""
    for course in COURSES:
        for part in re.split(r"^(?=## )", PAGES[course], flags=re.M)[1:]:
            if "**Goals.**" in part:
                yield f"{course}: {part.splitlines()[0][3:]}", part


SESSIONS = dict(sessions())
each = pytest.mark.parametrize("session", SESSIONS)


def timetable(text):
    """The rows of a session's timetable, as (minutes, what)."""
    table = text.split("| minutes | what | with |\n")[1].split("\n\n")[0]
    rows = [line.strip("|").split(" | ") for line in table.splitlines()[1:]]
    return [(int(row[0]), row[1]) for row in rows]


# The quizzes


def test_every_question_has_a_check_and_every_check_a_question():
    assert set(QUIZZES) == set(ANSWERS)
    assert len(QUIZZES) > 40


@pytest.mark.parametrize("which", QUIZZES, ids=lambda which: f"{which[0]} {which[1]}")
def test_an_answer_says_what_is_computed(which):
    assert claims.problems(QUIZZES[which], ANSWERS[which]) == []


def test_a_number_that_is_changed_in_a_question_or_an_answer_is_noticed():
    """Each digit of every quiz, in its turn, becomes another one."""
    unnoticed: list[tuple[str, int, str, str]] = []
    for which, asked in QUIZZES.items():
        for part in ("question", "answer"):
            text = getattr(asked, part)
            for span in claims.spans(text):
                for digit in re.finditer(r"(?<![\w^_{])\d", span):
                    at = text.index(span) + digit.start()
                    other = str((int(digit[0]) + 1) % 10)
                    changed = text[:at] + other + text[at + 1 :]
                    both = {"question": asked.question, "answer": asked.answer} | {part: changed}
                    if not noticed(claims.Asked(**both), ANSWERS[which]):
                        unnoticed.append((*which, part, changed))
    assert {entry[:3] for entry in unnoticed} == HARMLESS


#: A ReLU that is off does not ask by how much, nor what it was handed.
HARMLESS = {("chain-rule", 3, "question"), ("program", 3, "question")}


def noticed(asked, answer):
    try:
        with np.errstate(all="ignore"):
            return bool(claims.problems(asked, answer))
    except (ValueError, AssertionError, TypeError, IndexError, RuntimeError):
        return True


def test_what_an_answer_claims_without_a_check_is_refused():
    right = claims.Asked("What is $x + 1$ at $x = 2$?", "It is $3$.")
    answer = claims.Answer(lambda x: [f"${x + 1:g}$"], ("$x + 1$",))
    assert claims.problems(right, answer) == []
    for question, said in (
        (right.question, "It is $4$."),
        (right.question, "It is $3$, not $4$."),
        (right.question, "It is $3$, not 4."),
        (right.question, "It is **not** $3$."),
        (right.question, "It is 3."),
        (right.question.replace("2", "5"), right.answer),
        (right.question.replace("+", "-"), right.answer),
    ):
        assert claims.problems(claims.Asked(question, said), answer), (question, said)


def test_a_formula_and_a_line_of_code_that_are_wrong_are_noticed():
    asked = claims.Asked("", "`2 * x`")
    for expected, problem in (([2.0, 4.0], False), ([2.0, 5.0], True), ([[2.0, 4.0]], True)):
        code = claims.Code("2 * x", expected, {"x": np.array([1.0, 2.0])})
        answer = claims.Answer(lambda code=code: [code], ())
        assert bool(claims.problems(asked, answer)) is problem
    wrong = claims.Formula("y", lambda rng: equal(rng.normal(size=3), rng.normal(size=3)))
    assert wrong.problems()


def test_a_quiz_has_as_many_answers_as_questions():
    text = (claims.QUIZZES / "day-one.md").read_text("utf-8")
    assert list(claims.read(text)) == [1, 2, 3]
    for changed in (
        text.replace("3. Let", "4. Let"),
        text.replace("3. $36", "3 $36"),
        text.replace(":class: dropdown\n", ""),
    ):
        with pytest.raises(ValueError, match="answers"):
            claims.read(changed)


# The sessions


def test_there_are_three_courses():
    counts = [sum(name.startswith(course) for name in SESSIONS) for course in COURSES]
    assert counts == [1, 8, 6]


@each
def test_a_session_has_all_its_parts_in_order(session):
    places = [SESSIONS[session].find(part) for part in PARTS]
    assert min(places) >= 0, PARTS[places.index(min(places))]
    assert places == sorted(places)


@each
def test_the_minutes_add_up_to_ninety(session):
    rows = timetable(SESSIONS[session])
    assert sum(minutes for minutes, _ in rows) == 90
    assert (5, "The quiz") in rows


@each
def test_an_exercise_gets_the_time_that_it_takes(session):
    text, sheet = SESSIONS[session], exercises.sheet()
    listed = re.search(r"```\{class-exercises\} (.+)", text)[1].split()
    in_class = []
    for minutes, what in timetable(text):
        numbers = [f"{n}.{k}" for n, k in re.findall(r"\{ref\}`ex-(\d+)-(\d+)`", what)]
        assert sum(sheet[number].minutes for number in numbers) <= minutes, what
        in_class += numbers
    assert in_class == listed or not in_class, "the list below the timetable is another one"


@each
def test_the_exercises_and_wrong_answers_are_in_the_sheet(session):
    text, sheet = SESSIONS[session], exercises.sheet()
    given = re.findall(r"```\{class-exercises\} (.+)", text)
    numbers = [number for line in given for number in line.split()]
    assert set(numbers) <= set(sheet)
    assert len(numbers) == len(set(numbers))
    (block,) = re.findall(r"```\{wrong-answers\}\n(.*?)```", text, re.S)
    lines = block.splitlines()
    assert len(lines) >= 3
    for line in lines:
        number, name = line.split(": ", 1)
        assert name in {slip.name for slip in sheet[number].slips}, line
        assert number in numbers, f"{line}: an exercise that the session does not set"


@each
def test_the_quiz_of_a_session_exists(session):
    (name,) = re.findall(r"^```\{include\} (quizzes/[\w-]+\.md)\n```$", SESSIONS[session], re.M)
    assert 3 <= len([which for which in QUIZZES if f"quizzes/{which[0]}.md" == name]) <= 4


@pytest.mark.parametrize("course", ["six-weeks"])
def test_homework_is_what_the_page_promises(course):
    for name, text in SESSIONS.items():
        if name.startswith(course) and "\nHomework:\n" in text:
            given = text.split("\nHomework:\n")[1].split("```")[1]
            total = sum(exercises.sheet()[n].minutes for n in given.split()[1:])
            assert 75 <= total <= 100, f"{name}: {total} minutes, and not about an hour and a half"


def test_the_hours_of_the_two_days_are_sessions_of_ninety_minutes():
    spans = re.findall(r"(\d+:\d\d)–(\d+:\d\d)", PAGES["two-days"])
    assert len(spans) == 4
    for start, end in spans:
        length = datetime.strptime(end, "%H:%M") - datetime.strptime(start, "%H:%M")
        assert length.total_seconds() == 90 * 60
    days = re.findall(r"^\| \d+:\d\d–.* \| (\d)\. (.*) \| (\d)\. (.*) \|$", PAGES["two-days"], re.M)
    for number, topic in (pair for a, b, c, d in days for pair in ((a, b), (c, d))):
        assert f"## Session {number}: {topic}" in PAGES["two-days"]
    assert len(days) == 4


def test_a_third_of_the_two_days_is_the_students_own():
    own = 0
    for name, text in SESSIONS.items():
        if name.startswith("two-days"):
            rows = timetable(text)
            own += sum(m for m, what in rows if "{ref}" in what or what.startswith("Work"))
    assert 1 / 3 - 0.05 < own / (8 * 90) < 1 / 3 + 0.05


def test_the_places_to_stop_are_where_the_timetable_has_them():
    page = PAGES["lecture-90"]
    minutes = [minutes for minutes, _ in timetable(page)]
    ends = [sum(minutes[: k + 1]) for k in range(len(minutes))]
    told = re.findall(r"(\d+) minutes", page.split("## If time runs out")[1])
    assert told
    assert set(map(int, told)) <= set(ends)


# What the pages name


def test_the_charts_that_are_named_exist():
    titles = set()
    for notebook in (ROOT / "chapters").glob("*.ipynb"):
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            titles |= set(re.findall(r'^ +title="([^"]+)"', source, re.M))
    named = {name for page in PAGES.values() for name in re.findall(r"[Cc]hart \*([^*]+)\*", page)}
    assert len(named) > 20
    assert named <= titles


def test_the_decks_that_are_named_belong_to_chapters():
    chapters = {path.stem for path in (ROOT / "chapters/text").glob("*.md")}
    named = {deck for page in PAGES.values() for deck in re.findall(r"\{deck\}`([^`?]+)", page)}
    assert named <= chapters
    for name, text in SESSIONS.items():
        head, table = text.split("**Chapters and slides.**")[1].split("| minutes |")
        used = set(re.findall(r"\{deck\}`([^`]+)`", table.split("\n\n")[0]))
        assert used <= set(re.findall(r"\{deck\}`([^`]+)`", head)), name


@pytest.mark.parametrize(
    ("minutes", "chapter"),
    re.findall(r"^\| (\d+) \|.*\{deck\}`([^`?]+)\?lecture`", PAGES["lecture-90"], re.M),
)
def test_the_notes_of_a_short_deck_add_up_to_its_time(minutes, chapter):
    cells = json.loads((ROOT / f"chapters/{chapter}.ipynb").read_text("utf-8"))["cells"]
    spent, is_in_lecture = 0, False
    for cell in cells:
        says = cell["metadata"].get("slideshow", {})
        if says.get("slide_type") in ("slide", "subslide"):
            is_in_lecture = says.get("lecture", False)
        elif says.get("slide_type") == "notes" and is_in_lecture:
            spent += int(re.match(r"\d+", "".join(cell["source"]))[0])
    assert spent == int(minutes)


def test_the_lecture_has_three_short_decks():
    assert len(re.findall(r"^\| \d+ \|.*\?lecture`", PAGES["lecture-90"], re.M)) == 3


def test_the_map_is_what_the_chapters_say_they_need():
    page = PAGES["before"]
    wanted = teaching.needs(ROOT / "chapters/text")
    rows = re.findall(r"^\| (\d+) \{doc\}`\.\./\d\d-[^`]+` \| ([^|]+) \|", page, re.M)
    told = {
        int(number): {int(n) for n in re.findall(r"\{doc\}`\d+ <\.\./(\d\d)-", needed)}
        for number, needed in rows
    }
    assert told == wanted
    assert len(told) == 14


def test_the_ways_through_the_map_leave_nothing_out():
    wanted = teaching.needs(ROOT / "chapters/text")
    ways = re.findall(r"^- \*\*.*?\*\*.*?((?:\d+, )+(?:\d+)(?: and \d+)?)", PAGES["before"], re.M)
    assert len(ways) == 3
    for way in ways:
        seen: set[int] = set()
        for chapter in map(int, re.findall(r"\d+", way)):
            assert wanted[chapter] <= seen, f"{way}: {chapter} needs {wanted[chapter]}"
            seen.add(chapter)


def test_every_page_is_in_the_table_of_contents():
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    for name in PAGES:
        assert f"chapters/teaching/{name}\n" in toc


def test_the_program_for_another_dataset_runs(capsys):
    (program,) = re.findall(r"```python\n(.*?)```", PAGES["adapting"], re.S)
    exec(program, {})
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "running",
        "train",
        "test",
    ]


def test_the_table_of_a_class_is_what_the_tool_prints():
    said = {
        "student01": ("right", "right", "open"),
        "student02": ("wrong", "right", "stopped"),
        "student03": ("wrong", "error", "open"),
    }
    details = {
        "wrong": "formulas without cases",
        "error": "SyntaxError: invalid syntax",
        "stopped": "not done after 60 s",
    }
    results = [
        grade.Result(f"{student}/02-chain-rule", f"2.{k}", state, details.get(state, ""))
        for student, states in said.items()
        for k, state in enumerate(states, 1)
    ]
    assert f"```text\n{grade.table(results)}\n```" in PAGES["class"]
    assert details["wrong"] in {slip.name for slip in exercises.sheet()["2.1"].slips}


# The map that is drawn


def test_what_is_needed_on_a_detour_gets_no_arrow():
    needs = {1: set(), 2: {1}, 3: {1, 2}, 4: {1, 3}, 5: {2}}
    assert teaching.direct(needs) == {1: set(), 2: {1}, 3: {2}, 4: {3}, 5: {2}}


def test_only_links_of_the_section_are_needs():
    text = (
        "See {doc}`09-last`.\n\n## What you need\n\nPaths ({doc}`03-many`), {term}`x`, "
        "{doc}`rules <04-batch>` and {doc}`notation`.\n\n```{code-cell}\n```\n{doc}`05-more`\n"
    )
    assert teaching.needs_of(text) == {3, 4}
    with pytest.raises(ValueError, match="no section"):
        teaching.needs_of("# Title\n")


def test_the_map_in_words():
    words = teaching.in_words({1: set(), 2: {1}, 4: {1, 2}})
    assert words.endswith("To 2 from 1. To 4 from 1 and 2.")
