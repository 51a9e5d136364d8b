"""The built book as files: its pages, and what their HTML says before any script has run."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from functools import cache, cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

REPOSITORY = Path(__file__).resolve().parents[2]
NO_BOOK = "there is no built book in {}: run `make book` first, or name its folder in BOOK_HTML"
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track")
)
#: What makes a browser ask for a file while it shows a page; an ordinary link does not.
LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "embed": "src",
    "object": "data",
}
LOADED_LINKS = frozenset(
    ("stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch")
)


def book_folder() -> Path:
    """Return the folder of the built pages, whether it exists or not."""
    return Path(os.environ.get("BOOK_HTML") or REPOSITORY / "_build" / "html").resolve()


def page_names(folder: Path) -> list[str]:
    """List the book's pages; folders with a leading underscore hold files, not pages."""
    names = (path.relative_to(folder) for path in folder.rglob("*.html"))
    return sorted(n.as_posix() for n in names if not any(p.startswith("_") for p in n.parts))


@dataclass(eq=False)
class Element:
    """One element: its start tag, the line that it stands in, and its own text."""

    tag: str
    attributes: dict[str, str]
    line: int
    parent: Element | None = None
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    @property
    def classes(self) -> list[str]:
        return self.get("class").split()

    def is_inside(self, other: Element | str) -> bool:
        """Tell whether this stands inside an element, or inside any of a class."""
        parent = self.parent
        while parent is not None:
            if parent is other or (isinstance(other, str) and other in parent.classes):
                return True
            parent = parent.parent
        return False


class Page(HTMLParser):
    """A page of the site, read without running it."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.folder = folder
        self.name = name
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed((folder / name).read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        parent = self._open[-1] if self._open else None
        element = Element(tag, attributes, self.getpos()[0], parent)
        self.elements.append(element)
        if parent is not None:
            parent.children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self._open) - 1, -1, -1):
            if self._open[depth].tag == tag:
                del self._open[depth:]
                break

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data

    def find(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def with_class(self, name: str) -> list[Element]:
        return [element for element in self.elements if name in element.classes]

    def inside(self, outer: Element) -> list[Element]:
        return [e for child in outer.children for e in (child, *self.inside(child))]

    @cached_property
    def anchors(self) -> Counter[str]:
        """How often each id, or name of an ``a``, occurs: what a link's fragment points to."""
        named = (element.get("name") for element in self.find("a"))
        return Counter(filter(None, (*(element.get("id") for element in self.elements), *named)))

    @property
    def is_deck(self) -> bool:
        """Whether this is a deck of slides, which has nothing of the theme."""
        return self.name.startswith("slides/")

    @property
    def source(self) -> Path | None:
        """The site's copy of the notebook or text that the page was made from.

        None: the build made the page of itself, as it does with the search and the index.
        """
        sources = self.folder / "_sources"
        name = self.name.removesuffix(".html")
        copies = (sources / f"{name}{suffix}" for suffix in (".ipynb", ".md"))
        return next((copy for copy in copies if copy.is_file()), None)

    def problem_of_link(self, link: str) -> str | None:
        """Say what is wrong with a link to somewhere in this site; None: nothing is."""
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            return None
        path = unquote(parts.path)
        if path.startswith("/"):
            return f"{link} starts at the host's root, which fails over file:// and in a subfolder"
        target = (self.folder / self.name).parent / path if path else self.folder / self.name
        target = target.resolve()
        if not target.is_file() or not target.is_relative_to(self.folder):
            return f"{link} leads to no file of the site"
        fragment = unquote(parts.fragment)
        if target.suffix == ".html" and fragment:
            other = read_page(self.folder, target.relative_to(self.folder).as_posix())
            if other.anchors[fragment] != 1:
                return f"{link}: #{fragment} occurs {other.anchors[fragment]} times on {other.name}"
        return None


@cache
def read_page(folder: Path, name: str) -> Page:
    """Parse a page once, however many tests and links ask for it."""
    return Page(folder, name)
