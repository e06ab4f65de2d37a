"""A process that audits the site's database whenever it is sent a line, and answers with one: a list, as JSON."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Until the end of standard input."""
    import django

    django.setup()
    from django.db import connection

    from queueapp.snapshots.audit import audit

    for _ in sys.stdin:
        try:
            answer = [str(finding) for finding in audit()]
        except Exception as error:  # the bench shows it, whatever it is
            answer = [f"The audit ended with {error!r}"]
        connection.close()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
