"""Structured logs: one JSON line an event, on stderr, with nothing in it that came from a customer.

A line has time, level, logger and event, and where known request_id, trace, route, status, ms and
caller (an app's name). What other libraries log keeps its template and loses its arguments; an error is
told by its kind and where it came from, never by its message or its local values.
"""

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

OURS = "bank"
FIELDS = ("request_id", "trace", "route", "status", "ms", "caller", "kind", "untold")
MOST_FRAMES, MOST_EVENT = 12, 500


class JsonLines(logging.Formatter):
    """A record as one JSON line.

    >>> told = logging.LogRecord("uvicorn.error", 30, "x.py", 1, "Customer %s", ("Ann",), None)
    >>> json.loads(JsonLines().format(told))["event"]
    'Customer %s'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record)[:MOST_EVENT],
        }
        told |= {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            told["error"] = _error(record.exc_info[1])
        return json.dumps(told, ensure_ascii=True)


def to_stderr(name: str = "", level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Have this logger, and those below it, write JSON lines to stderr; other handlers are taken away."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger(name)
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(level)


def only_ours(level: int = logging.INFO) -> None:
    """All of this process writes JSON lines: our loggers from `level` on, libraries from warnings on."""
    to_stderr(level=logging.WARNING)
    for name in list(logging.Logger.manager.loggerDict):
        theirs = logging.getLogger(name)
        theirs.handlers, theirs.propagate = [], True
    logging.getLogger("bentoml").setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level)


def of_request(fields: Mapping[str, object]) -> dict[str, object]:
    """The `extra` of a log call about one request: the known fields that have a value."""
    return {name: fields[name] for name in FIELDS if fields.get(name) is not None}


def _event(record: logging.LogRecord) -> str:
    ours = record.name == OURS or record.name.startswith(f"{OURS}.")
    return record.getMessage() if ours else str(record.msg)


def _error(error: BaseException) -> dict[str, object]:
    return {"kind": type(error).__name__, "at": _frames(error.__traceback__)}


def _frames(found: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(found)[-MOST_FRAMES:]
    return [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames]
