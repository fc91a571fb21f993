"""What `recsys bench training` found, as tables and plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from loadtests import report
from loadtests.training_curves import Curve
from recsys.reports.charts import Plane, Shape
from recsys.reports.drawing import Panel, drawing
from recsys.workspace import write_atomically

_MODELS = {
    "retrieval": ("recall@100 of the towers", "installs"),
    "ranking": ("AUC of the ranker", "impressions"),
}
_STALE = {
    "page_recall": "recall@10",
    "page_ndcg": "nDCG@10",
    "retrieval_recall": "retrieval recall@100",
    "ranking_auc": "AUC",
    "ranking_log_loss": "log loss",
}
_KINDS = {"cold": "before", "warm": "now-line"}

Curves = Mapping[str, Curve]


def tables(figures: Mapping[str, Any]) -> str:
    """Every part that was measured, in Markdown, each with its plot."""
    parts = []
    if "start" in figures:
        for model, (metric, unit) in _MODELS.items():
            parts.append(f"## Warm against cold: {metric}")
            parts.append(_start_table(_curves(figures["start"], model), unit))
        parts.append("![quality by what was gone over](training-start.svg)")
    if "staleness" in figures:
        parts += ["## A bundle that was not trained for some days", _staleness(figures)]
        parts.append("![quality by age](training-staleness.svg)")
    if "kinds" in figures:
        parts += ["## Kinds of rankers, on the same days", _kinds(figures["kinds"])]
    return "\n\n".join(parts)


def plots(figures: Mapping[str, Any], folder: Path) -> None:
    """Writes `training-start.svg` and `training-staleness.svg` of what was measured."""
    drawn = {}
    if "start" in figures:
        drawn["start"] = [
            _start_panel(_curves(figures["start"], model), metric, unit)
            for model, (metric, unit) in _MODELS.items()
        ]
    if "staleness" in figures:
        shown = ("page_recall", "retrieval_recall", "ranking_auc")
        drawn["staleness"] = [_staleness_panel(figures["staleness"], metric) for metric in shown]
    for name, panels in drawn.items():
        write_atomically(folder / f"training-{name}.svg", drawing(panels).encode())


def _curves(days: Sequence[Mapping[str, Any]], model: str) -> dict[str, Curves]:
    """The curves of one model, by day."""
    return {
        day["day"]: {name: Curve(**curve) for name, curve in day[model].items()} for day in days
    }


def _start_table(days: Mapping[str, Curves], unit: str) -> str:
    header = [
        *("day", "cold", unit, "s", "warm, untrained", "warm", unit, "s"),
        *(f"{unit} to cold's end", "s", "cold at warm's cost"),
    ]
    shown = {**days, "mean": _mean(list(days.values()))}
    return report.markdown(header, [[day, *_start_row(of)] for day, of in shown.items()])


def _mean(days: Sequence[Curves]) -> Curves:
    """The mean over days of each curve, point by point."""
    return {name: Curve(*_means([day[name] for day in days])) for name in _KINDS}


def _means(curves: Sequence[Curve]) -> Iterator[list[Any]]:
    for field in fields(Curve):
        yield np.mean([getattr(curve, field.name) for curve in curves], axis=0).tolist()


def _start_row(curves: Curves) -> list[str]:
    cold, warm = curves["cold"], curves["warm"]
    reached = warm.reaches(cold.end)
    return [
        *(f"{cold.end:.4f}", f"{cold.examples[-1]:,.0f}", f"{cold.seconds[-1]:.1f}"),
        *(f"{warm.quality[0]:.4f}", f"{warm.end:.4f}"),
        *(f"{warm.examples[-1]:,.0f}", f"{warm.seconds[-1]:.1f}"),
        *((f"{reached[0]:,.0f}", f"{reached[1]:.1f}") if reached else ("never", "never")),
        f"{cold.at(warm.examples[-1]):.4f}",
    ]


def _staleness(figures: Mapping[str, Any]) -> str:
    rows = [
        [str(one["days_old"]), *(_with_interval(one[name]) for name in _STALE)]
        for one in figures["staleness"]
    ]
    return report.markdown(["days old", *_STALE.values()], rows)


def _kinds(kinds: Sequence[Mapping[str, Any]]) -> str:
    shown = ("ranking_auc", "ranking_log_loss", "page_recall", "page_ndcg")
    rows = [
        [
            one["kind"].replace("_", " "),
            *(_with_interval(one[name]) for name in shown),
            f"{one['training_seconds']:.0f}",
            "blessed" if one["blessed"] else "refused",
        ]
        for one in kinds
    ]
    return report.markdown(
        ["kind", *(_STALE[name] for name in shown), "training, s", "verdict"], rows
    )


def _with_interval(estimate: Mapping[str, Any]) -> str:
    low, high = estimate["interval"]
    return f"{estimate['value']:.4f} [{low:.4f}, {high:.4f}]"


def _start_panel(days: Mapping[str, Curves], metric: str, unit: str) -> Panel:
    """The mean over days, by what was gone over, and how good cold ends."""
    mean = _mean(list(days.values()))
    points = {
        name: list(zip(curve.examples, curve.quality, strict=True)) for name, curve in mean.items()
    }
    plane = Plane.over([point for curve in points.values() for point in curve])
    end = mean["cold"].end
    level = Shape("line", plane.line([(plane.x.low, end), (plane.x.high, end)]))
    lines = [Shape(kind, plane.line(points[name])) for name, kind in _KINDS.items()]
    key = {kind: name for name, kind in _KINDS.items()}
    return Panel(metric, plane.chart([level, *lines]), f"{unit} gone over", key)


def _staleness_panel(bundles: Sequence[Mapping[str, Any]], metric: str) -> Panel:
    """A point a bundle, with its interval."""
    estimates = [(float(one["days_old"]), one[metric]) for one in bundles]
    points = [(age, estimate["value"]) for age, estimate in estimates]
    ends = [(age, end) for age, estimate in estimates for end in estimate["interval"]]
    plane = Plane.over([*points, *ends])
    shapes = [
        *(Shape("whisker", plane.whisker(age, one["interval"])) for age, one in estimates),
        Shape("now-line", plane.line(points)),
        Shape("now-dots", plane.dots(points)),
    ]
    return Panel(_STALE[metric], plane.chart(shapes), "days since the last training", {})
