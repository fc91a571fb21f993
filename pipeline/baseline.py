"""What a candidate model is held against: the bundle that serves, and what that was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.artifacts import TrainedModel, TrainedRanking, TrainedRetrieval
from pipeline.store import Store
from recsys import pushes


@dataclass(frozen=True)
class Baseline:
    """A bundle that served when a candidate model came."""

    version: str
    folder: Path
    models: Mapping[str, TrainedModel]
    """Its models by the component that trained them; those that are still there."""


def baseline(store: Store, candidate: str) -> Baseline | None:
    """The baseline of the bundle of a version; None where nothing served before it."""
    workspace = store.workspace
    version = pushes.served_before(workspace, candidate)
    if version is None:
        return None
    lineage = pushes.manifest(workspace, version)["lineage"]
    models = [store.made_of(kind, lineage) for kind in (TrainedRetrieval, TrainedRanking)]
    there = {model.component: model for model in models if model is not None}
    return Baseline(version, workspace.bundles / version, there)
