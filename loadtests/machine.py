"""What a report says of the machine and the software that its figures come from."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

_LIBRARIES = ("tensorflow", "tensorflow-recommenders", "faiss-cpu", "duckdb", "pyarrow", "numpy")


def described() -> dict[str, Any]:
    """Processor, cores, memory, Python and the versions of the libraries that do the work."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in _LIBRARIES},
    }


def peak_mib() -> int:
    """The most memory that this process has had, and the most of each that it started and that
    still runs, together: MiB of resident memory."""
    return sum(_peak_kib(process) for process in (os.getpid(), *_started_by(os.getpid()))) // 1024


def _peak_kib(process: int) -> int:
    """0 for one that has ended."""
    lines = _said(Path(f"/proc/{process}/status")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _started_by(process: int) -> Iterator[int]:
    for thread in Path("/proc").glob(f"{process}/task/*"):
        for child in _said(thread / "children").split():
            yield int(child)
            yield from _started_by(int(child))


def _said(file: Path) -> str:
    """What the kernel says; nothing of a process or a thread that ended since it was listed."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
