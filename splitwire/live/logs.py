"""Structured logs: a JSON object a line on stderr, for a machine to read and a person to bear.

    record ─────────────▶ a bounded queue ─▶ a thread ─▶ stderr
    what libraries of C write there ─▶ a pipe ─▶ records

A pipe that nobody empties takes no more after 64 kB, and whoever writes to it waits. So nobody
writes but a thread of its own; what does not fit the queue is dropped, counted and said.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import Full, Queue
from threading import Thread
from types import TracebackType
from typing import Any

from splitwire.errors import SplitwireError
from splitwire.live.shown import shown

log = logging.getLogger("splitwire")

_STDERR = 2  # the descriptor, whatever stands for it in this program
_WAITING = 1000  # lines that may wait to be written
_CHARACTERS = 500  # of a text in a line
_TRACE_CHARACTERS = 4000
_LAST_SECONDS = 1.0  # that the last lines have at the end

dropped = 0
"""Lines that this process dropped."""


class JsonLines(logging.Formatter):
    """A record as one line: time (UTC), level, event, and what `event` was given."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        about = getattr(record, "about", {})
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage()[:_CHARACTERS],
            **{key: _bounded(value) for key, value in about.items()},
        }
        if record.exc_info and record.exc_info[1] is not None:
            kind, error = record.exc_info[:2]
            said["error"] = shown(f"{kind.__name__ if kind else '?'}: {error}", _CHARACTERS)
            said["trace"] = self.formatException(record.exc_info)[-_TRACE_CHARACTERS:]
        return json.dumps(said, default=str)


def event(name: str, level: int = logging.INFO, **about: Any) -> None:
    """Log that something happened, with what is to be known about it."""
    log.log(level, name, extra={"about": about})


class Writer(logging.Handler):
    """Hands lines to a thread that writes them, and never waits.

    Args:
        file: descriptor to write to.
    """

    def __init__(self, file: int) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self._file = file
        self._lines: Queue[logging.LogRecord | None] = Queue(_WAITING)
        self._missed = 0
        self._thread = Thread(target=self._write, name="logs", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Leave a record to the thread, or count it where too many wait."""
        global dropped
        try:
            self._lines.put_nowait(record)
        except Full:
            self._missed += 1
            dropped += 1

    def close(self) -> None:
        """Write what waits, unless nobody reads it."""
        try:
            self._lines.put_nowait(None)
        except Full:  # the thread is stuck; it ends with the process
            pass
        else:
            self._thread.join(_LAST_SECONDS)
        super().close()

    def _write(self) -> None:
        while (record := self._lines.get()) is not None:
            if self._missed:
                missed, self._missed = self._missed, 0
                self._put(_record(logging.WARNING, "log lines dropped", count=missed))
            self._put(record)

    def _put(self, record: logging.LogRecord) -> None:
        try:
            left = memoryview((self.format(record) + "\n").encode())
            while left:
                left = left[os.write(self._file, left) :]
        except Exception:  # the pipe is closed, or a value has no text: nobody is left to be told
            return


@contextmanager
def logging_to_stderr() -> Iterator[None]:
    """Write what this program, its libraries and Python itself say to stderr, as lines of JSON.

    Logs of all libraries, warnings, tracebacks of threads and of the program that nobody caught,
    and what libraries of C print by themselves; where it ends, all is as before.
    """
    stderr = os.dup(_STDERR)
    root, handler = logging.getLogger(), Writer(stderr)
    before = (root.handlers, sys.excepthook, threading.excepthook)
    root.handlers = [handler]
    levels = {name: logging.getLogger(name).level for name in ("splitwire", "uvicorn.error")}
    log.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook, threading.excepthook = _uncaught, _uncaught_in_thread
    reading = _redirected()
    try:
        yield
    except (SplitwireError, OSError):  # which the command line says in a line
        raise
    except Exception:
        log.critical("failed", exc_info=True)
        raise SystemExit(1) from None
    finally:
        logging.captureWarnings(False)
        root.handlers, sys.excepthook, threading.excepthook = before
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        os.dup2(stderr, _STDERR)  # which ends the reading
        reading.join(_LAST_SECONDS)
        handler.close()


def _redirected() -> Thread:
    """Have stderr lead into the logs; the thread that reads it."""
    read, write = os.pipe()
    os.dup2(write, _STDERR)
    os.close(write)

    def lines() -> None:
        with os.fdopen(read, encoding="utf-8", errors="replace") as file:
            for line in file:
                event("stderr", logging.WARNING, text=line.rstrip())

    thread = Thread(target=lines, name="stderr", daemon=True)
    thread.start()
    return thread


def _bounded(value: Any) -> Any:
    return shown(value, _CHARACTERS) if isinstance(value, str) else value


def _record(level: int, name: str, **about: Any) -> logging.LogRecord:
    return log.makeRecord(log.name, level, "", 0, name, (), None, extra={"about": about})


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("uncaught", exc_info=(kind, error, trace))


def _uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    log.critical(
        "uncaught",
        exc_info=(failed.exc_type, failed.exc_value, failed.exc_traceback),  # type: ignore[arg-type]
        extra={"about": {"thread": failed.thread.name if failed.thread else "?"}},
    )
