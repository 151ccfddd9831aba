"""A log line: what it holds, and that nothing of a customer gets into it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from serving.worker.logs import JsonLines, of_request, to_stderr

SECRET = "Ann Example, 13 Canary Lane"


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    stream, names = io.StringIO(), ("bank.test", "library.test")
    for name in names:
        to_stderr(name, stream=stream)
    yield stream
    for name in names:
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True


def lines(said: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in said.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_what_is_known_of_the_request(said: io.StringIO) -> None:
    known = {"request_id": "r-1", "route": "/v1/status", "status": 500, "ms": 1.5, "caller": None}
    logging.getLogger("bank.test").error("failed", extra=of_request(known))
    [line] = lines(said)
    assert line.pop("time")
    assert line == {
        "level": "error", "logger": "bank.test", "event": "failed", "request_id": "r-1",
        "route": "/v1/status", "status": 500, "ms": 1.5,
    }  # fmt: skip


def test_an_error_is_told_by_its_kind_and_place_and_not_by_its_words(said: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("bank.test").exception("request %s failed", "r-1")
    [line] = lines(said)
    error = line["error"]
    assert isinstance(error, dict)
    assert error["kind"] == "ValueError"
    assert error["at"][0].startswith("test_logs.py:")
    assert "Canary" not in said.getvalue()


def test_what_a_library_says_loses_its_arguments(said: io.StringIO) -> None:
    logging.getLogger("library.test").warning("cannot read %s", SECRET)
    assert [line["event"] for line in lines(said)] == ["cannot read %s"]


def test_what_is_said_over_several_lines_is_one(said: io.StringIO) -> None:
    logging.getLogger("bank.test").warning("one\ntwo\u2028three\x00")
    assert len(said.getvalue().splitlines()) == 1


def test_an_event_is_cut() -> None:
    record = logging.LogRecord("bank.test", logging.INFO, "x.py", 1, "x" * 10_000, (), None)
    assert len(JsonLines().format(record)) < 1_000
