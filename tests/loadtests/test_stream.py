from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest
from fake_store import publish, server, wait_for, workspace_at

from loadtests.stream import steady

BODIES = [json.dumps({"user_id": f"u{number:03d}"}).encode() for number in range(3)]


def test_requests_come_at_their_rate_and_are_answered(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path)
    publish(workspace, "v1")
    with server(workspace) as url:
        wait_for(url)
        with steady(url, BODIES, 100) as answers:
            while len(answers) < 60:
                time.sleep(0.01)
    dues = sorted(answer.due for answer in answers)
    ticks = [100 * (due - dues[0]) for due in dues]
    assert ticks[:50] == pytest.approx(list(range(50)))
    assert all(answer.ended >= answer.due and answer.latency_ms >= 0 for answer in answers)
    pages = [answer.page for answer in answers]
    assert all(page is not None and page["bundle"] == "v1" and page["items"] for page in pages)


def test_what_fails_is_told_and_the_stream_goes_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with steady(nobody, BODIES, 200) as answers:
        while len(answers) < 20:
            time.sleep(0.01)
    assert all(answer.page is None for answer in answers)
    assert {answer.problem.split(":")[0] for answer in answers} == {"ConnectionRefusedError"}
    with server(workspace_at(tmp_path)) as url, steady(url, BODIES, 200) as answers:
        while len(answers) < 20:
            time.sleep(0.01)
    assert {answer.problem[:4] for answer in answers} == {"503:"}
