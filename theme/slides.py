"""A deck of slides for each chapter, cut out of the chapter's page when the book is built.

A cell is on a slide if its metadata says so (``slideshow.slide_type``, as everywhere in Jupyter);
no text, formula or number has a second copy. A deck is a page ``slides/NN-name.html`` of the same
build: its equations keep their numbers and its charts are those of the page. reveal.js shows it,
``static/deck.js`` adds what a derivation needs.
"""

import json
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from . import assets

FOLDER = "slides"
TEMPLATES = Path(__file__).parent / "templates"
#: What ``slide_type`` can say. A cell that says nothing, or "skip", is on no slide.
BEGINS = ("slide", "subslide")
GOES_ON = ("-", "fragment")
NOTES = "notes"
KINDS = (*BEGINS, *GOES_ON, NOTES, "skip")
#: What else the ``slideshow`` of a cell can say; CONTRIBUTING explains each.
OPTIONS = ("slide_type", "height", "layout", "lecture", "lines", "rows", "stepper")
#: How many lines of a notebook's pseudo line numbers MyST-NB gives to a cell.
_LINES_PER_CELL = 10_000

logger = logging.getLogger(__name__)


class SpeakerNotes(nodes.comment):
    """What only the speaker reads: in the document, so that it is resolved, and on no page."""


def setup(app: Sphinx) -> None:
    """Register the decks, the notes, and the role that leads to a deck."""
    app.add_node(SpeakerNotes, html=(_skip, None), latex=(_skip, None), text=(_skip, None))
    app.add_role("deck", DeckRole())
    app.connect("config-inited", lambda _, config: config.templates_path.append(str(TEMPLATES)))
    app.connect("doctree-read", _mark_cells)
    app.connect("html-page-context", _link_the_deck, priority=900)
    app.connect("html-collect-pages", decks)


def _skip(translator: Any, node: nodes.Node) -> None:
    raise nodes.SkipNode


@dataclass
class Cell:
    """A cell of a deck: its place in the notebook, what ``slideshow`` says, and its nodes."""

    index: int
    says: dict[str, Any]
    body: list[nodes.Node]

    @property
    def kind(self) -> str:
        """Its ``slide_type``."""
        return str(self.says["slide_type"])


@dataclass
class Slide:
    """A slide: the title of its section, its cells, and what the speaker reads."""

    title: nodes.title | None
    cells: list[Cell] = field(default_factory=list)
    notes: list[nodes.Node] = field(default_factory=list)

    @property
    def goes_down(self) -> bool:
        """Whether it lies below the slide before it."""
        return self.cells[0].kind == "subslide"

    @property
    def in_lecture(self) -> bool:
        """Whether it belongs to the short deck, for one lecture on the whole book."""
        return bool(self.cells[0].says.get("lecture"))

    @property
    def layout(self) -> str:
        """``below`` or ``beside``: where code stands; ``figure`` if there is but a chart."""
        charts = any(n.get("bp_chart") for n in self.cells[0].body for n in n.findall(nodes.raw))
        alone = charts and len(self.cells) == 1
        return "figure" if alone else str(self.cells[0].says.get("layout", "below"))


# ---- reading: which cell each part of the page comes from, and what the cell says ----


def slideshow(path: Path) -> dict[int, dict[str, Any]]:
    """What the cells of the notebook ``path`` say of slides: by the number of the cell.

    Raises:
        ValueError: if a cell says what no deck knows, or a slide goes on before one began.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    says = {i: cell["metadata"].get("slideshow", {}) for i, cell in enumerate(cells)}
    says = {i: one for i, one in says.items() if one.get("slide_type", "skip") != "skip"}
    for index, one in says.items():
        unknown = [key for key in one if key not in OPTIONS]
        if unknown or one["slide_type"] not in KINDS:
            raise ValueError(f"cell {index + 1} has an unknown slideshow: {one}")
    if says and next(iter(says.values()))["slide_type"] not in BEGINS:
        raise ValueError("the first cell of a deck has to begin a slide")
    return says


def blocks(parent: nodes.Element) -> Iterator[nodes.Element]:
    """The parts of a page in their order, titles among them, whatever section they stand in."""
    for child in parent.children:
        if isinstance(child, nodes.section):
            yield from blocks(child)
        elif isinstance(child, nodes.Element):
            yield child


def _mark_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Write down the cell of each part of a page, and take the speaker's notes out of sight."""
    docname = app.env.docname
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".ipynb":
        return
    try:
        says = slideshow(path)
    except ValueError as problem:
        logger.warning("slides: %s", problem, location=docname)
        return
    for block in list(blocks(doctree)):
        if block.line is None:
            continue
        block["bp_cell"] = block.line // _LINES_PER_CELL - 1
        if says.get(block["bp_cell"], {}).get("slide_type") == NOTES:
            notes = SpeakerNotes(bp_cell=block["bp_cell"])
            block.replace_self(notes)
            notes += block


def _cell_of(block: nodes.Element) -> int | None:
    """The cell of a block: its own mark, or that of what it was put around later."""
    marks = (part["bp_cell"] for part in block.findall(nodes.Element) if "bp_cell" in part)
    return next(marks, None)


# ---- cutting: the page's parts as slides ----


def cut(doctree: nodes.document, says: dict[int, dict[str, Any]]) -> list[Slide]:
    """The slides of a chapter, from its resolved document and what its cells say."""
    slides: list[Slide] = []
    title: nodes.title | None = None
    index: int | None = None
    for block in blocks(doctree):
        found = _cell_of(block)
        index = index if found is None else found
        if isinstance(block, nodes.title):
            title = block
        if index is None or index not in says:
            continue
        kind = says[index]["slide_type"]
        if kind == NOTES:
            slides[-1].notes += block.children
            continue
        if kind in BEGINS and not _is_begun(slides, index):
            slides.append(Slide(title))
        cells = slides[-1].cells
        if not cells or cells[-1].index != index:
            cells.append(Cell(index, says[index], []))
        if isinstance(block, nodes.title):
            # A heading at the end of a cell belongs to what comes next.
            if not any(cell.body for cell in cells):
                slides[-1].title = block
        else:
            cells[-1].body += _shown(block)
    return slides


def _is_begun(slides: list[Slide], index: int) -> bool:
    return bool(slides) and any(cell.index == index for cell in slides[-1].cells)


def _shown(block: nodes.Element) -> list[nodes.Node]:
    """What a deck shows of a block: of a cell with folded code the outputs alone."""
    if block.get("nb_element") != "cell_code":
        # What reveal.js finds in a section, it takes for a slide.
        for section in list(block.findall(nodes.section)):
            section.replace_self(nodes.container("", *section.children))
        return [block]
    folded = {"tag_hide-input", "tag_remove-input"} & set(block["classes"])
    return [
        part
        for part in block.findall(nodes.container)
        if part.get("nb_element") == "cell_code_output"
        or (part.get("nb_element") == "cell_code_source" and not folded)
    ]


# ---- writing ----


def decks(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The pages with decks: a name, what the template needs, and the template."""
    if app.builder.format != "html":
        return
    for docname in sorted(app.env.found_docs):
        says = _says(app, docname)
        if says:
            yield deck_name(docname), deck(app, docname, says), "deck.html"


def _says(app: Sphinx, docname: str) -> dict[int, dict[str, Any]]:
    path = Path(app.env.doc2path(docname))
    try:
        return slideshow(path) if path.suffix == ".ipynb" else {}
    except ValueError:  # has been said when the page was read
        return {}


def deck_name(docname: str) -> str:
    """``slides/02-chain-rule`` for ``chapters/02-chain-rule``."""
    return f"{FOLDER}/{posixpath.basename(docname)}"


def deck(app: Sphinx, docname: str, says: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """What the template needs for the deck of one chapter."""
    builder: Any = app.builder
    doctree = app.env.get_and_resolve_doctree(docname, builder)
    # The numbers of sections and equations are those of the page.
    builder.current_docname = docname
    builder.secnumbers = app.env.toc_secnumbers.get(docname, {})
    builder.fignumbers = app.env.toc_fignumbers.get(docname, {})
    _lead_back(doctree, docname)
    doctree.settings = builder.docsettings

    def html(*parts: nodes.Node) -> str:
        translator = builder.create_translator(doctree, builder)
        for part in parts:
            part.walkabout(translator)
        return "".join(translator.body)

    slides = [_written(html, slide) for slide in cut(doctree, says)]
    return {
        "title": app.env.titles[docname].astext(),
        "number": ".".join(map(str, app.env.toc_secnumbers.get(docname, {}).get("", ()))),
        "book": app.config.project,
        "chapter": posixpath.relpath(app.builder.get_target_uri(docname), FOLDER),
        "columns": _columns(slides),
        "mathjax": assets.MATHJAX_PATH,
        "mathjax_config": json.dumps(app.config.mathjax3_config or {}),
        "palette": assets.palette_script(),
    }


def _lead_back(doctree: nodes.document, docname: str) -> None:
    """Let every link of a deck lead to the page it led to from the chapter."""
    for link in doctree.findall(nodes.reference):
        if "refid" in link:
            link["refuri"] = f"#{link.attributes.pop('refid')}"
        uri = link.get("refuri", "")
        if not link.get("internal") and not uri.startswith("#"):
            continue
        page = posixpath.basename(docname) + ".html" if uri.startswith("#") else ""
        target = posixpath.join(posixpath.dirname(docname), page + uri)
        link["refuri"] = posixpath.relpath(target, FOLDER)


def _written(html: Callable[..., str], slide: Slide) -> dict[str, Any]:
    cells = [
        {
            "body": html(*cell.body),
            "kind": cell.kind,
            "rows": cell.says.get("rows", "apart"),
            "lines": json.dumps(cell.says.get("lines", [])),
            "stepper": cell.says.get("stepper"),
            "height": cell.says.get("height", 1),
            "code": any(isinstance(p, nodes.container) and "nb_element" in p for p in cell.body),
        }
        for cell in slide.cells
        if cell.body
    ]
    return {
        "title": html(*slide.title.children) if slide.title else "",
        "cells": cells,
        "notes": html(*slide.notes) if slide.notes else "",
        "layout": slide.layout,
        "goes_down": slide.goes_down,
        "in_lecture": slide.in_lecture,
    }


def _columns(slides: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """reveal.js's two dimensions: each slide, with those that lie below it."""
    columns: list[list[dict[str, Any]]] = []
    for slide in slides:
        if slide["goes_down"] and columns:
            columns[-1].append(slide)
        else:
            columns.append([slide])
    return columns


# ---- the ways to a deck ----


def _link_the_deck(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """A button on the chapter's page."""
    if doctree is None or not _says(app, pagename):
        return
    context.setdefault("header_buttons", []).insert(
        0,
        {
            "type": "link",
            "url": app.builder.get_relative_uri(pagename, deck_name(pagename)),
            "tooltip": "Slides of this chapter",
            "icon": "fas fa-person-chalkboard",
            "text": "Slides",
            "label": "deck-button",
        },
    )


class DeckRole(SphinxRole):
    """``{deck}`02-chain-rule```: a link to the deck of a chapter, from any page.

    ``{deck}`02-chain-rule?lecture``` leads to its short deck.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The link; the number stands in the chapter's name."""
        name, _, short = self.text.partition("?")
        docname = f"chapters/{name}"
        says = _says(self.env.app, docname) if docname in self.env.found_docs else {}
        if not says or (short and not any(one.get("lecture") for one in says.values())):
            logger.warning("no deck %r", self.text, location=self.get_location())
            return [], []
        uri = self.env.app.builder.get_relative_uri(self.env.docname, deck_name(docname))
        words = f"{'short deck' if short else 'slides'} of chapter {int(name.split('-')[0])}"
        link = nodes.reference("", words, refuri=uri + (short and f"?{short}"), internal=True)
        return [link], []
