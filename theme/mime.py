"""How the outputs of a notebook's cells become parts of a page."""

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from docutils import nodes

from backprop import palette

CHART = "application/vnd.vegalite.v5+json"
PICTURE = "image/svg+xml"

_SVG_ROOT = re.compile(r"<svg\b[^>]*>")
_ID = re.compile(r'\bid="([^"]+)"')
_LIGHT = re.compile(r"#[0-9a-f]{6}\b", re.IGNORECASE)
_NAMES = {hexes[0]: name for name, hexes in palette.COLORS.items()}


class BookMimeRenderer:
    """The ``myst_nb.mime_renderers`` plugin: live charts and diagrams that follow the theme.

    Builders without HTML never come here with a chart: MyST-NB gives them the cell's line
    of text.
    """

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = [
        (builder, CHART, 5) for builder in ("html", "dirhtml", "singlehtml")
    ]

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """The nodes for one MIME type of an output, or None to leave it to MyST-NB."""
        if data.mime_type not in (CHART, PICTURE) or data.output_index is None:
            return None
        _, outputs = renderer.renderer.nb_client.code_cell_outputs(data.cell_index)
        bundle = outputs[data.output_index]["data"]
        prefix = f"bp-{data.cell_index}-{data.output_index}"
        if data.mime_type == CHART:
            return [chart_node(bundle, prefix)]
        if CHART in bundle or is_diagram(bundle[PICTURE]):
            return [picture_node(bundle, prefix)]
        return None


def chart_node(bundle: Mapping[str, Any], prefix: str) -> nodes.raw:
    """A chart: its static picture, and the specification that ``charts.js`` makes live.

    Args:
        bundle: an output's MIME bundle, with the chart and its static picture.
        prefix: what the picture's ids begin with, unlike any other on the page.

    Raises:
        KeyError: if the bundle lacks the chart or the picture.
    """
    spec = bundle[CHART]
    # Inside a script element only "</" and "<!--" could do harm; JSON may escape any "<".
    text = json.dumps(spec, ensure_ascii=False).replace("<", "\\u003c")
    picture = static_picture(bundle[PICTURE], prefix, spec["description"])
    # book.css reserves the room of the sliders, so that the page does not jump.
    controls = sum("bind" in param for param in spec.get("params", []))
    return _raw(
        f'<div class="bp-chart" style="--bp-controls: {controls}">'
        f'<div class="bp-chart-static">{picture}</div>'
        '<div class="bp-chart-live"></div>'
        f'<script type="application/json">{text}</script></div>',
        bp_chart=True,
    )


def picture_node(bundle: Mapping[str, Any], prefix: str) -> nodes.raw:
    """A diagram, or the static picture of a chart alone, as SVG inside the page."""
    svg = bundle[PICTURE]
    if CHART in bundle:
        svg = static_picture(svg, prefix, bundle[CHART]["description"])
    else:
        svg = unique_ids(svg, prefix)
    return _raw(f'<div class="bp-diagram">{_without_prolog(svg)}</div>')


def is_diagram(svg: str) -> bool:
    """Whether ``svg`` is one of the book's diagrams: they say that they are pictures."""
    root = _SVG_ROOT.search(svg)
    return root is not None and 'role="img"' in root[0]


def static_picture(svg: str, prefix: str, description: str) -> str:
    """A chart's SVG for the page: it has a name, ids of its own, and follows the theme."""
    svg = _LIGHT.sub(_themed, unique_ids(_without_prolog(svg), prefix))
    svg = svg.replace('fill="white"', f'fill="{_variable("paper")}"')
    label = html.escape(description)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def unique_ids(svg: str, prefix: str) -> str:
    """The SVG with ``prefix-`` before each of its ids and each reference to one."""
    known = set(_ID.findall(svg))

    def renamed(match: re.Match[str]) -> str:
        before, name, after = match.groups()
        return f"{before}{prefix}-{name}{after}" if name in known else match[0]

    svg = re.sub(r'(\bid=")([^"]+)(")', renamed, svg)
    svg = re.sub(r'(\bhref="#)([^"]+)(")', renamed, svg)
    svg = re.sub(r"(url\(['\"]?#)([^'\")]+)(['\"]?\))", renamed, svg)
    return re.sub(
        r'(\baria-(?:labelledby|describedby)=")([^"]+)(")',
        lambda m: (
            m[1] + " ".join(f"{prefix}-{n}" if n in known else n for n in m[2].split()) + m[3]
        ),
        svg,
    )


def _themed(match: re.Match[str]) -> str:
    name = _NAMES.get(match[0].lower())
    return _variable(name) if name else match[0]


def _variable(name: str) -> str:
    return f"var(--bp-{name})"


def _without_prolog(svg: str) -> str:
    """The root element alone, without the XML declaration that a page may not repeat."""
    return svg[svg.index("<svg") :].strip()


def _raw(markup: str, **attributes: Any) -> nodes.raw:
    return nodes.raw("", markup, format="html", **attributes)
