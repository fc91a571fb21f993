"""A short load on a server of this machine, and its percentiles: locust, headless, in a process of
its own (it patches the standard library, which nobody else should live with)."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from recsys.errors import BadInput

_ROOM = Path(__file__).parent
_CLOSED, _STEADY = _ROOM / "locustfile.py", _ROOM / "shapes" / "steady.py"
_RECOMMEND = "/v1/recommend"
_SECONDS_TO_START_AND_STOP = 60


@dataclass(frozen=True)
class LoadResult:
    """What a closed loop of visitors saw at `/v1/recommend`; latencies are theirs."""

    num_visitors: int
    """Visitors at once; each waits for its answer before it asks again."""
    seconds: float
    """How long they asked."""
    num_requests: int
    """Pages asked for."""
    num_failures: int
    """Failed requests, the events posted beside included."""
    failures: Mapping[str, int]
    """The same by reason; empty pages and short pages are among them."""
    requests_per_s: float
    """Pages a second."""
    p50_ms: float
    """Median latency."""
    p95_ms: float
    """95th percentile."""
    p99_ms: float
    """99th percentile."""


def run_load(
    url: str,
    seconds: int = 10,
    num_visitors: int = 8,
    users_file: Path | None = None,
    raw_file: Path | None = None,
    rate: float | None = None,
) -> LoadResult:
    """Puts load on a server for some seconds.

    Args:
        url: the server's address, on this machine.
        seconds: how long.
        num_visitors: visitors at once.
        users_file: ids of users, one a line; without it the server is asked for some.
        raw_file: where to keep every request as a JSON line.
        rate: pages a second that the visitors ask for together; None: each asks again when it is
            answered.

    Raises:
        BadInput: the address isn't on this machine, or nobody answered there.
    """
    _require_loopback(url)
    with tempfile.TemporaryDirectory(prefix="recsys-load-") as scratch:
        raw = raw_file or Path(scratch) / "raw.jsonl"
        _locust(url, seconds, num_visitors, users_file, raw, rate)
        requests = [json.loads(line) for line in raw.read_text().splitlines()]
    return summarised(requests, _seconds_asked(requests) or seconds, num_visitors)


def summarised(
    requests: Sequence[Mapping[str, Any]], seconds: float, num_visitors: int
) -> LoadResult:
    """The figures of raw requests, each with `name`, `ms` and `error`.

    Raises:
        BadInput: there is no request among them.
    """
    pages = [request["ms"] for request in requests if request["name"] == _RECOMMEND]
    if not pages:
        raise BadInput(f"no request reached {_RECOMMEND}, expected some in {seconds} s.")
    failures = Counter(request["error"] for request in requests if request["error"] is not None)
    p50, p95, p99 = np.percentile(pages, [50, 95, 99]).tolist()
    return LoadResult(
        num_visitors=num_visitors,
        seconds=seconds,
        num_requests=len(pages),
        num_failures=failures.total(),
        failures=dict(failures),
        requests_per_s=len(pages) / seconds,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )


def _seconds_asked(requests: Sequence[Mapping[str, Any]]) -> float:
    """From the first request to the last one's answer."""
    ends = [request["time"] + request["ms"] / 1_000 for request in requests]
    return max(ends) - min(request["time"] for request in requests) if requests else 0.0


def _locust(
    url: str,
    seconds: int,
    num_visitors: int,
    users_file: Path | None,
    raw_file: Path,
    rate: float | None,
) -> None:
    locustfile = _CLOSED if rate is None else _STEADY
    command = [
        *(sys.executable, "-m", "locust", "--locustfile", str(locustfile), "--host", url),
        *("--headless", "--only-summary", "--exit-code-on-error", "0"),
        *("--users", str(num_visitors), "--spawn-rate", str(num_visitors)),
        *("--run-time", f"{seconds}s"),
    ]
    environment = {**os.environ, "RECSYS_LOAD_RAW": str(raw_file), "RECSYS_LOAD_RATE": str(rate)}
    if users_file is not None:
        environment["RECSYS_LOAD_USERS"] = str(users_file)
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + _SECONDS_TO_START_AND_STOP,
    )
    if done.returncode != 0 or not raw_file.exists():
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise BadInput(f"locust could not load {url}: {last[0]}")


def _require_loopback(url: str) -> None:
    host = urlsplit(url).hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise BadInput(
            f"{url} is not an address of this machine, expected one like http://127.0.0.1:8501: "
            "load tests are for servers of one's own. To load another, run locust itself."
        )
