"""Which servers run over a workspace, and what each of them serves: `serving/servers/`.

Each server keeps a note there, and holds the lock of a file beside it for as long as it lives. The
kernel takes the lock from a server that was killed, in a container or out of it, so a note whose
lock is free is of no server any more.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from recsys.workspace import STAGED, Workspace, write_atomically

_LOCK, _NOTE = ".lock", ".json"


@dataclass(frozen=True)
class Server:
    """What a running server says of itself."""

    host: str
    """The machine that it runs on."""
    pid: int
    url: str
    """Where it answers; "" where it was not told."""
    own_url: str = ""
    """Where this process alone answers, if several share `url`."""
    serving: str | None = None
    """The version that answers requests."""
    since: str | None = None
    """When it began to: ISO 8601, UTC."""
    loading: str | None = None
    """The version that it is trying right now."""

    @property
    def holds(self) -> set[str]:
        """The versions whose files it may read."""
        return {version for version in (self.serving, self.loading) if version}


def running(workspace: Workspace) -> list[Server]:
    """The servers that live, in the order of their addresses."""
    notes = [lock.with_suffix(_NOTE) for lock in _locks(workspace) if _is_held(lock)]
    servers = (Server(**json.loads(note.read_text())) for note in notes if note.exists())
    return sorted(servers, key=lambda server: (server.url, server.pid))


class Presence:
    """A running server's own note. One thread at a time may tell."""

    def __init__(self, workspace: Workspace, url: str, own_url: str = "") -> None:
        """`url` is where the server answers, `own_url` where no other process does."""
        self._workspace = workspace
        self._server = Server(socket.gethostname(), os.getpid(), url, own_url)
        self._note: Path | None = None

    @property
    def url(self) -> str:
        """Where the server answers."""
        return self._server.url

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Others see the server while the block runs; whatever killed ones left is removed."""
        _sweep(self._workspace)
        folder = _folder(self._workspace)
        folder.mkdir(parents=True, exist_ok=True)
        handle, staged = tempfile.mkstemp(prefix=STAGED, suffix=_LOCK, dir=folder)
        lock = folder / Path(staged).name.removeprefix(STAGED)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._note = lock.with_suffix(_NOTE)
            self._write()
            Path(staged).rename(lock)
            yield
        finally:
            for path in (Path(staged), lock, lock.with_suffix(_NOTE)):
                path.unlink(missing_ok=True)
            self._note = None
            os.close(handle)

    def tell(self, serving: str | None, loading: str | None = None) -> None:
        """Says what is served and what is being tried."""
        now = dt.datetime.now(dt.UTC).isoformat("T", "seconds") if serving else None
        since = self._server.since if serving == self._server.serving else now
        told = {"serving": serving, "since": since, "loading": loading}
        self._server = Server(**(asdict(self._server) | told))
        self._write()

    def _write(self) -> None:
        if self._note is not None:
            write_atomically(self._note, json.dumps(asdict(self._server)).encode())


def _folder(workspace: Workspace) -> Path:
    return workspace.serving / "servers"


def _locks(workspace: Workspace) -> list[Path]:
    return [path for path in _folder(workspace).glob(f"*{_LOCK}") if not path.name.startswith(".")]


def _is_held(lock: Path) -> bool:
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # it has just ended
        return False
    return False


def _sweep(workspace: Workspace) -> None:
    for lock in _locks(workspace):
        if not _is_held(lock):
            lock.with_suffix(_NOTE).unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
