"""What the pages' HTML promises, read without a browser: links, sources, texts for pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import yaml
from book_site import LOADED, LOADED_LINKS, REPOSITORY, Element, Page, read_page

CHART = "application/vnd.vegalite.v5+json"


@pytest.fixture
def page(folder: Path, name: str) -> Page:
    return read_page(folder, name)


@pytest.fixture(scope="session")
def repository() -> dict[str, str]:
    """The one place that says whose copy of the book this is."""
    settings = yaml.safe_load((REPOSITORY / "_config.yml").read_text(encoding="utf-8"))
    return settings["repository"]


def report(page: Page, problems: list[str]) -> None:
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in dict.fromkeys(problems))
        pytest.fail(f"{page.name}: {len(problems)} problem(s)\n{listed}", pytrace=False)


def hrefs(page: Page) -> list[str]:
    return [link.get("href") for link in page.find("a")]


def test_links_lead_somewhere(page: Page) -> None:
    """To a file of the site, and there to the one element with the id that the link names."""
    problems = []
    for element in page.elements:
        for attribute in ("href", "src", "data"):
            link = element.get(attribute)
            if not link or link == "#" or element.tag == "use":
                continue
            problem = page.problem_of_link(link)
            if problem is not None:
                problems.append(f"line {element.line}, {element.tag}: {problem}")
    report(page, problems)


def loaded_from(element: Element) -> str:
    """What the browser itself asks for because of this element, or the empty string."""
    if element.tag == "link":
        wanted = LOADED_LINKS & set(element.get("rel").lower().split())
        return element.get("href") if wanted else ""
    return element.get(LOADED.get(element.tag, ""))


def test_nothing_is_asked_of_another_host(page: Page) -> None:
    report(
        page,
        [
            f"line {element.line}: {element.tag} loads {loaded_from(element)}"
            for element in page.elements
            if urlsplit(loaded_from(element)).netloc
        ],
    )


def test_page_has_an_icon(page: Page) -> None:
    """Without one a browser asks the host for /favicon.ico, which the site has not."""
    icons = [link for link in page.find("link") if "icon" in link.get("rel").split()]
    report(page, [] if icons else ["no link with rel=icon"])


def test_pictures_have_texts(page: Page) -> None:
    problems = []
    for image in page.find("img"):
        if not image.get("alt").strip() and image.get("role") != "presentation":
            problems.append(f"line {image.line}: no alt text for {image.get('src')[:80]}")
    for svg in page.find("svg"):
        texts = {e.tag for e in page.inside(svg) if e.text.strip()}
        named = bool(svg.get("aria-label").strip()) or {"title", "desc"} <= texts
        if svg.is_inside("bp-diagram") and not named:
            problems.append(f"line {svg.line}: a diagram without title and description")
    report(page, problems)


def test_charts_have_a_static_picture_and_a_specification(page: Page) -> None:
    problems = []
    for number, chart in enumerate(page.with_class("bp-chart"), start=1):
        inside = page.inside(chart)
        if not any(e.tag == "svg" and e.is_inside("bp-chart-static") for e in inside):
            problems.append(f"line {chart.line}: chart {number} has no static picture")
        data = [e for e in inside if e.tag == "script" and "json" in e.get("type")]
        if len(data) != 1 or "$schema" not in json.loads(data[0].text):
            problems.append(f"line {chart.line}: chart {number} has no specification")
    report(page, problems)


def shown_outputs(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The data of the outputs that the notebook's page shows."""
    hidden = {"remove-cell", "remove-output"}
    cells = [c for c in notebook["cells"] if not hidden & set(c["metadata"].get("tags", []))]
    return [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]


def test_page_has_the_charts_and_diagrams_of_its_notebook(
    folder: Path, page_of_notebook: str
) -> None:
    """None is lost on the way from the stored outputs, so that none escapes these tests."""
    page = read_page(folder, page_of_notebook)
    assert page.source is not None
    outputs = shown_outputs(json.loads(page.source.read_text(encoding="utf-8")))
    charts = sum(CHART in data for data in outputs)
    pictures = [data["image/svg+xml"] for data in outputs if "image/svg+xml" in data]
    diagrams = sum('role="img"' in "".join(picture) for picture in pictures)
    assert len(page.with_class("bp-chart")) == charts, "charts of the notebook and of the page"
    assert len(page.with_class("bp-diagram")) == diagrams, "diagrams of notebook and page"


def test_checked_equations_lead_to_their_checks(page: Page) -> None:
    """Every equation labelled ``eq-...`` has its mark; where links lead is another test's."""
    problems = []
    for box in page.elements:
        label = box.get("id").removeprefix("equation-")
        if label == box.get("id") or not label.startswith("eq-"):
            continue
        around = page.inside(box.parent) if box.parent else []
        marks = [e.get("href") for e in around if e.tag == "a" and e.is_inside("bp-checked")]
        if [urldefrag(mark).fragment for mark in marks] != [f"check-{label}"]:
            problems.append(f"line {box.line}: equation {label} has the marks {marks}")
    report(page, problems)


def test_links_to_the_repository(
    folder: Path, page_with_source: str, repository: dict[str, str]
) -> None:
    """Edit and launch buttons name the configured repository and a file that it has."""
    page = read_page(folder, page_with_source)
    assert page.source is not None
    owner_and_name = urlsplit(repository["url"]).path.strip("/")
    branch = repository["branch"]
    edit = f"{repository['url'].rstrip('/')}/edit/{branch}/"
    binder = f"https://mybinder.org/v2/gh/{owner_and_name}/{branch}"
    colab = f"https://colab.research.google.com/github/{owner_and_name}/blob/{branch}/"
    problems = []
    for start in [edit, binder, colab] if page.source.suffix == ".ipynb" else [edit]:
        found = [link for link in hrefs(page) if link.startswith(start)]
        if not found:
            problems.append(f"no link starts with {start}")
        for link in found:
            path = file_in_repository(link, start)
            if not (REPOSITORY / path).is_file():
                problems.append(f"{link} names {path!r}, which the repository lacks")
    report(page, problems)


def file_in_repository(link: str, start: str) -> str:
    """The repository's path at the end of a launch or edit link."""
    if "mybinder.org" in start:
        return unquote(unquote(urlsplit(link).query).split("tree/")[-1].split("&")[0])
    return unquote(link.removeprefix(start).split("?")[0])


def test_notebooks_can_be_downloaded(folder: Path, page_of_notebook: str) -> None:
    page = read_page(folder, page_of_notebook)
    links = [link for link in hrefs(page) if link.endswith(".ipynb") and "://" not in link]
    assert links, f"{page.name}: no link to download the notebook"
    for link in links:
        notebook = json.loads(((page.folder / page.name).parent / unquote(link)).read_text("utf-8"))
        assert any(cell["cell_type"] == "code" for cell in notebook["cells"]), f"{link} has no code"
