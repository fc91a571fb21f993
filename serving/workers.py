"""Several processes that answer at one place: `recsys serve --workers N`.

Each is a server of its own, with a queue, a model's thread and a presence of its own. They share
what is large, since bundles and LMDB are mapped files of which the machine has one copy, and the
port, at which the kernel deals connections out. A worker that dies is started again; what it had
accepted is lost, and nothing else.

What is done once in a workspace is done under locks that hold between servers too: one seeds the
users while the others wait, one closes a day. A bundle that is activated through one worker is
followed by all, by the file that names it. Any worker that is asked for metrics asks the others,
each at an address of its own, and says whose each series is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from recsys.workspace import Workspace
from serving import process

_LOOK_SECONDS = 0.1
_REST_SECONDS = 1.0
"""Before a worker that died is started again, so that one that can't live costs little."""


def serve(
    workspace: Workspace, host: str, port: int, count: int, ready: Callable[[str, str], None]
) -> None:
    """Keeps workers running until a signal says to stop.

    Args:
        workspace: what they serve.
        host: the address.
        port: 0 for a free one.
        count: how many.
        ready: is told the bundle's version and the address once, when all can answer.
    """
    from serving.state import admin_token

    admin_token(workspace)  # before two of them make one
    with _reserved(host, port) as taken:
        workers = [_Worker(workspace, host, taken) for _ in range(count)]
        stopping = threading.Event()
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, lambda *_: stopping.set())
        told = False
        try:
            while not stopping.wait(_LOOK_SECONDS):
                for worker in workers:
                    worker.look_after()
                if not told and all(worker.version for worker in workers):
                    told = True
                    ready(workers[0].version, process.url_of(host, taken))
        finally:
            for worker in workers:
                worker.stop()
            for worker in workers:
                worker.wait()


@contextlib.contextmanager
def _reserved(host: str, port: int) -> Iterator[int]:
    """Holds a port, without listening at it, for those who share it; gives its number."""
    with process.listener(host, port):  # nobody else is there
        pass
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
        yield int(held.getsockname()[1])


class _Worker:
    """One process, and another in its place when it dies."""

    def __init__(self, workspace: Workspace, host: str, port: int) -> None:
        arguments = [str(workspace.root), host, str(port)]
        self._command = [sys.executable, "-m", "serving.workers", *arguments]
        self.version = ""
        """The bundle that it served first; empty until it is ready."""
        self._died_at: float | None = None
        self._start()

    def look_after(self) -> None:
        """Starts it again a while after it died."""
        if self._process.poll() is None:
            return
        now = time.monotonic()
        if self._died_at is None:
            self._died_at = now
        elif now - self._died_at > _REST_SECONDS:
            self._start()

    def stop(self) -> None:
        """Tells it to finish what it accepted, and to end."""
        self._process.terminate()

    def wait(self) -> None:
        """Waits until it has."""
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _start(self) -> None:
        self._died_at = None
        # A session of its own: at a terminal Ctrl-C is for the parent, which tells it.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=[self._process], daemon=True).start()

    def _listen(self, started: subprocess.Popen[str]) -> None:
        assert started.stdout is not None
        for line in started.stdout:
            self.version = json.loads(line)["ready"]


def main(root: Path, host: str, port: int) -> None:
    """What a worker does."""
    workspace = Workspace(root)
    process.prepare(workspace.config.serving)
    from serving.population import no_progress

    shared = process.listener(host, port, is_shared=True)
    own = process.listener("127.0.0.1", 0)
    own_url = process.url_of("127.0.0.1", own.getsockname()[1])

    def outlive_nobody() -> None:
        sys.stdin.read()  # it ends when the parent does, however that ends
        os.kill(os.getpid(), signal.SIGTERM)

    def ready(version: str) -> None:
        sys.stdout.write(json.dumps({"ready": version}) + "\n")
        sys.stdout.flush()

    threading.Thread(target=outlive_nobody, daemon=True).start()
    url = process.url_of(host, port)
    process.run(workspace, [shared, own], url, ready, no_progress, own_url)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
