"""Kills a process at each of its steps in turn: before every operation that changes the disk."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

_ON_PATHS = {
    *("open", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "symlink", "link"),
    *("chmod", "utime", "truncate", "ftruncate", "fsync", "sendfile", "copy_file_range", "write"),
    "flock",
}
_ON_FILES = {"write", "flush", "truncate", "close", "__exit__"}


def is_killed_before(step: int, do: Callable[[], object]) -> bool:
    """Runs something in a forked process that kills itself before its `step`-th change of the disk;
    False where it ends before it comes so far. The caller must have no threads.

    Raises:
        AssertionError: it failed.
    """
    child = os.fork()
    if child == 0:
        _run(step, do)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return status != 0


def _run(step: int, do: Callable[[], object]) -> None:
    left = [step]

    def count(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and _changes_the_disk(called):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        threading.setprofile(count)
        sys.setprofile(count)
        do()
        sys.setprofile(None)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _changes_the_disk(called: Any) -> bool:
    owner = getattr(called, "__self__", None)
    if type(owner).__module__ == "_io":
        return called.__name__ in _ON_FILES
    return called.__module__ in ("posix", "fcntl", "_io", "io") and called.__name__ in _ON_PATHS
