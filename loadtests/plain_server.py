"""The plain way, as tutorials of TensorFlow Recommenders show it: the brute-force layer over all
apps, and the saved ranker, called inside a FastAPI endpoint.

It answers from the same bundle, with the same features and as many candidates; what is installed
comes off the list. It has no user store, no log, no further sources and no limits.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from fastapi import FastAPI
from pydantic import BaseModel

from loadtests import one_endpoint
from recsys import pushes, quiet
from recsys.bundle import Bundle
from recsys.features import spec
from recsys.workspace import Workspace

NUM_RANKED = 200
_K = 20


class Request(BaseModel):
    """Who asks."""

    user_id: str


class Plain:
    """Two stages as two calls of TensorFlow."""

    def __init__(self, workspace: Workspace, user_ids: set[str]) -> None:
        quiet.import_tensorflow()
        import tensorflow as tf
        import tensorflow_recommenders as tfrs

        version = pushes.current(workspace)
        assert version is not None
        bundle = Bundle.load(workspace.bundles / version)
        self._features = spec.of_query(bundle.config.features)
        self._catalogue = bundle.catalogue()
        self._models = bundle.saved_models(self._catalogue)
        vectors = np.asarray(bundle.app_features()[spec.EMBEDDING])
        self._nearest = tfrs.layers.factorized_top_k.BruteForce(k=NUM_RANKED)
        self._nearest.index(tf.constant(vectors))
        files = workspace.files("users", workspace.days("users")[-1])
        users = pq.read_table(files, filters=[("user_id", "in", user_ids)])
        self._users = {row["user_id"]: row for row in users.to_pylist()}

    def page(self, user_id: str) -> list[dict[str, Any]]:
        """A user's apps, the best first."""
        known = {**self._users[user_id], "time": dt.datetime.now(dt.UTC)}
        encoded = self._models.encode_query(spec.raw_from_values([known], self._features))
        installed = self._catalogue.rows(known[spec.HISTORY])
        _, nearest = self._nearest(encoded[spec.EMBEDDING], k=NUM_RANKED + len(installed))
        rows = nearest.numpy()[0]
        rows = rows[~np.isin(rows, installed)][:NUM_RANKED]
        scores = self._models.score(encoded, rows[None, :])[0]
        best = np.argsort(-scores)[:_K]
        app_ids = self._catalogue.app_ids(rows[best])
        shown = self._catalogue.columns(app_ids, ["title", "category"])
        return [
            {"app_id": app_id, "score": float(score), **app}
            for app_id, score, app in zip(app_ids, scores[best], shown, strict=True)
        ]


def application(workspace: Workspace, file: Path) -> FastAPI:
    """Serves the users whose ids the file names, one a line."""
    app, plain = FastAPI(), Plain(workspace, set(file.read_text().split()))

    # async, since a thread of its own for each request takes longer here.
    @app.post("/v1/recommend")
    async def recommend(request: Request) -> dict[str, Any]:
        return {"items": plain.page(request.user_id)}

    return app


if __name__ == "__main__":
    one_endpoint.serve(application)
