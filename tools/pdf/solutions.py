"""Hints and solutions, which the site folds, taken out of their chapters and set in an appendix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bs4 import Tag

from .clean import element
from .site import Page, text_of

HINT = ".admonition.dropdown.tip"
SOLUTION = ".admonition.solution"


@dataclass
class Answer:
    """What belongs to one exercise.

    Attributes:
        exercise: the id of the exercise.
        title: its number and title.
        hints: by their headings ("Hint 1"), the hints.
        solution: the solution, or None where it is left out.
    """

    exercise: str
    title: str
    hints: dict[str, Tag] = field(default_factory=dict)
    solution: Tag | None = None

    def parts(self) -> Iterator[tuple[str, Tag]]:
        """Each hint and the solution under its heading."""
        yield from self.hints.items()
        if self.solution is not None:
            yield "Solution", self.solution


def take_answers(article: Tag, keep_solutions: bool) -> list[Answer]:
    """Take the hints and solutions out of a page, and leave a line that says where they are.

    What does not follow an exercise in the same section belongs to none, and stays.
    """
    answers: list[Answer] = []
    section = None
    for block in article.select(f".exercise, {HINT}, {SOLUTION}"):
        heading = block.find("p", class_="admonition-title")
        if "exercise" in block.get_attribute_list("class"):
            answers.append(Answer(str(block["id"]), text_of(heading)))
            section = block.parent
        elif answers and block.parent is section:
            _take(block, text_of(heading), answers[-1], keep_solutions)
            if heading is not None:
                heading.extract()
    for answer in answers:
        _fill_line(article, answer)
    return [answer for answer in answers if any(answer.parts())]


def _take(block: Tag, heading: str, answer: Answer, keep_solutions: bool) -> None:
    is_solution = "solution" in block.get_attribute_list("class")
    if not answer.hints and answer.solution is None:
        block.insert_before(element("p", class_="paper-see", data_for=answer.exercise))
    block.extract()
    earlier = answer.solution if is_solution else answer.hints.get(heading)
    if earlier is not None:
        earlier.extend(list(block.contents))
    elif not is_solution:
        block["id"] = f"{answer.exercise}--{heading.lower().replace(' ', '-')}"
        answer.hints[heading] = block
    elif keep_solutions:
        block["id"] = f"{answer.exercise}--solution"
        answer.solution = block


def _fill_line(article: Tag, answer: Answer) -> None:
    """``Hint 1: page 301 · Hint 2: page 309 · Solution: page 352``."""
    line = article.find("p", attrs={"data-for": answer.exercise})
    if line is None:
        return
    del line["data-for"]
    for heading, block in answer.parts():
        if line.contents:
            line.append(" · ")
        line.append(f"{heading}: ")
        line.append(page_link(str(block["id"]), "page "))
    if not line.contents:
        line.decompose()


def page_link(target: str, before: str = "") -> Tag:
    """A link that will say on which page its target is."""
    link = element("a", before, href=f"#{target}")
    link.append(element("span", "000", data_page_of=target))
    return link


def hints(chapters: Sequence[tuple[Page, list[Answer]]]) -> Tag | None:
    """The appendix of hints: the first ones of a chapter together, and then the second ones.

    So nobody who looks for a first hint reads the second. None: there are none.
    """
    appendix = element("section", id="hints")
    appendix.append(element("h1", "Hints"))
    for page, answers in chapters:
        headings = list(dict.fromkeys(name for answer in answers for name in answer.hints))
        target = _chapter(appendix, page, "hints", len(chapters) > 1) if headings else appendix
        for heading in headings:
            target.append(element("h3", f"{heading} of each exercise"))
            for answer in answers:
                if heading in answer.hints:
                    target.append(_entry(answer, answer.hints[heading], "p"))
    return appendix if appendix.find("h3") else None


def solutions(chapters: Sequence[tuple[Page, list[Answer]]]) -> Tag | None:
    """The appendix of solutions; None: there are none."""
    appendix = element("section", id="solutions")
    appendix.append(element("h1", "Solutions"))
    for page, answers in chapters:
        solved = [(answer, answer.solution) for answer in answers if answer.solution is not None]
        target = _chapter(appendix, page, "solutions", len(chapters) > 1) if solved else appendix
        for answer, solution in solved:
            target.append(_entry(answer, solution, "h3"))
    return appendix if appendix.find("h3") else None


def _chapter(appendix: Tag, page: Page, name: str, with_heading: bool) -> Tag:
    """The part of an appendix for one chapter."""
    if not with_heading:
        return appendix
    section = element("section", id=f"{page.slug}--{name}")
    section.append(element("h2", page.label))
    appendix.append(section)
    return section


def _entry(answer: Answer, block: Tag, heading: str) -> Tag:
    """One hint or solution under a line that leads back to its exercise."""
    entry = element("div", class_="paper-answer", id=str(block["id"]))
    line = element(heading, class_="paper-answer-of")
    line.append(element("a", answer.title, href=f"#{answer.exercise}"))
    entry.append(line)
    entry.extend(list(block.contents))
    return entry
