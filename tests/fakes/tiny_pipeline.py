"""The real pipeline over a very small synthetic store: a real bundle in a few seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from data.generate import generate
from pipeline import artifacts as a
from pipeline import components
from pipeline.store import Store
from recsys import config
from recsys.workspace import Workspace

SETTINGS: Mapping[str, Any] = {
    "extends": "tiny",
    "world": {"num_apps": 300, "num_users": 200, "num_days": 3, "requests_per_user": 3.0},
    "retrieval": {
        "num_epochs": 1,
        "batch_size": 64,
        "num_hidden_apps": 64,
        "num_uniform_negatives": 32,
    },
    "ranking": {
        "crosses": [
            {"query": "installed_app_ids", "candidate": "app_id", "num_buckets": 4_096},
            {"query": "country", "candidate": "category", "num_buckets": 256},
        ]
    },
}


@dataclass(frozen=True)
class TinyPipeline:
    """A workspace of three days, and what the components made of them."""

    workspace: Workspace
    train: list[a.Examples]
    """The first two days."""
    test: a.Examples
    """The last one."""
    graph: a.TransformGraph
    retrieval: a.TrainedRetrieval
    ranking: a.TrainedRanking
    bundle: a.ModelBundle


def build(root: Path) -> TinyPipeline:
    """Generates the days and runs the components up to the bundle."""
    (root / config.FILE_NAME).write_text(config.render(config.parse(SETTINGS, "tiny pipeline")))
    workspace = Workspace(root)
    settings = workspace.config
    generate(workspace, settings.world.num_days)
    store = Store(workspace)
    *first, last = workspace.days("requests")
    train = []
    for day in first:
        step = partial(components.example_gen, workspace, day)
        train.append(store.run(a.Examples, step, day)[0])
    test, _ = store.run(a.Examples, partial(components.example_gen, workspace, last), last)
    apps = workspace.files("apps", last)
    graph, _ = store.run(
        a.TransformGraph, partial(components.transform, train, apps, settings), last
    )
    base = None, "a test begins cold"
    step = partial(components.trainer_retrieval, graph, *base, settings)
    retrieval, _ = store.run(a.TrainedRetrieval, step, last)
    step = partial(components.trainer_ranking, graph, retrieval, *base, settings)
    ranking, _ = store.run(a.TrainedRanking, step, last)
    lineage = [record.to_json() for record in store.lineage(graph, retrieval, ranking)]
    of = partial(components.bundle_gen, graph, retrieval, ranking, train, last.isoformat())
    bundle, _ = store.run(a.ModelBundle, partial(of, lineage, settings), last)
    return TinyPipeline(workspace, train, test, graph, retrieval, ranking, bundle)
