"""The ids of requests: 32 hexadecimal digits, of which 20 are random and the last 12 are the
milliseconds since 1970 at which the request came.

So whoever hears of a page, hours later or on another machine, knows the day that it belongs to
without asking. The random part stands first: ids in order are in no order of time.
"""

from __future__ import annotations

import datetime as dt
import os
import re

_RANDOM_DIGITS = 20
_TOKEN_DIGITS, _TOKENS_AT_ONCE = 32, 256
_ID = re.compile(r"[0-9a-f]{20}([0-9a-f]{12})")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_MOST = (dt.datetime(9999, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MILLISECOND


_tokens: list[str] = []
os.register_at_fork(after_in_child=_tokens.clear)  # or two processes would use the same


def random_digits(count: int) -> str:
    """Hexadecimal digits that nobody can guess, 32 at most. They are drawn many at a time: to ask
    the system takes longer than all else about a request's id."""
    while not _tokens:
        drawn = os.urandom(_TOKENS_AT_ONCE * _TOKEN_DIGITS // 2).hex()
        starts = range(0, len(drawn), _TOKEN_DIGITS)
        _tokens.extend(drawn[start : start + _TOKEN_DIGITS] for start in starts)
    return _tokens.pop()[:count]


def new(time: dt.datetime) -> str:
    """An id of a request that came at that time."""
    return f"{random_digits(_RANDOM_DIGITS)}{(time - _EPOCH) // _MILLISECOND:012x}"


def asked_at(
    request_id: str | None, latest: dt.datetime, max_age: dt.timedelta
) -> dt.datetime | None:
    """When the request came, to the millisecond; None where the id doesn't say so.

    Clients may send anything: what would lie after `latest`, or more than `max_age` before it, is
    no id of ours.
    """
    found = _ID.fullmatch(request_id or "")
    if found is None or int(found[1], 16) > _MOST:
        return None
    asked = _EPOCH + int(found[1], 16) * _MILLISECOND
    return asked if latest - max_age <= asked <= latest else None
