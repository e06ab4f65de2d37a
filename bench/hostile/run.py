"""All kinds in all modes on one site. A trial that breaks a guarantee makes the site anew."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.histories import record
from bench.histories.watch import Watch
from bench.hostile.kinds import Kind
from bench.hostile.site import Site
from bench.hostile.trial import AFTER, Trial, judge_history, run_trial

_LIMITS = {"quantum": 0.02, "max_turn": 100}
"""The site's settings that the history checker needs."""
Say = Callable[[str], None]


def run(folder: Path, kinds: Sequence[Kind], modes: Sequence[str], say: Say, *, short: bool = False) -> list[Trial]:
    """Run one trial after the other and return them.

    After each the cluster is stopped, which must leave no process. `short`: only after the last and after a broken one.
    """
    site, trials = Site(folder, processors=2), []
    pristine: dict[str, str] = {}
    try:
        for mode in modes:
            tokens = site.start(mode)
            for kind in kinds:
                site.history.unlink(missing_ok=True)
                site.history.touch()
                trial = _one(site, kind, mode, tokens, pristine, short=short, stop=not short or kind is kinds[-1])
                trials.append(trial)
                say(row(trial))
    finally:
        site.close()
    return trials


def _one(
    site: Site, kind: Kind, mode: str, tokens: dict[str, str], pristine: dict[str, str], *, short: bool, stop: bool
) -> Trial:
    record.write("bench", "info", "setup", {"processors": site.processors, "flows": mode} | _LIMITS)
    watch = Watch(site.history)
    watch.start()
    try:
        trial = run_trial(site, kind, mode, tokens, after=0.5 if short else AFTER)
        trial.broken += [f"audit: {finding}" for finding in _audit(site)]
    except Exception as error:  # a site that no longer answers is a result
        trial = Trial(kind, mode, broken=[f"the site does not answer: {error!r}"[:150]])
    if site.cluster_ended:
        trial.broken.append("the cluster's command ended")
    elif stop or trial.broken:
        trial.broken += site.stop_cluster()
    watch.stop()
    operations = _history(site, f"{mode}-{kind.name}")
    judge_history(trial, operations, pristine)
    if trial.broken:
        site.reset()
    elif stop:
        site.start_cluster()
    return trial


def _audit(site: Site) -> list[str]:
    """Return the audit's findings. Repeat for up to 2 s, since a settlement may still be under way."""
    deadline = time.monotonic() + 2
    while (found := site.audit()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return found


def _history(site: Site, name: str) -> list[dict[str, Any]]:
    """Keep the trial's history under its name, and return its operations."""
    kept = site.history.with_name("histories") / f"{name}.jsonl"
    kept.parent.mkdir(exist_ok=True)
    site.history.rename(kept)
    site.history.touch()
    return [json.loads(line) for line in kept.read_text().splitlines()]


HEAD = "| mode | kind | how it ended | attempts | worst wait, s | verdict |\n| --- | --- | --- | --- | --- | --- |"


def row(trial: Trial) -> str:
    """Return the trial as a line of the table."""
    words = " ".join(trial.words.encode("ascii", "backslashreplace").decode().split())[:70].replace("|", "/")
    verdict = "kept" if not trial.broken else f"BROKEN: {'; '.join(trial.broken)}".replace("|", "/")
    verdict += f" (left: {trial.left})" if trial.left else ""
    return f"| {trial.mode} | {trial.kind.name} | {words} | {trial.attempts} | {trial.worst_wait:.2f} | {verdict} |"
