"""What a reader does with the book: moves sliders, switches the theme, searches, goes without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from book_site import read_page
from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as BrowserTimeoutError
from recorder import Recorder

from backprop.palette import COLORS

Opener = Callable[..., tuple[Page, Recorder]]
PATIENCE_MS = 10_000


@pytest.fixture
def charts(folder: Path, page_with_charts: str) -> int:
    """How many charts the page has."""
    return len(read_page(folder, page_with_charts).with_class("bp-chart"))


def sliders(page: Page, chart: int) -> Locator:
    return page.locator(".bp-chart").nth(chart).locator("input[type=range]")


def becomes(page: Page, condition: str, argument: object) -> bool:
    return page.evaluate(
        f"(a) => bookChecks.until(() => {condition}, {PATIENCE_MS})",
        argument,
    )


def test_every_slider_changes_its_chart(
    open_page: Opener, page_with_charts: str, charts: int
) -> None:
    """Each slider goes from one end to the other, by the keyboard, and the picture follows."""
    page, recorder = open_page(page_with_charts)
    for chart in range(charts):
        for number, slider in enumerate(sliders(page, chart).all()):
            slider.press("Home")
            page.evaluate("bookChecks.calm()")
            before = page.evaluate("(i) => bookChecks.picture(i)", chart)
            slider.press("End")
            changed = "bookChecks.picture(a.chart) !== a.before"
            if not becomes(page, changed, {"chart": chart, "before": before}):
                recorder.add([f"slider {number + 1} of chart {chart + 1} changes nothing"])
    recorder.report(f"the sliders of {page_with_charts}")


def test_theme_switch_redraws_the_charts(
    open_page: Opener, page_with_charts: str, charts: int
) -> None:
    """The charts take the other theme's colors without a reload, and sliders keep their place."""
    page, recorder = open_page(page_with_charts, theme="light")
    page.evaluate("window.sameLoad = true")
    for chart in range(charts):
        for slider in sliders(page, chart).all():
            slider.press("End")
    values = slider_values(page)
    for theme, column in (("dark", 1), ("light", 0)):
        switch_to(page, theme)
        allowed = [pair[column] for pair in COLORS.values()]
        for chart in range(charts):
            condition = "bookChecks.allColors(a.chart).every((c) => a.allowed.includes(c))"
            if not becomes(page, condition, {"chart": chart, "allowed": allowed}):
                colors = page.evaluate("(i) => bookChecks.allColors(i)", chart)
                recorder.add([f"chart {chart + 1} in the {theme} theme has {colors}"])
        if slider_values(page) != values:
            recorder.add([f"the sliders stood at {values}, now at {slider_values(page)}"])
    if not page.evaluate("window.sameLoad === true"):
        recorder.add(["the page was loaded again"])
    recorder.report(f"switching the theme on {page_with_charts}")


def slider_values(page: Page) -> list[list[str]]:
    """The sliders' values, chart by chart."""
    return page.evaluate(
        "[...document.querySelectorAll('.bp-chart')].map((chart) =>"
        " [...chart.querySelectorAll('input[type=range]')].map((slider) => slider.value))"
    )


def switch_to(page: Page, theme: str) -> None:
    """Press the theme's button, which has three positions, until ``theme`` is in force."""
    for _ in range(3):
        page.locator("button.theme-switch-button:visible").first.click()
        if page.evaluate("document.documentElement.dataset.theme") == theme:
            return
    pytest.fail(f"three presses of the theme's button never gave the {theme} theme")


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
    open_page: Opener, page_with_charts: str, charts: int
) -> None:
    page, _ = open_page(page_with_charts, java_script_enabled=False)
    for chart in range(charts):
        picture = page.locator(".bp-chart").nth(chart).locator(".bp-chart-static svg")
        box = picture.bounding_box()
        assert picture.is_visible(), (
            f"{page_with_charts}: chart {chart + 1} shows nothing without scripts"
        )
        assert box is not None
        assert min(box["width"], box["height"]) > 50, (
            f"{page_with_charts}: chart {chart + 1} shrinks to {box}"
        )
