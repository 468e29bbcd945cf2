"""Whether the tests that ran under `coverage run` reach enough of every file: `python .ci/covered.py 90`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import coverage

MOST_LINES = 20  # that are named of a file


def main(least: float) -> int:
    """Print the files that less than `least` per cent of the lines are run of, and those lines; returns 1 where there are any."""
    measured = coverage.Coverage()
    measured.combine()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        measured.json_report(outfile=str(report))
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    short = {name: file for name, file in files.items() if file["summary"]["percent_covered"] < least}
    for name, file in sorted(short.items()):
        lines = file["missing_lines"]
        more = f" and {len(lines) - MOST_LINES} more" if len(lines) > MOST_LINES else ""
        shown = ", ".join(map(str, lines[:MOST_LINES]))
        print(f"{name}: {file['summary']['percent_covered']:.1f} %; no test runs line {shown}{more}")
    lowest = min(file["summary"]["percent_covered"] for file in files.values())
    print(f"{len(files)} files, {len(short)} of them below {least:g} %; the lowest has {lowest:.1f} %")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
