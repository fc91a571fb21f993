from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.orchestration.alerts import Stop, send
from recsys.config import Alerts

STOP = Stop("2024-03-14", "refused: ...", ["too low", 'a "quoted" one'], "workspace", None)


def python(code: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *map(str, arguments))


class Receiver(ThreadingHTTPServer):
    """Remembers what was posted to it."""

    daemon_threads = True
    status = 200
    waits_seconds = 0.0

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alerts"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(self.server.status)
        self.end_headers()
        time.sleep(self.server.waits_seconds)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_command_reads_the_reasons_as_json(tmp_path: Path) -> None:
    code = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"
    send(Alerts(command=python(code, tmp_path / "told")), STOP)
    told = json.loads((tmp_path / "told").read_text())
    assert told["reasons"] == ["too low", 'a "quoted" one']
    assert (told["span"], told["message"], told["serving"]) == ("2024-03-14", "refused: ...", None)


def test_the_webhook_gets_the_same(receiver: Receiver) -> None:
    send(Alerts(webhook=receiver.url), STOP)
    [body] = receiver.bodies
    assert json.loads(body)["reasons"] == ["too low", 'a "quoted" one']


def test_without_a_setting_nobody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    send(Alerts(), STOP)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("/nowhere/page-me",), "No such file"),
        (python("raise SystemExit(3)"), "ended with 3"),
        (python("import os; os.close(0)"), ""),
    ],
)
def test_a_command_that_fails_is_one_line(
    command: tuple[str, ...], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    send(Alerts(command=command), STOP)
    if says:
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert says in record.getMessage() and "the run stands" in record.getMessage()


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    late = "import time, pathlib, sys; time.sleep(1.5); pathlib.Path(sys.argv[1]).touch()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {late!r}, sys.argv[1]])"
    send(Alerts(command=python(code, tmp_path / "late"), timeout_seconds=0.3), STOP)
    [record] = caplog.records
    assert "timed out" in record.getMessage()
    time.sleep(1.8)
    assert not (tmp_path / "late").exists()


def test_a_webhook_that_refuses_hangs_or_is_gone_is_one_line(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 500
    send(Alerts(webhook=receiver.url), STOP)
    receiver.status, receiver.waits_seconds = 200, 5.0
    send(Alerts(webhook=receiver.url, timeout_seconds=0.2), STOP)
    send(Alerts(webhook="http://127.0.0.1:1/"), STOP)
    refused, slow, gone = [record.getMessage() for record in caplog.records]
    assert "500" in refused
    assert "webhook failed, and the run stands" in slow
    assert "webhook failed, and the run stands" in gone
