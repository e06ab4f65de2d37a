#!/usr/bin/env python
"""Django's command line. With nothing configured it starts the embedded database under var/ for as long as it runs."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
    from jobsite import env, local

    local.fill_environment()
    from django.core.management import execute_from_command_line

    with env.stop_in_one_sentence("manage.py"):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
