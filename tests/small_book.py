"""Books of a few pages, built with Sphinx in a temporary folder."""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils


class SmallBook:
    """A book whose pages a test writes: its folder holds ``conf.py`` and the sources."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> None:
        """Write a file of the book, in folders that are made where they are missing."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def build(self) -> str:
        """Build what is out of date; returns the warnings."""
        out = self.root / "_build"
        with (self.root / "warnings.txt").open("w+") as warnings:
            with patch_docutils(), docutils_namespace():
                app = Sphinx(
                    self.root,
                    self.root,
                    out / "html",
                    out / "trees",
                    "html",
                    status=None,
                    warning=warnings,
                )
                app.build()
            warnings.seek(0)
            return warnings.read()

    def page(self, name: str) -> str:
        """The HTML of a page."""
        return (self.root / "_build/html" / f"{name}.html").read_text(encoding="utf-8")
