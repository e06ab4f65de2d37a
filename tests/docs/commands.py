"""The commands of the documentation: which of them a test can run, and how."""

from __future__ import annotations

import re

from tests.kit.site import PASSWORD

CANNOT = {
    "pip install": "needs a registry of packages, which a test must not",
    "pipx install": "needs a registry of packages",
    "npm install": "needs a registry of packages",
    ".venv/bin/python -m pip install": "needs a registry of packages",
    "npx openapi-typescript": "needs a registry; tests/api/test_generators.py runs it where that is there",
    "systemctl": "needs units in systemd",
    "kubectl": "needs a cluster",
    "openapi-python-client": "takes seconds; tests/api/test_generators.py makes that client, and uses it",
    "promtool": "is a part of Prometheus; `make check-deploy` runs it where it is installed",
    "kill -9": "is about a process that the reader picks; tests/cluster/ kills each kind",
    "make": "is set up anew by its own targets; a dry run shows that they are there",
    "sudo make": "needs root; a dry run shows that the target is there",
    "python -m bench.": "measures for minutes; the module is there",
    ".venv/bin/python -m pytest": "is a run of other tests; the files are there",
    ".venv/bin/python manage.py migrate queueapp 0002": "takes tables away; tests/stories/test_upgrade.py does so",
}
"""Commands that no test runs as they stand, and why. They begin so; what can be checked of them is."""
ANSWERS = {
    "turnabout login": [("Password .*: ", PASSWORD)],
    ".venv/bin/python manage.py createsuperuser": [
        ("Username.*: ", "root"), ("Email.*: ", ""), ("Password: ", PASSWORD), ("again.*: ", PASSWORD),
    ],
}  # fmt: skip
"""Commands that ask at a terminal, what they ask for, and the answers."""
ENDLESS = {
    "turnabout watch": "tells",
    "curl -N": "tells",
    ".venv/bin/python manage.py processors": "works",
    ".venv/bin/python -m jobsite.web": "serves",
    "uvicorn": "serves",
}
"""Commands that go on until they are interrupted. They tell of jobs, work as processors, or serve pages."""
MANAGE = re.compile(r"(?:\.venv/bin/)?python manage\.py ")
ON_THE_SITE = re.compile(r"^HEALTH_FILE=|manage\.py replay")
"""Commands of Django that need processes of their own. The others run in this one, which is quick."""


def commands(code: str) -> list[str]:
    """Return the commands of a block, without comments. One that goes on in the next line is one."""
    lines = (re.sub(r"(^|\s+)# .*", "", line).strip() for line in code.replace("\\\n", " ").splitlines())
    return [MANAGE.sub(".venv/bin/python manage.py ", line) for line in lines if line]


def why_not(command: str) -> str:
    """Return the beginning, in CANNOT, of a command that cannot be run here; else ""."""
    return max((start for start in CANNOT if command.startswith(start)), key=len, default="")


def going_on(command: str) -> str:
    """Return what a command of ENDLESS does; "" for one that ends."""
    bare = re.sub(r"^[A-Z_]+=\S+ ", "", command)
    return next((does for start, does in ENDLESS.items() if bare.startswith(start) and "--check" not in bare), "")
