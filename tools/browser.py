"""Find a Chromium, Chrome or Edge for the browser tests, or have the system install one.

``python -m tools.browser`` prints the path of the browser that the tests will drive.
``python -m tools.browser --install`` asks the system's package manager for one when none is found.
A machine on which none can be had is no error: the tests that need a browser are then skipped
with that reason.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VARIABLE = "BOOK_BROWSER"
NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
)
MAC_APPLICATIONS = ("Google Chrome", "Chromium", "Microsoft Edge")
WINDOWS_PROGRAMS = (
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)
NOT_FOUND = (
    "no Chromium, Chrome or Edge was found: install one, run `python -m tools.browser --install`, "
    f"or name one in the environment variable {VARIABLE}"
)
INSTALL_TIMEOUT_S = 900
#: The browser reaches no other machine, and does nothing of its own accord.
FLAGS = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launch_options(path: Path) -> dict[str, Any]:
    """What Playwright's ``launch`` is told for the browser ``path``, its network cut.

    Chromium refuses its sandbox to the administrator, as whom containers often run.
    """
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    args = FLAGS + (["--no-sandbox"] if is_root else [])
    return {"executable_path": path, "args": args, "chromium_sandbox": not is_root}


def find() -> Path | None:
    """Return the path of a usable browser, or None where there is none.

    The environment variable ``BOOK_BROWSER`` comes first, then the names on ``PATH``, then the
    folders where the systems keep their applications.

    Raises:
        FileNotFoundError: ``BOOK_BROWSER`` is set, and there is no such program.
    """
    named = os.environ.get(VARIABLE)
    if named:
        program = shutil.which(named)
        if program is None:
            raise FileNotFoundError(f"{VARIABLE} is set to {named!r}, which is not a program")
        return Path(program)
    return next((path for path in _candidates() if _starts(path)), None)


def _candidates() -> Iterator[Path]:
    for name in NAMES:
        program = shutil.which(name)
        if program is not None:
            yield Path(program)
    yield from (path for path in _application_paths() if path.is_file())


def _application_paths() -> Iterator[Path]:
    if sys.platform == "darwin":
        for folder in (Path("/Applications"), Path.home() / "Applications"):
            for name in MAC_APPLICATIONS:
                yield folder / f"{name}.app" / "Contents" / "MacOS" / name
    elif sys.platform == "win32":
        variables = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
        folders = [os.environ[variable] for variable in variables if variable in os.environ]
        yield from (Path(folder) / program for folder in folders for program in WINDOWS_PROGRAMS)
    else:
        yield Path("/opt/google/chrome/chrome")
        yield Path("/snap/bin/chromium")


def _starts(path: Path) -> bool:
    """Tell whether the program is a browser and not a stand-in that asks for another package.

    Ubuntu has a ``chromium-browser`` of that kind. On Windows ``--version`` would open a window,
    and there are no stand-ins, so the question is put on the other systems only.
    """
    if sys.platform == "win32":
        return True
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _system_commands() -> list[list[str]]:
    """Return the commands that install a browser here, or [] where no way is known."""
    if sys.platform == "darwin":
        return [["brew", "install", "--cask", "chromium"]] if shutil.which("brew") else []
    if sys.platform == "win32":
        if shutil.which("choco"):
            return [["choco", "install", "chromium", "--yes"]]
        agreed = ["--accept-package-agreements", "--accept-source-agreements"]
        winget = ["winget", "install", "--exact", "--id", "Google.Chrome", "--silent", *agreed]
        return [winget] if shutil.which("winget") else []
    if shutil.which("apt-get"):
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
        return [["apt-get", "update"], install]
    if shutil.which("dnf"):
        return [["dnf", "install", "--assumeyes", "chromium"]]
    if shutil.which("pacman"):
        return [["pacman", "--sync", "--refresh", "--noconfirm", "--needed", "chromium"]]
    return []


def _with_rights(command: list[str]) -> list[str]:
    """Put ``sudo`` before a command where it is needed; ``-n``: it never asks for a password."""
    if sys.platform in ("darwin", "win32") or os.geteuid() == 0:
        return command
    return ["sudo", "-n", *command]


def install() -> str | None:
    """Install a browser with the system's package manager; return None, or why there is none."""
    commands = _system_commands()
    if not commands:
        return "no package manager that is known here (apt-get, dnf, pacman, brew, choco, winget)"
    problem = None
    for command in map(_with_rights, commands):
        problem = _problem_of(command)
        if problem is not None:
            # A stale list of packages may still do: `apt-get update` need not succeed.
            print(problem, flush=True)
    if find() is not None:
        return None
    return problem or "the package was installed, and yet no browser was found"


def _problem_of(command: list[str]) -> str | None:
    """Run one command, its output shown; return None, or what went wrong."""
    line = " ".join(command)
    print(f"$ {line}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        code = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        ).returncode
    except FileNotFoundError:
        return f"`{line}`: there is no {command[0]} here"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"`{line}`: {error}"
    return None if code == 0 else f"`{line}` ended with exit status {code}"


def main(arguments: list[str] | None = None) -> int:
    """Print the browser's path or why there is none; return 2 for a wrong ``BOOK_BROWSER``."""
    parser = argparse.ArgumentParser(prog="python -m tools.browser", description=find.__doc__)
    parser.add_argument("--install", action="store_true", help="install one if none is found")
    options = parser.parse_args(arguments)
    try:
        browser = find()
        if browser is None and options.install:
            reason = install()
            if reason is not None:
                print(f"No browser could be installed: {reason}.")
            browser = find()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    if browser is not None:
        print(browser)
    else:
        print(f"The tests in a browser will be skipped: {NOT_FOUND}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
