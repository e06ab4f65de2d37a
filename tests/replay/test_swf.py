"""The reader of logs in the Standard Workload Format."""

from __future__ import annotations

import gzip
import math
import runpy
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.swf import LONGEST_LINE, Entry, Malformed, UnreadableLog, parse_line, read_log

DEMO = Path(__file__).parents[2] / "demo"


def swf(number: object = 1, submit: object = 0, run_time: object = 10, user: object = 5, sep: str = " ") -> str:
    """A line of the format, all other fields unknown."""
    fields = [number, submit, -1, run_time, *[-1] * 7, user, *[-1] * 6]
    return sep.join(map(str, fields))


def read(folder: Path, content: bytes | str, name: str = "log.swf") -> list[Entry | Malformed]:
    """What the reader makes of a file with this content."""
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_log(file))


def test_a_line_becomes_an_entry(tmp_path: Path) -> None:
    assert read(tmp_path, f"; Version: 2.2\n{swf(7, 120, 30, 3)}\n") == [Entry(2, 7, 120.0, 30.0, 3)]


def test_comments_and_blank_lines_count_as_lines_and_are_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, f"\n;\n  ; indented\n \t \n{swf()}") == [Entry(5, 1, 0.0, 10.0, 5)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end(tmp_path: Path, end: str) -> None:
    found = read(tmp_path, f";{end}{swf(1)}{end}{end}{swf(2)}{end}")
    assert found == [Entry(2, 1, 0.0, 10.0, 5), Entry(4, 2, 0.0, 10.0, 5)]


@pytest.mark.parametrize("separator", ["\t", "   ", " \t"])
def test_any_space_between_fields(separator: str) -> None:
    assert parse_line(1, f"  {swf(sep=separator)} ") == Entry(1, 1, 0.0, 10.0, 5)


def test_unknown_is_none_and_zero_stays_zero() -> None:
    assert parse_line(1, swf(run_time=-1, user=-1)) == Entry(1, 1, 0.0, None, None)
    assert parse_line(1, swf(run_time="-1.0", number=-1)) == Entry(1, -1, 0.0, None, 5)
    assert parse_line(1, swf(run_time=0)) == Entry(1, 1, 0.0, 0.0, 5)


def test_fractions_and_users_of_many_digits() -> None:
    user = 123_456_789_012_345_678_901_234_567_890
    assert parse_line(1, swf(submit="12.25", run_time="1.5e2", user=user)) == Entry(1, 1, 12.25, 150.0, user)
    assert parse_line(1, swf(number="3.0", user="12.00")) == Entry(1, 3, 0.0, 10.0, 12)


def test_fields_that_an_entry_does_not_need_may_hold_anything() -> None:
    fields = swf().split()
    fields[4] = fields[17] = "?"
    assert parse_line(1, " ".join([*fields, "of its own"])) == Entry(1, 1, 0.0, 10.0, 5)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("1 2 3", "has 3 of 18 fields"),
        ("x " * 18, "job number 'x' is not a whole number"),
        (swf(number=1.5), "job number '1.5' is not a whole number"),
        (swf(submit=-1), "submit time -1.0 is negative"),
        (swf(submit="nan"), "submit time 'nan' is not a finite number"),
        (swf(submit="1e999"), "submit time '1e999' is not a finite number"),
        (swf(submit="1_000"), "submit time '1_000' is not a finite number"),
        (swf(submit="١٢"), "submit time '١٢' is not a finite number"),
        (swf(run_time="-inf"), "run time '-inf' is not a finite number"),
        (swf(run_time=-2), "run time -2.0 is negative"),
        (swf(user=-7), "user -7 is negative"),
        (swf(user="9" * 5000), f"user '{'9' * 29}…' is not a whole number"),
        (swf(sep=" " * 1000), f"is longer than {LONGEST_LINE:,} characters"),
    ],
)
def test_a_malformed_line_is_told_with_its_reason(content: str, reason: str) -> None:
    assert parse_line(9, content) == Malformed(9, reason)


def test_what_is_malformed_stops_nothing(tmp_path: Path) -> None:
    content = b"\xff\xfe\x00 \x80\n" + swf(1).encode() + b"\n" + b"x" * 50_000 + b"\n" + swf(2).encode()
    found = read(tmp_path, content)
    assert [type(item) for item in found] == [Malformed, Entry, Malformed, Entry]
    assert [item.line for item in found] == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["log.swf", "log.swf.gz"])
@pytest.mark.parametrize("packed", [False, True])
def test_gzip_is_told_by_content_and_not_by_name(tmp_path: Path, name: str, packed: bool) -> None:
    content = f"\N{ZERO WIDTH NO-BREAK SPACE}; a header\n{swf()}\n".encode()
    found = read(tmp_path, gzip.compress(content) if packed else content, name)
    assert found == [Entry(2, 1, 0.0, 10.0, 5)]


def test_a_log_is_read_as_it_is_asked_for(tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"{swf(n, n * 17 % 1009)}\n" for n in range(20_000)).encode())
    (tmp_path / "log").write_bytes(packed[: len(packed) // 2])
    entries = read_log(tmp_path / "log")
    assert next(entries) == Entry(1, 0, 0.0, 10.0, 5)
    with pytest.raises(UnreadableLog, match=r"log is cut short: .* after line [\d,]+\.$"):
        list(entries)


@pytest.mark.parametrize("damaged", [b"\x1f\x8b", b"\x1f\x8b nonsense", gzip.compress(b"; x", mtime=0)[:-1] + b"?"])
def test_damaged_gzip_is_one_sentence(tmp_path: Path, damaged: bytes) -> None:
    with pytest.raises(UnreadableLog, match=r"^[^\n]* compressed data [^\n]*\.$"):
        read(tmp_path, damaged)


def test_a_file_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLog, match=r"missing cannot be read: No such file or directory\.$"):
        list(read_log(tmp_path / "missing"))
    with pytest.raises(UnreadableLog, match="Is a directory"):
        list(read_log(tmp_path))


@given(content=st.binary() | st.binary().map(lambda b: b"\x1f\x8b\x08" + b) | st.binary().map(gzip.compress))
def test_no_bytes_raise_anything_but_what_is_documented(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = read(Path(folder), content)
        except UnreadableLog:
            found = []
        assert [item.line for item in found] == sorted({item.line for item in found})


@given(st.lists(st.sampled_from(["1", "-1", "0", "x", ";", "1e400", "nan", "\t", "\r", "\n", "\x00", "é"]) | st.text()))
def test_every_line_is_an_entry_or_malformed_or_neither(parts: list[str]) -> None:
    found = parse_line(1, " ".join(parts))
    if isinstance(found, Entry):
        assert found.submit >= 0
        assert found.run_time is None or (found.run_time >= 0 and math.isfinite(found.run_time))
    elif found is not None:
        assert found.reason


@given(
    number=st.integers(-1, 10**12),
    submit=st.floats(0, 1e15),
    run_time=st.none() | st.floats(0, 1e15),
    user=st.none() | st.integers(0, 10**50),
    sep=st.sampled_from([" ", "\t", "   "]),
)
def test_what_is_well_formed_comes_back(
    number: int, submit: float, run_time: float | None, user: int | None, sep: str
) -> None:
    content = swf(number, submit, -1 if run_time is None else run_time, -1 if user is None else user, sep)
    assert parse_line(3, content) == Entry(3, number, submit, run_time, user)


def test_the_demo_log_is_what_its_script_writes_and_keeps_its_promises() -> None:
    file = DEMO / "office-day.swf"
    assert file.read_text() == runpy.run_path(str(DEMO / "make_log.py"))["text"]()
    entries = list(read_log(file))
    assert all(isinstance(entry, Entry) for entry in entries)
    jobs = [entry for entry in entries if isinstance(entry, Entry)]
    assert {job.user for job in jobs} == set(range(1, 9))
    assert list(dict.fromkeys(job.user for job in jobs if job.submit == 0)) == [1, 2, 3]
    assert all(job.run_time is not None and 0.3 <= job.run_time / 60 <= 8 for job in jobs)
    assert [job.submit for job in jobs] == sorted(job.submit for job in jobs)
