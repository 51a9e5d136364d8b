"""The web side of the book: what it makes of charts, diagrams and checked equations."""

import json
import sys
from pathlib import Path

import nbformat
import pytest
from small_book import SmallBook

from backprop import palette
from backprop_theme import assets, directives, equations, mime, reference

SVG = (
    '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9">'
    '<defs><clipPath id="a"><path/></clipPath></defs><g clip-path="url(#a)" id="b" '
    'fill="#0072B2" stroke="#123456"><use href="#b"/></g></svg>'
)
SPEC = {"description": 'a <b> & "c"', "params": [{"name": "h", "bind": {}}, {"name": "x"}]}
BUNDLE = {mime.CHART: SPEC, mime.PICTURE: SVG, "text/plain": "<chart: T>"}


def test_ids_and_all_references_to_them_get_the_prefix() -> None:
    svg = mime.unique_ids(SVG.replace("<g ", '<g aria-labelledby="a x" '), "p")
    assert 'id="p-a"' in svg
    assert "url(#p-a)" in svg
    assert 'href="#p-b"' in svg
    assert 'aria-labelledby="p-a x"' in svg
    assert 'width="9"' in svg


def test_a_static_picture_has_a_name_and_follows_the_theme() -> None:
    svg = mime.static_picture(SVG, "p", SPEC["description"])
    assert svg.startswith('<svg role="img" aria-label="a &lt;b&gt; &amp; &quot;c&quot;"')
    assert 'fill="var(--bp-blue)"' in svg
    assert 'stroke="#123456"' in svg, "only the palette's colors are exchanged"


def test_a_chart_cannot_end_the_script_element_that_holds_it() -> None:
    spec = SPEC | {"title": {"text": "</script><!--"}}
    markup = mime.chart_node(BUNDLE | {mime.CHART: spec}, "p").astext()
    assert markup.count("</script>") == 1
    inner = markup.split('<script type="application/json">')[1].split("</script>")[0]
    assert "<" not in inner
    assert json.loads(inner) == spec
    assert "--bp-controls: 1" in markup


def test_only_pictures_that_say_so_are_diagrams() -> None:
    assert mime.is_diagram('<?xml?><svg width="1" role="img"><g/></svg>')
    assert not mime.is_diagram('<svg width="1"><g role="img"/></svg>')


def test_the_site_gets_every_color_in_both_themes() -> None:
    css = assets.palette_css()
    for name, (light, dark) in palette.COLORS.items():
        assert f"--bp-{name}: {light};" in css.split("@media screen")[0]
        assert f"--bp-{name}: {dark};" in css.split("@media screen")[1]
    script = assets.palette_script()
    assert json.loads(script.removeprefix("window.bpDark = ").removesuffix(";")) == dict(
        palette.COLORS.values()
    )


def test_assets_are_written_once(tmp_path: Path) -> None:
    assets.install(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / assets.MATHJAX_PATH in files
    assert any(path.suffix == ".woff" for path in files)
    assert sum(path.stat().st_size for path in files) < 5e6
    times = {path: path.stat().st_mtime_ns for path in files}
    assets.install(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in files} == times


def cell(tags: list[str], bundle: dict[str, object] | None = None) -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("execute_result", bundle)] if bundle else []
    return nbformat.v4.new_code_cell("c", metadata={"tags": tags}, outputs=outputs)


def test_the_tagged_chart_is_found() -> None:
    cells = [cell(["other"], {"text/plain": "1"}), cell(["live"], BUNDLE), cell(["live"])]
    assert directives.tagged_chart({"cells": cells}, "live") == BUNDLE
    with pytest.raises(ValueError, match="no cell"):
        directives.tagged_chart({"cells": cells}, "absent")
    with pytest.raises(ValueError, match="no chart"):
        directives.tagged_chart({"cells": cells}, "other")


CHECKS = '''
from harness import check, equal

def helper(x):
    return x

@check("eq-one", r"""\\frac{dy}{dx}
  = 2x""")
def one(rng):
    """Why."""
    return equal(1, helper(1))
'''


def test_checks_are_read_and_never_imported(tmp_path: Path) -> None:
    path = tmp_path / "chapter_01.py"
    path.write_text("raise SystemExit\n" + CHECKS)
    (check,) = equations.read_checks(path)
    assert (check.label, check.latex) == ("eq-one", "\\frac{dy}{dx}\n  = 2x")
    assert check.source.startswith("def one(rng):")
    assert check.source.endswith("helper(1))")
    assert path.read_text().splitlines()[check.line - 1] == "def one(rng):"
    assert equations.shared_source(path) == "def helper(x):\n    return x"


@pytest.mark.parametrize("call", ["check()", 'check("eq-a")', 'check("eq-a", LATEX)'])
def test_a_check_that_quotes_nothing_is_refused(tmp_path: Path, call: str) -> None:
    path = tmp_path / "chapter_01.py"
    path.write_text(f"@{call}\ndef one(rng): ...\n")
    with pytest.raises(ValueError, match=r"chapter_01\.py:1"):
        equations.read_checks(path)


class Book(SmallBook):
    """A book of four pages in a temporary folder, built with the real extension."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.write(
            "conf.py",
            'extensions = ["myst_nb", "backprop_theme"]\n'
            'myst_enable_extensions = ["dollarmath"]\nnb_execution_mode = "off"\n'
            'exclude_patterns = ["_build"]\n',
        )
        toctree = "```{toctree}\n:numbered:\none\nchecks\nplain\n```\n"
        self.write("index.md", f"# Book\n\n```{{chapter-chart}} nb.ipynb live\n```\n\n{toctree}")
        self.write(
            "one.md", "# One\n\n$$\n\\frac{dy}{dx} = 2x\n$$ (eq-one)\n\n$$\nx = 1\n$$ (def-x)\n"
        )
        self.write("checks.md", "# Checks\n\n```{equation-checks} 1\n```\n")
        self.write("plain.md", "# Plain\n\nNo mathematics.\n")
        self.write("tests/equations/chapter_01.py", CHECKS)
        notebook = nbformat.v4.new_notebook(cells=[cell(["live"], BUNDLE)])
        self.write("nb.ipynb", nbformat.writes(notebook))
        with (root / "conf.py").open("a") as conf:
            conf.write('exclude_patterns += ["nb.ipynb"]\nnumfig = True\n')


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def test_a_page_links_its_equations_to_their_checks_and_back(book: Book) -> None:
    assert book.build() == ""
    one, checks = book.page("one"), book.page("checks")
    assert one.count("bp-checked") == 1, "definitions carry no mark"
    assert one.count('id="equation-eq-one"') == 1
    assert 'href="checks.html#check-eq-one"' in one
    assert "How equation (1.1) is" in one
    assert 'id="check-eq-one"' in checks
    assert 'href="one.html#equation-eq-one"' in checks
    assert "(1.1)" in checks


def test_pages_load_only_what_they_show(book: Book) -> None:
    book.build()
    scripts = {"index": "charts.js", "one": assets.MATHJAX_PATH, "checks": assets.MATHJAX_PATH}
    for page in ("index", "one", "checks", "plain"):
        loaded = {name for name in ("charts.js", assets.MATHJAX_PATH) if name in book.page(page)}
        assert loaded == ({scripts[page]} if page in scripts else set())


def test_an_equation_without_a_check_is_a_warning_with_its_place(book: Book) -> None:
    book.write("one.md", "# One\n\n$$\n\\frac{dy}{dx} = 3x\n$$ (eq-two)\n")
    warnings = book.build()
    assert "one.md" in warnings
    assert "equation 'eq-two' has no check" in warnings
    assert "eq-one" in warnings, "and the check that lost its equation is named as well"


def test_a_check_that_goes_away_is_missed_in_the_next_build(book: Book) -> None:
    assert book.build() == ""
    book.write("tests/equations/chapter_01.py", '"""No checks."""\n')
    assert "equation 'eq-one' has no check" in book.build()
    book.write("tests/equations/chapter_01.py", CHECKS)
    assert book.build() == ""
    assert 'id="check-eq-one"' in book.page("checks")


def test_a_page_for_a_chapter_without_checks_is_a_warning_that_names_the_file(book: Book) -> None:
    book.write("checks.md", "# Checks\n\n```{equation-checks} 7\n```\n")
    warnings = book.build()
    assert "chapter_07.py" in warnings
    assert "equation 'eq-one' has no check" in warnings


def test_a_missing_tag_is_a_warning_that_names_notebook_and_tag(book: Book) -> None:
    book.write("index.md", "# Book\n\n```{chapter-chart} nb.ipynb nowhere\n```\n")
    warnings = book.build()
    assert "index.md" in warnings
    assert "nb.ipynb nowhere: no cell has this tag" in warnings


def test_a_chart_that_changes_in_its_chapter_changes_where_it_is_shown(book: Book) -> None:
    book.build()
    bundle = BUNDLE | {mime.CHART: SPEC | {"description": "another picture"}}
    notebook = nbformat.v4.new_notebook(cells=[cell(["live"], bundle)])
    book.write("nb.ipynb", nbformat.writes(notebook))
    book.build()
    assert "another picture" in book.page("index")


DOCUMENTED = '''"""A module; chapter 1 derives it."""

def twice(x, *, a_name_that_fills_a_line=2):
    """Two times ``x``, which `twice` does.

    Args:
        x: a number.

    Source: chapter 1, ``eq-one``
    and no other.
    """
'''


@pytest.fixture
def documented(book: Book, monkeypatch: pytest.MonkeyPatch) -> Book:
    """The book with a chapter that has a number, and a page made from docstrings."""
    monkeypatch.syspath_prepend(book.root)
    monkeypatch.delitem(sys.modules, "bp_sample", raising=False)
    book.write("chapters/01-first.md", "# First\n")
    book.write("bp_sample.py", DOCUMENTED)
    page = "```{eval-rst}\n.. automodule:: bp_sample\n   :members:\n```\n"
    book.write("plain.md", f"# Plain\n\n{page}")
    with (book.root / "index.md").open("a") as index:
        index.write("```{toctree}\nchapters/01-first\n```\n")
    with (book.root / "conf.py").open("a") as conf:
        conf.write('default_role = "py:name"\npython_maximum_signature_line_length = 20\n')
    return book


def test_docstrings_lead_to_equations_chapters_and_names(documented: Book) -> None:
    assert documented.build() == ""
    page = documented.page("plain")
    source = page.split("Source<span", 1)[1].split("</dd>")[0]
    assert 'href="chapters/01-first.html"' in source
    assert '>chapter 1</span></a>, equation <a class="reference internal" href="one.html#' in source
    assert ">(1.1)</a>" in source
    assert "and no other" in source
    assert 'href="chapters/01-first.html"' in page.split("bp_sample.twice")[0]
    assert page.count('href="#bp_sample.twice"') >= 2, "its permalink, and the link in the text"
    assert page.count('<dl role="presentation">') == 1, "parameters are no list of terms"
    assert "<dl>" not in page


def test_what_a_docstring_names_in_vain_is_a_warning(documented: Book) -> None:
    wrong = DOCUMENTED.replace("``eq-one``", "``eq-none``").replace("`twice`", "`thrice`")
    documented.write("bp_sample.py", wrong.replace("chapter 1,", "chapter 9,"))
    warnings = documented.build()
    assert "equation not found: eq-none" in warnings
    assert "bp_sample.twice names chapter 9" in warnings
    assert "target not found: thrice" in warnings


def test_chapters_are_known_by_their_numbers() -> None:
    pages = {"chapters/04-batch", "chapters/11-layers", "chapters/notation", "chapters/checks/1-x"}
    assert reference.chapter_pages(pages) == {4: "chapters/04-batch", 11: "chapters/11-layers"}
