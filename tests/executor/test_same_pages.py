"""The executor that serves answers as the saved model does: the same scores, the same pages."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from odd_requests import ODD, odd_requests
from tiny_pipeline import TinyPipeline

from recsys.bundle import Bundle
from recsys.query import Query
from recsys.recommender import Page, Recommender

NUM_REQUESTS = 10_000
BATCH_SIZE = 250
TOLERANCE = 1e-5


class Answered(NamedTuple):
    kind: str
    query: Query
    page: Page
    expected: Page


@pytest.fixture(scope="module")
def answered(
    tiny: TinyPipeline, tiny_bundle: Bundle, tiny_recommender: Recommender
) -> list[Answered]:
    reference = Recommender(tiny_bundle, Bundle.saved_models)
    logged = pa.concat_tables([pq.read_table(span.queries) for span in [*tiny.train, tiny.test]])
    every = np.arange(len(tiny_recommender.catalogue))
    apps = tiny_recommender.catalogue.app_ids(every)
    asked = list(odd_requests(logged, apps, NUM_REQUESTS))
    found: list[Answered] = []
    for start in range(0, NUM_REQUESTS, BATCH_SIZE):
        kinds, queries = zip(*asked[start : start + BATCH_SIZE], strict=True)
        pages = tiny_recommender.recommend(queries), reference.recommend(queries)
        found += map(Answered, kinds, queries, *pages)
    return found


def test_the_requests_are_many_and_odd(answered: list[Answered]) -> None:
    assert len(answered) == NUM_REQUESTS
    assert Counter(one.kind for one in answered).keys() == ODD.keys()
    scores = [item.score for one in answered for item in one.page.items]
    assert len(scores) > 15 * NUM_REQUESTS
    assert np.std(scores) > 1e-3


def test_every_app_scores_the_same(answered: list[Answered]) -> None:
    for one in answered:
        expected = {item.app_id: item.score for item in one.expected.items}
        for item in one.page.items:
            assert abs(item.score - expected.get(item.app_id, item.score)) <= TOLERANCE, one.kind


def test_the_pages_are_the_same(answered: list[Answered]) -> None:
    """Two apps may change places where their scores can't be told apart, and nowhere else."""
    num_other = 0
    for one in answered:
        ids, expected = ([item.app_id for item in page.items] for page in (one.page, one.expected))
        assert len(ids) == len(expected), one.kind
        assert one.page.num_removed == one.expected.num_removed, one.kind
        num_other += ids != expected
        for here, there in zip(one.page.items, one.expected.items, strict=True):
            assert abs(here.score - there.score) <= TOLERANCE, one.kind
            if here.app_id == there.app_id:
                assert here.sources == there.sources, one.kind
    assert num_other <= NUM_REQUESTS // 1_000
