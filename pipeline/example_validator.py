"""ExampleValidator: a span's statistics against the schema, the days before, and what was served.

The component only finds and writes down; what follows from an anomaly (the run stops) is the
graph's blocking check.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pipeline.artifacts import REPORT, ExampleAnomalies, ExampleStatistics, Schema, ServingSkew
from pipeline.pages import span_report
from pipeline.pages.span_report import Span
from pipeline.schema_gen import inference
from pipeline.spans import days_of_logs
from pipeline.store import Store
from recsys.config import Config
from recsys.features import anomalies, schema, statistics
from recsys.features.anomalies import Day, Row
from recsys.features.schema import Expectations
from recsys.features.skew import Skew
from recsys.features.statistics import DatasetFeatureStatisticsList

ANOMALIES = "anomalies.pbtxt"


def example_validator(
    seen: ExampleStatistics,
    expected: Schema,
    skew: ServingSkew,
    last: list[ExampleStatistics],
    config: Config,
    out: Path,
) -> None:
    """Writes `anomalies.pbtxt`, and `report.html`, the page of the span.

    Args:
        seen: the span's statistics.
        expected: the schema that counts for it, and the reference.
        skew: its served features against its examples.
        last: the statistics of the last day before it that passed, if any.
        config: says what models read.
        out: the folder to write into.
    """
    judged = day(seen, schema.load(expected.path), skew, last, config)
    found = anomalies.validate(judged)
    anomalies.save(found, out / ANOMALIES)
    before = _span(last[-1], judged.last) if last else None
    page = span_report.render(_span(seen, judged.seen), before, found, judged.skew)
    (out / REPORT).write_text(page, encoding="utf-8")


def day(
    seen: ExampleStatistics,
    expected: Expectations,
    skew: ServingSkew,
    last: list[ExampleStatistics],
    config: Config,
) -> Day:
    """All that a span is judged by."""
    before = [statistics.load(one.statistics) for one in last]
    span = seen.record.span
    return Day(
        seen=statistics.load(seen.statistics),
        expected=expected,
        inference=inference(config),
        last=before[-1] if before else None,
        skew=Skew.load(skew.skew),
        waived=frozenset((one.name, one.anomaly) for one in expected.waived if one.day == span),
    )


def last_passed(store: Store, span: dt.date) -> list[ExampleStatistics]:
    """The statistics of the last day before a span that the gate let through, if any."""
    for earlier in reversed(days_of_logs(store.workspace)):
        is_judged = earlier < span and store.has(ExampleAnomalies, earlier)
        if is_judged and not errors(store.current(ExampleAnomalies, earlier)):
            return [store.current(ExampleStatistics, earlier)]
    return []


def rows(found: ExampleAnomalies) -> list[Row]:
    """The anomalies for people, errors first."""
    return anomalies.rows(anomalies.load(found.anomalies))


def errors(found: ExampleAnomalies) -> list[str]:
    """The anomalies that stop a run, a line each."""
    return anomalies.errors(anomalies.load(found.anomalies))


def _span(artifact: ExampleStatistics, seen: DatasetFeatureStatisticsList) -> Span:
    return Span(dt.date.fromisoformat(artifact.record.span), seen)
