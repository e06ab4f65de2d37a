"""Check a history: python -m bench.histories FILE ...

Prints each rule with how much it looked at, and what breaks it; exit code 1 if anything does. Imports nothing of the
product.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.histories.history import read
from bench.histories.rules import Verdict, check

SHOWN = 5


def lines(verdicts: dict[str, Verdict]) -> list[str]:
    """Return the verdicts in words, each with at most SHOWN violations."""
    said = []
    for name, verdict in verdicts.items():
        said.append(f"{name + ':':<40} {verdict.checked:,} checked, {len(verdict.broken):,} broken")
        said += [f"    {what}" for what in verdict.broken[:SHOWN]]
    return said


def main(files: list[str]) -> int:
    """Check the files, print the verdicts, and return the exit code: 1 if a rule is broken, 2 if no file is named."""
    if not files:
        print(__doc__)
        return 2
    broken = False
    for file in files:
        with Path(file).open() as text:
            verdicts = check(read(text))
        print("\n".join([file, *lines(verdicts)]))
        broken |= any(verdict.broken for verdict in verdicts.values())
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
