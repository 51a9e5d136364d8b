"""What went wrong while a page was open."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, Response

#: How Vega's warnings begin, and that of charts.js. A browser's own differ by its version.
CHART_WARNINGS = ("WARN ", "A chart ")


class Recorder:
    """Collects a page's failed and foreign requests, console errors and uncaught errors.

    A test adds its own findings, so that one load of a page reports all there is to mend.
    """

    def __init__(self, page: Page, home: str) -> None:
        self.home = home
        self.problems: list[str] = []
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("response", self._response)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.add([f"uncaught error: {error}"]))

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:", "blob:", "about:")):
            self.problems.append(f"request outside the site: {request.url}")

    def _failed(self, request: Request) -> None:
        self.problems.append(f"failed request: {request.url} ({request.failure})")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"HTTP status {response.status}: {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        from_a_chart = message.type == "warning" and message.text.startswith(CHART_WARNINGS)
        if message.type == "error" or from_a_chart:
            place = message.location
            where = f"{place['url']}:{place['lineNumber']}" if place.get("url") else "the page"
            self.problems.append(f"console {message.type}: {message.text} ({where})")

    def add(self, problems: Iterable[str]) -> None:
        self.problems.extend(problems)

    def report(self, title: str) -> None:
        """Fail the test when there is a problem, all of them listed once under ``title``."""
        found = list(dict.fromkeys(self.problems))
        if found:
            listed = "\n".join(f"  - {problem}" for problem in found)
            pytest.fail(f"{title}: {len(found)} problem(s)\n{listed}", pytrace=False)
