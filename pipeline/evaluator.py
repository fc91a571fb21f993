"""Evaluator: a bundle on the days kept out of its training, and the verdict on it.

What is measured is what is served: the request path over the bundle's own files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.artifacts import Examples, ModelBundle
from pipeline.held_out import held_out
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


def evaluator(
    candidate: ModelBundle,
    baseline: Path | None,
    train: Sequence[Examples],
    test: Sequence[Examples],
    config: Config,
    out: Path,
) -> None:
    """Writes `evaluation.json`: metrics of the candidate model, of the most popular apps and of
    the bundle that serves now, and the verdict.

    Args:
        candidate: the bundle to judge.
        baseline: the folder of the bundle that serves now, if any.
        train: the days of the training window: who asked in them is no new user.
        test: the days kept out of training.
        config: how to measure, and what to require.
        out: the folder to write into.

    Raises:
        BadInput: nobody installed anything in the days kept out.
    """
    evaluate(candidate.path, baseline, held_out(train, test, config), config).save(out)


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


def _of_candidate(bundle: Bundle, held_out: HeldOut, config: Config) -> dict[System, Observed]:
    """A bundle, and the most popular apps of its window. One bundle is in memory at a time."""
    recommender = Recommender(bundle)
    popular = pages.ask(pages.most_popular(recommender), held_out.users)
    return {
        "candidate": observe(bundle, recommender, held_out, config.evaluation),
        "most_popular": Observed(popular),
    }
