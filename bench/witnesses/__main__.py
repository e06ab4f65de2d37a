"""python -m bench.witnesses [NAME ...]: apply mutations one by one, and print which test catches each."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .mutations import MUTATIONS, Mutation
from .trial import Unsound, Verdict, check_without_mutation, copy_of_the_tree, try_out


def main() -> int:
    """Try the mutations and return the exit code: 1 if one survived, 2 if the tests prove nothing, else 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.witnesses", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutations; none: all of them")
    parser.add_argument("--list", action="store_true", help="print the mutations, and end")
    arguments = parser.parse_args()
    known = {mutation.name: mutation for mutation in MUTATIONS}
    if unknown := [name for name in arguments.names if name not in known]:
        parser.error(f"there is no mutation {', '.join(unknown)}; --list prints all")
    chosen = [known[name] for name in arguments.names] or list(MUTATIONS)
    if arguments.list:
        for mutation in chosen:
            print(f"{mutation.name:28} {mutation.what} ({mutation.file})")
        return 0
    try:
        return _try_all(chosen)
    except Unsound as error:
        print(error, file=sys.stderr)
        return 2


def _try_all(chosen: list[Mutation]) -> int:
    survived = 0
    with tempfile.TemporaryDirectory(prefix="witnesses-") as folder, copy_of_the_tree(Path(folder)) as copy:
        check_without_mutation(copy, chosen)
        print(f"{'mutation':28} | {'caught by':98} | seconds")
        for mutation in chosen:
            verdict = try_out(copy, mutation)
            survived += not verdict.caught_by
            print(_row(verdict), flush=True)
    print(f"{len(chosen)} mutations, {survived} survived")
    return 1 if survived else 0


def _row(verdict: Verdict) -> str:
    return f"{verdict.mutation.name:28} | {verdict.caught_by or 'SURVIVED':98} | {verdict.seconds:7.1f}"


if __name__ == "__main__":
    sys.exit(main())
