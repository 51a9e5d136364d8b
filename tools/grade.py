"""Check the answers in a folder of notebooks that students have handed in.

``python -m tools.grade FOLDER`` runs every notebook below ``FOLDER`` in a kernel of its own, with
the book's solutions left out, and prints for each student and exercise what
``backprop.exercises.grade`` says. A cell that does not end in time, or ends its kernel, is left
out, and the notebook is run again without it; so one endless loop costs one exercise. The
notebooks themselves are not changed.

Answers are programs. They run here with all that you may do on this machine: use an account or
a container in which they can do no harm.
"""

import argparse
import csv
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from backprop import exercises

VERDICT = "application/vnd.backprop.verdict+json"
#: Runs first in each kernel: a check also leaves its verdict as an output that can be read.
PROBE = f"""
def _probe():
    from backprop import exercises
    from IPython.display import display

    def check(number, answer):
        verdict = exercises.grade(number, answer)
        print(verdict)
        slip = verdict.slip.name if verdict.slip else None
        told = dict(number=number, state=verdict.state, detail=slip or verdict.cause)
        display({{"{VERDICT}": told}}, raw=True)

    exercises.check = check

_probe()
"""
CHECKED = re.compile(r"""\bcheck\(\s*["'](\d+\.\d+)["']""")
#: After so many cells that had to be stopped, the rest of a notebook is given up.
MOST_STOPS = 6
MARKS = {"right": "+", "wrong": "-", "open": ".", "error": "!", "stopped": "t", "missing": " "}
LEGEND = "+ right   - wrong   . not answered   ! error   t stopped   (blank) no check"


@dataclass(frozen=True)
class Result:
    """What came of one exercise in one notebook.

    Attributes:
        student: the notebook's path below the folder, without its ending.
        number: the exercise, like ``"4.2"``.
        state: a key of ``MARKS``.
        detail: the common wrong answer, the kind of mistake or the error, if one is known.
    """

    student: str
    number: str
    state: str
    detail: str = ""


def students_cells(notebook: Any, *, quick: bool = False) -> list[Any]:
    """The code cells in their order, those of the book's solutions left out.

    With ``quick`` also those between the first cell that imports and the heading "Exercises".
    """
    kept: list[Any] = []
    solution = started = False
    wanted = True
    for cell in notebook.cells:
        solution = solution and "{solution-end}" not in cell.source
        if cell.cell_type == "markdown" and re.search(r"^## Exercises", cell.source, re.M):
            wanted = True
        if cell.cell_type == "code" and not solution and wanted:
            kept.append(cell)
            if quick and not started and re.search(r"^(import|from) ", cell.source, re.M):
                started, wanted = True, False
        solution = solution or "{solution-start}" in cell.source
    # Without the heading nobody can tell where the answers begin: run everything.
    return kept if wanted else students_cells(notebook)


def run(cells: Sequence[Any], seconds: int) -> list[tuple[Any, str]]:
    """Run the cells; returns each with ``""``, or with why it was stopped.

    A cell that is stopped takes the kernel with it, so the others run again without it.
    """
    stopped: dict[int, str] = {}
    while True:
        left = [cell for number, cell in enumerate(cells) if number not in stopped]
        last, why = _run_once(left, seconds)
        if last is None:
            break
        stopped[next(n for n, cell in enumerate(cells) if cell is last)] = why
        if len(stopped) == MOST_STOPS:
            at = [cell is last for cell in cells].index(True)
            stopped |= {n: "given up" for n in range(at, len(cells)) if n not in stopped}
            break
    return [(cell, stopped.get(number, "")) for number, cell in enumerate(cells)]


def _run_once(cells: Sequence[Any], seconds: int) -> tuple[Any | None, str]:
    """Run the cells in a new kernel; returns the one that had to be stopped, and why."""
    probe = nbformat.v4.new_code_cell(PROBE)
    notebook = nbformat.v4.new_notebook(cells=[probe, *cells])
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=seconds,
            allow_errors=True,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": folder}},
        )
        with client.setup_kernel():
            for number, cell in enumerate(notebook.cells):
                try:
                    client.execute_cell(cell, number)
                except CellTimeoutError:
                    return cell, f"not done after {seconds} s"
                except DeadKernelError:
                    return cell, "ended its kernel"
    return None, ""


def results_of(student: str, ran: Sequence[tuple[Any, str]], wanted: Sequence[str]) -> list[Result]:
    """What the cells say about each exercise in ``wanted``, or in the chapters that they check.

    Where an exercise is checked more than once, the last check counts.
    """
    found: dict[str, Result] = {}
    for cell, stopped in ran:
        named = CHECKED.findall(cell.source)
        for number in named:
            if stopped:
                found[number] = Result(student, number, "stopped", stopped)
            elif error := _error(cell):
                found[number] = Result(student, number, "error", error)
        for told in () if stopped else _verdicts(cell):
            found[told["number"]] = Result(
                student, told["number"], told["state"], told["detail"] or ""
            )
    chapters = {number.split(".")[0] for number in found}
    sheet = exercises.sheet()
    expected = wanted or [number for number in sheet if number.split(".")[0] in chapters]
    return [found.get(number, Result(student, number, "missing")) for number in expected]


def _verdicts(cell: Any) -> Iterator[dict[str, Any]]:
    for output in cell.outputs:
        if VERDICT in output.get("data", {}):
            yield output["data"][VERDICT]


def _error(cell: Any) -> str:
    """The error that a cell ended with, in one line."""
    for output in cell.outputs:
        if output.output_type == "error":
            return f"{output.ename}: {output.evalue}".splitlines()[0]
    return ""


def grade(
    path: Path, student: str, wanted: Sequence[str], *, seconds: int = 60, quick: bool = False
) -> list[Result]:
    """Run one notebook and say what came of each exercise.

    Args:
        path: the notebook.
        student: whose it is.
        wanted: numbers of exercises; if empty, all of the chapters that the notebook checks.
        seconds: how long a cell may take.
        quick: whether to run only the imports and what stands below "Exercises".
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as problem:  # no notebook at all, whatever it is
        told = f"cannot be read: {type(problem).__name__}"
        return [Result(student, number, "error", told) for number in wanted or ["?"]]
    cells = students_cells(notebook, quick=quick)
    for cell in cells:
        cell.outputs, cell.execution_count = [], None
    return results_of(student, run(cells, seconds), wanted)


def table(results: Sequence[Result]) -> str:
    """A line for each student, a column for each exercise, and what went wrong how often."""
    numbers = sorted({r.number for r in results}, key=lambda n: [*map(_as_int, n.split("."))])
    students = list(dict.fromkeys(r.student for r in results))
    marks = {(r.student, r.number): MARKS[r.state] for r in results}
    wide = max(map(len, [*students, "student"]))
    lines = [f"{'student':{wide}}  " + " ".join(f"{number:>5}" for number in numbers)]
    for student in students:
        row = " ".join(f"{marks.get((student, number), ' '):>5}" for number in numbers)
        lines.append(f"{student:{wide}}  {row}".rstrip())
    lines += ["", LEGEND, ""]
    for number in numbers:
        details = Counter(r.detail for r in results if r.number == number and r.detail)
        for detail, count in details.most_common():
            lines.append(f"{number:>5}  {count} x {detail}")
    return "\n".join(lines)


def _as_int(text: str) -> int:
    return int(text) if text.isdigit() else 0


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.grade",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where the notebooks are, at any depth")
    parser.add_argument("--exercises", nargs="+", default=[], metavar="N.K", help="only these")
    parser.add_argument("--seconds", type=int, default=60, help="a cell's time limit (60)")
    parser.add_argument("--quick", action="store_true", help="run imports and exercises only")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write all results to FILE")
    options = parser.parse_args(arguments)
    unknown = [number for number in options.exercises if number not in exercises.sheet()]
    if unknown:
        parser.error(f"the book has no exercise {', '.join(unknown)}")
    paths = [
        path
        for path in sorted(options.folder.rglob("*.ipynb"))
        if ".ipynb_checkpoints" not in path.parts
    ]
    if not paths:
        parser.error(f"no notebook in {options.folder}")
    results: list[Result] = []
    for path in paths:
        student = path.relative_to(options.folder).with_suffix("").as_posix()
        print(f"running {student}", file=sys.stderr, flush=True)
        results += grade(
            path, student, options.exercises, seconds=options.seconds, quick=options.quick
        )
    print(table(results))
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["student", "exercise", "state", "detail"])
            writer.writerows([r.student, r.number, r.state, r.detail] for r in results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
