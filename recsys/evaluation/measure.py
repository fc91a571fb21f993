"""Measures what was observed of each system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from recsys.config import Config
from recsys.evaluation import impressions, pages, probabilities
from recsys.evaluation.apps import Apps
from recsys.evaluation.by_slice import Comparing, measured_slices
from recsys.evaluation.intervals import Ratio
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.observed import HeldOut, Observed, Systems
from recsys.evaluation.page_facts import facts_of_all, facts_of_each
from recsys.evaluation.results import (
    CalibrationBucket,
    Comparison,
    Counts,
    Estimate,
    Measured,
    System,
    compare,
)


def measure(held_out: HeldOut, systems: Systems, apps: Apps, config: Config) -> Measured:
    """All metrics of all systems, overall and by slice.

    Args:
        held_out: the days kept out of training.
        systems: what was observed of the candidate model, of the most popular apps and, where a
            bundle serves, of the baseline.
        apps: the candidate model's.
        config: how to measure.
    """
    settings = config.evaluation
    comparing = partial(compare, seed=config.seed, num_resamples=settings.num_resamples)

    def compared(measured: Callable[[Observed], Mapping[str, Ratio]]) -> dict[str, Comparison]:
        return comparing({system: measured(one) for system, one in systems.items()})

    found = {
        **compared(lambda one: pages.page_metrics(one.pages, held_out.users, settings.k)),
        **compared(
            lambda one: pages.retrieval_metrics(one.retrieved, held_out.users, settings.retrieval_k)
        ),
        **compared(lambda one: _ranking_metrics(one, held_out)),
        **compared(lambda one: facts_of_each(apps.matrix(one.pages, settings.k), apps)),
        **_figures(
            {
                system: {
                    **_index_figures(one),
                    **_ranking_figures(one, held_out),
                    **facts_of_all(apps.matrix(one.pages, settings.k), apps),
                }
                for system, one in systems.items()
            }
        ),
    }
    return Measured(
        k=settings.k,
        retrieval_k=settings.retrieval_k,
        has_baseline="baseline" in systems,
        counts=_counts(held_out),
        metrics={name: found[name] for name in METRICS if name in found},
        slices=list(measured_slices(held_out, systems, apps, config, comparing)),
        calibration={
            system: _calibration(one, held_out, comparing)
            for system, one in systems.items()
            if one.scores is not None
        },
    )


def _ranking_metrics(observed: Observed, held_out: HeldOut) -> Mapping[str, Ratio]:
    shown = held_out.impressions
    if shown is None or observed.scores is None:
        return {}
    return impressions.ranking_metrics(shown.labels, observed.scores, shown.users)


def _index_figures(observed: Observed) -> dict[str, float]:
    return {} if observed.ann_recall is None else {"ann_recall": observed.ann_recall}


def _ranking_figures(observed: Observed, held_out: HeldOut) -> dict[str, float]:
    shown = held_out.impressions
    if shown is None or observed.scores is None:
        return {}
    error = probabilities.expected_calibration_error(
        shown.labels, observed.scores, impressions.NUM_BUCKETS
    )
    num_unscored = int((~np.isfinite(observed.scores)).sum())
    return {"ranking_calibration_error": error, "ranking_unscored": num_unscored}


def _figures(values: Mapping[System, Mapping[str, float]]) -> dict[str, Comparison]:
    """Figures that are none of a sample of users, and so have no interval."""
    return {
        name: Comparison.of(
            {system: Estimate(of[name]) for system, of in values.items() if name in of}
        )
        for name in values["candidate"]
    }


def _calibration(
    observed: Observed, held_out: HeldOut, comparing: Comparing
) -> list[CalibrationBucket]:
    shown = held_out.impressions
    if shown is None or observed.scores is None:
        return []
    buckets = impressions.calibration(shown.labels, observed.scores, shown.users)
    happened = {str(number): share for number, (_, share) in enumerate(buckets)}
    found = comparing({"candidate": happened}).values()
    return [
        CalibrationBucket(
            num_impressions=int(predicted.below.sum()),
            predicted=predicted.value,
            observed=compared.candidate,
        )
        for (predicted, _), compared in zip(buckets, found, strict=True)
    ]


def _counts(held_out: HeldOut) -> Counts:
    shown = held_out.impressions
    if shown is None:
        return Counts(num_users=len(held_out.users))
    users = np.unique(shown.users)
    both = np.intersect1d(shown.users[shown.labels], shown.users[~shown.labels])
    return Counts(
        num_users=len(held_out.users),
        num_impression_users=len(users),
        num_impressions=len(shown.rows),
        num_installs=int(shown.labels.sum()),
        num_one_class_users=len(users) - len(both),
    )
