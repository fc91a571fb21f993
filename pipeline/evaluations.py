"""Evaluations for people to read: a table of metrics, and the verdict with its reasons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from pipeline.artifacts import ModelEvaluation
from pipeline.spans import days_of_logs
from pipeline.store import Store
from recsys.errors import BadInput
from recsys.workspace import Workspace

_POLICIES = {
    "served": "the candidate model, as served",
    "most_popular": "the most popular apps",
    "baseline": "the bundle that served before",
}


def newest(workspace: Workspace) -> tuple[dt.date, dict[str, Any]]:
    """The last day whose model was evaluated, and the evaluation's values.

    Raises:
        BadInput: there is none.
    """
    store = Store(workspace)
    for day in reversed(days_of_logs(workspace)):
        if store.has(ModelEvaluation, day):
            return day, store.current(ModelEvaluation, day).values
    raise BadInput("no model was evaluated yet: `recsys run` trains and evaluates one.")


def described(span: dt.date, evaluation: Mapping[str, Any]) -> Iterator[RenderableType]:
    """A table of the policies that were measured, then the verdict."""
    k, measured, verdict = evaluation["k"], evaluation["measured"], evaluation["verdict"]
    table = Table(title=f"{span}: {evaluation['num_users']:,} users, the whole catalogue")
    for column in ("policy", f"recall@{k}", "95 %", f"nDCG@{k}", "95 %"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for policy, words in _POLICIES.items():
        if (metrics := measured[policy]) is not None:
            table.add_row(
                words, *_with_interval(metrics, "recall"), *_with_interval(metrics, "ndcg")
            )
    yield table
    if measured["ranking_auc"] is not None:
        yield f"AUC of the ranker over impressions: {measured['ranking_auc']:.4f}"
    yield "blessed:" if verdict["blessed"] else "refused:"
    yield from (f"- {reason}" for reason in verdict["reasons"])


def _with_interval(metrics: Mapping[str, Any], name: str) -> tuple[str, str]:
    low, high = metrics[f"{name}_interval"]
    return f"{metrics[name]:.4f}", f"{low:.4f} to {high:.4f}"
