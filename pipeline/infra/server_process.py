"""The real server over a workspace, in a process of its own that ends with the block, and with this
process however that ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from recsys.config import Infra
from recsys.workspace import Workspace

_LOOK_SECONDS = 0.05
_SECONDS_TO_ANSWER = 10.0
_SECONDS_TO_STOP = 10.0
# The kernel ends the server with the thread that started it (PR_SET_PDEATHSIG), unless that is gone
# already.
_TIED_TO_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.executable, [sys.executable, "-m", "recsys", *sys.argv[2:]])
"""


class Unfit(Exception):
    """The server can't be asked, or not any more; the message says why."""


@dataclass(frozen=True)
class ServerProcess:
    """A server that was started."""

    process: subprocess.Popen[bytes]
    output: Path
    """What it says on standard error."""
    client: httpx.Client
    """Speaks to nobody but this machine."""

    @property
    def address(self) -> str | None:
        """Its URL, once it has bound its port."""
        found = re.search(r"listening at (http://\S+);", self.output.read_text(errors="replace"))
        return found[1] if found else None

    @property
    def last_words(self) -> str:
        """The last complaint that it made."""
        lines = self.output.read_text(errors="replace").splitlines()
        complaints = (complaint for line in reversed(lines) if (complaint := _complaint(line)))
        return next(complaints, "nothing")

    @property
    def peak_memory_mib(self) -> int:
        """The most resident memory that it has had; 0 where it has ended."""
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            if peak := re.search(r"VmHWM:\s+(\d+) kB", status):
                return int(peak[1]) // 1024
        return 0

    def require_alive(self, doing: str) -> None:
        """Does nothing while it lives.

        Raises:
            Unfit: it has ended; with how and its last words.
        """
        code = self.process.poll()
        if code is not None:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise Unfit(f"the server ended with {how} {doing}; its last words: {self.last_words}")

    def wait_until_ready(self, limits: Infra) -> float:
        """Seconds from now until a bundle serves.

        Raises:
            Unfit: the server ended, refused the bundle, or went beyond a limit.
        """
        started = time.monotonic()
        while not self._is_ready():
            self.require_alive("while it loaded the bundle")
            if (peak := self.peak_memory_mib) > limits.max_memory_mib:
                raise Unfit(
                    f"the server took {peak:,} MiB of memory while it loaded the bundle, at most "
                    f"{limits.max_memory_mib:,} MiB is allowed"
                )
            if time.monotonic() - started > limits.max_load_seconds:
                raise Unfit(
                    f"the server was not ready within the {limits.max_load_seconds:g} s that are "
                    f"allowed; its last words: {self.last_words}"
                )
            time.sleep(_LOOK_SECONDS)
        return time.monotonic() - started

    def _is_ready(self) -> bool:
        if self.address is None:
            return False
        with contextlib.suppress(httpx.TransportError):
            refused = self.client.get(f"{self.address}/v1/bundles").json()["refused"]
            if refused:
                raise Unfit(f"the server refused the bundle: {refused['reason']}")
            return self.client.get(f"{self.address}/readyz").status_code == httpx.codes.OK
        return False


def _complaint(line: str) -> str:
    """What a line complains of; empty where it is an entry of the log that is no warning."""
    try:
        entry = json.loads(line)
    except ValueError:  # it wasn't the log that wrote it
        return line.strip()
    if entry["level"] == "info":
        return ""
    *_, raised = entry.get("exception", "").splitlines() or [""]
    return f"{entry['message']} {raised}".strip()


@contextlib.contextmanager
def server(workspace: Workspace) -> Iterator[ServerProcess]:
    """Starts `recsys serve` on a free port; it is not ready yet."""
    output = workspace.root / "server.log"
    arguments = ["serve", "--port", "0", "--workspace", str(workspace.root)]
    command = [sys.executable, "-c", _TIED_TO_PARENT, str(os.getpid()), *arguments]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file
        )
    try:
        with httpx.Client(timeout=_SECONDS_TO_ANSWER, trust_env=False) as client:
            yield ServerProcess(process, output, client)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
