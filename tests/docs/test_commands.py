"""Every command of the documentation runs, on a site, or says why it cannot (commands.py)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bench.histories.rules import RULES
from queueapp.lifecycle.route import reroute
from tests.docs.commands import CANNOT, commands, why_not
from tests.docs.shell import Shell
from tests.kit.examples import Examples, blocks_of, claimed, pages
from tests.kit.site import Site


@pytest.fixture(scope="session")
def shell(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The shell of alice."""
    site.user("alice")
    return Shell(site, tmp_path_factory.mktemp("reader"))


OF_NO_OTHER_TEST = sorted({
    block.page for page in pages() for block in blocks_of(page, "sh") if {one.page for one in claimed(block)} == {"*"}
})  # fmt: skip


@pytest.mark.examples("*", "sh")
@pytest.mark.parametrize("page", OF_NO_OTHER_TEST)
@pytest.mark.django_db
def test_the_commands_of_a_page_run(page: str, examples: Examples, shell: Shell) -> None:
    reroute()  # the rule that comes with the tables: no broker works beside this database
    for block in examples:
        with block.noted():
            shell.run(block.code)
    shell.site.query("UPDATE queueapp_webhook SET enabled = false")  # nobody is there whom it could tell
    if shell.missing:
        pytest.skip(f"there is no {', '.join(shell.missing)}")


@pytest.mark.examples("docs/guides/limits-and-quotas.md", "python")
@pytest.mark.examples("docs/reference/api.md", "python")
def test_a_program_sets_limits_and_waits(examples: Examples, shell: Shell) -> None:
    limits, wait = examples
    with shell.site.client("alice") as api:
        limits.run({"site": api})
        assert api.get("jobs/big/").json()["memory_limit"] == 200
        api.post("jobs/", json={"job_id": "render-7", "duration": 0.01}).raise_for_status()
        names: dict[str, Any] = {"api": api}
        wait.run(names)
        assert names["job"]["status"] == "succeeded"


@pytest.mark.examples("docs/guarantees.md", "console")
def test_the_checker_of_histories_has_the_rules_that_the_page_shows(examples: Examples) -> None:
    [session] = examples
    command, *said = session.code.splitlines()
    assert why_not(command.removeprefix("$ ")) == "python -m bench."
    assert [line.partition(":")[0] for line in said] == list(RULES)


def test_each_reason_not_to_run_a_command_is_still_needed() -> None:
    every = [command for page in pages() for block in blocks_of(page, "sh") for command in commands(block.code)]
    sessions = [block.code for page in pages() for block in blocks_of(page, "console")]
    every += [command for session in sessions for command in re.findall(r"^\$ (.*)", session, re.MULTILINE)]
    assert set(CANNOT) == {start for command in every if (start := why_not(command))}
