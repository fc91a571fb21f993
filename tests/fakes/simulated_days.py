"""Days kept out of training and what systems did on them, drawn rather than trained: as good or as
broken as a test wants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from recsys import config
from recsys.bundle import POPULAR_SCHEMA
from recsys.config import Config
from recsys.evaluation.apps import Apps
from recsys.evaluation.impressions import Impressions
from recsys.evaluation.observed import HeldOut, Observed
from recsys.evaluation.pages import HeldOutUser
from recsys.evaluation.slices import Asked
from recsys.query import Query

APP_IDS = [f"a{number:03}" for number in range(300)]
COUNTRIES = {"DE": 0.6, "US": 0.33, "NO": 0.07}
NOON = dt.datetime(2024, 3, 3, 12, tzinfo=dt.UTC)
K = 10


def settings(**evaluation: Any) -> Config:
    """One feature of the query, one of the app, and slices by both."""
    feature = {"kind": "category", "models": ["deep"]}
    features = {
        "country": {"table": "requests"} | feature,
        "category": {"table": "apps"} | feature,
    }
    by = [["country"], ["user_activity"], ["category"], ["app_popularity"], ["country", "category"]]
    told = {
        "k": K,
        "retrieval_k": 50,
        "num_resamples": 200,
        "slices": [{"by": names} for names in by],
        **evaluation,
    }
    return config.parse({"features": features, "evaluation": told}, "test")


def apps() -> Apps:
    """Three categories; the first third of the apps has nearly all installs."""
    categories = [("Games", "Tools", "News")[number % 3] for number in range(len(APP_IDS))]
    table = pa.table({"app_id": APP_IDS, "category": categories})
    counts = [1_000 // (1 + number) for number in range(len(APP_IDS))]
    nowhere = pa.nulls(len(APP_IDS), pa.string())
    return Apps(table, pa.table([nowhere, APP_IDS, counts], names=POPULAR_SCHEMA.names))


def day(seed: int, num_users: int = 1_800, num_shown: int = 12) -> HeldOut:
    """A day's users, each with one to three installs, and their impressions, whose true chances of
    an install lie in a column that no system is shown."""
    random = np.random.default_rng(seed)
    countries = random.choice(list(COUNTRIES), size=num_users, p=list(COUNTRIES.values())).tolist()
    installed = random.integers(0, 60, size=num_users)
    users = [
        HeldOutUser(
            Query(f"u{number}", NOON, {"country": country}, k=K),
            frozenset(random.choice(APP_IDS, size=random.integers(1, 4), replace=False).tolist()),
        )
        for number, country in enumerate(countries)
    ]
    asked = Asked({"country": countries}, installed, np.zeros(num_users, dtype=np.bool_))
    chances = 1 / (1 + np.exp(2.2 - random.normal(0, 1.2, size=num_users * num_shown)))
    rows = pa.table(
        {
            "query_row": np.repeat(np.arange(num_users), num_shown),
            "app_id": random.choice(APP_IDS, size=len(chances)),
            "installed": random.random(len(chances)) < chances,
            "chance": chances,
        }
    )
    queries = pa.table({"country": countries})
    return HeldOut(users, asked, Impressions(queries, rows, np.arange(num_users), asked))


def system(
    held_out: HeldOut,
    seed: int,
    found: float = 0.15,
    retrieved: float = 0.5,
    noise: float = 0.5,
    broken: Mapping[str, float] | None = None,
) -> Observed:
    """A system that finds each install, by itself, with the same chance.

    Args:
        held_out: the day.
        seed: of its own noise.
        found: chance that an install is on the page.
        retrieved: chance that retrieval finds it.
        noise: of the ranker's logits.
        broken: by country, what the chances are multiplied by; there the ranker's logits lose the
            same share of what they know.
    """
    random = np.random.default_rng(seed)
    works = [(broken or {}).get(user.query.features["country"], 1.0) for user in held_out.users]
    pages, candidates = [], []
    for user, share in zip(held_out.users, works, strict=True):
        pages.append(_list(random, user, share * found, K))
        candidates.append(_list(random, user, share * retrieved, 50))
    shown = held_out.impressions
    assert shown is not None
    chances = shown.rows["chance"].to_numpy()
    logits = np.log(chances / (1 - chances))
    known = np.array(works)[shown.query_rows]
    guessed = known * logits + (1 - known) * logits.mean() + random.normal(0, noise, len(logits))
    return Observed(pages, candidates, 1.0, 1 / (1 + np.exp(-guessed)))


def most_popular(held_out: HeldOut, seed: int) -> Observed:
    """One that finds an install now and then."""
    return Observed(system(held_out, seed, found=0.05).pages)


def _list(random: np.random.Generator, user: HeldOutUser, chance: float, length: int) -> list[str]:
    hits = [app_id for app_id in sorted(user.relevant) if random.random() < chance]
    start = int(random.integers(len(APP_IDS)))
    others = [APP_IDS[(start + place) % len(APP_IDS)] for place in range(length + 3)]
    filled = hits + [app_id for app_id in others if app_id not in user.relevant]
    return [filled[place] for place in random.permutation(length)]
