"""A person's part in validation: what could be changed in the schema, and the decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

from pipeline.artifacts import ExampleStatistics
from pipeline.spans import days_of_logs
from pipeline.store import Store
from recsys.errors import BadInput
from recsys.features import proposals, schema, statistics
from recsys.features.proposals import Proposal
from recsys.features.schema import Schema


def proposed(store: Store) -> list[tuple[dt.date, Proposal]]:
    """What would settle the anomalies of every day that was looked at, with the day.

    Raises:
        BadInput: there is no schema yet.
    """
    expected = approved(store)
    return [
        (day, proposal)
        for day, seen in _seen(store)
        for proposal in proposals.propose(seen, expected)
    ]


def approve(store: Store, names: Collection[str], why: str) -> int:
    """Makes the proposals of these features the next version of the schema.

    Args:
        store: holds the days that were looked at.
        names: the features; all of them where empty.
        why: the reason, for those who come after.

    Returns:
        the new version.

    Raises:
        BadInput: a name has no proposal, or there is none at all.
    """
    known = {proposal.name for _, proposal in proposed(store)}
    unknown = sorted(set(names) - known)
    if unknown or not known:
        raise BadInput(
            f"nothing is proposed for {', '.join(unknown) or 'any feature'}, expected one of "
            f"{', '.join(sorted(known)) or 'none'}: `recsys schema diff` lists them."
        )
    changed = approved(store)
    for _, seen in _seen(store):
        chosen = [p for p in proposals.propose(seen, changed) if not names or p.name in names]
        changed = proposals.accept(changed, chosen)
    return schema.approve(store.workspace, changed, why)


def approved(store: Store) -> Schema:
    """The version of the schema that counts.

    Raises:
        BadInput: there is none yet.
    """
    version = schema.latest(store.workspace)
    if version is None:
        raise BadInput("there is no schema yet: `recsys run` infers one from the first day.")
    return schema.load(schema.path_of(store.workspace, version))


def _seen(store: Store) -> Iterator[tuple[dt.date, statistics.DatasetFeatureStatisticsList]]:
    """The statistics of every day that has some, in order."""
    for day in days_of_logs(store.workspace):
        if store.has(ExampleStatistics, day):
            yield day, statistics.load(store.current(ExampleStatistics, day).statistics)
