"""Tasks: registered by name, their payload checked against their signature."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from queueapp import registry
from queueapp.errors import JobFailed
from queueapp.registry import JobContext, find_task, task
from queueapp.tasks import checksum, file_in_folder


@pytest.fixture(autouse=True)
def own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it. The guides' `resize` is not there."""
    others = {name: known for name, known in registry._tasks.items() if name != "resize"}
    monkeypatch.setattr(registry, "_tasks", others)


def errors(name: str, /, **payload: Any) -> dict[str, str]:
    found = find_task(name)
    assert found is not None
    return {error.field: error.message for error in found.payload_errors(payload)}


def test_the_payload_is_the_callables_keyword_arguments() -> None:
    @task("resize")
    def resize(job: JobContext, width: int, ratio: float = 1.0, name: str | None = None) -> int:
        return width

    assert errors("resize", width=3) == {}
    assert errors("resize", width=3, ratio=2, name="x") == {}
    assert set(errors("resize")) == {"payload.width"}
    assert set(errors("resize", width="3")) == {"payload.width"}
    assert set(errors("resize", width=3, height=4)) == {"payload.height"}
    found = find_task("resize")
    assert found is not None
    assert found.run(JobContext("j", 1), {"width": 7}) == 7


def test_a_callable_that_takes_anything_gets_anything() -> None:
    @task("anything")
    def anything(job: JobContext, **payload: Any) -> None: ...

    assert errors("anything", a=1, b=[2]) == {}


def test_a_name_is_taken_once() -> None:
    @task("mine")
    def first(job: JobContext) -> None: ...

    with pytest.raises(ValueError, match="is taken by"):

        @task("mine")
        def second(job: JobContext) -> None: ...

    def elsewhere(job: JobContext) -> None: ...

    elsewhere.__module__, elsewhere.__qualname__ = "another.tasks", first.__qualname__
    with pytest.raises(ValueError, match=r"is taken by tests\.api\.test_registry\."):
        task("mine")(elsewhere)
    assert task("mine")(first) is first, "a module may be read again"


def test_progress_stays_between_0_and_1() -> None:
    job = JobContext("j", 1)
    job.progress(1.5, "x" * 600 + "\x00")
    assert (job.fraction, len(job.message)) == (1.0, 500)
    job.progress(-1)
    assert (job.fraction, job.message) == (0.0, "")


class TestChecksum:
    @pytest.mark.parametrize("path", ["..", ".", "", "../x", "/etc/passwd", "a/../../x", "link/x", "a\x00b"])
    def test_nothing_outside_of_the_folder(self, settings: Settings, tmp_path: Path, path: str) -> None:
        inside, outside = tmp_path / "in", tmp_path / "out"
        inside.mkdir()
        outside.mkdir()
        (outside / "x").write_text("secret")
        (inside / "link").symlink_to(outside)
        settings.QUEUEAPP = {"CHECKSUM_FOLDER": str(inside)}
        with pytest.raises(JobFailed):
            file_in_folder(path)

    def test_a_path_longer_than_any_is_refused_before_the_disk_is_asked(
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.QUEUEAPP = {"CHECKSUM_FOLDER": str(tmp_path)}
        looks: list[str] = []
        lstat = os.lstat

        def look(path: Any, **options: Any) -> os.stat_result:
            looks.append(str(path))
            return lstat(path, **options)

        monkeypatch.setattr(os, "lstat", look)
        with pytest.raises(JobFailed, match="too long"):
            file_in_folder("a/" * 2_049)
        looked_for_folder = len(looks)
        found = find_task("checksum")
        assert found is not None
        assert "too long" in found.payload_errors({"path": "ä/" * 2_000})[0].message
        assert found.payload_errors({"path": "a/" * 2_048}) == []
        assert len(looks) == 3 * looked_for_folder, "a submission looks at the folder alone"

    def test_a_folder_has_to_be_set(self, settings: Settings) -> None:
        settings.QUEUEAPP = {}
        with pytest.raises(JobFailed, match="CHECKSUM_FOLDER"):
            file_in_folder("x")

    def test_progress_and_result(self, settings: Settings, tmp_path: Path) -> None:
        (tmp_path / "big").write_bytes(b"x" * 3_000_000)
        settings.QUEUEAPP = {"CHECKSUM_FOLDER": str(tmp_path)}
        job = JobContext("j", 1)
        found = checksum(job, "big")
        assert found["bytes"] == 3_000_000
        assert job.fraction == 1.0
        assert job.message == "3.0 of 3.0 MB"
