"""Small bundles as the pipeline makes them, without a model in them: a few files, a lineage, and
what the gates said."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.artifacts import (
    RECORD,
    InfraBlessing,
    ModelBundle,
    ModelEvaluation,
    Record,
    Reference,
)
from pipeline.pusher import pusher
from recsys.bundle import APPS, CONFIG
from recsys.evaluation.results import Comparison, Counts, Estimate, Measured
from recsys.evaluation.saved import Evaluation
from recsys.evaluation.verdict import Verdict
from recsys.manifest import write_manifest
from recsys.registry.lineage import TRAINERS
from recsys.workspace import Workspace

NUM_TRAIN_DAYS = 3


@dataclass(frozen=True)
class Made:
    """A bundle among the artifacts, and what the gates said of it."""

    version: str
    bundle: ModelBundle
    infra: InfraBlessing
    evaluation: ModelEvaluation

    def push(self, workspace: Workspace) -> str:
        """Pushes it by the real pusher."""
        out = workspace.root / "pushed"
        out.mkdir(exist_ok=True)
        pusher(self.bundle, self.infra, self.evaluation, workspace, out)
        return self.version


def made(
    workspace: Workspace,
    span: str,
    base: Made | None = None,
    apps: Sequence[str] = ("a", "b"),
    settings: Mapping[str, Any] | None = None,
    auc: float = 0.7,
    baseline: str | None = None,
    unsafe: Sequence[str] = (),
    bad: Sequence[str] = (),
) -> Made:
    """Makes a bundle of a day; its models began as those of `base`, and `unsafe` and `bad` are the
    reasons for which the gates refused it."""
    trained = _trained(span, base)
    lineage = [record.to_json() for record in trained]
    name = hashlib.sha256(repr((span, apps, settings, auc)).encode()).hexdigest()[:8]
    inputs = tuple(record.reference for record in trained)
    record = _record("bundle_gen", span, inputs, name)
    folder = _folder(workspace, record)
    (folder / "model").mkdir()
    (folder / "model" / "words.txt").write_text(f"{span} {auc}")
    _write(folder / CONFIG, {"seed": 1, "ranking": {"kind": "deep"}, **(settings or {})})
    pq.write_table(pa.table({"app_id": list(apps)}), folder / APPS)
    version = write_manifest(folder, span, "brute_force", lineage)
    test = Reference("example_gen", span, "d")
    infra = _record("infra_validator", span, (record.reference, test), name)
    _write(_folder(workspace, infra) / InfraBlessing.file, _verdict(version, unsafe))
    judged = _record("evaluator", span, (record.reference, *_days(span), test), name)
    evaluation = _evaluation(version, baseline, auc, bad)
    evaluation.save(_folder(workspace, judged))
    return Made(
        version,
        ModelBundle(folder, record),
        InfraBlessing.load(workspace.artifacts.joinpath(*infra.reference)),
        ModelEvaluation.load(workspace.artifacts.joinpath(*judged.reference)),
    )


def _trained(span: str, base: Made | None) -> list[Record]:
    """The records that a bundle's lineage holds."""
    days = [
        _record("example_gen", day.span, (Reference("logs/requests", day.span, "d"),), seconds=0.5)
        for day in _days(span)
    ]
    schema = _record("schema_gen", span, (Reference("schema", "version=1", "d"),))
    read = (schema.reference, *(day.reference for day in days))
    transform = _record("transform", span, read, seconds=2.0)
    trainers = []
    for component in TRAINERS:
        began_as = (Reference(component, base.bundle.record.span, "d"),) if base else ()
        trainers.append(_record(component, span, (transform.reference, *began_as), seconds=4.0))
    return [*trainers, transform, schema, *days]


def _days(span: str) -> list[Reference]:
    last = dt.date.fromisoformat(span)
    before = (last - dt.timedelta(days=number) for number in range(NUM_TRAIN_DAYS, 0, -1))
    return [Reference("example_gen", day.isoformat(), "d") for day in before]


def _record(
    component: str,
    span: str,
    inputs: tuple[Reference, ...] = (),
    digest: str = "d",
    seconds: float = 1.0,
) -> Record:
    created = f"{span}T12:00:00+00:00"
    code = f"code of {component}"
    return Record(component, span, digest, inputs, "config", code, created, seconds)


def _folder(workspace: Workspace, record: Record) -> Path:
    folder = workspace.artifacts.joinpath(*record.reference)
    folder.mkdir(parents=True)
    _write(folder / RECORD, record.to_json())
    return folder


def _verdict(version: str, reasons: Sequence[str]) -> dict[str, Any]:
    verdict = {"blessed": not reasons, "reasons": list(reasons) or ["it stands all that is asked"]}
    return {"bundle": version, "verdict": verdict, "measured": {}}


def _evaluation(version: str, baseline: str | None, auc: float, bad: Sequence[str]) -> Evaluation:
    change = Estimate(0.01, (0.005, 0.015)) if baseline else None
    found = Comparison(Estimate(auc, (auc - 0.01, auc + 0.01)), change=change)
    measured = Measured(10, 100, baseline is not None, Counts(50), {"ranking_auc": found}, [], {})
    verdict = Verdict(not bad, list(bad) or ["it is good enough"], [])
    return Evaluation(version, baseline, measured, verdict)


def _write(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values))
