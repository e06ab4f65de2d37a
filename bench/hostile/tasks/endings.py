"""Tasks whose results, exceptions and progress are hard to keep."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from bench.hostile.kinds import kind
from queueapp.registry import JobContext


class StrRaises(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class StrRecurses(Exception):
    def __str__(self) -> str:
        return str(self)

    __repr__ = __str__


class StrExits(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class StrSleeps(Exception):
    def __str__(self) -> str:
        time.sleep(3)
        return "slow"


class StrNoText(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


class _NoName(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise ValueError("no name")

    def __str__(cls) -> str:
        raise ValueError("no name")

    __repr__ = __str__


class NoName(Exception, metaclass=_NoName):
    pass


class LyingClass:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return dict

    def __repr__(self) -> str:
        raise ValueError("no text")


class HostileText(str):
    __slots__ = ()

    def encode(self, *_: Any, **__: Any) -> bytes:
        raise ValueError("not mine")

    def replace(self, *_: Any, **__: Any) -> str:
        raise ValueError("not mine")

    def __len__(self) -> int:
        raise ValueError("not mine")

    def __str__(self) -> str:
        raise ValueError("not mine")


def _raise(name: str, about: str, make: Any, **fields: Any) -> None:
    def raises(job: JobContext) -> None:
        raise make()

    raises.__doc__, raises.__module__ = f"Raise {about}.", __name__
    kind(name, ends="failed", says=r"\S", **fields)(raises)


def _return(name: str, about: str, make: Any, **fields: Any) -> None:
    def returns(job: JobContext) -> Any:
        return make()

    returns.__doc__, returns.__module__ = f"Return {about}.", __name__
    kind(name, **fields)(returns)


def _progress(name: str, about: str, *told: Any, **fields: Any) -> None:
    def tells(job: JobContext) -> str:
        job.progress(*told)
        time.sleep(0.8)  # so long that it is written, and read by others
        return "told"

    tells.__doc__, tells.__module__ = f"progress({about}).", __name__
    kind(name, **fields)(tells)


def _cyclic() -> BaseException:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    first.__context__, second.__context__ = second, first
    return first


def _cyclic_list() -> list[Any]:
    mine: list[Any] = []
    mine.append(mine)
    return mine


def _deep(levels: int) -> list[Any]:
    mine: list[Any] = []
    for _ in range(levels):
        mine = [mine]
    return mine


_raise("str-raises", "an exception whose str() raises", StrRaises)
_raise("str-recurses", "an exception whose str() never ends", StrRecurses)
_raise("str-exits", "an exception whose str() exits", StrExits)
_raise("str-sleeps", "an exception whose str() takes 3 s", StrSleeps)
_raise("str-no-text", "an exception whose str() is a number", StrNoText)
_raise("str-surrogate", "an exception with a lone surrogate and a NUL", lambda: ValueError("a\udce9\x00b"))
_raise("str-large", "an exception with 20 MB of text", lambda: ValueError("x" * 20_000_000))
_raise("args-repr", "an exception with arguments whose repr() raises", lambda: ValueError(StrRaises(), StrRecurses()))
_raise("base-exception", "a BaseException", lambda: BaseException("bare"))
_raise("generator-exit", "a GeneratorExit", GeneratorExit)
_raise("keyboard-interrupt", "a KeyboardInterrupt", KeyboardInterrupt)
_raise("cancelled-error", "an asyncio.CancelledError", asyncio.CancelledError)
_raise("stop-iteration", "a StopIteration", StopIteration)
_raise("system-exit", "a SystemExit of 0", lambda: SystemExit(0))
_raise("system-exit-object", "a SystemExit of an object without text", lambda: SystemExit(StrRaises()))
_raise("cyclic-cause", "an exception that is its own cause's cause", _cyclic)
_raise("no-name", "an exception whose class has no name", NoName)
_raise("group", "a group of exceptions 500 deep", lambda: _group(500))
_raise("hostile-text", "an exception with text whose methods raise", lambda: ValueError(HostileText("x")))
_return("result-surrogate", "a lone surrogate", lambda: {"name": "caf\udce9"}, says=r"^(?!.*died)")
_return("result-surrogate-key", "a lone surrogate as a key", lambda: {"caf\udce9": 1}, says=r"^(?!.*died)")
_return("result-nul", "a NUL", lambda: "a\x00b")
_return("result-nan", "NaN", lambda: [float("nan")])
_return("result-infinity", "infinity", lambda: float("-inf"))
_return("result-bytes", "bytes", lambda: b"\xff", ends="failed")
_return("result-400-digits", "10**400", lambda: 10**400)
_return("result-100000-digits", "10**100000", lambda: 10**100_000)
_return("result-cyclic", "a list that holds itself", _cyclic_list, ends="failed")
_return("result-deep", "lists 2,000 levels deep", lambda: _deep(2_000))
_return("result-deeper", "lists 100,000 levels deep", lambda: _deep(100_000), ends="failed")
_return("result-2-mb", "2 MB", lambda: "x" * 2_000_000)
_return("result-300-mb", "300 MB", lambda: "x" * 300_000_000, ends="failed", patience=40, attempts=1)
_return("result-keys", "a dict whose keys are no text", lambda: {(1, 2): 3, None: 4}, ends="failed")
_return("result-lying-class", "an object that says it is a dict", LyingClass, ends="failed")
_return("result-hostile-text", "text whose methods raise", lambda: HostileText("x"))
_return("result-generator", "a generator", lambda: (n for n in range(3)), ends="failed")
_progress("progress-nan", "nan", float("nan"))
_progress("progress-infinity", "inf", float("inf"))
_progress("progress-negative", "-1", -1)
_progress("progress-none", "None", None)
_progress("progress-text", '"x"', "x")
_progress("progress-surrogate", "0.5, a lone surrogate", 0.5, "caf\udce9")
_progress("progress-large", "0.5, 10 MB", 0.5, "x" * 10_000_000)
_progress("progress-bytes", "0.5, bytes", 0.5, b"\xff")
_progress("progress-hostile-text", "0.5, text whose methods raise", 0.5, HostileText("x"))


def _group(levels: int) -> BaseException:
    mine: Exception = ValueError("inmost")
    for _ in range(levels):
        mine = ExceptionGroup("outer", [mine])
    return mine


@kind("progress-set-directly")
def progress_set_directly(job: JobContext) -> None:
    """Set the handle's fraction and message to objects."""
    job.fraction, job.message = object(), b"\xff"  # type: ignore[misc, assignment]
    time.sleep(0.8)


@kind("progress-after-return")
def progress_after_return(job: JobContext) -> None:
    """Tell of progress from a thread for 2 s after the task has returned."""

    def tell() -> None:
        for n in range(2_000):
            job.progress(n / 2_000, f"still here {n}")
            time.sleep(0.001)

    threading.Thread(target=tell, daemon=True).start()


@kind("handle-class")
def handle_class(job: JobContext) -> None:
    """Replace job.__class__, and every attribute."""

    class Other(JobContext):
        def __getattribute__(self, name: str) -> Any:
            raise ValueError("not mine")

    job.__dict__.update(job_id=None, duration="long", attempt=-1, cancelled=True)
    job.__class__ = Other
    time.sleep(0.8)
