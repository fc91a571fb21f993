from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
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
from recsys.served_features import ServedPage

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
        ServedPage(f"r{n}", query.user_id, query.time, "v1", query.k, page, features)
        for n, (query, page) in enumerate(zip(asked, pages, strict=True))
    ]
    return pa.Table.from_batches([served_features.batch(rows)])


def served_alone(recommender: Recommender) -> tuple[list[Page], list[Query]]:
    asked = queries(recommender)
    return [page for query in asked for page in recommender.recommend([query])], asked


def test_scores_come_back(tiny_recommender: Recommender, tiny_bundle: Bundle) -> None:
    pages, asked = served_alone(tiny_recommender)
    pages[3] = replace(pages[3], items=())
    found = replay(tiny_bundle.path, logged(tiny_recommender, pages, asked))
    assert (found.num_replayed, found.num_differing, found.not_replayed) == (10, 0, {})
    assert found.max_relative_difference <= 1e-5


def test_a_score_that_was_served_wrong_is_found(
    tiny_recommender: Recommender, tiny_bundle: Bundle
) -> None:
    pages, asked = served_alone(tiny_recommender)
    first, *others = pages[5].items
    wrong = replace(first, score=first.score * 1.01)
    pages[5] = replace(pages[5], items=(wrong, *others))
    found = replay(tiny_bundle.path, logged(tiny_recommender, pages, asked))
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
    found = replay(tiny_bundle.path, logged(tiny_recommender, pages, asked))
    assert found.num_differing == 1


def test_where_the_bundle_is_gone_or_damaged_it_says_so(
    tiny_recommender: Recommender, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    pages = logged(tiny_recommender, *served_alone(tiny_recommender))
    [(version, why)] = replay(tmp_path / "v1", pages).not_replayed.items()
    assert (version, "holds no bundle" in why) == ("v1", True)
    shutil.copytree(tiny_bundle.path, tmp_path / "v2")
    (tmp_path / "v2" / "index.faiss").write_bytes(b"")
    [(version, why)] = replay(tmp_path / "v2", pages).not_replayed.items()
    assert (version, "index.faiss" in why) == ("v2", True)


def test_of_no_pages_nothing_is_replayed(tmp_path: Path) -> None:
    nothing = pa.table({"app_ids": [], "scores": []})
    assert replay(tmp_path / "gone", nothing) == Replay()
