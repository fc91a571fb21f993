"""How many requests for the model may be in the server at once.

A burst is let in, up to as many as can be computed within the time that one may wait: they are
answered a little later, and nobody is refused. A flood is another thing. Where more come than can
be computed, however many may wait, all places are always taken, and each further one makes
everybody wait longer and nobody be answered sooner. So when a good part of those who come has to be
refused, only a few are let in (Nichols and Jacobson, "Controlling Queue Delay", 2012, tell good
queues from bad ones by the same sign: that they stay).
"""

from __future__ import annotations

import statistics
from collections import deque

from recsys.config.serving import Serving

_BATCHES = 21
"""What a request takes is the median of so many: a stall is no reason to refuse anybody."""
_NEWS = 1 / 64
"""The weight of who came last in the share of those who are refused."""
_FLOOD = 0.25
"""From this share on it is one: a burst that finds all places taken is over before."""
_IN_A_FLOOD = 4
"""Places then: half a batch is computed nearly as fast a request as a whole one."""


class Places:
    """The places of one server's queue."""

    def __init__(self, settings: Serving) -> None:
        self._most = settings.max_queue
        self._least = min(settings.max_batch, settings.max_queue)
        self._wait_seconds = settings.max_wait_ms / 1_000
        self._in_time = settings.max_queue
        # The first requests take much longer than any later one: places are many until then.
        self._seconds_each = deque([0.0] * _BATCHES, _BATCHES)
        self._refused_share = 0.0

    @property
    def count(self) -> int:
        """How many there are now."""
        return min(self._in_time, _IN_A_FLOOD) if self._refused_share > _FLOOD else self._in_time

    def admits(self, num_taken: int) -> bool:
        """Whether somebody who comes now finds one; ask once for each who comes."""
        is_free = num_taken < self.count
        self._refused_share += _NEWS * ((not is_free) - self._refused_share)
        return is_free

    def computed(self, seconds_each: float) -> None:
        """Fits the places to what a request takes: as many as can be computed within the
        time that one may wait, and a batch's at least. (With fewer a server that is slow, since it
        refuses much, would refuse the more.)"""
        self._seconds_each.append(seconds_each)
        usual = statistics.median_low(self._seconds_each)
        fitting = int(self._wait_seconds / usual) if usual else self._most
        self._in_time = min(self._most, max(self._least, fitting))
