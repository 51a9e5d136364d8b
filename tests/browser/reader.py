"""What a reader does on an open page: moves sliders, presses the theme's button."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page
from recorder import Recorder

PATIENCE_MS = 300_000
#: A picture that has not changed for so long is taken to have followed its slider.
FOLLOWED_MS = 60


def sliders(page: Page, chart: int) -> Locator:
    return page.locator(".bp-chart").nth(chart).locator("input[type=range]")


def becomes(page: Page, condition: str, argument: object) -> bool:
    return page.evaluate(
        f"(a) => bookChecks.until(() => {condition}, {PATIENCE_MS})",
        argument,
    )


def move_sliders(page: Page, recorder: Recorder) -> None:
    """Each slider goes from one end to the other, by the keyboard, and the picture follows."""
    for chart in range(page.locator(".bp-chart").count()):
        for number, slider in enumerate(sliders(page, chart).all()):
            slider.press("Home")
            page.evaluate("(ms) => bookChecks.calm(ms)", FOLLOWED_MS)
            before = page.evaluate("(i) => bookChecks.picture(i)", chart)
            slider.press("End")
            changed = "bookChecks.picture(a.chart) !== a.before"
            if not becomes(page, changed, {"chart": chart, "before": before}):
                recorder.add([f"slider {number + 1} of chart {chart + 1} changes nothing"])


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
            page.mouse.move(0, 0)  # off the button, or its hint stays and is judged half faded
            page.wait_for_function("!document.querySelector('.tooltip')")
            return
    pytest.fail(f"three presses of the theme's button never gave the {theme} theme")
