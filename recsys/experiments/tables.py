"""The two tables that an experiment is analysed from, whoever wrote them: a server's log or a
simulation.

`EXPOSURES` has a row for each time, or each first time, that a user was served by an arm. The
first one counts. `OUTCOMES` has a row for each user and day with something on it; a day without a
row is a day of zeros. It covers the days of the experiment and, for CUPED, days before it.
Further numeric columns may be declared as metrics.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from recsys.tables import TIME

EXPOSURES = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("experiment", pa.string(), nullable=False),
        pa.field("arm", pa.string(), nullable=False),
        ("bundle", pa.string()),  # that made the page, null for a policy or two that interleave
        pa.field("time", TIME, nullable=False),
    ]
)

SERVED = pa.schema(
    [
        *EXPOSURES,
        pa.field("request_id", pa.string(), nullable=False),
        ("latency_ms", pa.float64()),  # from the request's arrival until its page was made
        ("num_items", pa.int64()),
    ]
)
"""What servers log: a row for each page that an arm made, with what only they know of it."""

OUTCOMES = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),  # UTC
        ("pages", pa.float64()),
        ("empty_pages", pa.float64()),
        ("impressions", pa.float64()),
        ("clicks", pa.float64()),
        ("installs", pa.float64()),
        ("uninstalls", pa.float64()),
        ("latency_ms", pa.float64()),  # summed over the day's pages
    ]
)

CREDITED: Mapping[str, tuple[str, str]] = {
    "clicks": ("clicks_of_first", "clicks_of_second"),
    "installs": ("installs_of_first", "installs_of_second"),
}
"""Columns that outcomes have beside `OUTCOMES` where arms interleave: what is credited to the first
and to the second of the two arms, in the order in which `interleaves` names them."""
