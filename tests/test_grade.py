"""A folder of notebooks is checked, whatever the students have written."""

import csv
from pathlib import Path

import nbformat
import pytest

from tools import grade

ROOT = Path(__file__).parent.parent
#: Long enough for an import on a machine that others use as well.
STOP_AFTER_S = 45
IMPORTS = "import numpy as np\nfrom backprop import exercises"


def test_the_books_solutions_do_not_count():
    """They stand below the students' answers and would overwrite them."""
    notebook = nbformat.read(ROOT / "chapters/02-chain-rule.ipynb", as_version=4)
    every = sum(cell.cell_type == "code" for cell in notebook.cells)
    kept = grade.students_cells(notebook)
    checks = [n for cell in kept for n in grade.CHECKED.findall(cell.source)]
    assert checks == [f"2.{k}" for k in range(1, 7)]
    assert every - len(kept) >= 6, "six solutions, a cell each at least"
    quick = grade.students_cells(notebook, quick=True)
    assert [n for cell in quick for n in grade.CHECKED.findall(cell.source)] == checks
    assert len(quick) < len(kept) / 2
    assert any("import numpy" in cell.source for cell in quick)


def test_a_quick_run_of_a_notebook_without_the_heading_runs_everything():
    notebook = notebook_of(IMPORTS, "x = 1", "exercises.check('2.1', print)")
    assert len(grade.students_cells(notebook, quick=True)) == 3


def notebook_of(*sources, **metadata):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def stub(number, body, arguments="*given"):
    name = f"answer_{number.replace('.', '_')}"
    return f'def {name}({arguments}):\n    {body}\n\nexercises.check("{number}", {name})'


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """What is said about three students, the command line's output included."""
    folder = tmp_path_factory.mktemp("handed-in")
    first = notebook_of(
        IMPORTS,
        "helper = 2",
        stub("8.6", "return helper * X, np.zeros(B.shape), np.zeros(X.shape)", "X, B"),
        stub("8.5", "while True: pass"),
        stub("8.4", "raise NotImplementedError"),
        stub("8.2", "return 1 / 0"),
        "def answer_8_1(:\n    pass\n\nexercises.check('8.1', answer_8_1)",
        kernelspec={"name": "a kernel of the student's machine", "display_name": "?"},
    )
    second = notebook_of(
        IMPORTS,
        "import os",
        stub("8.5", "os._exit(1)"),
        stub("8.6", "return X + 0.0, np.zeros(B.shape), np.zeros(X.shape)", "X, B"),
        "exercises.check = print\n" + stub("8.4", "return ()"),
    )
    nbformat.write(first, folder / "first.ipynb")
    (folder / "b").mkdir()
    nbformat.write(second, folder / "b/second.ipynb")
    (folder / "third.ipynb").write_text("{")
    (folder / ".ipynb_checkpoints").mkdir()
    nbformat.write(second, folder / ".ipynb_checkpoints/first.ipynb")
    before = (folder / "first.ipynb").read_bytes()
    options = ["--seconds", str(STOP_AFTER_S), "--csv", str(folder / "out.csv")]
    assert grade.main([str(folder), *options]) == 0
    assert (folder / "first.ipynb").read_bytes() == before
    with (folder / "out.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {(row["student"], row["exercise"]): (row["state"], row["detail"]) for row in rows}


def test_each_answer_gets_what_it_deserves(graded):
    assert graded["first", "8.6"] == ("right", "")
    assert graded["first", "8.4"] == ("open", "")
    assert graded["first", "8.3"] == ("missing", "")
    assert graded["b/second", "8.6"] == ("wrong", "one of the two positions of a product")
    assert graded["first", "8.2"] == ("wrong", "raises")


def test_an_endless_loop_costs_one_exercise(graded):
    assert graded["first", "8.5"] == ("stopped", f"not done after {STOP_AFTER_S} s")
    assert graded["first", "8.4"][0] == "open", "the cells below it were run"


def test_a_cell_that_ends_its_kernel_costs_one_exercise(graded):
    assert graded["b/second", "8.5"] == ("stopped", "ended its kernel")
    assert graded["b/second", "8.6"][0] == "wrong", "the cells below it were run"


def test_what_is_no_python_or_no_notebook_is_told(graded):
    assert graded["first", "8.1"][0] == "error"
    assert graded["first", "8.1"][1].startswith("SyntaxError")
    assert graded["third", "?"][0] == "error"


def test_copies_that_jupyter_keeps_are_not_graded(graded):
    assert {student for student, _ in graded} == {"first", "b/second", "third"}


def test_the_last_check_of_an_exercise_counts():
    cell = nbformat.v4.new_code_cell('exercises.check("8.6", f)')
    told = {"number": "8.6", "state": "wrong", "detail": None}
    cell.outputs = [
        nbformat.v4.new_output("display_data", {grade.VERDICT: told}),
        nbformat.v4.new_output("display_data", {grade.VERDICT: told | {"state": "right"}}),
    ]
    (result,) = grade.results_of("s", [(cell, "")], ["8.6"])
    assert result == grade.Result("s", "8.6", "right")


def test_many_cells_that_hang_are_given_up(monkeypatch):
    cells = [nbformat.v4.new_code_cell(f'check("8.{k}", f)') for k in (1, 2, 3, 4)]
    monkeypatch.setattr(grade, "MOST_STOPS", 2)
    monkeypatch.setattr(grade, "_run_once", lambda left, seconds: (left[0], "not done"))
    ran = grade.run(cells, 1)
    assert [why for _, why in ran] == ["not done", "not done", "given up", "given up"]
    states = {r.number: r.state for r in grade.results_of("s", ran, [])}
    assert [states[f"8.{k}"] for k in (1, 2, 3, 4)] == ["stopped"] * 4


def test_the_table_counts_what_goes_wrong():
    results = [
        grade.Result("one", "2.10", "right"),
        grade.Result("one", "2.2", "wrong", "a slip"),
        grade.Result("two", "2.2", "wrong", "a slip"),
    ]
    lines = grade.table(results).splitlines()
    assert lines[0].split() == ["student", "2.2", "2.10"]
    assert lines[1].split() == ["one", "-", "+"]
    assert lines[2].split() == ["two", "-"]
    assert lines[-1].split() == ["2.2", "2", "x", "a", "slip"]


def test_a_folder_without_notebooks_and_an_unknown_exercise_are_refused(tmp_path, capsys):
    for arguments, told in (([], "no notebook"), (["--exercises", "2.99"], "no exercise 2.99")):
        with pytest.raises(SystemExit):
            grade.main([str(tmp_path), *arguments])
        assert told in capsys.readouterr().err
