"""requirements*.txt are complete: all that they bring along is pinned to one version."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FILES = [
    "requirements-book.txt",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-benchmarks.txt",
]


def pins(name):
    """The requirements of a file and of those that it includes, by canonical name."""
    found = {}
    for line in (ROOT / name).read_text("utf-8").splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line.startswith("-r "):
            found |= pins(line[3:].strip())
        elif line and not line.startswith("-e"):
            requirement = Requirement(line)
            found[canonicalize_name(requirement.name)] = requirement
    return found


def needs(name, extras=frozenset()):
    """The names that an installed distribution needs on this machine."""
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:
        return set()
    requirements = map(Requirement, lines)
    return {
        canonicalize_name(r.name)
        for r in requirements
        if r.marker is None or any(r.marker.evaluate({"extra": e}) for e in {"", *extras})
    }


def closure(names):
    seen, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(needs(name))
    return seen


@pytest.mark.parametrize("file", FILES)
def test_every_version_is_exact(file):
    loose = [str(r) for r in pins(file).values() if not re.fullmatch(r"==[^*,]+", str(r.specifier))]
    assert not loose


@pytest.mark.parametrize("file", FILES)
def test_nothing_comes_along_unpinned(file):
    pinned = pins(file)
    # What PyTorch needs for a GPU it pins itself, to the exact version.
    missing = {n for n in closure(pinned) - set(pinned) if not n.startswith(("nvidia-", "cuda-"))}
    assert not missing - {"triton", "backprop"}


def test_the_files_agree():
    """All of them can be installed into one environment."""
    together = pins("requirements-dev.txt")
    for name, requirement in pins("requirements-benchmarks.txt").items():
        assert requirement.specifier == together.get(name, requirement).specifier, name


def test_what_is_installed_is_what_is_pinned():
    for name, requirement in pins("requirements-dev.txt").items():
        if requirement.marker is None or requirement.marker.evaluate():
            installed = distribution(name).version
            assert requirement.specifier.contains(installed, prereleases=True), name


def test_the_book_needs_no_pytorch():
    assert "torch" not in closure(pins("requirements-book.txt"))
    assert str(pins("requirements.txt")["torch"].specifier) == "==2.13.0"


@pytest.mark.parametrize(
    ("block", "file"), [("dependencies", "requirements-book.txt"), ("data", "requirements.txt")]
)
def test_the_package_accepts_the_pinned_versions(block, file):
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    lines = re.search(rf"^{block} = \[(.*?)^\]", project, re.M | re.S)[1]
    pinned = pins(file)
    for line in re.findall(r'"([^"]+)"', lines):
        wanted = Requirement(line)
        version = str(pinned[canonicalize_name(wanted.name)].specifier).removeprefix("==")
        assert wanted.specifier.contains(version), line


def test_all_of_the_package_is_installed():
    """Whoever installs it without a checkout, on Colab say, gets what is listed, and no more."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folders = {file.parent for file in (ROOT / "src").rglob("__init__.py")}
    packages = {".".join(folder.relative_to(ROOT / "src").parts) for folder in folders}
    assert set(settings["packages"]) == packages | {"backprop_theme"}
    data = {
        path
        for pattern in settings["package-data"]["backprop_theme"]
        for path in (ROOT / "theme").glob(pattern)
    }
    others = {p for p in (ROOT / "theme").rglob("*") if p.is_file() and p.suffix != ".py"}
    assert {p for p in others if "__pycache__" not in p.parts} == data
