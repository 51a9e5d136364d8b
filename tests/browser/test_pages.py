"""Every page, over both protocols, in both themes: all is there, nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from book_site import book_folder, page_names
from playwright.sync_api import Page
from recorder import Recorder

from backprop.palette import COLORS

THEMES = ("light", "dark")
PROTOCOLS = ("http", "file")
#: The pages of checks are all made by one directive, so two visits to each are enough.
ALIKE, TWO_VISITS = "chapters/checks/", (("http", "light"), ("file", "dark"))
NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}
GRAVE = ("serious", "critical")


def palette(theme: str) -> list[str]:
    return [pair[THEMES.index(theme)] for pair in COLORS.values()]


def accessibility_problems(page: Page) -> list[str]:
    """What axe-core calls serious or critical: the rule, the element, and what would mend it."""
    page.evaluate("bookChecks.thin()")
    # preload: axe would fetch what the style sheets import, from the wrong folder.
    options = {"resultTypes": ["violations"], "preload": False}
    violations = Axe().run(page, options=options).response["violations"]
    return [
        f"axe {violation['impact']}: {violation['id']}: {node['target']}: {violation['help']} "
        f"({' '.join((node.get('failureSummary') or '').split())})"
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"][:5]
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Visit each page over each protocol in each theme."""
    if "visit" in metafunc.fixturenames:
        every = [(protocol, theme) for protocol in PROTOCOLS for theme in THEMES]
        visits = [
            (name, *visit)
            for name in page_names(book_folder()) or ["no-page"]
            for visit in (TWO_VISITS if name.startswith(ALIKE) else every)
        ]
        metafunc.parametrize("visit", visits, ids="-".join)


def test_page(open_page: Callable[..., tuple[Page, Recorder]], visit: tuple[str, str, str]) -> None:
    """One load, all checks: a page's problems are reported together.

    Over http the reader has chosen the theme before; over ``file://`` the system has.
    """
    name, protocol, theme = visit
    if protocol == "http":
        page, recorder = open_page(name, protocol, theme, viewport=NARROW)
    else:
        page, recorder = open_page(name, protocol, None, viewport=NARROW, color_scheme=theme)

    def check(call: str, argument: object = None) -> None:
        recorder.add(page.evaluate(f"(argument) => bookChecks.{call}", argument))

    in_force = page.evaluate("document.documentElement.dataset.theme")
    if in_force != theme:
        recorder.add([f"the {theme} theme is asked for, and the page shows {in_force}"])
    check("width()")
    page.emulate_media(media="print")
    check("shown('static')")
    page.emulate_media(media="screen")
    page.set_viewport_size(WIDE)
    page.evaluate("bookChecks.calm()")
    check("width()")
    check("math()")
    check("chartsAreDrawn()")
    check("shown('live')")
    check("colors(argument)", palette(theme))
    check("searchFields()")
    if protocol == "http":
        recorder.add(accessibility_problems(page))
    recorder.report(f"{name} over {protocol} in the {theme} theme")
