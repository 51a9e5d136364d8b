"""The notebooks of a live lecture: a chapter's deck, its other cells left out, nothing else."""

import nbformat
import pytest

from tools import lecture


def chapter(*cells):
    made = []
    for number, (source, metadata) in enumerate(cells):
        cell = nbformat.v4.new_code_cell(source, metadata=metadata)
        cell["id"] = f"cell-{number}"
        made.append(cell)
    return nbformat.v4.new_notebook(cells=made)


@pytest.fixture
def root(tmp_path):
    """A project with a chapter that has a deck, and one that has none."""
    (tmp_path / "chapters").mkdir()
    with_deck = chapter(
        ("shown = 1", {"slideshow": {"slide_type": "slide", "lines": [1]}}),
        ("left_out = 2", {"tags": ["a-tag"]}),
        ("folded = 3", {"slideshow": {"slide_type": "-"}, "tags": ["hide-input"]}),
        ("aside = 4", {"slideshow": {"slide_type": "notes"}}),
    )
    nbformat.write(with_deck, tmp_path / "chapters/02-with.ipynb")
    nbformat.write(chapter(("x = 1", {})), tmp_path / "chapters/01-without.ipynb")
    return tmp_path


def test_only_chapters_with_a_deck_are_copied(root):
    assert lecture.make(root) == [root / lecture.FOLDER / "02-with.ipynb"]


def test_cells_outside_the_deck_are_skipped_and_folded_code_stays_folded(root):
    (copy,) = lecture.make(root)
    assert [cell.metadata for cell in nbformat.read(copy, as_version=4).cells] == [
        {"slideshow": {"slide_type": "slide", "lines": [1]}},
        {"slideshow": {"slide_type": "skip"}, "tags": ["a-tag"]},
        {"slideshow": {"slide_type": "-", "hide_code": True}, "tags": ["hide-input"]},
        {"slideshow": {"slide_type": "notes"}},
    ]


def test_a_copy_differs_from_its_chapter_in_nothing_else(root):
    (copy,) = lecture.make(root)
    one, other = (nbformat.read(p, as_version=4) for p in (root / "chapters" / copy.name, copy))
    for notebook in (one, other):
        for cell in notebook.cells:
            cell.metadata = {}
    assert one == other


def test_copies_start_anew_and_what_lies_beside_them_stays(root):
    (copy,) = lecture.make(root)
    fresh = copy.read_bytes()
    copy.write_text("changed in a lecture")
    own = copy.with_name("my-lecture.ipynb")
    own.write_text("kept under another name")
    lecture.make(root)
    assert copy.read_bytes() == fresh
    assert own.read_text() == "kept under another name"


def test_the_style_sheet_lies_where_the_extension_looks_for_it(root):
    (copy,) = lecture.make(root)
    assert copy.with_name("sliveshow.css").read_bytes() == lecture.STYLE.read_bytes()
