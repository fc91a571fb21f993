"""A person's part in validation: what was found, what would settle it, and the decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from typing import NamedTuple

from pipeline import example_validator
from pipeline.artifacts import ExampleAnomalies, ExampleStatistics, ServingSkew
from pipeline.spans import days_of_logs
from pipeline.store import Store
from recsys.errors import BadInput
from recsys.features import anomalies, proposals, schema
from recsys.features.anomalies import DATASET, Finding, Row, Severity
from recsys.features.proposals import Remedy
from recsys.features.schema import Decision, Expectations, Waiver


class Found(NamedTuple):
    """One anomaly of a day that no version of the schema settles yet."""

    day: dt.date
    finding: Finding
    severity: Severity

    @property
    def name(self) -> str:
        """How a person names it: the feature, the table, or `dataset`."""
        return self.finding.name or DATASET

    @property
    def row(self) -> Row:
        """The same for people."""
        return self.finding.row(self.severity)

    @property
    def can_be_approved(self) -> bool:
        """Whether a change of the schema would settle it."""
        return self.finding.remedy.apply is not None


class Approval(NamedTuple):
    """The next version of the schema, and what it changes."""

    version: int
    decisions: list[Decision]


def open_anomalies(store: Store) -> list[Found]:
    """The anomalies of every day that was looked at, against the version that counts for it now.

    Raises:
        BadInput: there is no schema yet.
    """
    newest_version(store)
    return [found for day in _days(store) for found in _found(store, day, _in_force(store, day))]


def approve(store: Store, names: Collection[str], why: str, is_dry_run: bool = False) -> Approval:
    """Makes the changes that are proposed for some names the next version of the schema.

    Args:
        store: holds the days that were looked at.
        names: of features, or `dataset`; all that have a proposal where empty. What has none, since
            it should be mended upstream, must be named: then its days pass as they are.
        why: the reason, for those who come after.
        is_dry_run: only says what would be decided.

    Returns:
        the new version, and what it changes.

    Raises:
        BadInput: there is no reason, no proposal for a name, or none at all.
    """
    _require_reason(why)
    _require_proposals(open_anomalies(store), names)
    newest = newest_version(store)
    expected = schema.load(schema.folder_of(store.workspace, newest))
    decisions: list[Decision] = []
    for day in _days(store):
        found = [
            one
            for one in _found(store, day, expected)
            if (one.name in names if names else one.can_be_approved)
        ]
        expected = proposals.accept(expected, [_settling(one) for one in found])
        decisions += [_decision(one) for one in found]
    if is_dry_run:
        return Approval(newest + 1, decisions)
    since = dt.date.fromisoformat(min(decision.day for decision in decisions))
    version = schema.approve(store.workspace, expected, why, since, decisions)
    return Approval(version, decisions)


def newest_version(store: Store) -> int:
    """The newest version of the schema.

    Raises:
        BadInput: there is none yet.
    """
    version = schema.latest(store.workspace)
    if version is None:
        raise BadInput("there is no schema yet: `recsys run` infers one from the first day.")
    return version


def _days(store: Store) -> Iterator[dt.date]:
    """The days in which something was found, in order."""
    for day in days_of_logs(store.workspace):
        if store.has(ExampleAnomalies, day):
            judged = anomalies.load(store.current(ExampleAnomalies, day).anomalies)
            if anomalies.rows(judged):
                yield day


def _in_force(store: Store, day: dt.date) -> Expectations:
    version = schema.in_force(store.workspace, day)
    assert version is not None  # the day was judged by one
    return schema.load(schema.folder_of(store.workspace, version))


def _found(store: Store, day: dt.date, expected: Expectations) -> list[Found]:
    """What is wrong with a day, held against these expectations."""
    judged = example_validator.day(
        store.current(ExampleStatistics, day),
        expected,
        store.current(ServingSkew, day),
        example_validator.last_passed(store, day),
        store.workspace.config,
    )
    return [
        Found(day, finding, judged.severity(finding))
        for finding in anomalies.findings(judged)
        if (finding.name or DATASET, finding.short) not in judged.waived
    ]


def _settling(found: Found) -> Remedy:
    """What an approval of it does: the change that is proposed, or else the day is let pass."""
    if found.can_be_approved:
        return found.finding.remedy
    return proposals.let_pass(Waiver(str(found.day), found.name, found.finding.short))


def _decision(found: Found) -> Decision:
    return Decision(str(found.day), found.name, found.finding.short, _settling(found).text)


def _require_reason(why: str) -> None:
    if not why.strip():
        raise BadInput(
            "expected a reason for those who come after, found none: say it with --why TEXT."
        )


def _require_proposals(found: Collection[Found], names: Collection[str]) -> None:
    known = sorted({one.name for one in found})
    unknown = sorted(set(names) - set(known))
    if unknown or not (names or any(one.can_be_approved for one in found)):
        raise BadInput(
            f"nothing can be approved for {', '.join(unknown) or 'all at once'}, expected "
            f"one of {', '.join(known) or 'none'}: `recsys schema diff` lists them."
        )
