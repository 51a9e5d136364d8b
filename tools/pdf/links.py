"""Ids and links, once several pages stand in one file: no id twice, no link to nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Container

from bs4 import BeautifulSoup, Tag

from .site import Page

#: Attributes that name ids, several of them apart by spaces.
_LISTS = ("aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "headers", "for")
_URL = re.compile(r"url\((['\"]?)#([^'\")]+)\1\)")


def joined(page: Page, fragment: str = "") -> str:
    """The id, in the joined file, of something on a page, or of the page itself."""
    return f"{page.slug}--{fragment}" if fragment else page.slug


def prefix_ids(article: Tag, page: Page) -> None:
    """Put the page's slug before every id of the article and before every use of one by a picture.

    Links are left alone: ``rewrite_links`` knows where they lead.
    """
    for element in article.find_all(True):
        for name, value in list(element.attrs.items()):
            text = " ".join(value) if isinstance(value, list) else str(value)
            if name == "id":
                element[name] = joined(page, text)
            elif name in _LISTS:
                element[name] = " ".join(joined(page, one) for one in text.split())
            elif name == "xlink:href" or (name == "href" and element.name == "use"):
                if text.startswith("#"):
                    element[name] = "#" + joined(page, text[1:])
            elif "url(" in text:
                element[name] = _URL.sub(lambda found: f"url(#{joined(page, found[2])})", text)


def rewrite_links(article: Tag, page: Page, find: Callable[[str], Page | None]) -> None:
    """Let links to pages lead into the joined file, and those out of the book show an address.

    Args:
        article: what the page shows, its ids prefixed or not.
        page: the page.
        find: the page of a name, None for a page that is not printed: links to it become text.
    """
    for link in article.find_all("a"):
        href = link.get("href")
        if href is None:
            continue
        target = page.target(str(href))
        if target is None:
            _show_address(link, str(href))
            continue
        other = find(target[0])
        if other is None:
            as_text(link)
        else:
            link["href"] = "#" + joined(other, target[1])
            # What the browser would show beside the mouse is no use on paper.
            del link["title"]


def _show_address(link: Tag, href: str) -> None:
    """Print where a link leads, unless its text says so already (an address, a DOI)."""
    shown = re.sub(r"^(doi|arxiv):", "", link.get_text().strip(), flags=re.IGNORECASE)
    if href.startswith("http") and shown not in href:
        address = re.sub(r"^https?://", "", href).rstrip("/")
        note = BeautifulSoup("", "html.parser").new_tag("span", attrs={"class": "paper-address"})
        note.string = f" ({address})"
        link.append(note)


def name_chapters(article: Tag, page: Page, find: Callable[[str], Page | None]) -> None:
    """Give the chapter's number beside each title of a chapter that is a link.

    On the screen such a link is followed; on paper the number is what finds the chapter.
    """
    for link in article.select("a:has(> .doc)"):
        target = page.target(str(link.get("href", "")))
        other = find(target[0]) if target else None
        if other is None or not other.number or other == page:
            continue
        before = link.previous_sibling
        if str(before or "").rstrip().endswith("hapter"):
            link.insert(0, f"{other.number}, ")
        else:
            link.append(f" (chapter {other.number})")


def drop_dead_links(body: Tag, present: Container[str] | None = None) -> list[str]:
    """Turn links whose target is not in the file into text, and return where they led."""
    if present is None:
        present = {str(element["id"]) for element in body.find_all(id=True)}
    dead = []
    for link in body.select('a[href^="#"]'):
        target = str(link["href"])[1:]
        if target not in present:
            dead.append(target)
            as_text(link)
    return dead


def as_text(link: Tag) -> None:
    """Make a link a plain stretch of text."""
    link.name = "span"
    for attribute in ("href", "title", "class"):
        del link[attribute]
