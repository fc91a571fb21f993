"""ExampleValidator: a span's statistics against the schema.

The component only finds and writes down; what follows from an anomaly (the run stops) is the
graph's blocking check.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.artifacts import ExampleAnomalies, ExampleStatistics, Schema
from recsys.features import anomalies, schema, statistics

ANOMALIES = "anomalies.pbtxt"


def example_validator(seen: ExampleStatistics, expected: Schema, out: Path) -> None:
    """Writes `anomalies.pbtxt`."""
    found = anomalies.validate(statistics.load(seen.statistics), schema.load(expected.schema))
    anomalies.save(found, out / ANOMALIES)


def errors(found: ExampleAnomalies) -> list[str]:
    """The anomalies that stop a run, a line each."""
    return anomalies.errors(anomalies.load(found.anomalies))
