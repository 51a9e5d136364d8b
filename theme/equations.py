"""The pages that show how each equation is checked, and the marks that lead to them.

A check is a function in ``tests/equations/chapter_NN.py`` under ``@check(label, latex)``.
Here the files are only read, never imported: building the book needs no PyTorch.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

FOLDER = "tests/equations"
#: Labels with this beginning need a check; others ("def-...") are definitions.
CHECKED = "eq-"

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> None:
    """Register the directive, the marks and the test that none is missing."""
    app.add_directive("equation-checks", EquationChecks)
    app.add_post_transform(MarkCheckedEquations)
    app.connect("env-check-consistency", _warn_of_unchecked)


@dataclass(frozen=True)
class Check:
    """One check: its equation's label and LaTeX, its source, and the line it begins on."""

    label: str
    latex: str
    source: str
    line: int


def shared_source(path: Path) -> str:
    """What stands in a file of checks beside them: the helpers and constants they use."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, filename=str(path))
    checks = {check.line for check in read_checks(path)}
    kept = [
        ast.get_source_segment(text, node) or ""
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.Assign | ast.AnnAssign)
        and node.lineno not in checks
    ]
    return "\n\n".join(kept)


def read_checks(path: Path) -> list[Check]:
    """The checks of one file, in its order.

    Raises:
        ValueError: if a ``@check`` does not quote its label and its LaTeX as plain strings.
    """
    text = path.read_text(encoding="utf-8")
    checks = []
    for function in ast.parse(text, filename=str(path)).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("check"):
                label, latex = _arguments(decorator, path)
                source = ast.get_source_segment(text, function) or ""
                checks.append(Check(label, latex, source, function.lineno))
    return checks


def _arguments(call: ast.Call, path: Path) -> list[str]:
    values = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
    strings = [value for value in values if isinstance(value, str)]
    if len(strings) != 2 or len(call.args) != 2:
        raise ValueError(f"{path.name}:{call.lineno}: @check needs a label and the LaTeX")
    return strings


class EquationChecks(SphinxDirective):
    """Show the checks of one chapter: the equation, the source, and a link to the chapter.

    The argument is the chapter's number. One page for all chapters would be typeset for many
    seconds before it can be read.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The checks of the chapter, then the names that they share."""
        path = Path(self.env.srcdir) / FOLDER / f"chapter_{self.arguments[0].zfill(2)}.py"
        self.env.note_dependency(str(path))
        try:
            checks = read_checks(path)
        except (OSError, SyntaxError, ValueError) as problem:
            logger.warning("equation-checks: %s", problem, location=self.get_location())
            return []
        shown: list[nodes.Node] = [self._entry(path, check) for check in checks]
        shared = shared_source(path)
        if shared:
            text = "The checks of this chapter use these names:"
            shown += [nodes.paragraph("", "", nodes.Text(text))]
            shown += [nodes.literal_block(shared, shared, language="python")]
        return shown

    def _entry(self, path: Path, check: Check) -> nodes.container:
        target = f"check-{check.label}"
        self.env.domains["std"].note_hyperlink_target(target, self.env.docname, target)
        number = equation_link(check.label, self.env.docname)
        where = nodes.inline("", f"{FOLDER}/{path.name}, line {check.line}", classes=["bp-where"])
        heading = nodes.paragraph(
            "", "", nodes.strong("", "Equation "), number, nodes.Text(" "), where
        )
        math = nodes.math_block(check.latex, check.latex, nowrap=False, number=None, label=None)
        source = nodes.literal_block(check.source, check.source, language="python")
        entry = nodes.container("", heading, math, source, ids=[target], classes=["bp-check"])
        for node in (entry, heading, number, math, source):
            self.set_source_info(node)
        return entry


def equation_link(label: str, docname: str) -> addnodes.pending_xref:
    """A link from the page ``docname`` to an equation, with its number in parentheses.

    A label that no equation has is a warning.
    """
    return addnodes.pending_xref(
        "",
        nodes.inline("", label),
        refdomain="math",
        reftype="eq",
        reftarget=label,
        refdoc=docname,
        refwarn=True,
    )


class MarkCheckedEquations(SphinxPostTransform):
    """Put a small link to its check beside every equation that has one."""

    default_priority = 20
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Wrap each checked equation and its mark in one box."""
        for equation in list(self.document.findall(nodes.math_block)):
            place = _check_of(self.env, equation.get("label"))
            if place:
                box = nodes.container(classes=["bp-equation"])
                equation.replace_self(box)
                box["ids"] = []  # docutils copied them, and the equation needs its own
                box += [equation, self._mark(equation["label"], *place)]

    def _mark(self, label: str, page: str, target: str) -> nodes.paragraph:
        builder = self.app.builder
        uri = f"{builder.get_relative_uri(self.env.docname, page)}#{target}"
        number = _number(self.env, self.env.docname, label)
        link = nodes.reference("", "", refuri=uri, internal=True)
        link += nodes.inline("", f"How equation ({number}) is ", classes=["visually-hidden"])
        link += nodes.Text("checked")
        return nodes.paragraph("", "", link, classes=["bp-checked"])


def _check_of(env: BuildEnvironment, label: str | None) -> tuple[str, str] | None:
    """The page and the target where the check of the equation ``label`` is shown."""
    if not label or not label.startswith(CHECKED):
        return None
    return env.domains["std"].anonlabels.get(f"check-{label}")


def _number(env: BuildEnvironment, docname: str, label: str) -> str:
    figures = env.toc_fignumbers.get(docname, {}).get("displaymath", {})
    number = figures.get(nodes.make_id(f"equation-{label}"), ())
    return ".".join(map(str, number))


def _warn_of_unchecked(app: Sphinx, env: BuildEnvironment) -> None:
    for label, (docname, _) in env.domains["math"].equations.items():
        if label.startswith(CHECKED) and not _check_of(env, label):
            logger.warning("equation %r has no check in %s", label, FOLDER, location=docname)
