"""``make pdf``, or ``python -m tools.pdf``: print the built book to ``_build/pdf``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from .document import Volume, volumes
from .printing import make, started_browser
from .site import PaperError, Site

ROOT = Path(__file__).parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Print what is asked for; return 1, after a sentence, where that is impossible."""
    parser = argparse.ArgumentParser(prog="python -m tools.pdf", description=__doc__)
    parser.add_argument(
        "--solutions",
        choices=("appendix", "none"),
        default="appendix",
        help="at the end, or left out",
    )
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="built pages")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "pdf", help="for the PDFs")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="of the files: book, 04-sample-to-batch, ..."
    )
    options = parser.parse_args(arguments)
    try:
        site = Site(options.site)
        wanted = _wanted(volumes(site), options.only)
        with started_browser() as browser:
            for volume in wanted:
                start = time.monotonic()
                file, too_wide = make(
                    site, volume, options.out, browser, options.solutions == "appendix"
                )
                size, seconds = file.stat().st_size / 1e6, time.monotonic() - start
                print(f"{file} ({size:.1f} MB, {seconds:.0f} s)", flush=True)
                for what in too_wide:
                    print(f"  wider than the paper: {what}", file=sys.stderr)
    except PaperError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _wanted(made: list[Volume], names: list[str] | None) -> list[Volume]:
    known = {volume.name: volume for volume in made}
    for name in names or []:
        if name not in known:
            raise PaperError(f"There is no {name} to print; there are: {', '.join(known)}.")
    return [known[name] for name in names or known]


if __name__ == "__main__":
    sys.exit(main())
