"""What changed since the baseline, on a candidate model's page: data, configuration, code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from recsys.registry.comparison import Difference
from recsys.reports import figures


class Row(NamedTuple):
    """One thing that two bundles were made of."""

    name: str
    before: str
    after: str


Group = tuple[str, list[Row]]
"""A heading, and what stands under it; nothing where nothing changed."""


def groups(difference: Difference) -> list[Group]:
    """All that the page says of it."""
    config = [
        Row(change.name, figures.value(change.before), figures.value(change.after))
        for change in difference.config
    ]
    code = [Row(component, "", "changed") for component in difference.code]
    return [("data", list(_data(difference))), ("configuration", config), ("code", code)]


def _data(difference: Difference) -> Iterator[Row]:
    before, after = difference.before.made_of, difference.after.made_of
    yield Row("days trained on", _days(before.train_days), _days(after.train_days))
    yield Row("schema", before.schema or figures.NONE, after.schema or figures.NONE)
    apps = difference.apps
    changed = f"{apps.num_added:,} new, {apps.num_removed:,} gone"
    yield Row("apps", f"{apps.num_before:,}", f"{apps.num_after:,}: {changed}")
    for log in difference.days.changed_logs:
        yield Row(f"logs, {log}", "", "rewritten since")


def _days(days: Sequence[str]) -> str:
    return f"{len(days)}: {days[0]} to {days[-1]}" if days else figures.NONE
