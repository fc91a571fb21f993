"""SkewGen: the features that the server used beside those that training reads of the same requests.

TFX has no component of that name; its validator was given the serving logs. What it compares is
this: a request's and a user's columns, and what was installed, from the server's feature log; an
app's columns, from the bundle that served, whose snapshot of apps is older than the day's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ibis.expr.types as ir
import pyarrow.parquet as pq

from pipeline import logs
from pipeline.artifacts import Examples, Reference
from recsys import engine, served_features
from recsys.bundle import APPS, Bundle, BundleError
from recsys.config import Config
from recsys.features import comparison, spec
from recsys.features.skew import FeatureSkew, Replay, Skew
from recsys.replay import replay
from recsys.workspace import Workspace

SKEW = "skew.json"
NUM_REPLAYED = 200
"""Pages of each bundle that are scored again; their ids are random, and the first are taken."""


def reads(workspace: Workspace, span: dt.date) -> list[Reference]:
    """Names the content of a day's feature log, and the bundles of it that are still there."""
    by_bundle = served_features.files(workspace, span)
    files = [file for files in by_bundle.values() for file in files]
    there = [version for version in by_bundle if (workspace.bundles / version).is_dir()]
    return [
        *logs.named(workspace, {("serving/features", span): files} if files else {}),
        *(Reference("bundles", version, "") for version in there),
    ]


def skew_gen(examples: Examples, workspace: Workspace, out: Path) -> None:
    """Writes `skew.json`, what `recsys.features.skew.Skew` holds. A day of which the server logged
    nothing has an empty one."""
    found = Skew()
    span = dt.date.fromisoformat(examples.record.span)
    for version, files in served_features.files(workspace, span).items():
        found += _of_bundle(workspace.bundles / version, files, examples, workspace.config)
    found.save(out / SKEW)


def _of_bundle(folder: Path, files: Sequence[Path], examples: Examples, config: Config) -> Skew:
    served = engine.read_parquet(config.engine, files)
    num_joined, of_queries = _queries(served, examples, config)
    num_served = sum(pq.read_metadata(file).num_rows for file in files)
    try:
        bundle = Bundle.load(folder)
    except BundleError as error:
        not_replayed = Replay(not_replayed={folder.name: str(error)})
        return Skew(num_served, num_joined, of_queries, not_replayed)
    of_apps = _candidates(served, bundle, examples, config)
    replayed = _replayed(served, bundle, config)
    return Skew(num_served, num_joined, {**of_queries, **of_apps}, replayed)


def _queries(
    served: ir.Table, examples: Examples, config: Config
) -> tuple[int, dict[str, FeatureSkew]]:
    """Columns of requests and users, and the history, by request."""
    logged = served[served_features.FEATURES]
    known = {column: logged[column] for column in logged.names}
    declared = served_features.by_column(spec.of_query(config.features))
    return comparison.compare(
        config.engine,
        served.select("request_id", **known),
        engine.read_parquet(config.engine, [examples.queries]),
        ["request_id"],
        # A bundle of another configuration never had what was declared later.
        {column: feature for column, (_, feature) in declared.items() if column in known},
        config.validation.skew_tolerance,
    )


def _candidates(
    served: ir.Table, bundle: Bundle, examples: Examples, config: Config
) -> dict[str, FeatureSkew]:
    """Columns of apps, by request and app."""
    keys = ["request_id", "app_id"]
    shown = served.select("request_id", app_id=served.app_ids.unnest())
    apps = engine.read_parquet(config.engine, [bundle.path / APPS])
    declared = served_features.by_column(spec.of_candidate(config.features))
    _, found = comparison.compare(
        config.engine,
        shown.inner_join(apps, "app_id"),
        engine.read_parquet(config.engine, [examples.examples]),
        keys,
        {column: feature for column, (_, feature) in declared.items() if column not in keys},
        config.validation.skew_tolerance,
    )
    made_of = dt.date.fromisoformat(bundle.manifest["span"])
    age = (dt.date.fromisoformat(examples.record.span) - made_of).days
    return {column: replace(skew, snapshot_age_days=age) for column, skew in found.items()}


def _replayed(served: ir.Table, bundle: Bundle, config: Config) -> Replay:
    first = served.order_by("request_id").limit(NUM_REPLAYED)
    return replay(bundle, engine.to_arrow(config.engine, first))
