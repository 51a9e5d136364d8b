"""What a page shows, made fit for paper: nothing folded, nothing to press, pictures that stand."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag
from bs4.element import AttributeValueList

from .site import Page, text_of

_MAKER = BeautifulSoup("", "html.parser")
#: What only works on a screen. The code of a picture is folded there and left out here.
REMOVED = (
    "script, style, button, input, a.headerlink, .toctree-wrapper, .bp-chart-live, "
    "details.hide:has(> .cell_input)"
)
NOT_ANSWERED = re.compile(r"^Exercise [\d.]+, .*: not answered yet\s*$")


def element(name: str, text: str = "", **attributes: str) -> Tag:
    """A new element; ``class_`` and ``data_page_of`` stand for the names that Python has not."""
    names = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    made = _MAKER.new_tag(name, attrs=names)
    if text:
        made.string = text
    return made


def clean(article: Tag, page: Page, address: str) -> None:
    """Make the article of a page fit for paper, in place.

    Args:
        article: what the page shows; its ids are still those of the page.
        page: the page.
        address: the published site's, with a slash at the end, or "".
    """
    for part in article.select(REMOVED):
        part.decompose()
    for folded in article.find_all("details"):
        for summary in folded.find_all("summary", recursive=False):
            summary.name = "p"
        folded.name = "div"
    for picture in article.select("svg style"):
        picture.decompose()
    _drop_unanswered(article)
    for chart in article.select(".bp-chart"):
        chart.insert_after(_where_it_lives(chart, page, address))
        del chart["style"]
    for mark in article.select(".bp-checked"):
        _mark_beside_number(mark, page, address)
    for table in article.select("table.dataframe, table.dataframe *"):
        for attribute in ("border", "style"):
            del table[attribute]
    for scrolling in article.select("[tabindex]"):
        del scrolling["tabindex"]
    for paragraph in article.find_all("p"):
        # A line that announces what follows stays with it.
        if paragraph.get_text().rstrip().endswith(":"):
            add_class(paragraph, "paper-leads")


def add_class(tag: Tag, name: str) -> None:
    """Add a class to an element."""
    kept = [one for one in tag.get_attribute_list("class") if one]
    tag["class"] = AttributeValueList([*kept, name])


def _drop_unanswered(article: Tag) -> None:
    """The stored output of an exercise that nobody has answered says nothing on paper."""
    for output in article.select(".cell_output"):
        if NOT_ANSWERED.match(output.get_text().strip()):
            output.decompose()


def _where_it_lives(chart: Tag, page: Page, address: str) -> Tag:
    """The line under a chart that says where its live twin is."""
    sections = chart.find_parents("section", id=True)
    file = f"{page.name}.html"
    if address:
        note = element("p", "Live at ", class_="paper-live")
        anchor = f"#{sections[0]['id']}" if sections else ""
        note.append(element("a", f"{address}{file}", href=f"{address}{file}{anchor}"))
        return note
    numbers = [section.select_one(":scope > * > .section-number") for section in sections]
    number = next((text_of(one).rstrip(".") for one in numbers if one), "")
    where = f", section {number}" if "." in number else ""
    return element("p", f"Live on the page {file}{where}", class_="paper-live")


def _mark_beside_number(mark: Tag, page: Page, address: str) -> None:
    """Move the mark of a checked equation under the equation's number, where it takes no room."""
    box = mark.parent
    number = box.select_one(".eqno") if box else None
    link = mark.find("a", href=True)
    if number is not None:
        target = page.target(str(link["href"])) if link else None
        if address and target:
            shown = element("a", "checked", href=f"{address}{target[0]}.html#{target[1]}")
        else:
            shown = element("span", "checked")
        add_class(shown, "paper-checked")
        number.append(shown)
    mark.decompose()
