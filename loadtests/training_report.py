"""What `recsys bench training` found, as tables and plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtests import report
from loadtests.training_curves import Curve

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
_COLOURS = {"cold": "#7a7a7a", "warm": "#1f6f8b"}

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
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "recsys", "font.size": 9}):
        if "start" in figures:
            figure = Figure((9, 3.4), layout="constrained")
            for axes, model in zip(figure.subplots(1, 2), _MODELS, strict=True):
                _draw_start(axes, _curves(figures["start"], model), *_MODELS[model])
            _write(figure, folder / "training-start.svg")
        if "staleness" in figures:
            figure = Figure((9, 3.0), layout="constrained")
            shown = ("page_recall", "retrieval_recall", "ranking_auc")
            for axes, metric in zip(figure.subplots(1, 3), shown, strict=True):
                _draw_staleness(axes, figures["staleness"], metric)
            _write(figure, folder / "training-staleness.svg")


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
    return {name: Curve(*_means([day[name] for day in days])) for name in _COLOURS}


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


def _draw_start(axes: Axes, days: Mapping[str, Curves], metric: str, unit: str) -> None:
    """The mean over days, by what was gone over."""
    for name, curve in _mean(list(days.values())).items():
        axes.plot(
            *(curve.examples, curve.quality),
            marker="o", markersize=3, color=_COLOURS[name], label=name,
        )  # fmt: skip
        if name == "cold":
            axes.axhline(curve.end, color=_COLOURS[name], linewidth=0.8, linestyle=":")
    axes.set(title=metric, xlabel=f"{unit} gone over, thousands")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1_000:,g}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def _draw_staleness(axes: Axes, bundles: Sequence[Mapping[str, Any]], metric: str) -> None:
    """A point a bundle, with its interval."""
    ages = [one["days_old"] for one in bundles]
    values = np.array([one[metric]["value"] for one in bundles])
    low, high = np.array([one[metric]["interval"] for one in bundles]).T
    spread = [values - low, high - values]
    axes.errorbar(ages, values, spread, marker="o", markersize=3, color=_COLOURS["warm"])
    axes.set(title=_STALE[metric], xlabel="days since the last training", xticks=ages)
    axes.spines[["top", "right"]].set_visible(False)


def _write(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
