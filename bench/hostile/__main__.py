"""Run tasks that misbehave among good jobs of other users: python -m bench.hostile [KIND ...]

Each kind runs in one shared flow, where turns mix users, and in a flow per user. The real site is under var/hostile.
Prints a line per trial. Exit code 1 if a guarantee is broken. `--list` describes the kinds.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jobsite import local

if TYPE_CHECKING:
    from bench.hostile.kinds import Kind


def main() -> int:
    """Run the trials and return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the clean-up runs
    kinds = _kinds()
    parser = argparse.ArgumentParser(prog="bench.hostile", description="Tasks that misbehave.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="left out: all")
    parser.add_argument("--group", action="append", help="all kinds of one of tasks/: database, endings, ...")
    parser.add_argument("--mode", action="append", choices=["shared", "own"], help="left out: both")
    parser.add_argument("--short", action="store_true", help="the short form: some kinds in one flow, one stop")
    parser.add_argument("--patience", type=float, help="maximum seconds of a trial; left out: by kind")
    parser.add_argument("--list", action="store_true", help="say what the kinds are")
    options = parser.parse_args()
    if options.list:
        for kind in kinds.values():
            print(f"{kind.group:<10} {kind.name:<24} {kind.about}")
        return 0
    if options.patience is not None:
        kinds = {n: replace(kind, patience=min(kind.patience, options.patience)) for n, kind in kinds.items()}
    if unknown := set(options.kinds) - set(kinds):
        parser.error(f"there is no kind {', '.join(sorted(unknown))}")
    asked = [kind for kind in kinds.values() if kind.name in options.kinds or kind.group in (options.group or ())]
    if options.short:
        return _report(asked or [kind for kind in kinds.values() if kind.short], ["shared"], short=True)
    return _report(asked or list(kinds.values()), options.mode or ["shared", "own"], short=False)


def _report(kinds: Sequence[Kind], modes: Sequence[str], *, short: bool) -> int:
    from bench.hostile.run import HEAD, run

    print(f"{len(kinds)} kinds, {' and '.join(modes)}\n{HEAD}", flush=True)
    folder = local.var_folder() / "hostile"
    trials = run(folder, kinds, modes, lambda text: print(text, flush=True), short=short)
    broken = [trial for trial in trials if trial.broken]
    print(f"{len(trials) - len(broken)} of {len(trials)} kept every promise.")
    return 1 if broken else 0


def _kinds() -> dict[str, Kind]:
    """Return all kinds. They belong to a Django site, so this process loads its settings, but has no connection."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.hostile.settings"
    os.environ.setdefault("DATABASE_URL", "postgresql://nobody@/nowhere")
    local.fill_rest()
    import django

    django.setup()
    from bench.hostile.kinds import KINDS

    return KINDS


if __name__ == "__main__":
    sys.exit(main())
