"""The data half of the pipeline without Dagster: from a day's logs to its anomalies."""

from __future__ import annotations

import datetime as dt
from functools import partial

from pipeline import logs
from pipeline.artifacts import ExampleAnomalies, Examples, ExampleStatistics, Schema, ServingSkew
from pipeline.example_gen import example_gen, source_days
from pipeline.example_validator import example_validator, last_passed, rows
from pipeline.schema_gen import approved, schema_gen
from pipeline.skew_gen import reads as served_features
from pipeline.skew_gen import skew_gen
from pipeline.statistics_gen import statistics_gen
from pipeline.store import Store
from recsys.features.anomalies import Row


def judge(store: Store, day: dt.date) -> list[Row]:
    """Runs the components for a day, as the graph does; what they found wrong with it."""
    workspace, config = store.workspace, store.workspace.config
    reads = logs.references(workspace, source_days(workspace, day))
    examples, _ = store.run(Examples, partial(example_gen, workspace, day), day, reads=reads)
    seen, _ = store.run(ExampleStatistics, partial(statistics_gen, examples, config), day)
    version = approved(workspace, seen, day)
    expected, _ = store.run(Schema, partial(schema_gen, workspace, version), day, reads=[version])
    served = served_features(workspace, day)
    skew, _ = store.run(ServingSkew, partial(skew_gen, examples, workspace), day, reads=served)
    last = last_passed(store, day)
    step = partial(example_validator, seen, expected, skew, last, config)
    found, _ = store.run(ExampleAnomalies, step, day)
    return rows(found)
