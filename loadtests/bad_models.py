"""Candidate models that must not be pushed, each made by the real components from something that
goes wrong in life, in a copy of a workspace whose newest day had an honest model."""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from loadtests.artifacts import artifact
from recsys import bundle, config
from recsys.tables import INSTALL
from recsys.workspace import Workspace, write_atomically

Gate = Literal["example_validator", "infra_validator", "evaluator"]

_COMPONENTS = (
    *("example_gen", "transform", "trainer_retrieval", "trainer_ranking"),
    *("bundle_gen", "infra_validator", "evaluator", "pusher"),
)
_LEAK = "landed_on"
_COUNTRY = "BR"


@dataclass(frozen=True)
class BadModel:
    """A candidate model that is not fit to serve."""

    name: str
    stopped_by: Gate
    """Which gate must refuse it."""
    because: str
    """What one of the gate's reasons must say."""
    harm: Callable[[Workspace, dt.date], None]
    """What goes wrong, in a copy of the workspace, on the day of the model."""


def forget_behind(workspace: Workspace, day: dt.date, component: str) -> None:
    """Has all that is behind a component made anew."""
    for name in _COMPONENTS[_COMPONENTS.index(component) + 1 :]:
        shutil.rmtree(workspace.artifacts / name / day.isoformat(), ignore_errors=True)
    path = workspace.artifacts / ".done.json"
    done = json.loads(path.read_text())
    done.pop(f"pipeline {day}", None)
    write_atomically(path, json.dumps(done).encode())


def _one_batch(workspace: Workspace, day: dt.date) -> None:
    """A training that ended after its first step."""
    _configure(
        workspace,
        training={"start": "cold"},
        examples={"window_days": 1},
        retrieval={"num_epochs": 1, "batch_size": 100_000},
        ranking={"batch_size": 1_000_000},
    )


def _not_a_number(workspace: Workspace, day: dt.date) -> None:
    """A training that diverged."""
    folder, _ = artifact(workspace, "trainer_ranking", day)
    for file in (folder / "weights").glob("*.npy"):
        _replace_array(file, np.full_like(np.load(file), np.nan))
    forget_behind(workspace, day, "trainer_ranking")


def _shuffled_labels(workspace: Workspace, day: dt.date) -> None:
    """A join that lost the order of its rows."""
    folder, _ = artifact(workspace, "transform", day)
    file = folder / "examples" / "examples" / "installed.npy"
    _replace_array(file, np.random.default_rng(0).permutation(np.load(file)))
    _configure(workspace, training={"start": "cold"})
    forget_behind(workspace, day, "transform")


def _leaked_label(workspace: Workspace, day: dt.date) -> None:
    """A column of the requests that is written after the fact: the app that was installed. Whoever
    declared it as a feature crossed it with the app shown."""
    for logged in workspace.days("requests"):
        outcomes = _read(workspace.files("outcomes", logged))
        installs = outcomes.filter(pc.equal(outcomes["kind"], INSTALL))
        for file in workspace.files("requests", logged):
            requests = pq.read_table(file)
            place = pc.index_in(requests["request_id"], value_set=installs["request_id"])
            column = pc.take(installs["app_id"].combine_chunks(), place.combine_chunks())
            _replace_table(file, requests.append_column(_LEAK, column))
    settings = workspace.config
    feature = {"table": "requests", "kind": "category", "models": ["wide"], "vocabulary": "app_id"}
    cross = {"query": _LEAK, "candidate": "app_id", "num_buckets": 262_144}
    crosses = [*settings.model_dump(mode="json")["ranking"]["crosses"], cross]
    _configure(workspace, features={_LEAK: feature}, ranking={"crosses": crosses})


def _index_of_another_run(workspace: Workspace, day: dt.date) -> None:
    """A job of its own that builds the index, and took the vectors of another run."""
    folder, record = artifact(workspace, "bundle_gen", day)
    other, _ = artifact(workspace, "bundle_gen", workspace.days("requests")[-5])
    manifest = json.loads((folder / bundle.MANIFEST).read_text())
    write_atomically(folder / bundle.INDEX, (other / bundle.INDEX).read_bytes())
    (folder / bundle.MANIFEST).unlink()
    bundle.write_manifest(folder, record["span"], manifest["index"], manifest["lineage"])
    forget_behind(workspace, day, "bundle_gen")


def _popularity_only(workspace: Workspace, day: dt.date) -> None:
    """A ranker without crosses, which sees each app by itself, over what is popular."""
    _configure(
        workspace,
        ranking={"kind": "linear", "crosses": []},
        recommender={"num_retrieved": 1, "num_popular": 200, "num_new": 0},
    )


def _one_country(workspace: Workspace, day: dt.date) -> None:
    """The feed of apps says that nine in ten aren't sold in one country any more."""
    [file] = workspace.files("apps", day)
    apps = pq.read_table(file)
    lists = apps["countries"].to_pylist()
    everywhere = sorted({country for listed in lists for country in listed or ()})
    is_lost = np.random.default_rng(0).random(len(apps)) < 0.9
    sold = [
        [country for country in listed or everywhere if country != _COUNTRY] if lost else listed
        for listed, lost in zip(lists, is_lost, strict=True)
    ]
    column = apps.schema.field("countries")
    changed = apps.set_column(apps.schema.get_field_index("countries"), column, [sold])
    _replace_table(file, changed)


def _too_slow(workspace: Workspace, day: dt.date) -> None:
    """A wide ranker over the whole catalogue, which nobody had timed."""
    _configure(
        workspace,
        ranking={"hidden_units": [2_048, 2_048, 1_024]},
        recommender={"num_retrieved": 1_000},
    )


def _too_large(workspace: Workspace, day: dt.date) -> None:
    """A bucket for every pair of apps, and many more."""
    cross = {"query": "installed_app_ids", "candidate": "app_id", "num_buckets": 2**27}
    _configure(workspace, ranking={"crosses": [cross]})


def _flipped_byte(workspace: Workspace, day: dt.date) -> None:
    """A disk that isn't what it was."""
    folder, _ = artifact(workspace, "bundle_gen", day)
    content = bytearray((folder / bundle.INDEX).read_bytes())
    content[len(content) // 2] ^= 1
    write_atomically(folder / bundle.INDEX, bytes(content))
    forget_behind(workspace, day, "bundle_gen")


BAD_MODELS: Sequence[BadModel] = (
    BadModel("trained on one batch", "evaluator", "recall", _one_batch),
    BadModel("weights that are NaN", "infra_validator", "no numbers", _not_a_number),
    BadModel("labels shuffled", "evaluator", "AUC", _shuffled_labels),
    BadModel("label leaked into a feature", "example_validator", _LEAK, _leaked_label),
    BadModel("index of another run", "evaluator", "index", _index_of_another_run),
    BadModel("popularity only", "evaluator", "recall", _popularity_only),
    BadModel("broken in one country", "evaluator", f"country = {_COUNTRY}", _one_country),
    BadModel("too slow", "infra_validator", "99th percentile", _too_slow),
    BadModel("too large in memory", "infra_validator", "MiB of memory", _too_large),
    BadModel("a flipped byte", "infra_validator", "digest of index.faiss", _flipped_byte),
)


def _configure(workspace: Workspace, **changes: Mapping[str, Any]) -> None:
    """Changes keys of sections of the configuration."""
    values = workspace.config.model_dump(mode="json", by_alias=True)
    for section, keys in changes.items():
        values[section] = {**values[section], **keys}
    text = config.render(config.parse(values, "a bad model"))
    write_atomically(workspace.config_file, text.encode())


def _read(files: Sequence[Path]) -> pa.Table:
    return pa.concat_tables(pq.read_table(file) for file in files)


# What a copy of a workspace holds is linked to the original: replaced, and never written into.


def _replace_table(path: Path, table: pa.Table) -> None:
    content = pa.BufferOutputStream()
    pq.write_table(table, content)
    write_atomically(path, content.getvalue().to_pybytes())


def _replace_array(path: Path, values: NDArray[Any]) -> None:
    content = io.BytesIO()
    np.save(content, values, allow_pickle=False)
    write_atomically(path, content.getvalue())
