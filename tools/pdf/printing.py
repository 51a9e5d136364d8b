"""A browser prints the file; the numbers in its contents come from what it has printed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Page, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from ..browser import NOT_FOUND, find, launch_options
from .document import Volume, compose
from .site import PaperError, Site

FIT = (Path(__file__).parent / "fit.js").read_text(encoding="utf-8")
#: Writes the numbers of pages into the file; returns ids that have none.
FILL_IN = """numbers => {
    const missing = [];
    for (const place of document.querySelectorAll("[data-page-of]")) {
        const number = numbers[place.dataset.pageOf];
        if (number === undefined) missing.push(place.dataset.pageOf);
        place.textContent = number;
    }
    return missing;
}"""
#: The lines of the contents: level, text, and the id that they lead to, "" for a part.
CONTENTS = """() => [...document.querySelectorAll(".paper-part, .paper-line")].map(line => [
    line.matches(".paper-part") ? 0 : line.matches(".paper-level-1") ? 1 : 2,
    (line.firstElementChild ?? line).textContent,
    decodeURIComponent((line.getAttribute("href") ?? "").slice(1)),
])"""
#: The first version that prints what a sheet sets into the margins, the numbers of the pages.
OLDEST = 131
#: A number that gets longer may move a line, and with it what follows.
PASSES = 4
TYPESETTING_MS = 600_000


@contextmanager
def started_browser() -> Iterator[Browser]:
    """The system's browser, without a window.

    Raises:
        PaperError: there is none, it does not start, or it is too old.
    """
    try:
        path = find()
    except FileNotFoundError as error:
        raise PaperError(f"{error}.") from error
    if path is None:
        raise PaperError(f"The book cannot be printed: {NOT_FOUND}.")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(**launch_options(path))
        except Error as error:
            reason = error.message.strip().splitlines()[0]
            raise PaperError(f"The browser {path} does not start: {reason}") from error
        require_margins(browser.version)
        yield browser
        browser.close()


def require_margins(version: str) -> None:
    """Raise a PaperError for a browser that would print pages without numbers."""
    if int(version.split(".")[0]) < OLDEST:
        raise PaperError(f"Version {version} of the browser is too old: {OLDEST} is needed.")


def make(
    site: Site, volume: Volume, folder: Path, browser: Browser, with_solutions: bool = True
) -> tuple[Path, list[str]]:
    """Print one volume into a folder; return its file, and what is wider than the paper.

    Raises:
        PaperError: it could not be printed; the file that was printed stays for a look at it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source, target = folder / f"{volume.name}.html", folder / f"{volume.name}.pdf"
    target.unlink(missing_ok=True)
    source.write_text(compose(site, volume, with_solutions), encoding="utf-8")
    pdf, too_wide = print_file(browser, source, site.author)
    target.write_bytes(pdf)
    source.unlink()
    return target, too_wide


def print_file(browser: Browser, file: Path, author: str = "") -> tuple[bytes, list[str]]:
    """Print an HTML file that ``document.compose`` made.

    The PDF carries no tags for screen readers: they would make it four times as large, and the
    site, which is made for them, reads formulas aloud.

    Returns:
        The PDF, and what is still wider than the paper after all was made to fit.

    Raises:
        PaperError: a script or file failed, or the numbers of the pages do not settle.
    """
    page = browser.new_page(viewport={"width": 800, "height": 1000})
    page.set_default_timeout(TYPESETTING_MS)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"{request.url} could not be read"))
    try:
        page.emulate_media(media="print", color_scheme="light")
        page.goto(file.resolve().as_uri())
        too_wide: list[str] = page.evaluate(FIT)
        pdf = _with_numbers(page)
        contents = page.evaluate(CONTENTS)
        title = page.title()
    except Error as error:
        problems.append(error.message.strip().splitlines()[0])
    finally:
        page.close()
    if problems:
        raise PaperError(f"{file.name} could not be printed: {problems[0]}.")
    return _with_bookmarks(pdf, contents, {"/Title": title, "/Author": author}), too_wide


def _with_numbers(page: Page) -> bytes:
    """Print, write the numbers of the pages into the file, and print again until they are right."""
    shown: dict[str, int] = {}
    for _ in range(PASSES):
        pdf = page.pdf(prefer_css_page_size=True, print_background=True)
        numbers = destinations(PdfReader(io.BytesIO(pdf)))
        if numbers == shown:
            return pdf
        shown = numbers
        missing = page.evaluate(FILL_IN, shown)
        if missing:
            raise PaperError(f"The PDF does not say on which page {missing[0]} is.")
    raise PaperError("The numbers of the pages do not settle.")


def destinations(reader: PdfReader) -> dict[str, int]:
    """By the id that a link leads to, the number of its page, from 1."""
    found = {}
    for name, target in reader.named_destinations.items():
        number = reader.get_destination_page_number(target)
        if number is not None:
            found[name.removeprefix("/")] = number + 1
    return found


def _with_bookmarks(pdf: bytes, contents: list[list[Any]], about: dict[str, str]) -> bytes:
    """The table of contents once more, as the bookmarks that a viewer shows beside the pages."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    pages = destinations(PdfReader(io.BytesIO(pdf)))
    above: dict[int, Any] = {}
    for place, (level, title, target) in enumerate(contents):
        # A part of the book begins with its first page, which is the next line.
        number = pages[target or contents[place + 1][2]]
        parent = next((above[k] for k in range(level - 1, -1, -1) if k in above), None)
        above[level] = writer.add_outline_item(
            title=title, page_number=number - 1, parent=parent, is_open=level < 1
        )
        above = {k: item for k, item in above.items() if k <= level}
    writer.add_metadata(about)
    writer.root_object[NameObject("/Lang")] = TextStringObject("en")
    writer.root_object[NameObject("/PageMode")] = NameObject("/UseOutlines")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
