"""The decks: which parts of a page are on a slide, and what stands on none."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from small_book import SmallBook

from backprop_theme import slides
from tools.notebooks import twins

CONF = """
extensions = ["myst_nb", "sphinx_exercise", "backprop_theme"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
nb_execution_mode = "off"
exclude_patterns = ["_build"]
numfig = True
math_numfig = True
html_theme = "sphinx_book_theme"
"""
FIRST = """# Rates

Not on any slide, but see {deck}`02-rates`.
"""
FORMULA = """## Two steps

See {eq}`def-b` in {doc}`01-first` and [there](https://example.org/x).

$$
\\begin{aligned}
a &= 1 \\\\
b &= 2
\\end{aligned}
$$ (eq-a)
"""
EXERCISE = """## Exercises

:::{exercise} Try
:label: ex-2-1

What is a?
:::
"""


def cell(kind: str | None, source: str, *, tags: list[str] | None = None, **more: Any) -> Any:
    """A Markdown cell, or one with code if ``tags`` or ``code`` are given."""
    says = {"slideshow": {"slide_type": kind, **more}} if kind else {}
    if tags is None:
        return nbformat.v4.new_markdown_cell(source, metadata=says)
    printed = nbformat.v4.new_output("stream", name="stdout", text=f"out of {source}\n")
    return nbformat.v4.new_code_cell(source, metadata=says | {"tags": tags}, outputs=[printed])


CELLS = [
    cell(None, FIRST),
    cell("slide", FORMULA, layout="beside"),
    cell("notes", "2 min. Only the speaker reads this."),
    cell("-", "c = 3", tags=[], lines=[[1]]),
    cell(None, "A paragraph between.\n\n$$\nb = 4\n$$ (def-b)"),
    cell("fragment", "d = 4", tags=["hide-input"]),
    cell("subslide", "Below."),
    cell("skip", "Left out."),
    cell("slide", EXERCISE),
]


CHECK = """
@check("eq-a", "a = 1")
def a(rng):
    return equal(1, 1)
"""


class Chapters(SmallBook):
    """Two chapters, the second of them a notebook with a deck."""

    def __init__(self, root: Path, cells: list[Any]) -> None:
        super().__init__(root)
        self.write("conf.py", CONF)
        self.write("tests/equations/chapter_02.py", CHECK)
        self.write("checks.md", "# Checks\n\n```{equation-checks} 2\n```\n")
        pages = "chapters/01-first\nchapters/02-rates\nchecks"
        toctree = f"```{{toctree}}\n:numbered:\n{pages}\n```\n"
        self.write("index.md", f"# Book\n\n{toctree}")
        self.write("chapters/01-first.md", "# First\n\nThe {deck}`02-rates`.\n")
        python = {"language_info": {"name": "python"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=python)
        self.write("chapters/02-rates.ipynb", nbformat.writes(notebook))

    def deck(self) -> list[Tag]:
        """The slides of the second chapter after the first, which has the title."""
        page = BeautifulSoup(self.page("slides/02-rates"), "html.parser")
        flat = [s for s in page.find_all("section") if s.find("section") is None]
        return flat[1:]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Chapters:
    book = Chapters(tmp_path_factory.mktemp("slides"), CELLS)
    assert book.build() == ""
    return book


def test_a_slide_begins_where_a_cell_says_so_and_is_titled_as_its_section(built: Chapters) -> None:
    titles = [slide.h2.get_text().strip() for slide in built.deck()]
    assert titles == ["Two steps", "Two steps", "Exercises"]


def test_a_deck_holds_the_chosen_cells_and_no_others(built: Chapters) -> None:
    first, below, last = built.deck()
    formula, code, later = first.find_all(class_="deck-cell")
    assert "deck-code" not in formula["class"], "the mark of a checked equation is no code"
    assert "deck-code" in code["class"]
    assert "deck-later" in later["class"]
    assert "out of c = 3" in code.get_text()
    assert "c = 3" in first.find(class_="cell_input").get_text()
    assert "out of d = 4" in first.get_text()
    assert len(first.find_all(class_="cell_input")) == 1, "folded code is left out"
    assert "Below." in below.get_text()
    assert "What is a?" in last.get_text()
    everything = built.page("slides/02-rates")
    for text in ("Not on any slide", "A paragraph between", "Left out"):
        assert text not in everything
    assert "Left out" in built.page("chapters/02-rates")


def test_formulas_keep_the_numbers_that_they_have_on_the_page(built: Chapters) -> None:
    page = BeautifulSoup(built.page("chapters/02-rates"), "html.parser")
    on_page = page.find(id="equation-eq-a").find(class_="eqno").get_text()
    assert re.match(r"\([\d.]+\)", on_page)
    assert built.deck()[0].find(class_="eqno").get_text() == on_page


def test_what_the_speaker_reads_is_on_no_page_and_in_no_search(built: Chapters) -> None:
    assert "2 min. Only the speaker" in built.deck()[0].find(class_="notes").get_text()
    assert "Only the speaker" not in built.page("chapters/02-rates")
    search = (built.root / "_build/html/searchindex.js").read_text(encoding="utf-8")
    assert "speaker" not in search


def test_every_link_of_a_deck_leads_to_a_place_that_exists(built: Chapters) -> None:
    links = [str(a["href"]) for a in built.deck()[0].find_all("a", class_="reference")]
    assert "https://example.org/x" in links
    assert "../chapters/01-first.html" in links
    assert "../chapters/02-rates.html#equation-def-b" in links
    site = built.root / "_build/html/slides"
    for link in links:
        if not link.startswith("https:"):
            path, _, target = link.partition("#")
            assert (site / path).is_file()
            assert not target or f'id="{target}"' in (site / path).read_text(encoding="utf-8")


def test_the_page_leads_to_its_deck_and_the_deck_back(built: Chapters) -> None:
    assert 'href="../slides/02-rates.html"' in built.page("chapters/02-rates")
    assert 'href="../slides/02-rates.html"' in built.page("chapters/01-first")
    assert "slides of chapter 2" in built.page("chapters/01-first")
    assert 'href="../chapters/02-rates.html"' in built.page("slides/02-rates")
    assert "deck-button" not in built.page("chapters/01-first"), "it has no deck"


def test_a_deck_loads_nothing_that_is_not_on_the_site(built: Chapters) -> None:
    page = BeautifulSoup(built.page("slides/02-rates"), "html.parser")
    loaded = [tag.get("src") or tag.get("href") for tag in page.find_all(["script", "link"])]
    files = [name for name in loaded if name]
    assert len(files) >= 8
    for name in files:
        assert (built.root / "_build/html/slides" / name.split("?")[0]).is_file(), name


@pytest.mark.parametrize(
    ("cells", "warning"),
    [
        ([cell("sliide", "x")], "cell 1 has an unknown slideshow"),
        ([cell("slide", "x", rowss="together")], "cell 1 has an unknown slideshow"),
        ([cell(None, "# T"), cell("fragment", "x")], "has to begin a slide"),
    ],
)
def test_a_mistake_in_the_metadata_is_a_warning(
    tmp_path: Path, cells: list[Any], warning: str
) -> None:
    book = Chapters(tmp_path, [cell(None, "# Rates\n"), *cells])
    said = book.build()
    assert warning.replace("cell 1", "cell 2") in said
    assert "no deck '02-rates'" in said


# ---- the chapters' own decks ----


def decks() -> list[tuple[str, list[Any]]]:
    """Each chapter's name, and its cells that have a place in the deck."""
    chosen = []
    for twin in twins():
        notebook = nbformat.read(twin.parent.parent / f"{twin.stem}.ipynb", as_version=4)
        kinds = [c.metadata.get("slideshow", {}).get("slide_type") for c in notebook.cells]
        chosen.append(
            (twin.stem, [c for c, kind in zip(notebook.cells, kinds, strict=True) if kind])
        )
    return chosen


@pytest.mark.parametrize(("name", "cells"), decks(), ids=[name for name, _ in decks()])
def test_every_slide_of_a_chapter_has_notes_with_the_time_to_spend(
    name: str, cells: list[Any]
) -> None:
    kinds = [cell.metadata.slideshow.slide_type for cell in cells]
    starts = [i for i, kind in enumerate(kinds) if kind in slides.BEGINS]
    assert len(starts) >= 8, f"{name} has {len(starts)} slides"
    for start, end in zip(starts, [*starts[1:], len(kinds)], strict=True):
        notes = [c.source for c in cells[start:end] if c.metadata.slideshow.slide_type == "notes"]
        assert len(notes) == 1, f"{name}: {cells[start].source[:60]!r} has {len(notes)} notes"
        assert re.match(r"\d+ min\. [A-Z]", notes[0]), f"{name}: {notes[0][:60]!r}"
        assert not re.search(r"[$`{}]", notes[0]), f"{name}: markup in {notes[0][:60]!r}"


@pytest.mark.parametrize(("name", "cells"), decks(), ids=[name for name, _ in decks()])
def test_the_lines_that_come_with_a_formula_are_lines_of_the_code(
    name: str, cells: list[Any]
) -> None:
    for cell in cells:
        said = cell.metadata.slideshow.get("lines", [])
        numbers = [number for step in said for number in step]
        assert len(numbers) == len(set(numbers)), f"{name}: {said}"
        lines = cell.source.split("\n")
        assert all(lines[number - 1].strip() for number in numbers), f"{name}: {said}"
