"""Files that the site serves itself: MathJax, Vega, reveal.js and the palette.

They are written when the book is built, from packages that are installed anyway, and only
when they are missing or out of date.
"""

import importlib.metadata
import importlib.util
import json
import shutil
from pathlib import Path

import vl_convert

from backprop import palette

#: Relative to ``_static``, as ``mathjax_path`` wants it.
MATHJAX_PATH = "mathjax/tex-chtml.js"
PALETTE_CSS = "palette.css"

#: The package is a Sphinx extension of its own, which would copy all of its 24 MB.
_MATHJAX_PACKAGE = "sphinx-mathjax-offline"
#: One combined script, the TeX macros that it fetches when a page uses them, and the fonts.
_MATHJAX_PARTS = ("tex-chtml.js", "input/tex/extensions", "output/chtml/fonts/woff-v2")

#: Has a Sphinx builder as well, whose slides follow headings; here only its reveal.js is used.
_REVEAL_PACKAGE = "sphinx_revealjs"
_REVEAL_PARTS = ("dist/reset.css", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js")


def install(static: Path) -> None:
    """Write what is missing under ``static``, the ``_static`` folder of the built site.

    Raises:
        RuntimeError: if the package with MathJax or with reveal.js is not installed.
    """
    _install_mathjax(static / "mathjax")
    _write_if_changed(static / PALETTE_CSS, palette_css())
    _install_vega(static / "vega.js")
    _install_reveal(static / "reveal")


def _folder_of(package: str, what: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{what} is missing: pip install {package.replace('_', '-')}")
    return Path(spec.origin).parent


def _install_mathjax(target: Path) -> None:
    source = _folder_of(_MATHJAX_PACKAGE, "MathJax") / "static" / "mathjax"
    for part in _MATHJAX_PARTS:
        if (target / part).exists():
            continue
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part)
        else:
            shutil.copyfile(source / part, target / part)


def _install_vega(target: Path) -> None:
    """Vega, Vega-Lite and vega-embed in one file that defines ``window.vegaEmbed``."""
    version = importlib.metadata.version("vl-convert-python")
    first_line = f"// From vl-convert {version}.\n"
    if target.exists():
        with target.open(encoding="utf-8") as file:
            if file.readline() == first_line:
                return
    # The function keeps the bundle's names apart from those of the other scripts.
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    _write_if_changed(target, f"{first_line}(function () {{\n{bundle}\n}})();\n")


def _install_reveal(target: Path) -> None:
    source = _folder_of(_REVEAL_PACKAGE, "reveal.js") / "_static" / "revealjs"
    for part in _REVEAL_PARTS:
        copy = target / Path(part).name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / part, copy)


def palette_css() -> str:
    """The palette as CSS variables ``--bp-<name>``, for both themes."""
    light = "".join(f"  --bp-{name}: {hexes[0]};\n" for name, hexes in palette.COLORS.items())
    dark = "".join(f"  --bp-{name}: {hexes[1]};\n" for name, hexes in palette.COLORS.items())
    # Paper is white, whatever the theme on the screen.
    return f':root {{\n{light}}}\n\n@media screen {{\nhtml[data-theme="dark"] {{\n{dark}}}\n}}\n'


def palette_script() -> str:
    """A line of JavaScript: the map from light to dark that ``charts.js`` applies."""
    return f"window.bpDark = {json.dumps(dict(palette.COLORS.values()))};"


def _write_if_changed(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
