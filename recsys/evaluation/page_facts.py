"""What a system's pages are like beside being right, by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.evaluation import beyond_accuracy
from recsys.evaluation.apps import Apps
from recsys.evaluation.intervals import Ratio

Integers = NDArray[np.int64]


def facts_of_each(pages: Integers, apps: Apps) -> dict[str, Ratio]:
    """Means over pages.

    Args:
        pages: `[num_users, k]`, rows of the apps, `NO_ROW` beyond a page's end. An app of the
            baseline that is not in the candidate model's catalogue has no place in any fact.
        apps: the candidate model's.
    """
    installs = apps.num_installs
    most = np.zeros(len(apps), dtype=np.bool_)
    most[np.argsort(-installs, kind="stable")[: max(1, len(apps) // 100)]] = True
    facts = {
        "novelty": beyond_accuracy.novelty(pages, beyond_accuracy.self_information(installs)),
        "head_share": beyond_accuracy.share_of_places(pages, beyond_accuracy.head(installs, 0.5)),
        "top_percent_share": beyond_accuracy.share_of_places(pages, most),
    }
    if apps.categories is not None:
        varied = beyond_accuracy.intra_list_diversity(pages, apps.categories)
        facts["intra_list_diversity"] = varied
    return {name: Ratio.mean(values) for name, values in facts.items()}


def facts_of_all(pages: Integers, apps: Apps) -> dict[str, float]:
    """Figures of all pages together."""
    return {
        "catalogue_coverage": beyond_accuracy.catalogue_coverage(pages, len(apps)),
        "personalisation": beyond_accuracy.personalisation(pages),
    }
