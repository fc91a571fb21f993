"""Publishes each day once it is over, in a process of its own: writing a day's tables would hold
the interpreter that requests want, and it is no harm if it is killed."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

from recsys.workspace import Workspace
from serving import publishing

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0
_NICE = ("nice", "-n", "19")


class Closing:
    """Looks now and then whether a day has ended. Of several servers, one publishes it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ending = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Looks while the block runs; what is being published then is left to the next server."""
        thread = threading.Thread(target=self._run, name="closing")
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()

    def _run(self) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            through = publishing.published_through(self._workspace)
            closed = publishing.last_closed(self._workspace, dt.datetime.now(dt.UTC))
            if through is None or through < closed:
                self._publish(closed)

    def _publish(self, day: dt.date) -> None:
        root = str(self._workspace.root)
        command = [*_NICE, sys.executable, "-m", "recsys", "events", "publish", "--workspace", root]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            while True:
                try:
                    _, said = process.communicate(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    if self._ending.is_set():
                        process.terminate()
        if process.returncode and not self._ending.is_set():
            logger.error("%s is not published: %s", day, said.decode(errors="replace").strip())
