"""Evaluator: a bundle on the days kept out of its training, and the verdict on it.

What is measured is what is served: the request path over the bundle's own files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.artifacts import REPORT, Examples, ModelBundle, TrainedModel
from pipeline.baseline import Baseline
from pipeline.held_out import held_out
from pipeline.pages import model_report
from pipeline.pages.model_charts import Training
from recsys.bundle import APPS, Bundle
from recsys.config import Config
from recsys.errors import BadInput
from recsys.evaluation import pages
from recsys.evaluation.apps import Apps
from recsys.evaluation.measure import measure
from recsys.evaluation.observed import HeldOut, Observed, observe
from recsys.evaluation.results import System
from recsys.evaluation.saved import Evaluation
from recsys.evaluation.verdict import judge
from recsys.recommender import Recommender
from recsys.registry import entry
from recsys.registry.comparison import Difference, difference


def evaluator(
    candidate: ModelBundle,
    models: Sequence[TrainedModel],
    baseline: Baseline | None,
    train: Sequence[Examples],
    test: Sequence[Examples],
    config: Config,
    out: Path,
) -> None:
    """Writes `evaluation.json`: metrics of the candidate model, of the most popular apps and of
    the bundle that serves now, and the verdict; and `report.html`, the page of all that.

    Args:
        candidate: the bundle to judge.
        models: what it was made of; the page shows how they were trained.
        baseline: the bundle that serves now, if any.
        train: the days of the training window: who asked in them is no new user.
        test: the days kept out of training.
        config: how to measure, and what to require.
        out: the folder to write into.

    Raises:
        BadInput: nobody installed anything in the days kept out.
    """
    seen = held_out(train, test, config)
    evaluation = evaluate(candidate.path, baseline.folder if baseline else None, seen, config)
    evaluation.save(out)
    before = baseline.models if baseline else {}
    page = model_report.render(
        candidate.record.span,
        evaluation,
        [Training.of(model, before.get(model.component)) for model in models],
        _difference(baseline.folder, candidate.path) if baseline else None,
        config.evaluation.min_slice_size,
    )
    (out / REPORT).write_text(page, encoding="utf-8")


def evaluate(
    candidate: Path, baseline: Path | None, held_out: HeldOut, config: Config
) -> Evaluation:
    """Measures a bundle beside the one that serves now, and judges it; see `evaluator`."""
    if not held_out.users:
        raise BadInput(
            "expected installs in the days kept out of training, found none: set "
            "examples.test_days higher, or import more days."
        )
    mine = Bundle.load(candidate)
    before = Bundle.load(baseline) if baseline else None
    systems = _of_candidate(mine, held_out, config)
    if before:
        recommender = Recommender(before)
        systems["baseline"] = observe(before, recommender, held_out, config.evaluation)
    apps = Apps(pq.read_table(mine.path / APPS), mine.popular())
    measured = measure(held_out, systems, apps, config)
    verdict = judge(measured, config.evaluation)
    return Evaluation(mine.version, before.version if before else None, measured, verdict)


def _difference(before: Path, after: Path) -> Difference:
    # By their manifests: what the registry knows besides, a candidate model doesn't have yet.
    return difference((before, entry.of_manifest(before)), (after, entry.of_manifest(after)))


def _of_candidate(bundle: Bundle, held_out: HeldOut, config: Config) -> dict[System, Observed]:
    """A bundle, and the most popular apps of its window. One bundle is in memory at a time."""
    recommender = Recommender(bundle)
    popular = pages.ask(pages.most_popular(recommender), held_out.users)
    return {
        "candidate": observe(bundle, recommender, held_out, config.evaluation),
        "most_popular": Observed(popular),
    }
