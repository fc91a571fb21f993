"""How good a model is while it is trained, on the day after: what a warm and a cold start cost."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from loadtests.artifacts import artifact
from recsys.features import spec
from recsys.features.spec import EMBEDDING
from recsys.features.transform import FeatureTransform, FittedTransform
from recsys.features.transformed import Arrays, TransformedExamples
from recsys.models import training
from recsys.models.batches import take
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel
from recsys.models.training import Base, unit_vectors
from recsys.workspace import Workspace

K = 100
MAX_IMPRESSIONS = 50_000
"""Impressions of the day, drawn at random, that the AUC is measured on."""

_ROWS_AT_ONCE = 4_096


@dataclass(frozen=True)
class Curve:
    """Quality by what was spent on training until then, first before the first step."""

    examples: list[int]
    seconds: list[float]
    """Of training alone: measuring isn't counted."""
    quality: list[float]

    @property
    def end(self) -> float:
        """The quality of the trained model."""
        return self.quality[-1]

    def reaches(self, quality: float) -> tuple[int, float] | None:
        """Examples and seconds at which it was measured to be that good; None if never."""
        points = zip(self.examples, self.seconds, self.quality, strict=True)
        return next(((n, s) for n, s, good in points if good >= quality), None)

    def at(self, examples: float) -> float:
        """The quality after so many examples, between the measured points."""
        return float(np.interp(examples, self.examples, self.quality))

    def to_json(self) -> Mapping[str, Any]:
        """Its three lists, by name."""
        return asdict(self)


class Day:
    """A day's window to train on, and the day itself to measure on, as the pipeline left them."""

    def __init__(self, workspace: Workspace, span: dt.date) -> None:
        self._workspace = workspace
        self._span = span
        self._graph, _ = artifact(workspace, "transform", span)
        self.config = workspace.config
        self.fitted = FittedTransform.load(self._graph / "graph", self.config.features)
        self.examples = TransformedExamples.load(self._graph / "examples")

    def base(self, component: str) -> Base | None:
        """What the pipeline's model of the day began from; None where it began cold."""
        _, record = artifact(self._workspace, component, self._span)
        for one in record["inputs"]:
            if one["component"] == component:
                folder = self._workspace.artifacts / component / one["span"] / one["digest"]
                history = json.loads((folder / "history.json").read_text())
                return Base(folder, dt.date.fromisoformat(history["last_day"]))
        return None

    @cached_property
    def held_out(self) -> HeldOutDay:
        """The day's own requests and impressions, as its transform sees them."""
        apply = FeatureTransform(self.fitted, self._graph / "graph")
        logged, _ = artifact(self._workspace, "example_gen", self._span)
        queries, rows = (pq.read_table(logged / f"{n}.parquet") for n in ("queries", "examples"))
        apps = pq.read_table(self._graph / "apps.parquet", columns=["app_id"])["app_id"]
        known = pc.index_in(rows["app_id"], value_set=apps.combine_chunks())
        features = self.config.features
        query = apply(spec.raw_from_table(queries, spec.of_query(features)))
        candidate = apply(spec.raw_from_table(rows, spec.of_candidate(features)))
        return HeldOutDay(
            query={name: values.numpy() for name, values in query.items()},
            candidate={name: values.numpy() for name, values in candidate.items()},
            catalogue=self.examples.catalogue,
            query_row=rows["query_row"].to_numpy(),
            app_row=pc.fill_null(known, -1).to_numpy(),
            installed=rows["installed"].to_numpy(),
        )


@dataclass(frozen=True)
class HeldOutDay:
    """What happened on a day that was not trained on."""

    query: Arrays
    candidate: Arrays
    catalogue: Arrays
    query_row: NDArray[np.int64]
    app_row: NDArray[np.int64]
    installed: NDArray[np.bool_]

    def recall(self, towers: RetrievalModel) -> float:
        """The share of the day's installs that are among the `K` apps nearest to their query, by
        exact search in the whole catalogue without what the user had."""
        rows = np.flatnonzero(self.installed & (self.app_row >= 0))
        queries = take(self.query, self.query_row[rows])
        vectors = unit_vectors(towers.query_tower, queries)
        catalogue = unit_vectors(towers.candidate_tower, self.catalogue)
        owned = self._owned(queries)
        num_hits = 0
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            scores = vectors[some] @ catalogue.T
            wanted = np.take_along_axis(scores, self.app_row[rows[some], None], axis=1)
            padded = np.concatenate([scores, np.full((len(scores), 1), -np.inf)], axis=1)
            np.put_along_axis(padded, owned[some], -np.inf, axis=1)
            num_hits += int(((padded > wanted).sum(axis=1) < K).sum())
        return num_hits / len(rows)

    def auc(self, ranker: RankingModel, towers: RetrievalModel) -> float:
        """The ranker's AUC on the day's impressions, with the vectors of these towers."""
        random = np.random.default_rng(0)
        rows = random.permutation(len(self.installed))[:MAX_IMPRESSIONS]
        query = take(self.query, self.query_row[rows])
        candidate = take(self.candidate, rows)
        query[EMBEDDING] = unit_vectors(towers.query_tower, query)
        candidate[EMBEDDING] = unit_vectors(towers.candidate_tower, candidate)
        logits = []
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            asked = {name: values[some] for name, values in query.items()}
            shown = {name: values[some, None] for name, values in candidate.items()}
            logits.append(ranker.logits(asked, shown).numpy()[:, 0])
        return float(roc_auc_score(self.installed[rows], np.concatenate(logits)))

    def _owned(self, query: Arrays) -> NDArray[np.int64]:
        """The catalogue's row of each app of each history; one past its end for all else."""
        history, app_ids = query[spec.HISTORY], self.catalogue["app_id"]
        size = 1 + max(int(history.max()), int(app_ids.max()))
        rows = np.full(size, len(app_ids), dtype=np.int64)
        rows[app_ids] = np.arange(len(app_ids))
        # Strangers share an index: nobody knows which of them it was.
        rows[np.bincount(app_ids, minlength=size) > 1] = len(app_ids)
        return rows[history]


class Checkpoints(tf.keras.callbacks.Callback):  # type: ignore[misc]
    """Measures a model before training and then after equal shares of it."""

    def __init__(self, measure: Callable[[Any], float], num_checkpoints: int) -> None:
        super().__init__()
        self._measure = measure
        self._num_checkpoints = num_checkpoints
        self.shares: list[float] = []
        self.seconds: list[float] = []
        self.quality: list[float] = []

    def curve(self, num_examples: int) -> Curve:
        """What was measured, in examples."""
        examples = [round(share * num_examples) for share in self.shares]
        return Curve(examples, [round(one, 3) for one in self.seconds], self.quality)

    def on_train_begin(self, logs: Any = None) -> None:
        """Keras calls it before the first step."""
        self._num_steps = self.params["epochs"] * self.params["steps"]
        self._step, self._spent = 0, 0.0
        self._record()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras calls it after each step."""
        self._step += 1
        due = self._num_steps * len(self.shares) / self._num_checkpoints
        if self._step >= due or self._step == self._num_steps:
            self._spent += time.perf_counter() - self._resumed
            self._record()

    def _record(self) -> None:
        self.shares.append(self._step / self._num_steps)
        self.seconds.append(self._spent)
        self.quality.append(self._measure(self.model))
        self._resumed = time.perf_counter()


def curves(day: Day, warm: bool, num_checkpoints: int) -> dict[str, Curve]:
    """Trains both models of a day, from the base of the pipeline's or cold, and measures them on
    the day meanwhile: recall of `retrieval`, AUC of `ranking`."""
    held_out, config = day.held_out, day.config
    bases = [day.base(name) if warm else None for name in ("trainer_retrieval", "trainer_ranking")]
    measured = Checkpoints(held_out.recall, num_checkpoints)
    towers = training.train_retrieval(day.examples, day.fitted, bases[0], config, [measured])
    found = {"retrieval": measured.curve(towers.num_examples)}
    measured = Checkpoints(lambda ranker: held_out.auc(ranker, towers.model), num_checkpoints)
    vectors = training.vectors_of(towers.model, day.examples)
    ranker = training.train_ranking(day.examples, vectors, day.fitted, bases[1], config, [measured])
    return {**found, "ranking": measured.curve(ranker.num_examples)}
