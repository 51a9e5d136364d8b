"""Make the executed notebooks from their text twins, so that a second run changes nothing.

An author edits ``chapters/text/NN-name.md``; ``python -m tools.notebooks`` pairs it with
``chapters/NN-name.ipynb``, executes the notebook if its code, the package or the pinned
requirements changed since, and writes it in one normal form. ``--check`` only compares,
``--force`` executes everything, ``--from-notebook FILE`` goes the other way, for an edit
that was made in JupyterLab.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbclient
import nbformat

ROOT = Path(__file__).resolve().parent.parent
TWINS = Path("chapters/text")
STAMPS = Path("_build/notebooks.json")

# Sums over several threads add up in another order, and the last bits of a number with it.
ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    )
}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# The twin's head. It does not name the notebook as its pair: JupyterLab with jupytext would
# then refuse to open whichever of the two git happened to check out a second later.
HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""


def twins(root: Path = ROOT) -> list[Path]:
    """The text twins of all chapters, in the order of their numbers."""
    return sorted((root / TWINS).glob("*.md"))


def notebook_path(twin: Path) -> Path:
    """Where the notebook of ``chapters/text/NN-name.md`` is: ``chapters/NN-name.ipynb``."""
    return twin.parent.parent / f"{twin.stem}.ipynb"


def read_twin(twin: Path) -> Any:
    """The twin as a notebook without outputs, its cells numbered instead of randomly named."""
    notebook = jupytext.read(twin)
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"cell-{number:03d}"
    fold_solutions(notebook)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def fold_solutions(notebook: Any) -> None:
    """Let JupyterLab show the cells of a solution folded, as the book does."""
    inside = False
    for cell in notebook.cells:
        inside = inside and "{solution-end}" not in cell.source
        if inside:
            cell.metadata["jupyter"] = {"source_hidden": True}
        inside = inside or "{solution-start}" in cell.source


def inputs(notebook: Any) -> list[tuple[str, str, str]]:
    """Each cell's kind, source and metadata: what a twin and its notebook must share."""
    return [
        (cell.cell_type, cell.source.rstrip(), json.dumps(cell.metadata, sort_keys=True))
        for cell in notebook.cells
    ]


def problems(twin: Path) -> list[str]:
    """What is wrong between a twin and its notebook, each as a line that names the place."""
    path = notebook_path(twin)
    if not path.exists():
        return [f"{path.name}: missing; run `make notebooks`"]
    notebook = nbformat.read(path, as_version=4)
    found = []
    wanted, got = inputs(read_twin(twin)), inputs(notebook)
    if len(wanted) != len(got):
        found.append(f"{path.name}: {len(got)} cells, but {len(wanted)} in {twin.name}")
    for number, (one, other) in enumerate(zip(wanted, got, strict=False), 1):
        if one != other:
            start = one[1][:60].replace("\n", " ")
            found.append(f"{path.name}: cell {number} differs from {twin.name} ({start!r})")
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            found.append(f"{path.name}: cell {number} was never executed; run `make notebooks`")
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and "raises-exception" not in cell.metadata.get("tags", []):
            found.append(f"{path.name}: cell {number} stores an error without raises-exception")
    return found


def fingerprint(notebook: Any, root: Path = ROOT) -> str:
    """A digest of all that an output depends on: the code, the package, the pinned versions."""
    digest = hashlib.sha256()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            digest.update(cell.source.encode() + json.dumps(cell.metadata).encode())
    for path in sorted([*root.glob("src/backprop/**/*.py"), *root.glob("requirements*.txt")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def execute(notebook: Any, folder: Path) -> None:
    """Run every cell in ``folder`` with one BLAS thread; the outputs go into ``notebook``."""
    os.environ.update(ONE_THREAD, PYTHONHASHSEED="0")
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(
        notebook, timeout=600, resources=resources, coalesce_streams=True
    ).execute()


def keep_outputs(notebook: Any, old: Any) -> None:
    """Give the cells of ``notebook`` the outputs that the same code had in ``old``."""
    done = iter([cell for cell in old.cells if cell.cell_type == "code"])
    for cell in notebook.cells:
        if cell.cell_type == "code":
            before = next(done)
            cell.outputs, cell.execution_count = before.outputs, before.execution_count


def normalize(notebook: Any) -> None:
    """Take out what differs from run to run: time stamps, tracebacks with local paths."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]
    notebook.metadata = nbformat.from_dict(METADATA)


def set_repository(twin: Path, root: Path = ROOT) -> None:
    """Let the twin's Colab cell fetch the package from the repository of ``_config.yml``."""
    url = re.search(r"^\s+url\s*:\s*(\S+)", (root / "_config.yml").read_text("utf-8"), re.M)
    if url is None:
        raise SystemExit("_config.yml: no repository url")
    text = twin.read_text("utf-8")
    changed = re.sub(r'git\+[^"\s]+', f"git+{url[1]}", text)
    if changed != text:
        twin.write_text(changed, "utf-8")


def make(twin: Path, stamps: dict[str, str], *, force: bool) -> str:
    """Write the notebook of one twin; returns what was done, in a word or two."""
    set_repository(twin)
    path = notebook_path(twin)
    notebook = read_twin(twin)
    old = nbformat.read(path, as_version=4) if path.exists() else None
    stamp = fingerprint(notebook)
    if old is not None and stamps.get(twin.stem) == stamp and not force:
        keep_outputs(notebook, old)
        done = "kept its outputs"
    else:
        execute(notebook, path.parent)
        stamps[twin.stem] = stamp
        done = "executed"
    normalize(notebook)
    text = nbformat.writes(notebook) + "\n"
    if path.exists() and path.read_text("utf-8") == text:
        return f"{done}, unchanged"
    path.write_text(text, "utf-8")
    return f"{done}, written"


def from_notebook(path: Path) -> None:
    """Write the text twin of a notebook that was edited in JupyterLab."""
    notebook = nbformat.read(path, as_version=4)
    normalize(notebook)
    for cell in notebook.cells:
        cell.metadata.pop("jupyter", None)  # what is folded follows from the solutions' marks
    _, _, body = jupytext.writes(notebook, fmt="md:myst").split("---\n", 2)
    twin = path.parent / "text" / f"{path.stem}.md"
    twin.write_text(HEADER + body, "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="only compare, change nothing")
    parser.add_argument("--force", action="store_true", help="execute every notebook")
    parser.add_argument("--from-notebook", type=Path, metavar="FILE", help="write FILE's twin")
    parser.add_argument("only", nargs="*", help="parts of chapter names; default: all")
    options = parser.parse_args(arguments)
    if options.from_notebook:
        from_notebook(options.from_notebook)
        return 0
    chosen = [t for t in twins() if not options.only or any(o in t.stem for o in options.only)]
    if options.check:
        found = [line for twin in chosen for line in problems(twin)]
        print("\n".join(found) or f"{len(chosen)} notebooks agree with their twins")
        return 1 if found else 0
    stamp_file = ROOT / STAMPS
    stamps = json.loads(stamp_file.read_text()) if stamp_file.exists() else {}
    for twin in chosen:
        print(f"{twin.stem}: {make(twin, stamps, force=options.force)}", flush=True)
        stamp_file.parent.mkdir(exist_ok=True)
        stamp_file.write_text(json.dumps(stamps, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
