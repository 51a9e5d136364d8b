"""The pages on the package: what its docstrings name becomes a link.

Docstrings say where a function is derived: chapters by their number, equations by their label,
as in ``Source: chapter 1, ``eq-central-difference``.``. They stay readable in an editor, where
nothing has numbers; on a page each becomes a link, equations with the number they have there.
A name between single backticks links to its own entry. Whatever leads nowhere is a warning.
"""

import ast
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from .equations import equation_link

#: What a label between double backticks looks like.
LABEL = re.compile(r"``((?:eq|def)-[a-z0-9-]+)``")
#: One chapter, or several: "chapters 4, 5 and 11".
CHAPTERS = re.compile(r"\b[Cc]hapters?\s+\d+(?:(?:,|\s+and)\s+\d+)*")
_SOURCE = re.compile(r"^Source: (.+(?:\n.+)*)", re.MULTILINE)

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> None:
    """Register the roles that docstrings are rewritten to."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.add_role("equation", Equation())
    app.add_role_to_domain("py", "name", PyXRefRole(warn_dangling=True))
    # After napoleon (500), which makes fields of what has a heading of its own.
    app.connect("autodoc-process-docstring", _link_sources, priority=600)
    app.connect("autodoc-process-signature", _shorten_signature)


class Equation(SphinxRole):
    """``:equation:`eq-label```: the equation's number, as a link to it."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The word and the link, for which a label that does not exist is a warning."""
        link = equation_link(self.text, self.env.docname)
        self.set_source_info(link)
        return [nodes.Text("equation "), link], []


def _link_sources(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Rewrite labels and chapters to roles, and the line on the source to a field."""
    pages = chapter_pages(app.env.found_docs)

    def link(match: re.Match[str]) -> str:
        number = int(match[2])
        if number not in pages:
            logger.warning("the docstring of %s names chapter %d, which is not there", name, number)
            return match[0]
        return f":doc:`{match[0]} </{pages[number]}>`"

    text = LABEL.sub(r":equation:`\1`", "\n".join(lines))
    text = CHAPTERS.sub(lambda found: re.sub(r"([Cc]hapters?\s+)?(\d+)", link, found[0]), text)
    text = _SOURCE.sub(lambda found: ":Source: " + found[1].replace("\n", "\n   "), text)
    lines[:] = text.split("\n")


def _shorten_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str
) -> tuple[str, str] | None:
    return (public_signature(signature), returns) if signature else None


def public_signature(signature: str) -> str:
    """The signature without private parameters.

    A default that a dataclass computes becomes ``...``: Sphinx could not read ``<factory>``, and
    would show the whole signature as one line of text.
    """
    header = ast.parse(f"def f{signature.replace('<factory>', '...')}: pass").body[0]
    assert isinstance(header, ast.FunctionDef)
    args = header.args
    public = [arg for arg in args.args if not arg.arg.startswith("_")]
    # Defaults belong to the last parameters.
    private = [arg.arg.startswith("_") for arg in [*args.posonlyargs, *args.args]]
    with_default = zip(args.defaults, private[len(private) - len(args.defaults) :], strict=True)
    args.args, args.defaults = public, [one for one, is_private in with_default if not is_private]
    return f"({ast.unparse(args)})"


def chapter_pages(names: set[str]) -> dict[int, str]:
    """The pages of the chapters among ``names``, by their number: ``chapters/NN-title``."""
    found = ((re.fullmatch(r"chapters/(\d+)-[^/]+", name), name) for name in names)
    return {int(match[1]): name for match, name in found if match}
