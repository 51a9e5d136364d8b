"""JupyterLab with its network cut: stored charts are live, and a deck can be lectured from.

The decks are the copies that ``tools.lecture`` makes and ``make lab`` opens.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
from book_site import REPOSITORY
from playwright.sync_api import Browser, Locator, Page

from tools import lecture

CHAPTER = REPOSITORY / "chapters/02-chain-rule.ipynb"
START_S = 300
#: A server on a busy machine sometimes waits for ever for a kernel to end.
STOP_S = 30
PATIENCE_MS = 300_000


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """A JupyterLab of its own on a folder with one notebook: the chapter's landing chart."""
    notebook = nbformat.read(CHAPTER, as_version=4)
    notebook.cells = [landing_chart()]
    (tmp_path / "shown").mkdir()
    nbformat.write(notebook, tmp_path / "shown/chart.ipynb")
    with started(tmp_path / "shown", tmp_path) as address:
        yield address


def landing_chart() -> nbformat.NotebookNode:
    cells = nbformat.read(CHAPTER, as_version=4).cells
    (found,) = (cell for cell in cells if "landing-chart" in cell.metadata.get("tags", []))
    return found


@contextmanager
def started(folder: Path, home: Path) -> Iterator[str]:
    """The address of a JupyterLab on a folder, its settings in another."""
    port = 18_000 + os.getpid() % 10_000
    settings = [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    settings += ["--no-browser", "--allow-root", f"--notebook-dir={folder}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *settings],
        env=os.environ | {"JUPYTER_CONFIG_DIR": str(home), "HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}/"
        wait_for(address, server)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()  # its kernels notice, and end as well
            server.wait()


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert server.poll() is None, "JupyterLab ended before it answered"
        try:
            urlopen(f"{address}api", timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.3)
        else:
            return
    pytest.fail(f"JupyterLab did not answer within {START_S} s")


def test_a_stored_chart_is_live_in_jupyterlab(browser: Browser, lab: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    foreign: list[str] = []
    page.on(
        "request", lambda r: None if r.url.startswith((lab, "data:")) else foreign.append(r.url)
    )
    page.goto(f"{lab}lab/tree/chart.ipynb", timeout=PATIENCE_MS)
    chart = page.locator(".jp-OutputArea .vega-embed").first
    chart.wait_for(timeout=PATIENCE_MS)
    # The cell cannot have run here: the cells that it builds on are not in this notebook.
    move_the_slider(page, chart)
    assert not [url for url in foreign if not url.startswith(("blob:", "about:"))]
    page.close()


def in_the_manner_of_a_chapter() -> nbformat.NotebookNode:
    """A notebook with three slides, and with cells that are on none of them."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    equation = "$$\n\\begin{aligned}\ny &= 3u \\\\\nu &= 7 + x^2\n\\end{aligned}\n$$ (def-example)"
    chart = landing_chart()
    cells = [
        (markdown("# Two formulas\n\nOne inside the other."), "slide"),
        (markdown(equation), "fragment"),
        (markdown("Ask what the slope is."), "notes"),
        (markdown("## Only read\n\nThis is on no slide."), None),
        (markdown("## Run it\n\nIt is equation {eq}`def-example`."), "slide"),
        (code("x = 2\nprint(3 * (7 + x**2))"), "-"),
        (code("print('on no slide either')"), None),
        (markdown("## Look"), "slide"),
        (chart, "-"),
    ]
    for number, (cell, slide_type) in enumerate(cells):
        cell["id"] = f"cell-{number}"
        if slide_type is not None:
            cell.metadata["slideshow"] = {"slide_type": slide_type}
    metadata = nbformat.read(CHAPTER, as_version=4).metadata
    return nbformat.v4.new_notebook(cells=[cell for cell, _ in cells], metadata=metadata)


@pytest.fixture
def lecture_lab(tmp_path: Path) -> Iterator[str]:
    """A JupyterLab on the copies that are made for a lecture from ``chapters/deck.ipynb``."""
    (tmp_path / "chapters").mkdir()
    nbformat.write(in_the_manner_of_a_chapter(), tmp_path / "chapters/deck.ipynb")
    (copy,) = lecture.make(tmp_path)
    with started(copy.parent, tmp_path) as address:
        yield address


def open_slides(page: Page, address: str) -> None:
    page.goto(f"{address}lab/tree/deck.ipynb", timeout=PATIENCE_MS)
    page.locator(".jp-Notebook .myst").first.wait_for(timeout=PATIENCE_MS)
    page.locator("[data-status=idle]").first.wait_for(state="attached", timeout=PATIENCE_MS)
    page.locator(".lm-MenuBar-itemLabel", has_text="Sliveshow").click()
    page.locator('.lm-Menu-item[data-command="slideshow:start-first"]').click()
    page.locator(".reveal section.present h1:visible").first.wait_for(timeout=PATIENCE_MS)


def shown(page: Page) -> str:
    """What a class can read: the text of the slide, a fragment's once it has come."""
    cells = page.locator(".reveal section.present .jp-Cell").evaluate_all(
        """(cells, wholly) => cells
            .filter((cell) => cell.checkVisibility(wholly))
            .map((cell) => cell.innerText)""",
        {"visibilityProperty": True, "opacityProperty": True},
    )
    return "\n".join(cells)


def go_on(page: Page, expected: str) -> str:
    """Press the key that a presenter's remote sends, wait for what it shows, return its text."""
    page.keyboard.press("PageDown")
    deadline = time.monotonic() + PATIENCE_MS / 1_000
    while expected not in (text := shown(page)):
        assert time.monotonic() < deadline, f"{expected!r} did not come; the slide shows {text!r}"
        page.wait_for_timeout(100)
    return text


def font_sizes(page: Page) -> list[float]:
    texts = page.locator(".reveal section.present").locator("p, .katex, .cm-line, pre")
    return texts.evaluate_all(
        """texts => texts.filter((text) => text.checkVisibility())
            .map((text) => parseFloat(getComputedStyle(text).fontSize))"""
    )


def test_a_deck_is_lectured_from_in_jupyterlab(
    browser: Browser, lecture_lab: str, tmp_path: Path
) -> None:
    chapter = (tmp_path / "chapters/deck.ipynb").read_bytes()
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    foreign: list[str] = []
    mistakes: list[str] = []
    ours = (lecture_lab, "data:", "blob:", "about:")
    page.on("request", lambda r: None if r.url.startswith(ours) else foreign.append(r.url))
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    page.on("console", lambda m: mistakes.append(m.text) if m.type == "error" else None)
    open_slides(page, lecture_lab)

    first = shown(page)
    assert "One inside the other." in first
    assert "(1)" not in first, "the equation stands there before its time"
    with_equation = go_on(page, "(1)")
    second = go_on(page, "It is equation (1).")
    assert "One inside the other." not in second
    sizes = font_sizes(page)
    assert len(sizes) >= 3
    assert min(sizes) >= 24

    run_a_changed_cell(page)
    third = go_on(page, "Look")
    move_the_slider(page, page.locator(".reveal section.present .vega-embed"))
    everything = "\n".join([first, with_equation, second, third])
    for hidden in ("Ask what the slope is", "on no slide", "alt.Chart"):
        assert hidden not in everything

    page.keyboard.press("Control+s")
    page.wait_for_timeout(1_000)
    page.close()
    assert (tmp_path / "chapters/deck.ipynb").read_bytes() == chapter
    assert not foreign
    assert not mistakes


def run_a_changed_cell(page: Page) -> None:
    """Change the code on a slide, run it there, and stay on the slide."""
    cell = page.locator(".reveal section.present .jp-CodeCell")
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    # Letters and a pause that would be commands to slides which took the keys for themselves.
    page.keyboard.type("big, so = 6, 7")
    page.wait_for_timeout(1_000)
    page.keyboard.type("\nprint(big * so)")
    page.keyboard.press("Shift+Enter")
    cell.locator(".jp-OutputArea-output", has_text="42").wait_for(timeout=PATIENCE_MS)
    assert "It is equation (1)." in shown(page)


def move_the_slider(page: Page, chart: Locator) -> None:
    drawing = chart.locator("svg, canvas").first
    drawing.scroll_into_view_if_needed()
    before = drawing.screenshot()
    slider = chart.locator(".vega-bind input")
    slider.focus()
    slider.press("End")
    assert slider.input_value() == "2.5"
    deadline = time.monotonic() + PATIENCE_MS / 1_000
    while drawing.screenshot() == before:
        assert time.monotonic() < deadline, "the slider moved and the chart did not"
        page.wait_for_timeout(100)
