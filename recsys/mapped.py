"""Files mapped into memory: nothing is read before it is used, processes share one copy, and pages
that are no longer wanted go back to the kernel while the file stays mapped.

A page's first use takes a fault, some microseconds in which the request waits. So a server touches
all pages of a bundle before it serves, and gives back those of the one that it served before; both
a little at a time, from a thread that nobody waits for.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_POPULATE_READ = 22  # MADV_POPULATE_READ, which Python's mmap has no name for; Linux 5.14
_CHUNK_BYTES = 1 << 20
_REST_SECONDS = 0.0002


@dataclass(frozen=True)
class _File:
    """What a map shows. A file that took another's place is another one."""

    path: Path
    number: int
    num_bytes: int
    written_ns: int


_maps: weakref.WeakKeyDictionary[mmap.mmap, _File] = weakref.WeakKeyDictionary()


def content(path: Path) -> mmap.mmap:
    """A file's bytes; mapped once, however many ask, until the last array over them is gone."""
    with path.open("rb") as opened:
        status = os.fstat(opened.fileno())
        file = _File(path, status.st_ino, status.st_size, status.st_mtime_ns)
        for mapped, shown in list(_maps.items()):
            if shown == file:
                return mapped
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    _maps[mapped] = file
    return mapped


def array(path: Path) -> NDArray[Any]:
    """The array of a `.npy` file, not to be written to.

    Raises:
        ValueError: it is none, or needs pickle.
    """
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, is_fortran, dtype = read_header(file)
        offset = file.tell()
    if dtype.hasobject:
        raise ValueError(f"{path} holds Python objects, expected numbers or texts.")
    count = int(np.prod(shape, dtype=np.int64))
    if not count:
        return np.empty(shape, dtype)
    flat = np.frombuffer(content(path), dtype, count, offset)
    return flat.reshape(shape, order="F" if is_fortran else "C")


def touch(folder: Path) -> None:
    """Brings the pages of all files that are mapped from a folder into this process's tables."""
    _advise(folder, _POPULATE_READ)


def give_back(folder: Path) -> None:
    """Takes them out of its tables: whoever uses one again waits for a fault, as at first."""
    _advise(folder, mmap.MADV_DONTNEED)


def _advise(folder: Path, advice: int) -> None:
    """A piece at a time, since the interpreter waits for each."""
    for mapped, file in list(_maps.items()):
        if file.path.is_relative_to(folder):
            for start in range(0, len(mapped), _CHUNK_BYTES):
                with contextlib.suppress(OSError):  # a kernel that doesn't know it
                    mapped.madvise(advice, start, min(_CHUNK_BYTES, len(mapped) - start))
                time.sleep(_REST_SECONDS)
