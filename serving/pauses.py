"""Keeps Python's collector of garbage from stopping the server.

It looks through everything that there is, now and then, which takes tens of milliseconds while
nobody is answered. What is there when the server is ready is there for good: it need not be looked
through again.
"""

from __future__ import annotations

import gc

_OBJECTS_BETWEEN = 10_000
"""New objects until the youngest are looked through; Python's 700 are those of three requests."""


def forestall() -> None:
    """Sets aside what is there, once and for all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN, *gc.get_threshold()[1:])
