from __future__ import annotations

import datetime as dt
from collections import Counter

from recsys.bundle import Bundle
from recsys.query import Query
from recsys.recommender import Recommender
from recsys.stages import STAGES, Stage


def test_every_stage_of_a_batch_is_told_with_its_seconds(tiny_bundle: Bundle) -> None:

    told: Counter[Stage] = Counter()

    def observe(stage: Stage, seconds: float) -> None:
        assert seconds >= 0
        told[stage] += 1

    recommender = Recommender(tiny_bundle, observe=observe)
    now = dt.datetime(2024, 3, 3, tzinfo=dt.UTC)
    recommender.recommend([Query("a", now), Query("b", now)])
    assert told.keys() == set(STAGES)
    recommender.recommend([])
    assert told["rank"] == 1
