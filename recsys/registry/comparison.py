"""What changed from one bundle to another: data, configuration, code, schema, metrics, apps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import TypeAdapter

from recsys.bundle import APPS, CONFIG
from recsys.evaluation.results import Estimate
from recsys.registry.entry import Entry


@dataclass(frozen=True)
class Change:
    """One value that differs; None where a bundle has none."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class MetricChange:
    """One metric of both, each as it was measured on its own days."""

    words: str
    before: Estimate | None
    after: Estimate | None
    paired: Estimate | None
    """The difference on the same users, where the one was the other's baseline."""


@dataclass(frozen=True)
class Days:
    """What both were trained and tested on."""

    train: tuple[Sequence[str], Sequence[str]]
    test: tuple[Sequence[str], Sequence[str]]
    changed_logs: Sequence[str]
    """Days that both were trained on, by table, whose logs are no longer what they were."""


@dataclass(frozen=True)
class Apps:
    """What became of the catalogue."""

    num_before: int
    num_after: int
    num_added: int
    num_removed: int


@dataclass(frozen=True)
class Difference:
    """All that differs, and what is the same of what a person would ask after."""

    before: Entry
    after: Entry
    days: Days
    config: Sequence[Change]
    """Key by key; keys of sections within sections have dots."""
    code: Sequence[str]
    """The components whose code differs."""
    metrics: Sequence[MetricChange]
    apps: Apps

    def values(self) -> dict[str, Any]:
        """All of it as JSON values, but the lineages."""
        left_out: Any = {"before": {"lineage"}, "after": {"lineage"}}
        values: dict[str, Any] = json.loads(_DIFFERENCE.dump_json(self, exclude=left_out))
        return values


_DIFFERENCE = TypeAdapter(Difference)


def difference(before: tuple[Path, Entry], after: tuple[Path, Entry]) -> Difference:
    """Between two bundles, each given by its folder and its entry."""
    (old_folder, old), (new_folder, new) = before, after
    return Difference(
        old,
        new,
        _days(old, new),
        list(_changes(_settings(old_folder), _settings(new_folder))),
        [one.name for one in _changes(old.made_of.code, new.made_of.code)],
        list(_metrics(old, new)),
        _apps(_app_ids(old_folder), _app_ids(new_folder)),
    )


def _days(old: Entry, new: Entry) -> Days:
    before, after = old.made_of, new.made_of
    changed = (
        f"{table} of {day}"
        for (table, day), digest in before.logs.items()
        if after.logs.get((table, day), digest) != digest
    )
    return Days(
        (before.train_days, after.train_days),
        (before.test_days, after.test_days),
        sorted(changed),
    )


def _settings(folder: Path) -> dict[str, Any]:
    return dict(_flat(json.loads((folder / CONFIG).read_text())))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in [*before, *(name for name in after if name not in before)]:
        if before.get(name) != after.get(name):
            yield Change(name, before.get(name), after.get(name))


def _metrics(old: Entry, new: Entry) -> Iterator[MetricChange]:
    for name in {**new.metrics, **old.metrics}:
        before, after = old.metrics.get(name), new.metrics.get(name)
        either = after or before
        assert either is not None
        is_paired = after is not None and new.baseline == old.version
        yield MetricChange(
            either.words,
            before.found.candidate if before else None,
            after.found.candidate if after else None,
            after.found.change if after and is_paired else None,
        )


def _app_ids(folder: Path) -> set[str]:
    return set(pq.read_table(folder / APPS, columns=["app_id"])["app_id"].to_pylist())


def _apps(before: set[str], after: set[str]) -> Apps:
    return Apps(len(before), len(after), len(after - before), len(before - after))
