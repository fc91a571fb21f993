"""Which core does what in a measurement: the server one, whoever asks it another."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

_CORES = sorted(os.sched_getaffinity(0))
SERVER, GENERATOR = _CORES[0], _CORES[-1]
"""The same where the machine has but one."""


@contextlib.contextmanager
def started_on(core: int) -> Iterator[None]:
    """What this thread starts while the block runs stays on one core for good."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
