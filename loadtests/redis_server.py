"""A real `redis-server` on a loopback port of its own, durable as the user store wants it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from recsys.errors import BadInput

_SECONDS_TO_START = 10.0
_DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@contextlib.contextmanager
def redis_server(folder: Path, *settings: str) -> Iterator[str]:
    """Runs it while the block does; gives its URL.

    Args:
        folder: where it keeps its data; what an earlier one left there is loaded.
        settings: further options, `"--maxmemory", "1mb"` say; the last of a name counts.

    Raises:
        BadInput: there is no `redis-server` here, or it did not start.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise BadInput("redis-server was not found: install it (`apt-get install redis-server`).")
    folder.mkdir(parents=True, exist_ok=True)
    port = int(settings[settings.index("--port") + 1]) if "--port" in settings else _free_port()
    place = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "")
    with (folder / "redis.log").open("ab") as log:
        process = subprocess.Popen([program, *place, *_DURABLE, *settings], stdout=log)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    with contextlib.closing(redis.Redis.from_url(url)) as asking:
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError):
                asking.ping()
                return
            time.sleep(0.02)
    raise BadInput(f"{url} did not answer within {_SECONDS_TO_START:g} s: see its redis.log.")
