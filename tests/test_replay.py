from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recsys import served_features
from recsys.bundle import Bundle
from recsys.features.skew import Replay
from recsys.query import Query
from recsys.recommender import Page, Recommender
from recsys.replay import replay
from recsys.served_features import Lines, ServedPage

NOON = dt.datetime(2024, 3, 3, 12, tzinfo=dt.UTC)


def queries(recommender: Recommender) -> list[Query]:
    """Ten of them, with odd contexts and with histories of none to sixty apps."""
    apps = recommender.catalogue.app_ids(np.arange(60))
    contexts: list[dict[str, Any]] = [
        {"country": country, "language": "en", "surface": surface}
        for country in ("US", "Atlantis", "", None, "NO")
        for surface in ("home", None)
    ]
    return [
        Query(f"u{n}", NOON + dt.timedelta(hours=n), context, apps[: 7 * n], k=max(n, 1))
        for n, context in enumerate(contexts)
    ]


def logged(recommender: Recommender, pages: Sequence[Page], asked: Sequence[Query]) -> pa.Table:
    features = recommender.query_features
    rows = [
        ServedPage(f"r{n}", query.user_id, query.time, "v1", query.k, page)
        for n, (query, page) in enumerate(zip(asked, pages, strict=True))
    ]
    return served_features.table(map(Lines(features).line, rows), features)


def served_alone(recommender: Recommender) -> tuple[list[Page], list[Query]]:
    asked = queries(recommender)
    return [page for query in asked for page in recommender.recommend([query])], asked


def test_scores_come_back(tiny_recommender: Recommender, tiny_bundle: Bundle) -> None:
    pages, asked = served_alone(tiny_recommender)
    pages[3] = replace(pages[3], items=())
    found = replay(tiny_bundle, logged(tiny_recommender, pages, asked))
    assert (found.num_replayed, found.num_differing, found.not_replayed) == (10, 0, {})
    assert found.max_relative_difference <= 1e-5


def test_a_score_that_was_served_wrong_is_found(
    tiny_recommender: Recommender, tiny_bundle: Bundle
) -> None:
    pages, asked = served_alone(tiny_recommender)
    first, *others = pages[5].items
    wrong = first._replace(score=first.score * 1.01)
    pages[5] = replace(pages[5], items=(wrong, *others))
    found = replay(tiny_bundle, logged(tiny_recommender, pages, asked))
    assert (found.num_replayed, found.num_differing) == (10, 1)
    assert found.max_relative_difference == pytest.approx(0.01 / 1.01, rel=1e-2)
    assert found.max_difference == pytest.approx(0.01 * first.score, rel=1e-2)


def test_scores_of_other_features_than_those_logged_are_found(
    tiny_recommender: Recommender, tiny_bundle: Bundle
) -> None:
    pages, asked = served_alone(tiny_recommender)
    used = dict(pages[9].raw)
    used["installed_app_ids"] = np.roll(used["installed_app_ids"], 25)
    used["country"] = "US"
    pages[9] = replace(pages[9], raw=used)
    found = replay(tiny_bundle, logged(tiny_recommender, pages, asked))
    assert found.num_differing == 1


def test_of_no_pages_nothing_is_replayed(tiny_bundle: Bundle) -> None:
    nothing = pa.table({"app_ids": [], "scores": []})
    assert replay(tiny_bundle, nothing) == Replay()
