"""The book's web side: a Sphinx extension that keeps a page complete without a network.

``assets`` puts MathJax, Vega and the palette on the site; ``mime`` and ``directives`` show
charts and diagrams; ``equations`` ties each equation to its check; ``exercises`` lists what can be
answered; ``reference`` makes pages of the package's docstrings; ``slides`` cuts the decks out of
the chapters; ``teaching`` gives the teacher's guide what chapters and exercises say. Everything
else is the stock theme, so that leaving Jupyter Book 1 one day means replacing little.
"""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from . import assets, directives, equations, exercises, reference, slides, teaching

STATIC = Path(__file__).parent / "static"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    app.connect("builder-inited", _install_assets)
    # After the themes (500 and 501), whose lists of scripts and buttons these two amend.
    app.connect("html-page-context", _load_what_the_page_needs, priority=900)
    app.connect("html-page-context", _edit_the_text_twin, priority=900)
    app.connect("html-page-context", _mend_markup, priority=900)
    app.add_css_file(assets.PALETTE_CSS, priority=900)
    app.add_css_file("book.css", priority=901)
    app.add_js_file("book.js")
    directives.setup(app)
    equations.setup(app)
    exercises.setup(app)
    reference.setup(app)
    slides.setup(app)
    teaching.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _install_assets(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    app.config.html_static_path.append(str(STATIC))
    app.config.mathjax_path = assets.MATHJAX_PATH
    assets.install(Path(app.outdir) / "_static")


def _load_what_the_page_needs(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Vega on pages with charts only, MathJax on pages with mathematics only."""
    if doctree is None:
        return
    if any(node.get("bp_chart") for node in doctree.findall(nodes.raw)):
        app.add_js_file(None, body=assets.palette_script())
        app.add_js_file("charts.js", loading_method="defer")
    if not any(doctree.findall(lambda n: isinstance(n, nodes.math | nodes.math_block))):
        # Sphinx adds it to every page that has mathematics somewhere below it in the
        # table of contents, and so to the landing page.
        scripts = context["script_files"]
        scripts[:] = [script for script in scripts if not _is_mathjax(script)]


def _is_mathjax(script: Any) -> bool:
    body = getattr(script, "attributes", {}).get("body") or ""
    return str(script.filename).endswith(assets.MATHJAX_PATH) or "window.MathJax" in body


def _edit_the_text_twin(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Chapters are edited in their text twins: the edit button of a notebook leads there."""
    folder, _, name = pagename.rpartition("/")
    twin = f"{folder}/text/{name}.md"
    if not (Path(app.srcdir) / twin).exists():
        return
    for group in context.get("header_buttons", []):
        for button in [group, *group.get("buttons", [])]:
            if button.get("label") == "source-edit-button":
                button["url"] = button["url"].replace(f"{pagename}.ipynb", twin)


def _mend_markup(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Sphinx calls lists what are none, and whoever hears the page would hear of lists.

    A bibliography has no list items, and a signature with a parameter a line has no terms.
    """
    if "body" in context:
        context["body"] = (
            context["body"]
            .replace('<div role="list" class="citation', '<div class="citation')
            .replace(
                '<span class="sig-paren">(</span>\n\n<dl>',
                '<span class="sig-paren">(</span>\n\n<dl role="presentation">',
            )
        )
