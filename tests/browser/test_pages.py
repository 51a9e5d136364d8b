"""Every page, over both protocols, in both themes: all is there, nothing comes from elsewhere.

Most of a visit's time goes into loading the page, so one load serves all that can be asked of it.
Over http the reader has chosen a theme before and the system has the other one; over ``file://``
the system alone decides. Which of the two themes comes first alternates from page to page, so that
each is loaded, and each is switched to, on every second page.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from accessibility import problems_of_color, problems_of_structure
from book_site import book_folder, page_names, read_page
from playwright.sync_api import Page
from reader import becomes, move_sliders, slider_values, switch_to
from recorder import Recorder

from backprop.palette import COLORS

Opener = Callable[..., tuple[Page, Recorder]]
THEMES = ("light", "dark")
NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}


def other(theme: str) -> str:
    return THEMES[1 - THEMES.index(theme)]


def palette(theme: str) -> list[str]:
    return [pair[THEMES.index(theme)] for pair in COLORS.values()]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each page the theme in which it is loaded."""
    if "theme" in metafunc.fixturenames:
        folder = book_folder()
        pages = [name for name in page_names(folder) if not read_page(folder, name).is_deck]
        names = pages or ["no-page"]
        turn = metafunc.function is test_page_over_file
        visits = [(name, THEMES[(number + turn) % 2]) for number, name in enumerate(names)]
        metafunc.parametrize(("visited", "theme"), visits)


def look_at(page: Page, recorder: Recorder, theme: str) -> None:
    """What must hold in whichever theme is in force."""
    in_force = page.evaluate("document.documentElement.dataset.theme")
    if in_force != theme:
        recorder.add([f"the {theme} theme is asked for, and the page shows {in_force}"])
    recorder.add(page.evaluate("bookChecks.width()"))
    recorder.add(page.evaluate("bookChecks.chartsAreDrawn()"))
    recorder.add(page.evaluate("bookChecks.shown('live')"))
    recorder.add(page.evaluate("(allowed) => bookChecks.colors(allowed)", palette(theme)))


def look_at_all(page: Page, recorder: Recorder, theme: str) -> None:
    """What must hold in a page that has just been loaded."""
    look_at(page, recorder, theme)
    recorder.add(page.evaluate("bookChecks.math()"))
    recorder.add(page.evaluate("bookChecks.searchFields()"))


def test_page_over_http(open_page: Opener, visited: str, theme: str) -> None:
    """In the stored theme, with its sliders moved, and then in the other theme."""
    page, recorder = open_page(visited, "http", theme, color_scheme=other(theme))
    look_at_all(page, recorder, theme)
    move_sliders(page, recorder)
    page.evaluate("bookChecks.thin()")
    recorder.add(problems_of_structure(page))
    recorder.add(f"{problem}, in the {theme} theme" for problem in problems_of_color(page))
    switch(page, recorder, other(theme))
    look_at(page, recorder, other(theme))
    page.evaluate("bookChecks.thin()")
    recorder.add(f"{problem}, in the {other(theme)} theme" for problem in problems_of_color(page))
    recorder.report(f"{visited} over http, from the {theme} to the {other(theme)} theme")


def switch(page: Page, recorder: Recorder, theme: str) -> None:
    """The charts follow without a reload, and the sliders keep their place."""
    page.evaluate("window.sameLoad = true")
    values = slider_values(page)
    switch_to(page, theme)
    for chart in range(page.locator(".bp-chart").count()):
        condition = "bookChecks.allColors(a.chart).every((c) => a.allowed.includes(c))"
        if not becomes(page, condition, {"chart": chart, "allowed": palette(theme)}):
            colors = page.evaluate("(i) => bookChecks.allColors(i)", chart)
            recorder.add([f"chart {chart + 1}, switched to the {theme} theme, has {colors}"])
    page.evaluate("bookChecks.calm()")
    if slider_values(page) != values:
        recorder.add([f"the sliders stood at {values}, now at {slider_values(page)}"])
    if not page.evaluate("window.sameLoad === true"):
        recorder.add(["switching the theme loaded the page again"])


def test_page_over_file(open_page: Opener, visited: str, theme: str) -> None:
    """In the system's theme, on a narrow screen, on paper, and on a wide screen."""
    page, recorder = open_page(visited, "file", None, viewport=NARROW, color_scheme=theme)
    recorder.add(page.evaluate("bookChecks.width()"))
    if page.locator(".bp-chart").count():
        page.emulate_media(media="print")
        recorder.add(page.evaluate("bookChecks.shown('static')"))
        page.emulate_media(media="screen")
    page.set_viewport_size(WIDE)
    page.evaluate("bookChecks.calm()")
    look_at_all(page, recorder, theme)
    recorder.report(f"{visited} over file in the {theme} theme")
