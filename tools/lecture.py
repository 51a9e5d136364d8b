"""Make the notebooks of a live lecture: each chapter's deck, to be run and changed in JupyterLab.

``python -m tools.lecture`` writes ``_build/lecture/NN-name.ipynb`` for every chapter of which
some cells are chosen for slides. A copy, because a lecture leaves traces: what is changed in
front of a class must not end up in the executed notebooks, which are compared with their text
twins. Every run starts the copies anew; a copy saved under another name stays.

In the chapters a cell without a slide type is in no deck. The extension that shows the slides
takes such a cell for more of the slide before it, so the copies say "skip" there.
"""

import shutil
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("_build/lecture")
STYLE = Path(__file__).with_name("lecture.css")
#: The name under which the extension looks for a style sheet beside a notebook.
STYLE_NAME = "sliveshow.css"


def has_slides(notebook: Any) -> bool:
    """Tell whether any cell of a notebook is chosen for a slide."""
    return any("slide_type" in cell.metadata.get("slideshow", {}) for cell in notebook.cells)


def choose_slides(notebook: Any) -> None:
    """Leave the cells without a slide type out, and fold the code that the pages fold."""
    for cell in notebook.cells:
        slideshow = cell.metadata.setdefault("slideshow", nbformat.from_dict({}))
        slideshow.setdefault("slide_type", "skip")
        if "hide-input" in cell.metadata.get("tags", []):
            slideshow["hide_code"] = True


def make(root: Path = ROOT) -> list[Path]:
    """Write the copies, with the style sheet beside them; return their paths in order."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(STYLE, folder / STYLE_NAME)
    made = []
    for path in sorted((root / "chapters").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if has_slides(notebook):
            choose_slides(notebook)
            made.append(folder / path.name)
            nbformat.write(notebook, made[-1])
    return made


if __name__ == "__main__":
    print(f"{len(make())} decks for a live lecture are in the folder {FOLDER.as_posix()}.")
