"""One HTML file that a browser prints: title page, contents, pages, appendices."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from . import solutions
from .clean import add_class, clean, element
from .links import drop_dead_links, name_chapters, prefix_ids, rewrite_links
from .site import Page, PaperError, Site, text_of

HERE = Path(__file__).parent
#: Pages that are for the screen (the package's reference, the checks) or not for every reader.
NOT_IN_THE_BOOK = ("chapters/reference/", "chapters/checks/", "chapters/equation-checks")
SOURCES = "chapters/references"
FOR_TEACHERS = ("chapters/exercises-for-teachers", "chapters/teaching/")


@dataclass(frozen=True)
class Volume:
    """What becomes one PDF.

    Attributes:
        name: the file's name, without ``.pdf``.
        title: the title on the first page.
        pages: the pages of the site in it.
        is_book: it has a title page of its own and parts.
    """

    name: str
    title: str
    pages: tuple[Page, ...]
    is_book: bool = False


def volumes(site: Site) -> list[Volume]:
    """The book, a handout of each chapter, and one PDF of the pages for teachers."""
    teachers = tuple(page for page in site.pages if page.name.startswith(FOR_TEACHERS))
    left_out = (*NOT_IN_THE_BOOK, *FOR_TEACHERS)
    book = tuple(page for page in site.pages if not page.name.startswith(left_out))
    made = [Volume("book", site.title, book, is_book=True)]
    made += [Volume(page.slug, page.label, (page,)) for page in book if page.number]
    if teachers:
        made.append(Volume("for-teachers", "For teachers", teachers))
    return made


def compose(site: Site, volume: Volume, with_solutions: bool = True) -> str:
    """The volume as one HTML page, its page numbers still ``000``.

    Raises:
        PaperError: a page of the site is missing, or is none that the book's theme made.
    """
    body = element("body")
    chapters = []
    settings: dict[str, object] | None = None
    printed = {page.name: page for page in volume.pages}
    sources = site.page(SOURCES)
    if sources is not None:
        printed[SOURCES] = sources
    for page in volume.pages:
        soup = site.soup(page.name)
        settings = settings or site.mathjax(soup)
        section = _section(page, _article(site, page, soup, printed.get))
        chapters.append((page, solutions.take_answers(section, with_solutions)))
        body.append(section)
    for appendix in (solutions.hints(chapters), solutions.solutions(chapters)):
        if appendix is not None:
            add_class(appendix, "paper-page")
            body.append(appendix)
    if sources is not None and sources not in volume.pages:
        _append_sources(site, sources, body)
    contents = _contents(volume, body)
    for part in reversed(_front(site, volume, with_solutions, contents)):
        body.insert(0, part)
    drop_dead_links(body)
    return _html(site, volume, body, settings)


def _article(
    site: Site, page: Page, soup: BeautifulSoup, find: Callable[[str], Page | None]
) -> Tag:
    article = soup.select_one("article.bd-article")
    if article is None:
        raise PaperError(f"The page {page.name}.html has no article: was it built by `make book`?")
    clean(article, page, site.address)
    name_chapters(article, page, site.page)
    rewrite_links(article, page, find)
    prefix_ids(article, page)
    return article


def _section(page: Page, article: Tag) -> Tag:
    section = element("section", class_="paper-page", id=page.slug)
    section.extend(list(article.contents))
    heading = section.find("h1")
    if page.name == "index" and heading is not None:
        # The title page has the book's title.
        heading.string = "About this book"
    return section


def _append_sources(site: Site, page: Page, body: Tag) -> None:
    """Give a handout the sources that it cites: the book's list of them is not in it."""
    cited = {str(link["href"])[1:] for link in body.select('a[href^="#"]')}
    article = _article(site, page, site.soup(page.name), {page.name: page}.get)
    entries = [entry for entry in article.select(".citation") if entry.get("id") in cited]
    # A chapter ends with a section that refers to the list.
    place = body.select_one('[id$="--references"]') or body.select_one(".paper-page") or body
    place.extend(entries)


def _contents(volume: Volume, body: Tag) -> Tag:
    """The table of contents: parts, pages, and the sections of chapters."""
    contents = element("nav", class_="paper-contents")
    contents.append(element("h1" if volume.is_book else "h2", "Contents"))
    part = ""
    parts = {page.slug: page.part for page in volume.pages}
    for section in body.select(".paper-page"):
        slug = str(section["id"])
        if volume.is_book and parts.get(slug, "Appendix") != part:
            part = parts.get(slug, "Appendix")
            contents.append(element("p", part, class_="paper-part"))
        contents.append(_line(1, slug, section.find("h1")))
        for heading in section.select("section[id] > h2:first-child") if slug != "index" else []:
            owner = heading.parent
            if owner is not None:
                contents.append(_line(2, str(owner["id"]), heading))
    return contents


def _line(level: int, target: str, heading: Tag | None) -> Tag:
    link = element("a", href=f"#{target}", class_=f"paper-line paper-level-{level}")
    link.append(element("span", text_of(heading)))
    link.append(element("span", class_="paper-dots"))
    link.append(element("span", "000", data_page_of=target, class_="paper-number"))
    return link


def _front(site: Site, volume: Volume, with_solutions: bool, contents: Tag) -> list[Tag]:
    """What comes before the first page: the title, the remarks, the contents."""
    cover = element("header", class_="paper-cover")
    title = element("div", class_="paper-title")
    cover.append(title)
    if not volume.is_book:
        title.append(element("p", site.title, class_="paper-book"))
    title.append(element("p", volume.title, class_="paper-name"))
    title.append(element("p", site.author, class_="paper-author"))
    remarks = _remarks(site, volume, with_solutions)
    if volume.is_book:
        cover.append(remarks)
        return [cover, contents]
    cover.extend([contents, remarks])
    return [cover]


def _remarks(site: Site, volume: Volume, with_solutions: bool) -> Tag:
    """What a reader should know about the print, and the license."""
    remarks = element("div", class_="paper-remarks")
    lines = [
        "Charts are printed as their pages show them at first; the line under each says where "
        "it is live. The code that draws charts and diagrams is left out: it is folded on the "
        "pages, and stands in the notebooks, chapters/NN-name.ipynb.",
        "“checked” under an equation’s number means that the tests of the book check "
        "this equation; the site shows how.",
        "Hints come after the last chapter, and then solutions."
        if with_solutions
        else "Hints come after the last chapter. Solutions are left out; the site has them.",
    ]
    if not any(page.number for page in volume.pages):
        lines = []
    elif not volume.is_book:
        lines[2] = lines[2].replace("after the last chapter", "at the end")
    if volume.is_book:
        lines.append(
            "The pages on the package, the checks of the equations and the pages for teachers "
            "are not in this volume."
        )
    if site.address:
        lines.append(f"The site: {site.address}")
    for line in lines:
        remarks.append(element("p", line))
    footer = f"<p>{site.copyright} {site.license.removeprefix('<p>').removesuffix('</p>')}</p>"
    licenses = BeautifulSoup(footer, "html.parser")
    for link in licenses.find_all("a", href=True):
        link.append(f" ({str(link['href']).removeprefix('https://').rstrip('/')})")
    remarks.append(licenses)
    return remarks


def _html(site: Site, volume: Volume, body: Tag, settings: dict[str, object] | None) -> str:
    static = f"{site.folder.as_uri()}/_static"
    style = (HERE / "paper.css").read_text(encoding="utf-8") + _running(site, body)
    head = [
        '<meta charset="utf-8">',
        f"<title>{html.escape(volume.title)}</title>",
        f'<link rel="stylesheet" href="{static}/pygments.css">',
        f'<link rel="stylesheet" href="{static}/palette.css">',
        f"<style>{style}</style>",
    ]
    if settings is not None:
        head.append(f"<script>window.MathJax = {json.dumps(settings)}</script>")
        head.append(f'<script defer src="{static}/mathjax/tex-chtml.js"></script>')
    return (
        '<!DOCTYPE html>\n<html lang="en" data-theme="light">\n<head>'
        + "\n".join(head)
        + f"</head>\n{body.decode(formatter='html5')}\n</html>\n"
    )


def _running(site: Site, body: Tag) -> str:
    """Rules for the line on top of each page: the book on the left, the chapter on the right."""
    rules = []
    for number, section in enumerate(body.select(".paper-page")):
        section["style"] = f"page: paper-{number}"
        left, right = json.dumps(site.title), json.dumps(text_of(section.find("h1")))
        rules.append(
            f"@page paper-{number} {{ @top-left {{ content: {left} }} "
            f"@top-right {{ content: {right} }} }}"
        )
    return "\n".join(rules)
