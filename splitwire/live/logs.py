"""Structured logs: a JSON object a line on stderr, for a machine to read and a person to bear."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger("splitwire")


class JsonLines(logging.Formatter):
    """A record as one line: time (UTC), level, event, and what `event` was given."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "about", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            said["error"] = f"{record.exc_info[0].__name__}: {record.exc_info[1]}"
        return json.dumps(said, default=str)


def event(name: str, level: int = logging.INFO, **about: Any) -> None:
    """Log that something happened, with what is to be known about it."""
    log.log(level, name, extra={"about": about})


def begin_logging() -> None:
    """Write the logs of this program and of its server to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("splitwire", "uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    log.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
