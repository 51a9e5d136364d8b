"""The README's program does what the README says."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def printed_by(program):
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_program_prints_what_is_said():
    program, said = re.search(r" -c '\n(.*?)'\n\nIt prints (.*?):", README, re.S).groups()
    assert len([line for line in program.splitlines() if line.strip()]) <= 10
    printed = printed_by(program)
    assert printed.split("\n")[:-1] == re.findall("`(.*?)`", said)


def test_the_check_of_a_wrong_gradient_ends_as_is_said():
    program, said = re.search(r" -c '\n([^']*)'\n\nIt ends with `(.*?)`", README).groups()
    assert " ".join(printed_by(program).split()).endswith(" ".join(said.split()))
