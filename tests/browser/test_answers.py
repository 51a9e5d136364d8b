"""What a reader does with the book: searches it, and reads it where no script may run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from book_site import read_page
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as BrowserTimeoutError
from recorder import Recorder

Opener = Callable[..., tuple[Page, Recorder]]
PATIENCE_MS = 300_000


@pytest.mark.parametrize("protocol", ["http", "file"])
def test_search_finds_a_word(
    open_page: Opener, folder: Path, addresses: dict[str, str], protocol: str
) -> None:
    """From the search button to a list of pages that exist."""
    page, recorder = open_page("index.html", protocol)
    page.locator(".search-button__button:visible").first.click()
    field = page.locator("input[name=q]:visible")
    field.fill("chain")
    field.press("Enter")
    page.wait_for_url("**/search.html?q=chain*")
    results = page.locator("#search-results li a")
    try:
        page.locator("#search-results .search-summary", has_text="found").wait_for(
            timeout=PATIENCE_MS
        )
        results.first.wait_for(timeout=PATIENCE_MS)
    except BrowserTimeoutError:
        recorder.add(["the search for a word of the book ends without a result"])
        recorder.report(f"searching over {protocol}")
    found = [link.evaluate("(link) => link.href") for link in results.all()]
    for link in found:
        place, anchor = urldefrag(link)
        target = place.removeprefix(addresses[protocol])
        if not (folder / target).is_file():
            recorder.add([f"a result leads to {link}, which is no page"])
        elif anchor and anchor not in read_page(folder, target).anchors:
            recorder.add([f"a result leads to {link}, and the page has no such anchor"])
    with page.expect_navigation():
        results.first.click()
    if "chain" not in page.locator("article").inner_text().lower():
        recorder.add([f"the first result, {found[0]}, does not have the word"])
    recorder.report(f"searching over {protocol}")


def test_without_scripts_the_static_pictures_are_shown(
    open_page: Opener, page_with_charts: str
) -> None:
    """The page's own scripts stay off; the one that looks at the page is the browser's."""
    page, _ = open_page(page_with_charts, java_script_enabled=False)
    problems = page.evaluate("bookChecks.shown('static')")
    assert not problems, f"{page_with_charts} without scripts: {problems}"
