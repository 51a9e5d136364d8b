"""The book on paper: the file that a browser prints, and what keeps it from being printed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pdf_site import build

from tools.pdf import __main__ as command
from tools.pdf import document, printing, site


@pytest.fixture
def built(tmp_path: Path) -> site.Site:
    return build(tmp_path)


def composed(built: site.Site, name: str, with_solutions: bool = True) -> BeautifulSoup:
    (volume,) = [one for one in document.volumes(built) if one.name == name]
    return BeautifulSoup(document.compose(built, volume, with_solutions), "html.parser")


# ---- hints and solutions ----


def test_hints_come_before_solutions_and_first_hints_before_second_ones(built: site.Site) -> None:
    text = composed(built, "book").body.get_text()
    order = ["Early hint 1.", "Late hint 1.", "Early hint 2.", "Late hint 2.", "Secret 1."]
    places = [text.index(one) for one in order]
    assert places == sorted(places)
    assert all(text.count(one) == 1 for one in order)


def test_an_exercise_says_where_its_hints_and_solution_are(built: site.Site) -> None:
    book = composed(built, "book")
    line = book.select_one('[id="01-one"] .paper-see')
    assert line.get_text() == "Hint 1: page 000 · Hint 2: page 000 · Solution: page 000"
    target = book.find(id=line.find_all("a")[2]["href"][1:])
    assert "Secret 1." in target.get_text()
    assert target.select_one("h3 a")["href"] == "#01-one--ex-1-1"


@pytest.mark.parametrize("name", ["book", "01-one"])
def test_solutions_can_be_left_out(built: site.Site, name: str) -> None:
    book = composed(built, name, with_solutions=False)
    assert "Secret" not in book.get_text()
    assert "\\[z\\]" not in book.get_text()
    assert "Early hint 1." in book.get_text()
    assert book.find(id="solutions") is None
    mention = next(p for p in book.find_all("p") if p.get_text().startswith("Do it"))
    assert mention.get_text() == "Do it, as in (1.2)."
    assert mention.a is None


# ---- the whole file ----


def test_what_is_printed(built: site.Site) -> None:
    made = {volume.name: [page.slug for page in volume.pages] for volume in document.volumes(built)}
    assert made == {
        "book": ["index", "01-one", "02-two", "glossary", "references"],
        "01-one": ["01-one"],
        "02-two": ["02-two"],
        "for-teachers": ["exercises-for-teachers"],
    }


@pytest.mark.parametrize("name", ["book", "01-one", "02-two", "for-teachers"])
@pytest.mark.parametrize("with_solutions", [True, False])
def test_no_id_occurs_twice_and_no_link_leads_nowhere(
    built: site.Site, name: str, with_solutions: bool
) -> None:
    book = composed(built, name, with_solutions)
    ids = Counter(element["id"] for element in book.find_all(id=True))
    assert not [one for one, count in ids.items() if count > 1]
    hrefs = [str(link["href"]) for link in book.find_all("a", href=True)]
    assert not [one for one in hrefs if one.startswith("#") and one[1:] not in ids]
    assert not [one for one in hrefs if not one.startswith(("#", "https://"))]
    assert {element["data-page-of"] for element in book.select("[data-page-of]")} <= set(ids)
    clips = [str(element["clip-path"]) for element in book.select("[clip-path]")]
    assert all(clip.removeprefix("url(#").removesuffix(")") in ids for clip in clips)


def test_a_link_between_chapters_works_in_the_book_and_is_text_in_a_handout(
    built: site.Site,
) -> None:
    book = composed(built, "book").find(id="01-one")
    assert book.find("a", string="(2.1)")["href"] == "#02-two--equation-e"
    handout = composed(built, "01-one").find(id="01-one")
    assert "(2.1)" in handout.get_text()
    assert handout.find("a", string="(2.1)") is None


def test_a_handout_has_the_sources_that_it_cites(built: site.Site) -> None:
    handout = composed(built, "02-two")
    assert [entry.get_text() for entry in handout.select(".citation")] == ["Beta."]
    link = handout.select_one(".bibtex-citation a")
    assert handout.find(id=link["href"][1:]).get_text() == "Beta."


def test_the_contents_list_parts_pages_and_sections(built: site.Site) -> None:
    contents = composed(built, "book").select_one(".paper-contents")
    lines = [line.get_text() for line in contents.select(".paper-part, .paper-line")]
    assert lines[:6] == [
        "About this book000",
        "First part",
        "1. One000",
        "1.1. First000",
        "2. Two000",
        "2.1. First000",
    ]
    assert lines[-6:] == ["Hints000", "1. One000", "2. Two000", "Solutions000", *lines[-2:]]


def test_the_first_page_has_title_authors_and_license(built: site.Site) -> None:
    for name, title in [("book", "The book"), ("01-one", "1. One")]:
        cover = composed(built, name).select_one(".paper-cover")
        assert cover.select_one(".paper-name").get_text() == title
        assert "Somebody" in cover.get_text()
        assert "© 2026. Text: BY (license.org/by)." in cover.get_text()
        # Said once for all charts, in place of their code.
        assert "chapters/NN-name.ipynb" in cover.get_text()


def test_each_page_of_paper_names_book_and_chapter(built: site.Site) -> None:
    (volume,) = [one for one in document.volumes(built) if one.name == "book"]
    text = document.compose(built, volume)
    assert '@top-left { content: "The book" } @top-right { content: "1. One" }' in text


# ---- what goes wrong ----


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert command.main(list(arguments)) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1, "one sentence"
    return error


def test_without_a_built_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = run(capsys, "--site", str(tmp_path))
    assert error == f"There is no built book in {tmp_path.resolve()}: run `make book` first.\n"


def test_without_a_browser(
    built: site.Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(printing, "find", lambda: None)
    assert "no Chromium" in run(capsys, "--site", str(built.folder))


def test_an_old_browser() -> None:
    printing.require_margins("131.0.6778.69")
    with pytest.raises(site.PaperError, match=r"Version 130\.0\.1 of the browser is too old"):
        printing.require_margins("130.0.1")


def test_a_name_that_is_not_printed(built: site.Site, capsys: pytest.CaptureFixture[str]) -> None:
    error = run(capsys, "--site", str(built.folder), "--only", "03-three")
    assert error.startswith("There is no 03-three to print; there are: book, 01-one")


def test_a_page_that_is_missing(built: site.Site) -> None:
    (built.folder / "chapters/glossary.html").unlink()
    with pytest.raises(site.PaperError, match=r"no page .*glossary\.html"):
        composed(built, "book")
