"""Keys of the log tables that occur twice, lead nowhere, or were delivered the day before."""

from __future__ import annotations

from collections.abc import Iterator

from recsys.features import integrity, proposals, statistics
from recsys.features.anomalies.day import Column, Finding, Info
from recsys.features.proposals import Remedy

MAX_SHARE = 0.001
"""Share of a table's rows whose key may be wrong: late rows and retries happen."""


def duplicates(column: Column) -> Iterator[Finding]:
    """Keys that occur more than once."""
    yield from _beyond(
        column,
        integrity.DUPLICATE_SHARE,
        "Duplicate keys",
        "of rows repeat another row's key",
        proposals.mend("deliver each row once, as before the job was retried"),
    )


def unlinked(column: Column) -> Iterator[Finding]:
    """Keys that name something which isn't there."""
    yield from _beyond(
        column,
        integrity.UNLINKED_SHARE,
        "Unknown keys",
        "of rows name one that does not exist",
        proposals.mend("deliver what the keys name, or the keys as they were given out"),
    )


def repeated(column: Column) -> Iterator[Finding]:
    """Keys that the day before had too."""
    yield from _beyond(
        column,
        integrity.REPEATED_SHARE,
        "Keys of the day before",
        "of rows have a key that the day before had too",
        proposals.mend("deliver the day's own file"),
    )


def _beyond(
    column: Column, figure: str, short: str, what: str, remedy: Remedy
) -> Iterator[Finding]:
    share = statistics.custom(column.seen).get(figure, 0.0)
    if share > MAX_SHARE:
        description = f"{share:.2%} {what}, expected at most {MAX_SHARE:.2%}"
        examples = _examples(column, figure.replace("share", "examples"))
        yield column.find(Info.CUSTOM_VALIDATION, short, description + examples, remedy)


def _examples(column: Column, figure: str) -> str:
    """Some of the offending keys."""
    found = {one.name: one.str for one in column.seen.custom_stats if one.HasField("str")}
    return f", such as {found[figure]}" if found.get(figure) else ""
