"""Results and exceptions are stored as bounded text, whatever their classes do."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from pytest_django import Settings

from queueapp.errors import JobFailed, TimeLimitReached
from queueapp.lifecycle.outcome import LONGEST_ERROR
from queueapp.workers.attempt_text import describe, result_text
from queueapp.workers.shared_memory import LOG_KEPT, Kind


def raised(failure: BaseException) -> tuple[Kind, str, str]:
    try:
        raise failure
    except BaseException as caught:
        return describe(caught)


def test_a_result_is_kept_as_json_and_none_as_nothing() -> None:
    assert result_text({"name": "é", "n": [1, None]}) == '{"name": "é", "n": [1, null]}'
    assert result_text(None) == ""
    assert result_text("") == '""'


def test_a_result_that_is_too_long_is_refused_with_both_lengths(settings: Settings) -> None:
    settings.QUEUEAPP = settings.QUEUEAPP | {"MAX_RESULT_CHARS": 1_000}
    assert len(result_text("x" * 998)) == 1_000
    with pytest.raises(ValueError, match=r"1,001 characters as JSON; at most 1,000"):
        result_text("x" * 999)


@pytest.mark.parametrize("value", [float("inf"), "a\x00b", {"a\x00b": 1}, "\udce9", object(), {1, 2}, b"x"])
def test_a_result_that_cannot_be_stored_is_an_error_of_the_task(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        result_text(value)


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        (ValueError(" it broke\n"), Kind.ERROR, "ValueError: it broke"),
        (ValueError(), Kind.ERROR, "ValueError"),
        (SystemExit("left"), Kind.ERROR, "SystemExit: left"),
        (KeyboardInterrupt(), Kind.ERROR, "KeyboardInterrupt"),
        (MemoryError(), Kind.OUT_OF_MEMORY, "MemoryError"),
        (JobFailed("Not today."), Kind.REFUSED, "Not today."),
        (JobFailed(), Kind.REFUSED, "The job cannot be done."),
        (JobFailed(" "), Kind.REFUSED, "JobFailed"),
        (TimeLimitReached(), Kind.STOPPED, "TimeLimitReached"),
    ],
    ids=lambda value: repr(value) if isinstance(value, BaseException) else "",
)
def test_an_error_has_its_class_and_a_refusal_the_words_of_the_task(
    failure: BaseException, kind: Kind, text: str
) -> None:
    assert raised(failure)[:2] == (kind, text)


def test_only_an_error_has_a_traceback() -> None:
    """A refusal is no fault, and whoever stops a job knows why."""
    assert "raise failure" in raised(ValueError("it broke"))[2]
    assert [raised(failure)[2] for failure in (JobFailed("Not today."), TimeLimitReached())] == ["", ""]


class Hostile(Exception):
    """Is stopped while it makes its text."""

    def __str__(self) -> str:
        raise TimeLimitReached

    __repr__ = __str__


class NoText(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


class Tricky(str):
    """Text that does not do what text does."""

    def encode(self, *_: Any, **__: Any) -> bytes:
        raise TimeLimitReached

    __getitem__ = __len__ = strip = encode  # type: ignore[assignment]


class Lies(Exception):
    """Pretends to be a refusal."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return JobFailed


class _Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise TimeLimitReached


class Nameless(Exception, metaclass=_Nameless):
    pass


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (Hostile(), "Hostile"),
        (NoText(), "NoText"),
        (ValueError(Tricky("it broke")), "ValueError: it broke"),
        (Lies("not today"), "Lies: not today"),
    ],
    ids=["raises", "returns a number", "str of its own", "lies"],
)
def test_whatever_an_exception_does_it_is_an_error_with_a_name(failure: BaseException, text: str) -> None:
    assert raised(failure)[:2] == (Kind.ERROR, text)


def test_an_exception_that_has_no_name_is_called_one() -> None:
    found = None
    with suppress(BaseException):  # pytest ends if it has to show such an exception
        found = describe(Nameless("it broke"))[:2]
    assert found == (Kind.ERROR, "Exception: it broke")


def test_an_exception_that_has_no_text_has_a_traceback_nonetheless() -> None:
    assert "raise failure" in raised(Hostile())[2]


def test_of_a_long_error_the_beginning_is_kept_and_what_cannot_be_stored_is_not() -> None:
    kind, text, trace = raised(ValueError("a\x00b\udce9" + "x" * 1_000_000))
    assert (kind, text[:20], len(text)) == (Kind.ERROR, "ValueError: ab?xxxxx", len("ValueError: ") + LONGEST_ERROR - 1)
    assert len(trace) < LOG_KEPT + 100
    assert trace.startswith("Traceback")
    (text + trace).encode()
    assert "\x00" not in trace


def test_of_a_deep_recursion_the_last_calls_are_kept() -> None:
    def deeper(depth: int) -> None:
        if depth <= 0:
            raise ValueError("at the bottom")
        (shallower if depth % 2 else deeper)(depth - 1)

    def shallower(depth: int) -> None:
        deeper(depth - 1)

    with pytest.raises(ValueError, match="bottom") as caught:
        deeper(400)
    trace = describe(caught.value)[2]
    assert trace.endswith("ValueError: at the bottom\n")
    assert 'raise ValueError("at the bottom")' in trace
    assert trace.count('  File "') == 50
