"""Debian's `wrk` as a second generator, where it is installed: a closed loop in C, so that a
figure is not the first generator's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

# It sends each body once, in order, and tells its figures as one line of JSON.
_SCRIPT = """
local bodies, next = {}, 0
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local headers = {["Content-Type"] = "application/json"}
request = function()
  next = next %% #bodies + 1
  return wrk.format("POST", "/v1/recommend", headers, bodies[next])
end
done = function(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write
  io.write(string.format(
    '{"num_requests": %%d, "seconds": %%f, "num_failed": %%d, "num_refused": %%d, '
    .. '"p50_ms": %%f, "p95_ms": %%f, "p99_ms": %%f, "p999_ms": %%f}\\n',
    summary.requests, summary.duration / 1e6, failed + summary.errors.timeout,
    summary.errors.status, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3))
end
"""


def is_installed() -> bool:
    """Whether it can be asked."""
    return shutil.which("wrk") is not None


def run(url: str, bodies: Sequence[bytes], seconds: float, connections: int) -> dict[str, float]:
    """What it saw of a server of this machine: requests, failures, and quantiles in milliseconds.

    Args:
        url: the server's address.
        bodies: requests to `/v1/recommend`, without line breaks.
        seconds: how long; whole ones.
        connections: each asks when it is answered.
    """
    with tempfile.TemporaryDirectory(prefix="recsys-wrk-") as scratch:
        lines, script = Path(scratch) / "bodies", Path(scratch) / "ask.lua"
        lines.write_bytes(b"\n".join(bodies) + b"\n")
        script.write_text(_SCRIPT % lines)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        done = subprocess.run(
            [*command, "-s", str(script), url], capture_output=True, text=True, check=True
        )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "requests_per_s": found["num_requests"] / found["seconds"]}
