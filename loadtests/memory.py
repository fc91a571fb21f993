"""What a process has of memory: its own, and mapped files, which processes share."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Memory:
    """A process's memory at a time."""

    time: float
    """By `time.perf_counter`."""
    resident_mib: float
    """All of it."""
    own_mib: float
    """What is no file's, and no other process's."""


def memory_of(process: int) -> Memory:
    """What a process has now, from the kernel's counters: looking holds nobody up.

    Raises:
        OSError: there is no such process.
    """
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    kib = {
        name: int(value.split()[0])
        for name, _, value in (line.partition(":") for line in lines)
        if name in ("VmRSS", "RssAnon")
    }
    return Memory(time.perf_counter(), kib["VmRSS"] / 1024, kib["RssAnon"] / 1024)


def proportional_mib(process: int) -> float:
    """What a process has where a page that several have is shared out among them. The kernel walks
    all of its pages for it.

    Raises:
        OSError: there is no such process.
    """
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    [kib] = [line.split()[1] for line in lines if line.startswith("Pss:")]
    return int(kib) / 1024


@contextlib.contextmanager
def watched(process: int) -> Iterator[list[Memory]]:
    """What a process has of memory, looked at while the block runs."""
    seen: list[Memory] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_SECONDS):
            with contextlib.suppress(OSError):
                seen.append(memory_of(process))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()
