"""The search for a browser itself, which must not depend on what this machine happens to have."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tools import browser

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs are shell scripts here")


def program(folder: Path, name: str, status: int = 0) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "_application_paths", lambda: iter([tmp_path / "Some Browser"]))
    return tmp_path


def test_nothing_is_found_on_a_bare_machine() -> None:
    assert browser.find() is None


def test_the_variable_comes_first(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare_machine, "chromium")
    named = program(bare_machine, "mine")
    monkeypatch.setenv(browser.VARIABLE, str(named))
    assert browser.find() == named


def test_a_wrong_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(browser.VARIABLE, "/no/such/browser")
    with pytest.raises(FileNotFoundError, match="BOOK_BROWSER is set to '/no/such/browser'"):
        browser.find()


def test_a_stand_in_is_passed_over(bare_machine: Path) -> None:
    program(bare_machine, "chromium-browser", status=1)
    chrome = program(bare_machine, "google-chrome")
    assert browser.find() == chrome


def test_an_application_folder_comes_last(bare_machine: Path) -> None:
    application = program(bare_machine, "Some Browser")
    assert browser.find() == application


def test_without_a_package_manager_the_reason_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser.sys, "platform", "linux")
    assert browser.main(["--install"]) == 0
    printed = capsys.readouterr().out
    assert "no package manager that is known here" in printed
    assert "will be skipped: no Chromium, Chrome or Edge was found" in printed


def test_a_refusal_of_the_package_manager_is_printed(
    bare_machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare_machine, "apt-get", status=100)
    monkeypatch.setattr(browser.sys, "platform", "linux")
    monkeypatch.setattr(browser, "_with_rights", lambda command: command)
    assert browser.main(["--install"]) == 0
    assert "chromium` ended with exit status 100" in capsys.readouterr().out
