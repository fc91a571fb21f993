"""StatisticsGen: what a span's examples look like."""

from __future__ import annotations

from pathlib import Path

from pipeline.artifacts import Examples
from recsys import engine
from recsys.config import Config
from recsys.features import anomalies, statistics

STATISTICS = "statistics.pb"


def statistics_gen(examples: Examples, config: Config, out: Path) -> None:
    """Writes `statistics.pb`: the datasets `queries` and `examples`, and on the keys `request_id`
    and `app_id` the share of impressions that name one which isn't there."""
    queries = engine.read_parquet(config.engine, [examples.queries])
    rows = engine.read_parquet(config.engine, [examples.examples])
    tables = {"queries": queries, "examples": rows.drop("query_row", "request_id")}
    computed = statistics.compute(config.engine, tables)
    features, counts = statistics.features(computed), examples.counts
    for key, unlinked in (
        ("request_id", counts["num_impressions_without_request"]),
        ("app_id", counts["num_impressions_without_app"]),
    ):
        share = unlinked / max(1, counts["num_impressions"])
        features[key].custom_stats.add(name=anomalies.UNLINKED_SHARE, num=share)
    statistics.save(computed, out / STATISTICS)
