"""The built site as the printer needs it: its pages in order, and what the title page says."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

#: Whoever publishes the book puts the name of an account here; until then there is no address.
PLACEHOLDER = "your-account"
_NUMBERED = re.compile(r"(\d+)\.\s+(.*)", re.DOTALL)
_GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
_MATHJAX = re.compile(r"window\.MathJax\s*=\s*(\{.*\})", re.DOTALL)


class PaperError(Exception):
    """What keeps the book from being printed, in one sentence."""


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Attributes:
        name: its file from the root of the site, without ``.html``.
        number: the chapter's number, or "" where it has none.
        title: its title, without the number.
        part: the heading under which the sidebar lists it.
    """

    name: str
    number: str
    title: str
    part: str

    @property
    def slug(self) -> str:
        """What the page's ids begin with, once it shares a file with others."""
        return self.name.removeprefix("chapters/").replace("/", "-")

    @property
    def label(self) -> str:
        """Number and title, as on the page."""
        return f"{self.number}. {self.title}" if self.number else self.title

    def target(self, href: str) -> tuple[str, str] | None:
        """The page and the fragment that a link leads to; None: somewhere outside of the site."""
        parts = urlsplit(href)
        if parts.scheme or parts.netloc:
            return None
        fragment = unquote(parts.fragment)
        if not parts.path:
            return self.name, fragment
        path = posixpath.join(posixpath.dirname(self.name), unquote(parts.path))
        return posixpath.normpath(path).removesuffix(".html"), fragment


class Site:
    """The folder of the built pages.

    Raises:
        PaperError: there is no built book in the folder, or none with a list of its pages.
    """

    def __init__(self, folder: Path) -> None:
        """Read the landing page: its sidebar lists the others."""
        self.folder = folder.resolve()
        if not (self.folder / "index.html").is_file():
            raise PaperError(f"There is no built book in {self.folder}: run `make book` first.")
        self._home = self.soup("index")
        self.pages = pages_in_sidebar(self._home)
        if len(self.pages) < 2:
            raise PaperError(f"The sidebar of {self.folder / 'index.html'} lists no pages.")

    def soup(self, name: str) -> BeautifulSoup:
        """A page's HTML.

        Raises:
            PaperError: the site has no such page.
        """
        file = self.folder / f"{name}.html"
        if not file.is_file():
            raise PaperError(f"There is no page {file}: run `make book` again.")
        return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")

    def page(self, name: str) -> Page | None:
        """The page of that name that the sidebar lists."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Page]:
        return {page.name: page for page in self.pages}

    @property
    def title(self) -> str:
        """The book's title."""
        return self.pages[0].title

    @property
    def author(self) -> str:
        """The book's authors, as its footer names them."""
        return text_of(self._home.select_one(".component-author")).removeprefix("By ")

    @property
    def copyright(self) -> str:
        """The footer's line on copyright."""
        return text_of(self._home.select_one(".copyright"))

    @property
    def license(self) -> str:
        """The footer's lines on the license, as HTML."""
        footer = self._home.select_one(".extra_footer")
        return footer.decode_contents().strip() if footer else ""

    @cached_property
    def address(self) -> str:
        """Where the site is published, with a slash at the end, or "" where that is unknown.

        A canonical address says it (``html_baseurl``); without one a repository on GitHub does,
        since that is where the book is published from.
        """
        canonical = self._home.select_one('link[rel="canonical"]')
        if canonical is not None:
            return str(canonical["href"]).removesuffix("index.html")
        for link in self._home.find_all("a", href=True):
            repository = _GITHUB.fullmatch(str(link["href"]))
            if repository is not None and repository[1] != PLACEHOLDER:
                owner, name = repository[1].lower(), repository[2]
                host = f"https://{owner}.github.io/"
                return host if name.lower() == f"{owner}.github.io" else f"{host}{name}/"
        return ""

    def mathjax(self, soup: BeautifulSoup) -> dict[str, object] | None:
        """A page's settings of MathJax; None: it has no mathematics."""
        for script in soup.find_all("script"):
            found = _MATHJAX.search(script.get_text())
            if found is not None:
                settings: dict[str, object] = json.loads(found[1])
                return settings
        return None


def pages_in_sidebar(soup: BeautifulSoup) -> list[Page]:
    """The pages in the order of the sidebar of the landing page, which comes first itself."""
    sidebar = soup.select_one("nav.bd-links")
    pages: dict[str, Page] = {}
    part = ""
    for element in sidebar.find_all(["p", "a"]) if sidebar else []:
        if element.name == "p":
            part = text_of(element)
        elif "internal" in element.get_attribute_list("class"):
            href = str(element["href"])
            name = "index" if href == "#" else href.partition("#")[0].removesuffix(".html")
            numbered = _NUMBERED.fullmatch(text_of(element))
            number, title = numbered.groups() if numbered else ("", text_of(element))
            pages.setdefault(name, Page(name, number, title, part))
    return list(pages.values())


def text_of(element: Tag | None) -> str:
    """An element's text with single spaces; "" where there is no element."""
    return " ".join(element.get_text().split()) if element else ""
