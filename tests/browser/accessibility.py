"""What axe-core calls serious or critical on an open page, without asking the same thing twice."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = ("serious", "critical")
#: The rules that weigh colors; no other rule depends on the theme.
COLOR_RULES = ("color-contrast", "link-in-text-block")
#: Looks at every element, and what it finds is moderate.
NOT_GRAVE = ("region",)
# preload: axe would fetch what the style sheets import, from the wrong folder.
OPTIONS = {"resultTypes": ["violations"], "preload": False}


def problems_of_structure(page: Page) -> list[str]:
    """Names, roles, labels, keyboard: every rule but those on colors, on the whole page."""
    off = {rule: {"enabled": False} for rule in (*COLOR_RULES, *NOT_GRAVE)}
    return _run(page, "document", {"rules": off})


def problems_of_color(page: Page) -> list[str]:
    """The rules on colors, on a few elements for each way in which text looks."""
    return _run(page, "bookChecks.looks()", {"runOnly": {"type": "rule", "values": COLOR_RULES}})


def _run(page: Page, elements: str, options: dict[str, Any]) -> list[str]:
    """Name the rule, the element, and what would mend it."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(Axe().axe_script)
    violations = page.evaluate(
        f"(options) => axe.run({elements}, options).then((results) => results.violations)",
        OPTIONS | options,
    )
    return [
        f"axe {violation['impact']}: {violation['id']}: {node['target']}: {violation['help']} "
        f"({' '.join((node.get('failureSummary') or '').split())})"
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"][:5]
    ]
