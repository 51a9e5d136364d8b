"""What the teacher's guide takes from the chapters and from the sheet of exercises.

``{chapter-map}`` draws which chapter needs which, ``{class-exercises}`` lists exercises with the
time they take, ``{wrong-answers}`` quotes what common wrong answers reveal. Nothing of it is
written twice: the arrows are the links in the chapters' own sections "What you need".
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from backprop import diagrams
from backprop.exercises import Exercise, Slip

from .exercises import ExerciseList
from .mime import picture_node

_SECTION = re.compile(r"^## What you need\n(.*?)^(?:## |```\{code-cell\})", re.M | re.S)
_LINK = re.compile(r"\{doc\}`(?:[^`<]*<)?(\d\d)-[^`>]*>?`")


def setup(app: Sphinx) -> None:
    """Register the directives with Sphinx."""
    app.add_directive("chapter-map", ChapterMap)
    app.add_directive("class-exercises", ClassExercises)
    app.add_directive("wrong-answers", WrongAnswers)


def needs_of(text: str) -> set[int]:
    """The chapters that a chapter's section "What you need" links to.

    Raises:
        ValueError: if it has no such section.
    """
    section = _SECTION.search(text)
    if section is None:
        raise ValueError('no section "What you need"')
    return {int(number) for number in _LINK.findall(section[1])}


def needs(folder: Path) -> dict[int, set[int]]:
    """For each chapter the chapters it names under "What you need", from the text twins."""
    return {
        int(twin.name[:2]): needs_of(twin.read_text(encoding="utf-8"))
        for twin in sorted(folder.glob("[0-9][0-9]-*.md"))
    }


def direct(needs: Mapping[int, set[int]]) -> dict[int, set[int]]:
    """The same order with as few arrows as possible: what is needed on a detour is left out."""

    def all_before(chapter: int) -> set[int]:
        found = set(needs[chapter])
        return found.union(*(all_before(one) for one in needs[chapter]))

    return {
        chapter: wanted - set[int]().union(*(all_before(one) for one in wanted))
        for chapter, wanted in needs.items()
    }


class ChapterMap(SphinxDirective):
    """Draw the chapters with an arrow to each from those that it builds on.

    The content has a line for each chapter, ``number: word | column, row``: what stands in its
    box, and where the box stands.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The picture, described in words for those who cannot see it."""
        folder = Path(self.env.srcdir) / "chapters/text"
        for twin in folder.glob("*.md"):
            self.env.note_dependency(str(twin))
        arrows = direct(needs(folder))
        boxes = {}
        for line in self.content:
            number, word, column, row = re.split(r"\s*[:|,]\s*", line.strip())
            place = (float(column), float(row))
            boxes[number] = diagrams.Node(number, "operation", value=word, at=place)
        if set(boxes) != set(map(str, arrows)):
            raise self.error(f"a box is wanted for each of the chapters {sorted(arrows)}")
        picture = diagrams.computation_graph(
            boxes,
            [(str(a), str(b)) for b, before in arrows.items() for a in sorted(before)],
            title="Which chapter needs which",
            alt=in_words(arrows),
        )
        bundle = picture._repr_mimebundle_()
        node = picture_node(bundle, f"bp-map-{self.env.new_serialno('bp-map')}")
        self.set_source_info(node)
        return [node]


def in_words(arrows: Mapping[int, set[int]]) -> str:
    """The picture as sentences."""
    told = ["An arrow leads to each chapter from those that it builds on directly."]
    for chapter, before in arrows.items():
        if before:
            told.append(f"To {chapter} from {listed(map(str, sorted(before)))}.")
    return " ".join(told)


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


class ClassExercises(ExerciseList):
    """List the exercises named in the arguments, with their minutes and the sum of these."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """A list, and how long all of it takes."""
        chosen = [self.one(number) for number in self.arguments[0].split()]
        items = nodes.bullet_list()
        for exercise in chosen:
            line = nodes.paragraph("", "", self.link(exercise))
            line += nodes.Text(f", {exercise.title} ")
            remark = f"({exercise.minutes} minutes, level {exercise.level})"
            line += nodes.inline("", remark, classes=["bp-where"])
            items += nodes.list_item("", line)
        if len(chosen) == 1:
            return [items]
        total = sum(exercise.minutes for exercise in chosen)
        return [items, nodes.paragraph("", f"Together about {total} minutes.")]

    def one(self, number: str) -> Exercise:
        """The exercise of this number; an unknown one stops the build."""
        found = {exercise.number: exercise for exercise in self.exercises()}
        if number not in found:
            raise self.error(f"the book has no exercise {number}")
        return found[number]


class WrongAnswers(ClassExercises):
    """Quote common wrong answers from the sheet: what is done, and what it reveals.

    The content has a line for each, ``number: name``, by which the sheet calls it.
    """

    required_arguments = 0
    has_content = True

    def run(self) -> list[nodes.Node]:
        """A list, each entry with a link to its exercise."""
        items = nodes.bullet_list()
        for line in self.content:
            number, _, name = line.strip().partition(": ")
            exercise = self.one(number)
            slip = self.slip(exercise, name)
            told = nodes.paragraph("", "", self.link(exercise), nodes.Text(", "))
            told += nodes.strong("", slip.name)
            told += nodes.Text(f". {slip.reveals}")
            items += nodes.list_item("", told)
        return [items]

    def slip(self, exercise: Exercise, name: str) -> Slip:
        """The wrong answer of this name; an unknown one stops the build."""
        for slip in exercise.slips:
            if slip.name == name:
                return slip
        names = "; ".join(slip.name for slip in exercise.slips)
        raise self.error(f"exercise {exercise.number} has no wrong answer {name!r}, but: {names}")
