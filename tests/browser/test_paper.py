"""A chapter's handout, printed by a real browser from the built book, and read again as a PDF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser
from pypdf import PageObject, PdfReader

from tools.pdf.document import volumes
from tools.pdf.printing import destinations, make
from tools.pdf.site import Site

#: A chapter with a table, a diagram, charts, a stepper, and derivations of many lines.
CHAPTER = "04-sample-to-batch"
#: A4 less the margins of paper.css, in points; the lines on top and at the bottom stand outside.
LEFT, RIGHT, FOOT, TOP = 56.5, 539.5, 45, 775
POINTS_PER_PIXEL = 0.75


@dataclass
class Run:
    """A stretch of text on a page: where it begins, and by how much it was scaled."""

    text: str
    x: float
    y: float
    scale: float


class Handout:
    """A printed chapter, each of its pages read once."""

    def __init__(self, file: Path, too_wide: list[str]) -> None:
        self.reader = PdfReader(file)
        self.too_wide = too_wide
        self.destinations = destinations(self.reader)
        self.runs: list[list[Run]] = []
        self.texts = [self._read(page) for page in self.reader.pages]
        self.text = "\n".join(self.texts)

    def _read(self, page: PageObject) -> str:
        found: list[Run] = []

        def visit(text: str, cm: list[float], tm: list[float], font: Any, size: float) -> None:
            # The text of a picture comes with the coordinates of its picture, and another scale.
            if text.strip() and abs(cm[0] - POINTS_PER_PIXEL) < 1e-6:
                x, y = cm[0] * tm[4] + cm[4], cm[3] * tm[5] + cm[5]
                found.append(Run(text.strip(), x, y, cm[0]))

        self.runs.append(found)
        return page.extract_text(visitor_text=visit)


def link_targets(page: PageObject) -> Iterator[tuple[list[float], str]]:
    """The box of each link that stays in the file, and the name of its destination."""
    for reference in page.get("/Annots", []):
        annotation = reference.get_object()
        if "/Dest" in annotation:
            box = [float(value) for value in annotation["/Rect"]]
            yield box, str(annotation["/Dest"]).removeprefix("/")


def external_links(reader: PdfReader) -> list[str]:
    annotations = [a.get_object() for page in reader.pages for a in page.get("/Annots", [])]
    return [str(a["/A"]["/URI"]) for a in annotations if "/A" in a]


def resources(holder: Any, kind: str) -> Iterator[Any]:
    """All resources of a kind, those of the forms on a page too."""
    mine = holder.get("/Resources", {})
    for one in (mine.get(kind) or {}).values():
        yield one.get_object()
    for form in (mine.get("/XObject") or {}).values():
        if form.get_object().get("/Subtype") == "/Form":
            yield from resources(form.get_object(), kind)


@pytest.fixture(scope="module")
def printed(
    folder: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Handout]:
    """The handout with its solutions and without."""
    site = Site(folder)
    (volume,) = [one for one in volumes(site) if one.name == CHAPTER]
    made = {}
    for choice in ("appendix", "none"):
        out = tmp_path_factory.mktemp(choice)
        made[choice] = Handout(*make(site, volume, out, browser, choice == "appendix"))
        assert [path.name for path in out.iterdir()] == [f"{CHAPTER}.pdf"]
    return made


@pytest.fixture(scope="module")
def handout(printed: dict[str, Handout]) -> Handout:
    return printed["appendix"]


@pytest.fixture(scope="module")
def article(folder: Path) -> Tag:
    html = (folder / "chapters" / f"{CHAPTER}.html").read_text(encoding="utf-8")
    return BeautifulSoup(html, "html.parser").article


def test_every_number_in_the_contents_is_the_page_of_its_target(
    handout: Handout, article: Tag
) -> None:
    seen = []
    for (_, low, _, high), target in link_targets(handout.reader.pages[0]):
        line = [run for run in handout.runs[0] if low <= run.y <= high]
        number = max(line, key=lambda run: run.x).text
        assert number == str(handout.destinations[target]), target
        seen.append(int(number))
    # The chapter itself, hints and solutions, besides the sections.
    assert len(seen) == len(article.select("section > h2")) + 3
    assert seen == sorted(seen)
    assert seen[0] == 2
    assert seen[-1] > 10


def test_every_page_has_its_number(handout: Handout) -> None:
    # Of a tall brace the parts that its box cuts off are text of the page as well: no digits.
    feet = [[run.text for run in page if run.y < FOOT] for page in handout.runs]
    found = [[text for text in foot if text.isdigit()] for foot in feet]
    assert found == [[], *([str(number)] for number in range(2, len(found) + 1))]


def test_every_link_leads_somewhere(handout: Handout) -> None:
    targets = [target for page in handout.reader.pages for _, target in link_targets(page)]
    assert set(targets) <= set(handout.destinations)
    assert f"{CHAPTER}--equation-eq-batch-grad-x" in targets
    # Nothing is left of the file that was printed.
    outside = external_links(handout.reader)
    assert not [link for link in outside if not link.startswith("https://")]


def test_the_bookmarks_are_the_contents(handout: Handout) -> None:
    reader = handout.reader
    chapter, sections, *appendices = reader.outline
    assert chapter.title.startswith("4. ")
    pages = [reader.get_destination_page_number(one) + 1 for one in (chapter, *sections)]
    lines = [handout.destinations[target] for _, target in link_targets(reader.pages[0])]
    assert pages == lines[:-2]
    assert [one.title for one in appendices] == ["Hints", "Solutions"]


def test_every_equation_has_its_number(handout: Handout, article: Tag) -> None:
    numbers = [number.get_text().split("#")[0] for number in article.select(".eqno")]
    assert len(numbers) > 30
    assert not [number for number in numbers if number not in handout.text]


def test_fonts_are_embedded(handout: Handout) -> None:
    fonts = [font for page in handout.reader.pages for font in resources(page, "/Font")]
    assert fonts
    for font in fonts:
        if font["/Subtype"] == "/Type0":
            font = font["/DescendantFonts"][0].get_object()
        # The glyphs of a font of type 3 are drawings in the file.
        descriptor = font.get("/FontDescriptor", {})
        assert "/CharProcs" in font or any(key.startswith("/FontFile") for key in descriptor)


def test_charts_are_drawings_and_none_is_split(handout: Handout, article: Tag) -> None:
    kinds = {
        one["/Subtype"] for page in handout.reader.pages for one in resources(page, "/XObject")
    }
    assert "/Image" not in kinds
    charts = article.select(".bp-chart svg")
    assert len(charts) > 2
    assert handout.text.count("Live on the page ") == len(charts)
    pages = ["".join(text.split()) for text in handout.texts]
    for chart in charts:
        leaves = [text for text in chart.find_all(["text", "tspan"]) if text.find() is None]
        words = {"".join(text.get_text().split()) for text in leaves}
        assert any(all(word in page for word in words) for page in pages), words


def test_nothing_stands_in_the_margins(printed: dict[str, Handout]) -> None:
    for handout in printed.values():
        # What is too wide would make the browser print everything smaller, and then these
        # runs would be empty: they are of one scale.
        assert not handout.too_wide
        found = [run for page in handout.runs for run in page if FOOT < run.y < TOP]
        assert len(found) > 1000
        assert not [run for run in found if not LEFT <= run.x <= RIGHT]


def test_what_works_on_a_screen_only_is_gone(handout: Handout) -> None:
    for remnant in ("Show code cell", "Click to", "not answered yet", "Open in", "\\["):
        assert remnant not in handout.text, remnant
    assert "4.1. What you will be able to do" in handout.text


def test_solutions_are_left_out(printed: dict[str, Handout], folder: Path) -> None:
    html = (folder / "chapters" / f"{CHAPTER}.html").read_text(encoding="utf-8")
    article = BeautifulSoup(html, "html.parser").article
    solved = [box.extract() for box in article.select(".solution")]
    # What an exercise or the chapter shows as well is no secret.
    secrets = lines_of_code(solved) - lines_of_code([article])
    assert len(secrets) > 20
    with_solutions, without = printed["appendix"].text, printed["none"].text
    assert not [secret for secret in secrets if secret not in with_solutions]
    assert not [secret for secret in secrets if secret in without]
    assert "Solution to" not in without
    assert "Solution: page" not in without
    assert "Hint 1 of each exercise" in without


def lines_of_code(boxes: list[Tag]) -> set[str]:
    texts = [pre.get_text() for box in boxes for pre in box.find_all("pre")]
    return {line.strip() for text in texts for line in text.splitlines() if len(line) > 20}
