from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from serving import logs

logger = logging.getLogger("serving.tested")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_a_line_of_json() -> None:
    stream = io.StringIO()
    with logs.written(stream):
        logger.info("two\nlines and %s", '"quotes"', extra={"fields": {"status": 200}})
    [line] = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "serving.tested",
        "message": 'two\nlines and "quotes"',
        "status": 200,
    }


def test_a_line_names_the_request_that_it_belongs_to() -> None:
    stream = io.StringIO()
    token = logs.REQUEST_ID.set("abc")
    try:
        with logs.written(stream):
            logger.info("inside")
    finally:
        logs.REQUEST_ID.reset(token)
    assert lines(stream)[0]["request_id"] == "abc"


def test_an_exception_is_in_its_line() -> None:
    stream = io.StringIO()
    with logs.written(stream):
        try:
            raise RuntimeError("the ranker fell over")
        except RuntimeError:
            logger.exception("no page")
    [line] = lines(stream)
    assert line["message"] == "no page"
    assert "RuntimeError: the ranker fell over" in line["exception"]


def test_the_same_warning_is_written_seldom_and_says_how_often_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1_000.0]
    sparingly = logs.Sparingly()

    def warn(line: int, level: int = logging.WARNING) -> logging.LogRecord | None:
        record = logging.LogRecord("x", level, "file.py", line, "again", None, None)
        record.created = now[0]
        return record if sparingly.filter(record) else None

    assert warn(7) is not None
    assert warn(7) is None
    assert warn(7) is None
    assert warn(8) is not None
    assert warn(7, logging.INFO) is not None
    now[0] += 1.5
    passed = warn(7)
    assert passed is not None
    assert vars(passed)["fields"] == {"held_back": 2}


def test_a_log_that_cannot_be_written_costs_no_request() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    raises, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        with logs.written(Full()):
            logger.warning("nobody will read it")
    finally:
        logging.raiseExceptions = raises
    assert not any(isinstance(h, logging.handlers.QueueHandler) for h in logging.root.handlers)
