"""Evaluations for people to read: metrics, slices with the worst first, the verdict's reasons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from pipeline.artifacts import Examples, ModelEvaluation
from pipeline.commands.metric_tables import HEADLINES, figure, metrics, table, value
from pipeline.spans import days_of_logs, window
from pipeline.store import Store
from recsys import pushes
from recsys.errors import BadInput
from recsys.evaluation.results import Comparison, Measured, MeasuredSlice
from recsys.evaluation.saved import Evaluation
from recsys.evaluation.verdict import Verdict
from recsys.workspace import Workspace

_MOST_SLICES_SHOWN = 12


def newest(workspace: Workspace) -> tuple[dt.date, dict[str, Any]]:
    """The last day whose model was evaluated, and the values of its `evaluation.json`.

    Raises:
        BadInput: there is none.
    """
    store = Store(workspace)
    for day in reversed(days_of_logs(workspace)):
        if store.has(ModelEvaluation, day):
            return day, store.current(ModelEvaluation, day).values
    raise BadInput("no model was evaluated yet: `recsys run` trains and evaluates one.")


def of_bundle(workspace: Workspace, version: str) -> tuple[dt.date, dict[str, Any]]:
    """A bundle of whatever day, measured as the newest day's own is: on the days that this one
    keeps out of training. Returns that day, and values as of an `evaluation.json`.

    Raises:
        BadInput: there is no such bundle, or the newest day's examples were not made yet.
    """
    # TensorFlow takes seconds to import.
    from pipeline.evaluator import evaluate
    from pipeline.held_out import held_out

    version = pushes.manifest(workspace, version)["version"]
    store, span = Store(workspace), days_of_logs(workspace)[-1]
    train, test = (
        [store.current(Examples, day) for day in days] for days in window(workspace, span)
    )
    seen = held_out(train, test, workspace.config)
    return span, evaluate(workspace.bundles / version, None, seen, workspace.config).values()


def described(span: dt.date, values: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Tables of what was measured, then the verdict.

    Args:
        span: the day of the model.
        values: those of its `evaluation.json`.
    """
    evaluation = Evaluation.of(values)
    measured, verdict = evaluation.measured, evaluation.verdict
    counts = measured.counts
    yield f"{span}: bundle {evaluation.bundle}"
    yield (
        f"{counts.num_users:,} users who installed something in the days kept out; "
        f"{counts.num_impressions:,} impressions of {counts.num_impression_users:,} users; "
        "the whole catalogue; half of 95 % intervals, by resampling users"
    )
    yield metrics({measured.words(name): one for name, one in measured.metrics.items()})
    if measured.slices:
        yield _slices(measured, verdict)
        small = sum(not one.metrics for one in measured.slices)
        yield f"{len(measured.slices)} slices; {small} of them are too small to judge"
    yield "blessed:" if verdict.blessed else "refused:"
    yield from (f"- {reason}" for reason in verdict.reasons)


def _slices(measured: Measured, verdict: Verdict) -> Table:
    """The slices that speak most against the candidate model, those first."""
    surest: dict[str, float] = {}
    for check in verdict.checks:
        surest[check.slice] = min(check.chance, surest.get(check.slice, 1.0))

    def badness(one: MeasuredSlice) -> tuple[float, float]:
        recall = one.metrics.get("page_recall")
        return surest.get(one.name, 1.0), recall.candidate.value if recall else 1.0

    judged = sorted((one for one in measured.slices if one.metrics), key=badness)
    rows = table("slice, the worst first", "users", "installs")
    for words in HEADLINES.values():
        rows.add_column(words, justify="right")
        if measured.has_baseline:
            rows.add_column("change", justify="right")
    for one in judged[:_MOST_SLICES_SHOWN]:
        cells = [
            cell
            for name in HEADLINES
            for cell in _of_slice(one.metrics.get(name), measured.has_baseline)
        ]
        rows.add_row(one.name, f"{one.num_users:,}", f"{one.num_installs:,}", *cells)
    return rows


def _of_slice(compared: Comparison | None, has_baseline: bool) -> list[str]:
    """A figure and its change. There is room for one interval, and that of the change says more."""
    if compared is None:
        return [""] * (1 + has_baseline)
    if not has_baseline:
        return [figure(compared.candidate)]
    return [value(compared.candidate), figure(compared.change, sign="+")]
