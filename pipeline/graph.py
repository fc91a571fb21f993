"""The pipeline, top to bottom: TFX's components as Dagster assets, a partition a day.

Here stands what each component reads: artifacts, days of logs, sections of the configuration. The
components themselves are plain functions (`pipeline/components.py`), and the store runs one only
when something that it reads changed.
"""

from __future__ import annotations

import datetime as dt
from functools import partial

import dagster as dg

from pipeline import artifacts as a
from pipeline import components, logs
from pipeline.base_model import base_model
from pipeline.baseline import baseline
from pipeline.blessings import require
from pipeline.example_gen import source_days
from pipeline.example_validator import last_passed, rows
from pipeline.orchestration.assets import between, component, daily
from pipeline.schema_gen import approved
from pipeline.skew_gen import reads as served_features
from pipeline.spans import days_of_logs, offsets, window
from pipeline.store import Made, Store

DAY_BEFORE = between(dg.AssetKey("example_validator"), -1, -1)
"""A day is held against the last one that passed, so the validator takes day after day."""

_IN_BUNDLE = ["features", "retrieval", "ranking", "index", "recommender", "evaluation", "serving"]
"""The sections of the configuration that a bundle is made by."""
_IN_EVALUATION = ["features", "examples", "evaluation", "seed"]
"""Those that an evaluation is made by."""


def assets_of(store: Store) -> list[dg.AssetsDefinition]:
    """The assets of a workspace, in the order in which a span runs through them.

    Raises:
        BadInput: the logs hold no day.
    """
    workspace, run, current = store.workspace, store.run, store.current
    config = workspace.config
    first, first_test = offsets(config.examples)
    asset = partial(component, daily(days_of_logs(workspace)))

    def examples(days: list[dt.date]) -> list[a.Examples]:
        return [current(a.Examples, day) for day in days]

    @asset()
    def example_gen(span: dt.date) -> Made:
        step = partial(components.example_gen, workspace, span)
        reads = logs.references(workspace, source_days(workspace, span))
        return run(a.Examples, step, span, ["features", "examples", "seed"], reads)

    @asset(example_gen)
    def statistics_gen(span: dt.date) -> Made:
        step = partial(components.statistics_gen, current(a.Examples, span), config)
        return run(a.ExampleStatistics, step, span, ["statistics"])

    @asset(statistics_gen)
    def schema_gen(span: dt.date) -> Made:
        version = approved(workspace, current(a.ExampleStatistics, span), span)
        step = partial(components.schema_gen, workspace, version)
        return run(a.Schema, step, span, reads=[version])

    @asset(example_gen)
    def skew_gen(span: dt.date) -> Made:
        step = partial(components.skew_gen, current(a.Examples, span), workspace)
        reads = served_features(workspace, span)
        return run(a.ServingSkew, step, span, ["features", "validation"], reads)

    @asset(statistics_gen, schema_gen, skew_gen, DAY_BEFORE, gate=rows)
    def example_validator(span: dt.date) -> Made:
        seen, expected = current(a.ExampleStatistics, span), current(a.Schema, span)
        skew, last = current(a.ServingSkew, span), last_passed(store, span)
        step = partial(components.example_validator, seen, expected, skew, last, config)
        return run(a.ExampleAnomalies, step, span, ["features", "validation"])

    @asset(example_validator, between(example_gen, first, first_test - 1))
    def transform(span: dt.date) -> Made:
        days = window(workspace, span)
        apps = source_days(workspace, days.test[0])["apps"]
        files = [file for day in apps for file in workspace.files("apps", day)]
        step = partial(components.transform, examples(days.train), files, config)
        schema = current(a.Schema, span).record.reference
        reads = [schema, *logs.references(workspace, {"apps": apps})]
        return run(a.TransformGraph, step, span, ["features", "examples"], reads)

    @asset(transform)
    def trainer_retrieval(span: dt.date) -> Made:
        graph, base = current(a.TransformGraph, span), base_model(store, a.TrainedRetrieval, span)
        step = partial(components.trainer_retrieval, graph, *base, config)
        return run(a.TrainedRetrieval, step, span, ["features", "retrieval", "seed"])

    @asset(transform, trainer_retrieval)
    def trainer_ranking(span: dt.date) -> Made:
        graph, retrieval = current(a.TransformGraph, span), current(a.TrainedRetrieval, span)
        base = base_model(store, a.TrainedRanking, span)
        step = partial(components.trainer_ranking, graph, retrieval, *base, config)
        return run(a.TrainedRanking, step, span, ["features", "ranking", "seed"])

    @asset(between(example_gen, first, first_test - 1), trainer_retrieval, trainer_ranking)
    def bundle_gen(span: dt.date) -> Made:
        graph = current(a.TransformGraph, span)
        models = current(a.TrainedRetrieval, span), current(a.TrainedRanking, span)
        lineage = [record.to_json() for record in store.lineage(graph, *models)]
        train = examples(window(workspace, span).train)
        of = partial(components.bundle_gen, graph, *models, train, span.isoformat())
        return run(a.ModelBundle, partial(of, lineage, config), span, _IN_BUNDLE)

    @asset(bundle_gen, between(example_gen, first_test, 0))
    def infra_validator(span: dt.date) -> Made:
        bundle, test = current(a.ModelBundle, span), examples(window(workspace, span).test)
        step = partial(components.infra_validator, bundle, test, config)
        return run(a.InfraBlessing, step, span, ["features", "infra", "serving"])

    @asset(infra_validator, between(example_gen, first_test, 0))
    def evaluator(span: dt.date) -> Made:
        bundle, days = current(a.ModelBundle, span), window(workspace, span)
        require(current(a.InfraBlessing, span), bundle, workspace)
        before = baseline(store, bundle.version)
        models = [current(a.TrainedRetrieval, span), current(a.TrainedRanking, span)]
        seen = examples(days.train), examples(days.test)
        step = partial(components.evaluator, bundle, models, before, *seen, config)
        reads = [a.Reference("bundles", before.version, "")] if before else []
        return run(a.ModelEvaluation, step, span, _IN_EVALUATION, reads)

    @asset(bundle_gen, infra_validator, evaluator)
    def pusher(span: dt.date) -> Made:
        blessings = current(a.InfraBlessing, span), current(a.ModelEvaluation, span)
        step = partial(components.pusher, current(a.ModelBundle, span), *blessings, workspace)
        return run(a.PushedModel, step, span)

    return [
        *(example_gen, statistics_gen, schema_gen, skew_gen, example_validator),
        *(transform, trainer_retrieval, trainer_ranking),
        *(bundle_gen, infra_validator, evaluator, pusher),
    ]
