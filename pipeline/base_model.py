"""Which model a day's training begins from: the one that served when the day came (TFX, KDD 2017,
section 4.2).

The graph has no edge for it: which earlier day it is of, the pushes say, and not the calendar.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeVar

from pipeline.artifacts import TrainedModel
from pipeline.spans import window
from pipeline.store import Store
from recsys import pushes
from recsys.models import rows, weights

M = TypeVar("M", bound=TrainedModel)


def base_model(store: Store, kind: type[M], span: dt.date) -> tuple[M | None, str]:
    """The model of that kind in the bundle that served before the span, and why it is the base; or
    None, and why there is no base.

    A bundle that was refused never served. One of the span itself or of a later day is no base, so
    that a day that runs again begins where it began.
    """
    workspace = store.workspace
    if workspace.config.training.start == "cold":
        return None, 'training.start is "cold"'
    manifest = _served_before(store, span)
    if manifest is None:
        return None, "no bundle of an earlier day was blessed"
    version = manifest["version"]
    base = _model_of(store, kind, manifest)
    if base is None:
        return None, f"what bundle {version} was trained to is no longer in {workspace.artifacts}"
    first_test = min(window(workspace, span).test)
    if base.last_day >= first_test:
        return None, f"bundle {version} was trained on {base.last_day}, which is tested on now"
    return base, f"bundle {version} served"


def _served_before(store: Store, span: dt.date) -> dict[str, Any] | None:
    """The manifest of the earlier day's bundle that was last pushed or rolled back to."""
    workspace = store.workspace
    there = pushes.versions(workspace)
    for push in reversed(pushes.history(workspace)):
        if push.version in there:
            manifest = pushes.manifest(workspace, push.version)
            if manifest["span"] < span.isoformat():
                return manifest
    return None


def _model_of(store: Store, kind: type[M], manifest: dict[str, Any]) -> M | None:
    model = store.made_of(kind, manifest["lineage"])
    return model if model and rows.is_saved(model.path / weights.ROWS) else None
