"""The charts of a candidate model's page: what was foretold against what happened, and the loss
while each of its models was trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.artifacts import TrainedModel, TrainedRanking, TrainedRetrieval
from recsys.evaluation.results import CalibrationBucket, Measured
from recsys.reports import figures
from recsys.reports.axes import Axis
from recsys.reports.charts import Chart, Plane, Point, Shape

_WORDS = {TrainedRetrieval.component: "Retrieval", TrainedRanking.component: "Ranking"}


@dataclass(frozen=True)
class Training:
    """How one model was trained."""

    words: str
    histories: Mapping[str, Mapping[str, Any]]
    """What the trainer wrote of it and of the baseline's, by whose it is."""
    chart: Chart | None
    """Their losses; None where no loss of this model is a number."""

    @staticmethod
    def of(trained: TrainedModel, before: TrainedModel | None) -> Training:
        """One model, beside that of its kind in the baseline where it is still there."""
        histories = {"candidate model": trained.history}
        if before is not None:
            histories["baseline"] = before.history
        curves = [_curve(history) for history in histories.values()]
        is_number = any(math.isfinite(loss) for _, loss in curves[0])
        chart = _losses(*curves) if is_number else None
        return Training(_WORDS[trained.component], histories, chart)

    @property
    def beginning(self) -> str:
        """How it began, and why so."""
        history = self.histories["candidate model"]
        return f"A {history['start']} start: {history['why']}."


def calibration(measured: Measured) -> Chart | None:
    """The share that was installed by the chance that was foretold, a point a bucket; None where
    nothing was ranked, or a score is no number."""
    mine = measured.calibration.get("candidate", ())
    theirs = measured.calibration.get("baseline", ())
    if not mine:
        return None
    values = [0.0]
    for bucket in (*mine, *theirs):
        values += [bucket.predicted, bucket.observed.value, *(bucket.observed.interval or ())]
    axis = Axis.over(values)
    plane = Plane(axis, axis)
    return plane.chart(
        [
            Shape("ideal", plane.line([(axis.low, axis.low), (axis.high, axis.high)])),
            Shape("before", plane.line(_points(theirs))),
            *_whiskers(plane, mine),
            Shape("now-dots", plane.dots(_points(mine))),
        ]
    )


def _points(buckets: Sequence[CalibrationBucket]) -> list[Point]:
    return [(bucket.predicted, bucket.observed.value) for bucket in buckets]


def _whiskers(plane: Plane, buckets: Sequence[CalibrationBucket]) -> Iterator[Shape]:
    for bucket in buckets:
        words = (
            f"{bucket.num_impressions:,} impressions: {figures.share(bucket.predicted)} foretold, "
            f"{figures.share(bucket.observed.value)} installed"
        )
        if bucket.observed.interval:
            path = plane.whisker(bucket.predicted, bucket.observed.interval)
            yield Shape("whisker", path, words)


def _losses(now: Sequence[Point], past: Sequence[Point] = ()) -> Chart:
    plane = Plane.over([(0.0, now[0][1]), *now, *past])
    return plane.chart([Shape("before", plane.line(past)), Shape("now-line", plane.line(now))])


def _curve(history: Mapping[str, Any]) -> list[Point]:
    return [(float(seen), float(loss)) for seen, loss in history["curve"]]
