"""What the C library keeps of memory that was freed: little, and none after a swap.

Left to itself, glibc learns from the largest block that was ever freed (a bundle's loading frees
some of 20 MiB) that blocks up to that size are worth keeping, and twice as much at the end of the
heap that each thread has. Of every thread that once needed much, that much is never given back.
"""

from __future__ import annotations

import contextlib
import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, in <malloc.h>
_OWN_MAP_BYTES = 4 << 20
"""A block from that size on is mapped by itself, and gone when it is freed. What a batch of
requests needs is smaller: mapped anew each time, it would cost a fault a page."""
_KEPT_BYTES = 16 << 20
"""At the end of each thread's heap."""


def hold_thresholds() -> None:
    """From now on thresholds stay as they are; where the C library is another, nothing happens."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _OWN_MAP_BYTES)
        library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


def give_back() -> None:
    """Returns all freed pages of all threads' heaps to the kernel. It takes some milliseconds, in
    which others have the interpreter, and wait where they want memory of the heap that is gone
    through."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
