"""Lines of text as outlines of glyphs: a picture looks the same without the book's fonts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.cbook import is_math_text
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath, text_to_path

#: Sizes of text in CSS pixels: labels, and everything that stands beside or beneath a label.
LABEL, SMALL = 16.0, 13.0


@contextmanager
def book_fonts() -> Iterator[None]:
    """Matplotlib's defaults and the book's fonts, whatever the reader has set; put back after."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["font.family"] = ["DejaVu Sans"]
        matplotlib.rcParams["mathtext.fontset"] = "dejavuserif"
        yield


def measure(text: str, size: float) -> tuple[float, float]:
    """Width and height of a line of text."""
    return _metrics(text, size)[:2]


def outline(text: str, size: float, x: float, y: float) -> TextPath:
    """The glyphs of a line of text around its center; y grows upward."""
    width, height, descent = _metrics(text, size)
    corner = (x - width / 2, y - height / 2 + descent)
    return TextPath(corner, text, prop=FontProperties(size=size))


def _metrics(text: str, size: float) -> tuple[float, float, float]:
    """Width, height, and how far of the height lies under the baseline."""
    width, height, descent = text_to_path.get_text_width_height_descent(
        text, FontProperties(size=size), bool(is_math_text(text))
    )
    # At least the room of a line with a "p", so that neighboring lines share a baseline.
    return float(width), max(float(height), size), max(float(descent), 0.22 * size)
