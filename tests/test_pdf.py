"""The book on paper: its pages, before they are joined and a browser prints them."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from pdf_site import CHAPTER, build, write

from tools.pdf import clean, links, site, solutions


@pytest.fixture
def built(tmp_path: Path) -> site.Site:
    return build(tmp_path)


def article(text: str) -> Tag:
    return BeautifulSoup(f"<article>{text}</article>", "html.parser").article


ONE = site.Page("chapters/01-one", "1", "One", "First part")
TWO = site.Page("chapters/02-two", "2", "Two", "First part")


def find(name: str) -> site.Page | None:
    return {ONE.name: ONE, TWO.name: TWO}.get(name)


# ---- the site ----


def test_the_pages_come_in_the_order_of_the_sidebar(built: site.Site) -> None:
    assert [page.name for page in built.pages][:3] == ["index", ONE.name, TWO.name]
    assert built.pages[1] == ONE
    assert built.title == "The book"
    assert built.author == "Somebody"


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("02-two.html#a%20b", ("chapters/02-two", "a b")),
        ("#x", ("chapters/01-one", "x")),
        ("../index.html", ("index", "")),
        ("reference/index.html#m", ("chapters/reference/index", "m")),
        ("https://example.org/02-two.html", None),
        ("mailto:a@b.org", None),
    ],
)
def test_where_a_link_leads(href: str, target: tuple[str, str] | None) -> None:
    assert ONE.target(href) == target


@pytest.mark.parametrize(
    ("account", "address"),
    [
        (site.PLACEHOLDER, ""),
        ("Ada", "https://ada.github.io/some-book/"),
    ],
)
def test_the_address_follows_the_repository(tmp_path: Path, account: str, address: str) -> None:
    write(tmp_path, "index", "", account)
    assert site.Site(tmp_path).address == address


def test_a_canonical_address_comes_first(tmp_path: Path) -> None:
    write(tmp_path, "index", "", "ada")
    text = (tmp_path / "index.html").read_text("utf-8")
    link = '<link rel="canonical" href="https://book.org/b/index.html"></head>'
    (tmp_path / "index.html").write_text(text.replace("</head>", link), encoding="utf-8")
    assert site.Site(tmp_path).address == "https://book.org/b/"


# ---- ids and links ----


def test_a_picture_keeps_its_clip_path_under_a_new_name() -> None:
    found = article(
        '<svg aria-labelledby="t d"><title id="t"></title><clipPath id="c"></clipPath>'
        '<g clip-path="url(#c)" style="mask: url(\'#c\')"></g><use xlink:href="#c"></use></svg>'
        '<a href="#c">c</a>'
    )
    links.prefix_ids(found, ONE)
    assert found.svg["aria-labelledby"] == "01-one--t 01-one--d"
    assert found.g["clip-path"] == "url(#01-one--c)"
    assert found.g["style"] == "mask: url(#01-one--c)"
    assert found.use["xlink:href"] == "#01-one--c"
    assert found.a["href"] == "#c", "links belong to rewrite_links"


def test_links_lead_into_the_file_or_become_text() -> None:
    found = article(
        '<a href="02-two.html#e">e</a><a href="02-two.html">two</a><a href="#here">here</a>'
        '<a href="glossary.html">word</a>'
    )
    links.rewrite_links(found, ONE, find)
    hrefs = [link["href"] for link in found.find_all("a")]
    assert hrefs == ["#02-two--e", "#02-two", "#01-one--here"]
    assert found.get_text() == "etwohereword"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the tutorial", "the tutorial (example.org/a)"),
        ("example.org/a", "example.org/a"),
        ("doi:example.org/a", "doi:example.org/a"),
    ],
)
def test_an_address_is_printed_unless_the_text_has_it(text: str, shown: str) -> None:
    found = article(f'<a href="https://example.org/a">{text}</a>')
    links.rewrite_links(found, ONE, find)
    assert found.get_text() == shown


def test_the_number_of_a_chapter_stands_beside_its_title() -> None:
    doc = '<a href="02-two.html"><span class="doc">Two</span></a>'
    found = article(f"<p>In chapter {doc} and in {doc}.</p>")
    links.name_chapters(found, ONE, find)
    assert found.get_text() == "In chapter 2, Two and in Two (chapter 2)."


def test_what_is_not_in_the_file_is_no_link() -> None:
    found = article('<p id="a"><a href="#a">a</a> <a href="#b" class="x">b</a></p>')
    assert links.drop_dead_links(found) == ["b"]
    assert [link["href"] for link in found.find_all("a")] == ["#a"]
    assert found.get_text() == "a b"


# ---- a page made fit for paper ----


def cleaned(address: str = "") -> Tag:
    found = article(CHAPTER.format(n=1, m=2, title="One", other="02-two"))
    clean.clean(found, ONE, address)
    return found


def test_code_of_pictures_goes_and_other_code_stays() -> None:
    text = cleaned().get_text()
    assert "draw_it" not in text
    assert "Show code" not in text
    assert "answer()" in text


def test_nothing_to_press_is_left() -> None:
    found = article("<button>Copy</button><details><summary>More</summary><p>Text</p></details>")
    clean.clean(found, ONE, "")
    assert not found.select("button, details, summary")
    assert found.get_text() == "MoreText"
    assert not cleaned().select("script, .bp-chart-live, .headerlink, [style]")


def test_an_exercise_that_nobody_answered_prints_no_report() -> None:
    assert "not answered yet" not in cleaned().get_text()
    kept = article('<div class="cell_output">Exercise 1.1, Try: right</div>')
    clean.clean(kept, ONE, "")
    assert kept.get_text() == "Exercise 1.1, Try: right"


def test_a_chart_says_where_it_is_live() -> None:
    note = cleaned().select_one(".bp-chart + .paper-live")
    assert note.get_text() == "Live on the page chapters/01-one.html, section 1.1"
    link = cleaned("https://book.org/").select_one(".bp-chart + .paper-live a")
    assert link.get_text() == "https://book.org/chapters/01-one.html"
    assert link["href"] == "https://book.org/chapters/01-one.html#first"


def test_the_mark_of_a_check_stands_under_the_number() -> None:
    mark = cleaned().select_one(".eqno > .paper-checked")
    assert (mark.name, mark.get_text()) == ("span", "checked")
    link = cleaned("https://book.org/").select_one(".eqno > .paper-checked")
    assert link["href"] == "https://book.org/chapters/checks/chapter-01.html#check-e"


def test_a_line_that_announces_stays_with_what_follows() -> None:
    found = article("<p>As follows:</p><p>The end.</p>")
    clean.clean(found, ONE, "")
    assert [p.get_text() for p in found.select(".paper-leads")] == ["As follows:"]


ASIDE = '<div class="dropdown tip admonition"><p class="admonition-title">Aside</p></div>'
EXERCISE = '<div class="exercise admonition" id="e"><p class="admonition-title">Exercise</p></div>'


@pytest.mark.parametrize("text", [ASIDE, ASIDE + EXERCISE, f"<b>{EXERCISE}</b><b>{ASIDE}</b>"])
def test_what_belongs_to_no_exercise_stays(text: str) -> None:
    found = article(text)
    before = found.get_text()
    assert solutions.take_answers(found, True) == []
    assert found.get_text() == before


def test_two_hints_of_one_name_are_both_kept() -> None:
    hint = '<div class="dropdown tip admonition"><p class="admonition-title">Hint</p>{}</div>'
    found = article(EXERCISE + hint.format("One.") + hint.format("Two."))
    (answer,) = solutions.take_answers(found, True)
    assert answer.hints["Hint"].get_text() == "One.Two."
