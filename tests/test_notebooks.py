"""The notebooks are what their twins say, executed, and the tool that makes them is right."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import notebooks

ROOT = Path(__file__).parent.parent
TWINS = notebooks.twins()


def test_there_are_chapters():
    assert len(TWINS) >= 3


@pytest.mark.parametrize("twin", TWINS, ids=lambda t: t.stem)
def test_the_notebook_agrees_with_its_twin_and_was_executed(twin):
    assert not notebooks.problems(twin)


@pytest.mark.parametrize("twin", TWINS, ids=lambda t: t.stem)
def test_the_twin_has_the_common_head(twin):
    assert twin.read_text("utf-8").startswith(notebooks.HEADER)


def test_every_notebook_has_a_twin():
    assert {t.stem for t in TWINS} == {p.stem for p in (ROOT / "chapters").glob("*.ipynb")}


@pytest.mark.parametrize("twin", TWINS, ids=lambda t: t.stem)
def test_the_notebook_is_in_normal_form(twin):
    path = notebooks.notebook_path(twin)
    text = path.read_text("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    notebooks.normalize(notebook)
    assert text == nbformat.writes(notebook) + "\n"
    counts = [c.execution_count for c in notebook.cells if c.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1)), "executed from top to bottom, once"


@pytest.mark.parametrize("twin", TWINS, ids=lambda t: t.stem)
def test_outputs_hold_nothing_that_changes_or_that_a_page_cannot_show(twin):
    for number, cell in enumerate(nbformat.read(notebooks.notebook_path(twin), 4).cells, 1):
        for output in cell.get("outputs", []):
            place = f"{twin.stem}, cell {number}"
            text = json.dumps(output)
            assert output.get("name") != "stderr", f"{place}: writes to stderr"
            assert not re.search(r" at 0x[0-9a-f]{6,}", text), f"{place}: a memory address"
            assert not re.search(r"/(home|Users|tmp|root)/", text), f"{place}: a path of a machine"
            kinds = set(output.get("data", {}))
            assert not kinds & {"image/png", "image/jpeg"}, f"{place}: nbval does not compare it"


@pytest.mark.parametrize("twin", TWINS, ids=lambda t: t.stem)
def test_every_output_cell_is_compared(twin):
    for cell in nbformat.read(notebooks.notebook_path(twin), 4).cells:
        assert "nbval-ignore-output" not in cell.metadata.get("tags", [])
        assert "nbval-skip" not in cell.metadata.get("tags", [])


@pytest.mark.parametrize("twin", TWINS, ids=lambda t: t.stem)
def test_the_colab_cell_fetches_the_configured_repository(twin):
    url = re.search(r"^\s+url\s*:\s*(\S+)", (ROOT / "_config.yml").read_text("utf-8"), re.M)
    assert f'git+{url[1]}"' in twin.read_text("utf-8")


@pytest.fixture
def book(tmp_path):
    """A book of one chapter, copied from the last one that is executed."""
    (tmp_path / "chapters/text").mkdir(parents=True)
    twin = tmp_path / "chapters/text/01-trial.md"
    cells = "\n# Trial\n\n```{code-cell} ipython3\n1 + 1\n```\n"
    twin.write_text(notebooks.HEADER + cells, "utf-8")
    notebook = notebooks.read_twin(twin)
    notebooks.execute(notebook, tmp_path / "chapters")
    notebooks.normalize(notebook)
    nbformat.write(notebook, notebooks.notebook_path(twin))
    return twin


def edit(path, change):
    notebook = nbformat.read(path, as_version=4)
    change(notebook.cells)
    nbformat.write(notebook, path)


def test_problems_are_found_and_placed(book):
    path = notebooks.notebook_path(book)
    kept = path.with_suffix(".kept")
    shutil.copy(path, kept)
    assert notebooks.problems(book) == []

    def unexecuted(cells):
        cells[1].execution_count = None

    def other_source(cells):
        cells[1].source = "1 + 2"

    def error(cells):
        cells[1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[])]

    for change, message in [
        (unexecuted, "01-trial.ipynb: cell 2 was never executed"),
        (other_source, "01-trial.ipynb: cell 2 differs from 01-trial.md"),
        (error, "01-trial.ipynb: cell 2 stores an error without raises-exception"),
        (lambda cells: cells.pop(), "01-trial.ipynb: 1 cells, but 2 in 01-trial.md"),
    ]:
        shutil.copy(kept, path)
        edit(path, change)
        assert any(line.startswith(message) for line in notebooks.problems(book)), message
    path.unlink()
    assert notebooks.problems(book) == ["01-trial.ipynb: missing; run `make notebooks`"]


def test_the_fingerprint_follows_the_code_and_not_the_prose(book):
    before = notebooks.fingerprint(notebooks.read_twin(book))
    text = book.read_text("utf-8")
    book.write_text(text.replace("# Trial", "# Another title"), "utf-8")
    assert notebooks.fingerprint(notebooks.read_twin(book)) == before
    book.write_text(text.replace("1 + 1", "1 + 2"), "utf-8")
    assert notebooks.fingerprint(notebooks.read_twin(book)) != before


def test_an_edit_of_the_notebook_can_be_taken_over(book):
    path = notebooks.notebook_path(book)
    edit(path, lambda cells: cells[0].update(source="# Edited in JupyterLab"))
    notebooks.from_notebook(path)
    text = book.read_text("utf-8")
    assert text.startswith(notebooks.HEADER)
    assert "# Edited in JupyterLab" in text
    assert notebooks.problems(book) == []


def test_the_cells_of_a_solution_are_folded_in_jupyterlab(book):
    marks = [f":::{{solution-{word}}} ex-1-1\n:::\n" for word in ("start", "end")]
    cell = "```{code-cell} ipython3\n2 + 2\n```\n"
    text = book.read_text("utf-8") + "\n".join(["", marks[0], "+++\n", "Why.\n", cell, marks[1]])
    book.write_text(text, "utf-8")
    read = notebooks.read_twin(book)
    folded = [cell.source for cell in read.cells if cell.metadata.get("jupyter")]
    assert folded == ["Why.", "2 + 2"]
    notebook = notebooks.notebook_path(book)
    nbformat.write(read, notebook)
    notebooks.from_notebook(notebook)
    assert "source_hidden" not in book.read_text("utf-8")
    assert notebooks.inputs(notebooks.read_twin(book)) == notebooks.inputs(read)


def test_tracebacks_lose_their_paths():
    output = nbformat.v4.new_output(
        "error", ename="ValueError", evalue="bad", traceback=["File /somewhere/x.py"]
    )
    cell = nbformat.v4.new_code_cell("f()", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebooks.normalize(notebook)
    assert notebook.cells[0].outputs[0].traceback == ["ValueError: bad"]


def test_cells_that_need_mnist_are_skipped_with_the_reason_where_it_cannot_be_had(tmp_path):
    shutil.copy(ROOT / "chapters" / "conftest.py", tmp_path)
    sources = ["from backprop import datasets", "data = datasets.mnist();", "len(data)"]
    cells = [nbformat.v4.new_code_cell(s, execution_count=n) for n, s in enumerate(sources, 1)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "needs.ipynb")
    nothing = {"BACKPROP_DATA": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-rs"]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | nothing,
    )
    assert "1 passed, 2 skipped" in run.stdout, run.stdout + run.stderr
    assert "lacks train-images-idx3-ubyte.gz" in run.stdout
    assert run.returncode == 0
