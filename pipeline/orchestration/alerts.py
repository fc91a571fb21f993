"""Tells people that a gate stopped a run: a command or a webhook of the configuration.

Whatever becomes of an alert, the run's outcome is the same: one that fails, or takes longer than
`alerts.timeout_seconds`, is one line of the log.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from recsys.config import Alerts

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stop:
    """What an alert says: a gate stopped a run."""

    span: str
    """The day whose data or model was refused."""
    message: str
    """What the command prints."""
    reasons: Sequence[str]
    workspace: str
    serving: str | None
    """Version of the bundle that serves on, if any."""


def send(alerts: Alerts, stop: Stop) -> None:
    """Runs the command with the stop as JSON on its standard input, and posts it to the webhook."""
    body = json.dumps(asdict(stop)).encode()
    if alerts.command:
        _attempt("command", lambda: _run(alerts, body))
    if alerts.webhook:
        _attempt("webhook", lambda: _post(alerts, body))


def _attempt(kind: str, told: Callable[[], None]) -> None:
    try:
        told()
    except Exception as error:  # a person's command or server may fail in any way
        logger.warning("the alert's %s failed, and the run stands: %s", kind, error)


def _run(alerts: Alerts, body: bytes) -> None:
    # A session of its own, so that nothing it started outlives the timeout.
    process = subprocess.Popen(
        alerts.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.communicate(body, timeout=alerts.timeout_seconds)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        raise OSError(f"{alerts.command[0]} ended with {process.returncode}")


def _post(alerts: Alerts, body: bytes) -> None:
    import httpx  # a second that no run without an alert should wait for

    def post() -> None:
        headers = {"content-type": "application/json"}
        try:
            answer = httpx.post(
                alerts.webhook, content=body, headers=headers, timeout=alerts.timeout_seconds
            )
            answer.raise_for_status()
        except Exception as error:
            failures.append(error)

    # httpx bounds the wait for each piece of an answer; the thread bounds them all together.
    failures: list[Exception] = []
    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    thread.join(alerts.timeout_seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {alerts.timeout_seconds:g} s")
    for failure in failures:
        raise failure
