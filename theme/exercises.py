"""The lists of exercises: for readers by difficulty and topic, for teachers with wrong answers.

All of it comes from the sheet in ``backprop.exercises``, which needs no PyTorch.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from backprop.exercises import Exercise, Slip, sheet
from backprop.exercises._sheet import LEVELS, TOPICS


def setup(app: Sphinx) -> None:
    """Register the directives with Sphinx."""
    app.add_directive("exercises-by-level", ExercisesByLevel)
    app.add_directive("exercises-by-topic", ExercisesByTopic)
    app.add_directive("exercises-for-teachers", ExercisesForTeachers)


class ExerciseList(SphinxDirective):
    """What the lists have in common: links to exercises, and the files that they come from."""

    def exercises(self) -> list[Exercise]:
        """All exercises of the book, in order."""
        found = list(sheet().values())
        for path in {inspect.getfile(exercise.examine) for exercise in found}:
            self.env.note_dependency(path)
        return found

    def link(self, exercise: Exercise) -> nodes.Node:
        """``Exercise 4.2``, linked to its place in the chapter."""
        text = nodes.inline("", f"Exercise {exercise.number}", classes=["std", "std-ref"])
        return addnodes.pending_xref(
            "",
            text,
            refdomain="std",
            reftype="ref",
            refexplicit=True,
            reftarget=exercise.label,
            refdoc=self.env.docname,
            refwarn=True,
        )

    def grouped(self, groups: Iterable[tuple[str, list[tuple[Exercise, str]]]]) -> list[nodes.Node]:
        """For each group its title and a list: the link, the exercise's title, a remark."""
        shown: list[nodes.Node] = []
        for title, members in groups:
            if not members:
                continue
            items = nodes.bullet_list()
            for exercise, remark in members:
                line = nodes.paragraph("", "", self.link(exercise))
                line += nodes.Text(f", {exercise.title} ")
                line += nodes.inline("", remark, classes=["bp-where"])
                items += nodes.list_item("", line)
            shown += [nodes.rubric("", title), items]
        return shown


class ExercisesByLevel(ExerciseList):
    """List all exercises, those that ask for least first."""

    def run(self) -> list[nodes.Node]:
        """One list for each level, with the topics."""
        found = self.exercises()
        return self.grouped(
            (
                f"Level {level}: {meaning}",
                [(one, f"({', '.join(one.topics)})") for one in found if one.level == level],
            )
            for level, meaning in LEVELS.items()
        )


class ExercisesByTopic(ExerciseList):
    """List all exercises under each of their topics."""

    def run(self) -> list[nodes.Node]:
        """One list for each topic, with the levels."""
        found = self.exercises()
        return self.grouped(
            (
                topic[0].upper() + topic[1:],
                [(one, f"(level {one.level})") for one in found if topic in one.topics],
            )
            for topic in TOPICS
        )


class ExercisesForTeachers(ExerciseList):
    """Show the exercises of one chapter with the time they take and common wrong answers.

    The argument is the chapter's number.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The chapter's exercises, then the names that the wrong answers share."""
        chapter = self.arguments[0]
        found = [one for one in self.exercises() if one.number.split(".")[0] == chapter]
        if not found:
            raise self.error(f"no exercises for chapter {chapter}")
        total = sum(exercise.minutes for exercise in found)
        shown: list[nodes.Node] = [
            nodes.paragraph("", f"All {len(found)} together take about {total} minutes.")
        ]
        for exercise in found:
            shown += self._entry(exercise)
        shared = shared_source(inspect.getmodule(found[0].examine))
        if shared:
            shown += [
                nodes.paragraph("", "The wrong answers of this chapter use these names:"),
                nodes.literal_block(shared, shared, language="python"),
            ]
        return shown

    def _entry(self, exercise: Exercise) -> list[nodes.Node]:
        head = nodes.paragraph("", "", self.link(exercise))
        head += nodes.Text(", ")
        head += nodes.strong("", exercise.title)
        head += nodes.Text(f": about {exercise.minutes} minutes, level {exercise.level}.")
        items = nodes.bullet_list()
        for slip in exercise.slips:
            items += self._wrong_answer(slip)
        return [head, items]

    def _wrong_answer(self, slip: Slip) -> nodes.list_item:
        name = slip.name[0].upper() + slip.name[1:]
        text = nodes.paragraph("", "", nodes.strong("", name), nodes.Text(f". {slip.reveals}"))
        told = nodes.paragraph("", "", nodes.emphasis("", "The check says: "))
        told += nodes.Text(slip.says)
        source = wrong_source(slip)
        return nodes.list_item(
            "", text, told, nodes.literal_block(source, source, language="python")
        )


def wrong_source(slip: Slip) -> str:
    """The source of a wrong answer, without its decorator, under the name ``answer``."""
    source = textwrap.dedent(inspect.getsource(slip.function))
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    kept = source.splitlines()[function.lineno - 1 :]
    return "\n".join([kept[0].replace("def _(", "def answer(", 1), *kept[1:]])


def shared_source(module: ModuleType | None) -> str:
    """What the wrong answers of a module call that stands beside them."""
    if module is None or module.__file__ is None:
        return ""
    text = Path(module.__file__).read_text(encoding="utf-8")
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    plain = {node.name: node for node in functions if not node.decorator_list}
    wanted: dict[str, ast.FunctionDef] = {}
    waiting: list[ast.FunctionDef] = [node for node in functions if node.name == "_"]
    while waiting:
        for part in ast.walk(waiting.pop()):
            if isinstance(part, ast.Name) and part.id in plain and part.id not in wanted:
                wanted[part.id] = plain[part.id]
                waiting.append(plain[part.id])
    ordered = [node for node in functions if wanted.get(node.name) is node]
    return "\n\n".join(ast.get_source_segment(text, node) or "" for node in ordered)
