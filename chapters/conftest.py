"""Where MNIST cannot be had, the cells that need it are skipped, and the report says why."""

import pytest

from backprop import datasets


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what comes from a notebook's first call of ``datasets.mnist`` on."""
    needing, notebooks = [], set()
    for item in items:
        source = getattr(getattr(item, "cell", None), "source", "")
        if "datasets.mnist(" in source:
            notebooks.add(item.parent)
        if item.parent in notebooks:
            needing.append(item)
    reason = _missing() if needing else ""
    for item in needing if reason else []:
        item.add_marker(pytest.mark.skip(reason=reason))


def _missing() -> str:
    try:
        datasets.mnist()
    except datasets.DataUnavailable as error:
        return " ".join(str(error).split())
    return ""
