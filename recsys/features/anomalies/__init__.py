"""Where a day's data differs from what is expected of it, as tensorflow-metadata's `Anomalies`.

Each kind of anomaly is one function, in a module a family:

| module       | what it finds                                                                   |
|--------------|---------------------------------------------------------------------------------|
| `columns`    | columns that are new or gone, of another type, with too few or too many values  |
| `values`     | strings outside of a domain, numbers out of range, NaN, infinity                |
| `keys`       | keys that occur twice, lead nowhere, or were delivered the day before           |
| `deliveries` | days that are short or late                                                     |
| `drift`      | features that are distributed otherwise than before                             |
| `served`     | training-serving skew                                                           |

A description says in plain words, with figures and examples, what was found and what was expected;
the line after it says what to do. An anomaly of severity `ERROR` stops the run before anything is
trained: one of a feature that a model reads, of a key, a label, a table or the whole dataset.
Others warn.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2

from recsys.features.anomalies import columns, deliveries, drift, keys, served, values
from recsys.features.anomalies.day import DATASET as DATASET
from recsys.features.anomalies.day import Column as Column
from recsys.features.anomalies.day import Day as Day
from recsys.features.anomalies.day import Finding as Finding
from recsys.features.anomalies.day import Info, is_of_table
from recsys.features.anomalies.day import Row as Row
from recsys.features.anomalies.day import Severity as Severity

Anomalies = Any

OF_DAY = (
    deliveries.too_few_examples,
    deliveries.volume,
    deliveries.late_tables,
    columns.missing_columns,
    columns.new_columns,
    served.skewed,
    served.replayed,
)
OF_COLUMN = (
    columns.low_presence,
    columns.valency,
    values.outside_domain,
    values.out_of_range,
    values.not_finite,
    keys.duplicates,
    keys.unlinked,
    keys.repeated,
    deliveries.old_snapshot,
    deliveries.empty_hours,
)


def findings(day: Day) -> Iterator[Finding]:
    """Everything that is wrong with a day: with the whole of it, then feature by feature."""
    for of_day in OF_DAY:
        yield from of_day(day)
    for column in day.columns():
        changed = list(columns.type_change(column))
        yield from changed or _plainest(column)


def _plainest(column: Column) -> list[Finding]:
    """What is wrong with a column of the expected type. That it has drifted is said only where
    nothing plainer is; agreeing to the plainer then agrees to the drift as well."""
    plain = [finding for of_column in OF_COLUMN for finding in of_column(column)]
    moved = drift.of_column(column)
    drifted = moved.finding if moved else None
    if drifted is None:
        return plain
    if not plain:
        return [drifted]
    return [finding.settling(drifted) for finding in plain]


def validate(day: Day) -> Anomalies:
    """Everything that is wrong with a day, and how far its features have moved."""
    anomalies = anomalies_pb2.Anomalies(baseline=day.expected.schema)
    by_name: dict[str, list[Finding]] = {}
    for finding in findings(day):
        by_name.setdefault(finding.name, []).append(finding)
    for name, found in by_name.items():
        info = anomalies.anomaly_info[name] if name else anomalies.dataset_anomaly_info
        _describe(info, name, found)
        stops = any(day.severity(finding) == "error" for finding in found)
        info.severity = Info.ERROR if stops else Info.WARNING
    for moved in drift.drifts(day):
        if moved.measurement is not None:
            info = anomalies.drift_skew_info.add(drift_measurements=[moved.measurement])
            info.path.step.extend(moved.column.seen.path.step)
    return anomalies


def rows(anomalies: Anomalies) -> list[Row]:
    """The anomalies for people: errors before warnings, the dataset's first, then by name."""
    infos = [(name, info) for name, info in sorted(anomalies.anomaly_info.items())]
    if anomalies.HasField("dataset_anomaly_info"):
        infos.insert(0, (DATASET, anomalies.dataset_anomaly_info))
    found = [_row(name, info, reason) for name, info in infos for reason in info.reason]
    return sorted(found, key=lambda row: row.severity != "error")


def distances(anomalies: Anomalies) -> dict[str, float]:
    """How far each feature has moved since the last day that passed, or since the reference, as a
    share of how far it may."""
    return {
        ".".join(info.path.step): measurement.value / measurement.threshold
        for info in anomalies.drift_skew_info
        for measurement in info.drift_measurements
    }


def errors(anomalies: Anomalies) -> list[str]:
    """The anomalies that stop a run, each a line `feature: what is wrong`."""
    stopping = (row for row in rows(anomalies) if row.severity == "error")
    return [f"{row.name}: {row.description}" for row in stopping]


def save(anomalies: Anomalies, path: Path) -> None:
    """Writes a text `Anomalies`."""
    path.write_text(text_format.MessageToString(anomalies))


def load(path: Path) -> Anomalies:
    """Reads a text `Anomalies`."""
    return text_format.Parse(path.read_text(), anomalies_pb2.Anomalies())


def _describe(info: Any, name: str, found: list[Finding]) -> None:
    """Fills in an `AnomalyInfo`; its reasons are the findings, what to do on a line of its own."""
    if name:
        info.path.step.extend(name.split(".") if is_of_table(name) else [name])
    info.short_description = "; ".join(finding.short for finding in found)
    info.description = "; ".join(finding.description for finding in found)
    for finding in found:
        info.reason.add(
            type=finding.type,
            short_description=finding.short,
            description=f"{finding.description}\n{finding.remedy.text}",
        )


def _row(name: str, info: Any, reason: Any) -> Row:
    description, _, remedy = reason.description.rpartition("\n")
    return Row(
        name=name,
        kind=Info.Type.Name(reason.type),
        short=reason.short_description,
        description=description,
        severity="error" if info.severity == Info.ERROR else "warning",
        remedy=remedy,
    )
