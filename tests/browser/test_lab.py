"""In JupyterLab a chapter's stored chart is live before any cell runs, its network cut."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
from book_site import REPOSITORY
from playwright.sync_api import Browser

CHAPTER = REPOSITORY / "chapters/02-chain-rule.ipynb"
START_S = 300


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """A JupyterLab of its own on a folder with one notebook: the chapter's landing chart."""
    notebook = nbformat.read(CHAPTER, as_version=4)
    notebook.cells = [
        cell for cell in notebook.cells if "landing-chart" in cell.metadata.get("tags", [])
    ]
    assert len(notebook.cells) == 1
    (tmp_path / "shown").mkdir()
    nbformat.write(notebook, tmp_path / "shown/chart.ipynb")
    port = 18_000 + os.getpid() % 10_000
    settings = [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    settings += ["--no-browser", "--allow-root", f"--notebook-dir={tmp_path / 'shown'}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *settings],
        env=os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path), "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}/"
        wait_for(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


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
    page.goto(f"{lab}lab/tree/chart.ipynb", timeout=300_000)
    chart = page.locator(".jp-OutputArea .vega-embed").first
    chart.wait_for(timeout=300_000)
    # The cell cannot have run here: the cells that it builds on are not in this notebook.
    drawing = chart.locator("svg, canvas").first
    drawing.scroll_into_view_if_needed()
    before = drawing.screenshot()
    slider = chart.locator(".vega-bind input")
    slider.focus()
    slider.press("End")
    page.wait_for_timeout(500)
    assert slider.input_value() == "2.5"
    assert drawing.screenshot() != before, "the slider moved and the chart did not"
    assert not [url for url in foreign if not url.startswith(("blob:", "about:"))]
    page.close()
