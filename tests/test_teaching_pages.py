"""What the teacher's guide makes of chapters and exercises, built by the real extension."""

from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from backprop import exercises

CONF = """
extensions = ["myst_nb", "sphinx.ext.autosectionlabel", "backprop_theme"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
nb_execution_mode = "off"
exclude_patterns = ["_build", "chapters/text"]
"""
#: The exercises that the page below links to need a place of their own.
LABELS = "".join(f"(ex-{n}-{k})=\n\n## {n}.{k}\n\n" for n, k in ((2, 1), (2, 2)))
SLIP = exercises.find("2.2").slips[0]


@pytest.fixture
def build(tmp_path: Path):
    """Builds a page with this content, and returns its HTML and the warnings."""
    (tmp_path / "chapters/text").mkdir(parents=True)
    (tmp_path / "conf.py").write_text(CONF)
    for number, needs in (("01", ""), ("02", "{doc}`01-a`"), ("03", "{doc}`01-a`, {doc}`02-b`")):
        twin = f"# A\n\n## What you need\n\n{needs}\n\n```{{code-cell}}\n```\n"
        (tmp_path / f"chapters/text/{number}-{'abc'[int(number) - 1]}.md").write_text(twin)

    def run(content: str) -> tuple[str, str]:
        (tmp_path / "index.md").write_text(f"# Page\n\n{content}\n\n{LABELS}")
        with (tmp_path / "warnings.txt").open("w+") as warnings:
            with patch_docutils(), docutils_namespace():
                out = tmp_path / "_build"
                places = (tmp_path, tmp_path, out, out / "trees", "html")
                Sphinx(*places, status=None, warning=warnings).build(force_all=True)
            warnings.seek(0)
            return (out / "index.html").read_text("utf-8"), warnings.read()

    return run


def test_exercises_are_listed_with_their_minutes_and_the_sum(build) -> None:
    page, warnings = build("```{class-exercises} 2.1 2.2\n```")
    assert warnings == ""
    one, other = exercises.find("2.1"), exercises.find("2.2")
    assert f"({one.minutes} minutes, level {one.level})" in page
    assert f"Together about {one.minutes + other.minutes} minutes." in page
    assert 'href="#ex-2-1"' in page
    alone, _ = build("```{class-exercises} 2.1\n```")
    assert "Together" not in alone


def test_a_wrong_answer_is_quoted_from_the_sheet(build) -> None:
    page, warnings = build(f"```{{wrong-answers}}\n2.2: {SLIP.name}\n```")
    assert warnings == ""
    assert f"<strong>{SLIP.name}</strong>. {SLIP.reveals}" in page
    assert 'href="#ex-2-2"' in page


def test_what_the_sheet_does_not_have_is_a_warning(build) -> None:
    for content, told in (
        ("```{class-exercises} 2.99\n```", "the book has no exercise 2.99"),
        ("```{wrong-answers}\n2.1: no such slip\n```", "has no wrong answer 'no such slip'"),
        ("```{chapter-map}\n1: one | 0, 0\n```", "a box is wanted for each of the chapters"),
    ):
        _, warnings = build(content)
        assert told in warnings


def test_the_map_is_drawn_from_the_chapters(build) -> None:
    page, warnings = build("```{chapter-map}\n1: one | 0, 2\n2: two | 0, 1\n3: three | 0, 0\n```")
    assert warnings == ""
    assert '<div class="bp-diagram"><svg' in page
    assert "To 2 from 1. To 3 from 2." in page
