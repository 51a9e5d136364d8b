"""The pages on the package: complete, with sources that exist, and with examples that run."""

import contextlib
import importlib
import inspect
import io
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

import backprop
from backprop import checking, diagnosis
from backprop_theme.reference import public_signature

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "chapters/reference"
GUIDE = (PAGES / "check-your-own.md").read_text(encoding="utf-8")
OVERVIEW = (PAGES / "index.md").read_text(encoding="utf-8")
LABEL = re.compile(r"^\$\$ \(((?:eq|def)-[a-z0-9-]+)\)", re.MULTILINE)
SETTINGS = ("add_module", "autodoc", "default_role", "myst_enable", "napoleon", "python_maximum")


def public_modules() -> list[ModuleType]:
    names = [module.name for module in pkgutil.walk_packages(backprop.__path__, "backprop.")]
    return [importlib.import_module(name) for name in names if "._" not in name]


def public_names(module: ModuleType) -> list[str]:
    """What ``__all__`` lists, else the functions and classes that are defined there."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = [name for name, value in vars(module).items() if is_documented(value)]
    return [n for n in own if n[0] != "_" and vars(module)[n].__module__ == module.__name__]


def is_documented(value: Any) -> bool:
    """Constants have a comment, if anything."""
    return inspect.isfunction(value) or inspect.isclass(value)


MODULES = public_modules()
NAMES = [(module, name) for module in MODULES for name in public_names(module)]
IDS = [f"{module.__name__}.{name}" for module, name in NAMES]
TWINS = {int(path.name[:2]): path for path in (ROOT / "chapters/text").glob("[0-9][0-9]-*.md")}
LABELS = {number: LABEL.findall(path.read_text(encoding="utf-8")) for number, path in TWINS.items()}


# The docstrings


def named_sources(text: str) -> list[tuple[int, list[str]]]:
    """Each chapter that ``text`` names, with the labels that follow it before a semicolon."""
    parts = re.split(r"(?=\bchapters? \d)|;", " ".join(text.split()))
    found = ((re.match(r"chapters? (\d+)", part), part) for part in parts)
    return [(int(m[1]), re.findall(r"``((?:eq|def)-[^`]*)``", part)) for m, part in found if m]


@pytest.mark.parametrize(("module", "name"), NAMES, ids=IDS)
def test_a_public_name_says_where_it_comes_from(module: ModuleType, name: str) -> None:
    value = getattr(module, name)
    if not is_documented(value):
        return
    source = re.search(r"^Source: (.+(?:\n.+)*)", inspect.getdoc(value) or "", re.MULTILINE)
    assert source, "the docstring has no line that begins with Source:"
    assert named_sources(source[1]), f"no chapter in {source[1]!r}"


@pytest.mark.parametrize(("module", "name"), NAMES, ids=IDS)
def test_what_is_returned_is_not_taken_for_a_type(module: ModuleType, name: str) -> None:
    """What stands before a colon in the first line is shown as a type, apart from the rest."""
    text = inspect.getdoc(getattr(module, name)) or ""
    for line in re.findall(r"^Returns:\n\s+(.+)", text, re.MULTILINE):
        assert ":" not in re.sub(r"``[^`]*``", "", line), line


@pytest.mark.parametrize(
    "path", sorted((ROOT / "src/backprop").rglob("*.py")), ids=lambda path: path.stem
)
def test_labels_belong_to_the_chapters_that_are_named_with_them(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = [(number, label) for number, labels in named_sources(text) for label in labels]
    assert [pair for pair in named if pair[1] not in LABELS.get(pair[0], [])] == []
    loose = set(re.findall(r"``((?:eq|def)-[^`]*)``", text)) - {label for _, label in named}
    assert loose == set(), "labels without their chapter"


def test_sources_are_read_as_they_are_written() -> None:
    told = "chapter 1, ``eq-a`` and\n``def-b``; chapter 12; chapters 3 and 4, ``eq-c``"
    assert named_sources(told) == [(1, ["eq-a", "def-b"]), (12, []), (3, ["eq-c"])]


# The pages


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], str]:
    """The names on the pages, and the warnings, with chapters that hold the labels alone."""
    root = tmp_path_factory.mktemp("reference")
    shutil.copytree(PAGES, root / "chapters/reference")
    for number, path in TWINS.items():
        equations = "".join(f"$$\nx\n$$ ({label})\n\n" for label in LABELS[number])
        (root / "chapters" / path.name).write_text(f"# {number}\n\n{equations}")
    for name in ("notation", "equation-checks"):
        (root / f"chapters/{name}.md").write_text(f"# {name}\n")
    pages = "chapters/*\nchapters/reference/*"
    (root / "index.md").write_text(f"# Book\n\n```{{toctree}}\n:glob:\n{pages}\n```\n")
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config = settings["sphinx"]["config"] | settings["parse"]
    config = {key: value for key, value in config.items() if key.startswith(SETTINGS)}
    config["extensions"] = ["myst_parser", "backprop_theme.reference"]
    # Sphinx would write the suffix into a default that all its applications share.
    config["source_suffix"] = {".md": "markdown"}
    warnings = io.StringIO()
    with patch_docutils(), docutils_namespace():
        out = root / "_build"
        app = Sphinx(
            root, None, out, out, "dummy", confoverrides=config, status=None, warning=warnings
        )
        app.build()
        return set(app.env.domaindata["py"]["objects"]), warnings.getvalue()


@pytest.mark.parametrize(
    ("signature", "shown"),
    [
        ("(a, /, b: int = 3, *rest, c=1, **more)", "(a, /, b: int=3, *rest, c=1, **more)"),
        ("(a=1, /, _b=2, c=3)", "(a=1, /, c=3)"),
        ("(ok: bool, _why: ~m.C[[], tuple[int, ...]] | None = None)", "(ok: bool)"),
        ("(n: str, of: list[~m.Slip] = <factory>)", "(n: str, of: list[~m.Slip]=...)"),
    ],
)
def test_a_signature_shows_what_a_caller_can_give(signature: str, shown: str) -> None:
    assert public_signature(signature) == shown


def test_every_public_name_is_on_a_page(built: tuple[set[str], str]) -> None:
    """Where it is defined, or where it is offered; a constant of a package in its modules."""
    names, _ = built
    missing = []
    for module, name in NAMES:
        here = module.__name__
        package = here.rpartition(".")[0]
        offered = name in getattr(importlib.import_module(package), "__all__", [])
        inside = [n for n in names if n.startswith(f"{here}.") and n.endswith(f".{name}")]
        if not (inside or (offered and f"{package}.{name}" in names)):
            missing.append(f"{here}.{name}")
    assert missing == []
    assert len(NAMES) > 100


def test_nothing_on_the_pages_leads_nowhere(built: tuple[set[str], str]) -> None:
    assert built[1] == ""


def listed_files(entry: Any) -> list[str]:
    """All values of ``file`` in the table of contents, in its order."""
    if isinstance(entry, list):
        return [name for part in entry for name in listed_files(part)]
    if not isinstance(entry, dict):
        return []
    own = [entry["file"]] if "file" in entry else []
    return own + [name for part in entry.values() for name in listed_files(part)]


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = listed_files(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    pages = [f"chapters/reference/{path.stem}" for path in PAGES.glob("*.md")]
    assert sorted(pages) == sorted(name for name in listed if "/reference/" in name)


def test_the_modules_need_nothing_that_the_book_is_built_without() -> None:
    absent = ("torch", "sklearn", "pooch", "tqdm", "filelock")
    code = f"import sys; sys.modules.update(dict.fromkeys({absent}))\n"
    code += "".join(f"import {module.__name__}\n" for module in MODULES)
    subprocess.run([sys.executable, "-c", code], check=True)


# The overview


def rows(text: str) -> list[list[str]]:
    """The cells of the first table in ``text``, below its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def imported(module: str) -> set[str]:
    """The public modules of the package that a module or package imports, also by way of private
    ones."""
    found, waiting = set(), [module]
    while waiting:
        path = ROOT / "src" / waiting.pop().replace(".", "/")
        files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
        text = "".join(file.read_text(encoding="utf-8") for file in files)
        names = set(re.findall(r"^\s*from backprop\.(\w+)", text, re.MULTILINE))
        for line in re.findall(r"^\s*from backprop import (.+)", text, re.MULTILINE):
            names |= set(re.findall(r"\w+", line))
        new = names - found
        found |= new
        waiting += [f"backprop.{name}" for name in new if name.startswith("_")]
    return {name for name in found if name[0] != "_"} - {module.rpartition(".")[2]}


def test_the_overview_lists_every_module_and_what_it_imports() -> None:
    told = {row[0].split("`")[1]: set(re.findall(r"`(\w+)`", row[2])) for row in rows(OVERVIEW)}
    top = [module.__name__.split(".")[1] for module in MODULES if module.__name__.count(".") == 1]
    assert sorted(told) == sorted(top)
    for module, names in told.items():
        assert names == imported(f"backprop.{module}"), module
    above: set[str] = set()
    for module, names in told.items():
        assert names <= above, f"{module} imports what stands below it"
        above.add(module)


# The guide


EXAMPLES = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", GUIDE, re.S | re.M)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def test_every_example_shows_what_it_prints() -> None:
    assert len(EXAMPLES) == GUIDE.count("```python") == 3


@pytest.mark.parametrize(("code", "expected"), EXAMPLES)
def test_an_example_prints_what_the_page_shows(code: str, expected: str) -> None:
    """To six digits; how far rounding may have moved a number is itself a rounded number."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "check-your-own.md", "exec"), {"__name__": "example"})
    shown, came = (re.sub(r"± \S+\)", "±)", text) for text in (expected, printed.getvalue()))
    assert NUMBER.sub("0", came) == NUMBER.sub("0", shown)
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in (came, shown)]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-6)


def test_the_guide_explains_every_cause() -> None:
    assert tuple(row[0] for row in rows(GUIDE)) == diagnosis.NAMES
    assert all(len(row[1]) > 40 for row in rows(GUIDE))


def test_the_limits_in_the_guide_are_those_of_the_code() -> None:
    from backprop.checking._differences import MOST_ENTRIES
    from backprop.checking._measure import SAMPLED

    assert f"Above {MOST_ENTRIES:,} entries" in GUIDE
    assert f"{SAMPLED} entries are measured" in GUIDE
    assert inspect.signature(checking.check_gradient).parameters["projections"].default == 20
