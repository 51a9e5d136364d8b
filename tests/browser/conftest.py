"""Fixtures for the tests that drive a real browser over the built book, its network cut.

The book is ``_build/html`` or the folder named in ``BOOK_HTML``; the browser is the system's own,
found by ``tools.browser``. Without a browser the tests that need one are skipped, except where
``CI`` is set: there a proof that leaves out the pages is a failure.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from book_site import NO_BOOK, REPOSITORY, book_folder, page_names, read_page
from book_site import Page as HtmlPage
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from recorder import Recorder

sys.path.insert(0, str(REPOSITORY))

from tools.browser import NOT_FOUND, find, launch_options

HERE = Path(__file__).parent
#: Long enough on a machine that others use as well; only a test that fails waits so long.
TIMEOUT_MS = 300_000
VIEWPORT = {"width": 1280, "height": 900}
CHECKS = (HERE / "checks.js").read_text(encoding="utf-8")
#: What the theme's switch leaves behind, put there before the page's own scripts run.
SET_THEME = (
    "try { localStorage.setItem('mode', '%s'); localStorage.setItem('theme', '%s'); } catch {}"
)
#: What a test can ask for, and which pages are of that kind.
KINDS: dict[str, Callable[[HtmlPage], bool]] = {
    "name": lambda page: True,
    "page_with_charts": lambda page: bool(page.with_class("bp-chart")) and not page.is_deck,
    "page_with_source": lambda page: page.source is not None,
    "deck": lambda page: page.is_deck,
    "page_of_notebook": lambda page: page.source is not None and page.source.suffix == ".ipynb",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these tests, and put the longest first: then no process waits long for the last one."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
    items.sort(key=expected_length, reverse=True)


def expected_length(item: pytest.Item) -> float:
    """How long a test that opens a page takes, by the page's size; the others are short."""
    if "browser" not in getattr(item, "fixturenames", ()):
        return 0
    values = getattr(getattr(item, "callspec", None), "params", {}).values()
    files = [book_folder() / value for value in values if str(value).endswith(".html")]
    return sum(file.stat().st_size for file in files if file.is_file()) or float("inf")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test one run for every page of the kind that it asks for."""
    folder = book_folder()
    for kind, belongs in KINDS.items():
        if kind in metafunc.fixturenames:
            names = [name for name in page_names(folder) if belongs(read_page(folder, name))]
            metafunc.parametrize(kind, names or ["no-page"])


@pytest.fixture(scope="session")
def folder() -> Path:
    """The folder of the built pages."""
    built = book_folder()
    if not (built / "index.html").is_file():
        pytest.fail(NO_BOOK.format(built), pytrace=False)
    return built


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def addresses(folder: Path) -> Iterator[dict[str, str]]:
    """The book's address over each protocol, with a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield {"http": f"http://127.0.0.1:{server.server_port}/", "file": folder.as_uri() + "/"}
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def browser(folder: Path) -> Iterator[Browser]:
    """The system's browser, which can reach this machine only."""
    path = find()
    if path is None:
        if os.environ.get("CI", "").lower() not in ("", "0", "false"):
            pytest.fail(f"CI is set, and {NOT_FOUND}", pytrace=False)
        pytest.skip(NOT_FOUND)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(**launch_options(path))
        yield started
        started.close()


class Contexts:
    """Browser contexts by their options: pages that share one also share its cache."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._made: dict[str, BrowserContext] = {}

    def get(self, theme: str | None, options: dict[str, Any]) -> BrowserContext:
        key = repr((theme, sorted(options.items())))
        if key not in self._made:
            context = self._browser.new_context(**{"viewport": VIEWPORT, **options})
            context.set_default_timeout(TIMEOUT_MS)
            if theme is not None:
                context.add_init_script(SET_THEME % (theme, theme))
            self._made[key] = context
        return self._made[key]


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Contexts:
    return Contexts(browser)


@pytest.fixture
def open_page(
    contexts: Contexts, addresses: dict[str, str]
) -> Iterator[Callable[..., tuple[Page, Recorder]]]:
    """A function that opens a page of the book and waits until all its scripts are done.

    ``theme`` is the one that the reader has chosen; None leaves it to the system's scheme.
    """
    pages: list[Page] = []

    def open_page(
        name: str, protocol: str = "http", theme: str | None = "light", **options: Any
    ) -> tuple[Page, Recorder]:
        page = contexts.get(theme, options).new_page()
        pages.append(page)
        recorder = Recorder(page, addresses[protocol])
        page.goto(addresses[protocol] + name)
        page.evaluate(CHECKS)
        if options.get("java_script_enabled", True):
            recorder.add(page.evaluate("bookChecks.settle()"))
        return page, recorder

    yield open_page
    for page in pages:
        page.close()
