"""The page of a candidate model, for someone who has ten seconds: the verdict with its reasons, the
metrics that it rests on, then slices, calibration and training, and what changed."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.pages import model_changes, model_charts, model_metrics, model_slices
from pipeline.pages.model_charts import Training
from recsys.evaluation.checks import Check
from recsys.evaluation.saved import Evaluation
from recsys.registry.comparison import Difference
from recsys.reports import page
from recsys.reports.page import Headline


def render(
    span: str,
    evaluation: Evaluation,
    trainings: Sequence[Training],
    difference: Difference | None,
    min_slice_size: int,
) -> str:
    """The page, as HTML.

    Args:
        span: the day of the model.
        evaluation: what was measured of it, and the verdict.
        trainings: how each of its models was trained.
        difference: from the baseline to its bundle; None where there is no baseline.
        min_slice_size: what a slice needs to be judged.
    """
    measured, checks = evaluation.measured, evaluation.verdict.checks
    return page.render(
        "model.html",
        span=span,
        evaluation=evaluation,
        measured=measured,
        said=headline(evaluation),
        groups=model_metrics.groups(measured, checks),
        slices=model_slices.judged(measured, checks),
        small=model_slices.too_small(measured),
        min_slice_size=min_slice_size,
        calibration=model_charts.calibration(measured),
        trainings=trainings,
        changes=model_changes.groups(difference) if difference else [],
    )


def headline(evaluation: Evaluation) -> Headline:
    """The verdict, in one sentence."""
    checks = evaluation.verdict.checks
    failed = [check for check in checks if not check.passed]
    if failed:
        where = _on_slices(failed)
        return Headline.error(f"Refused: {len(failed)} of {len(checks)} checks failed{where}")
    where = _on_slices(checks) if evaluation.baseline else ", with no baseline to compare with"
    return Headline.good(f"Blessed: all {len(checks)} checks passed{where}")


def _on_slices(checks: Sequence[Check]) -> str:
    num_sliced = sum(bool(check.slice) for check in checks)
    return f", {num_sliced} of them on slices" if num_sliced else ""
