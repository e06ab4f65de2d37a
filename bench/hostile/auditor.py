"""A process that audits the site's database for each line that it reads, and answers with a line: a list as JSON."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Answer until the end of standard input."""
    import django

    django.setup()
    from django.db import connection

    from queueapp.snapshots.audit import audit

    for _ in sys.stdin:
        try:
            answer = [str(finding) for finding in audit()]
        except Exception as error:  # the bench shows every error
            answer = [f"The audit ended with {error!r}"]
        connection.close()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
