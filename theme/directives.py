"""``{chapter-chart}``: a chapter's chart on another page, without a copy of it."""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from .mime import CHART, chart_node

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> None:
    """Register the directive with Sphinx."""
    app.add_directive("chapter-chart", ChapterChart)


class ChapterChart(SphinxDirective):
    """Show the chart of the first cell with a tag, exactly as in its chapter.

    Arguments: the notebook's path from the root of the book, and the cell's tag.
    """

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """The chart's node, or a warning that names notebook and tag."""
        path, tag = self.arguments
        notebook = Path(self.env.srcdir) / path
        self.env.note_dependency(str(notebook))
        try:
            bundle = tagged_chart(json.loads(notebook.read_text(encoding="utf-8")), tag)
        except (OSError, ValueError) as problem:
            logger.warning(
                "chapter-chart %s %s: %s", path, tag, problem, location=self.get_location()
            )
            return []
        node = chart_node(bundle, f"bp-chart-{self.env.new_serialno('bp-chart')}")
        self.set_source_info(node)
        return [node]


def tagged_chart(notebook: dict[str, Any], tag: str) -> dict[str, Any]:
    """The MIME bundle of the chart that the first cell tagged ``tag`` shows.

    Raises:
        ValueError: if no cell has the tag, or that cell shows no chart.
    """
    for cell in notebook["cells"]:
        if tag not in cell["metadata"].get("tags", []):
            continue
        for output in cell.get("outputs", []):
            if CHART in output.get("data", {}):
                return {kind: _joined(data) for kind, data in output["data"].items()}
        raise ValueError("the cell with this tag shows no chart; was it executed?")
    raise ValueError("no cell has this tag")


def _joined(data: Any) -> Any:
    """A notebook file may keep a text as a list of its lines."""
    return "".join(data) if isinstance(data, list) else data
