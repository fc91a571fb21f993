"""Requests whose filters remove much: a thousand excluded apps, a country where one app of a
thousand is sold, and both."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from loadtests import bench_request, report
from recsys.audience import Audience
from recsys.bundle import Bundle
from recsys.catalogue import Catalogue
from recsys.filters import Filters
from recsys.index.contract import NO_ROW
from recsys.query import Query
from recsys.recommender import Recommender

NUM_EXCLUDED = 1_000
TIGHT = "a country with few apps"
_SHARE_SOLD = 0.001
_NUM_QUERIES = 64
_BATCH_SIZE = 32
_MICROS = 1e6


class TightBundle(Bundle):
    """A bundle with one more country, in which a thousandth of the apps are sold."""

    def catalogue(self) -> Catalogue:
        """The apps."""
        catalogue = super().catalogue()
        before = catalogue.countries
        is_sold = np.random.default_rng(0).random(len(catalogue)) < _SHARE_SOLD
        flags = [before.may_see_all(value) for value in before.values]
        # Behind the values that apps name: what one that none names sees, and no value.
        flags += [is_sold, before.may_see_all("\n"), before.may_see_all(None)]
        catalogue.countries = Audience([*before.values, TIGHT], np.stack(flags))
        return catalogue


def measured(bundle: Bundle) -> list[dict[str, Any]]:
    """What a request costs, and how full its page and its candidates are, by what filters it."""
    tight = TightBundle(bundle.path, bundle.manifest)
    recommender, meter = bench_request.metered(tight, Bundle.executor)
    found = []
    for name, queries in filtered(recommender).items():
        recommender.recommend(queries[:_BATCH_SIZE])
        meter.clear()
        began, num_shown = time.process_time(), []
        for start in range(0, len(queries), _BATCH_SIZE):
            pages = recommender.recommend(queries[start : start + _BATCH_SIZE])
            num_shown += [len(page.items) for page in pages]
        cpu = time.process_time() - began
        found.append(
            {
                "filter": name,
                "cpu_us": cpu / len(queries) * _MICROS,
                "retrieve_us": meter.seconds["retrieve"] / len(queries) * _MICROS,
                "candidates_per_request": meter.num_scored / len(queries),
                "full_pages": full_pages(recommender, queries, num_shown),
            }
        )
    return found


def full_pages(
    recommender: Recommender, queries: Sequence[Query], num_shown: Sequence[int]
) -> float:
    """The share of pages that hold k apps, or all that may be shown where those are fewer."""
    filters = Filters(recommender.catalogue, queries)
    wanted = [min(q.k, int(filters.eligible(n).sum())) for n, q in enumerate(queries)]
    return float(np.mean(np.array(num_shown) == wanted))


def filtered(recommender: Recommender) -> dict[str, list[Query]]:
    """The same requests, by what filters them."""
    plain = bench_request.drawn_queries(recommender, _NUM_QUERIES)
    excluding = _excluding(recommender, plain)
    return {
        "plain": plain,
        f"{NUM_EXCLUDED:,} exclusions": excluding,
        "tight country": _in_the_tight_country(plain),
        "both": _in_the_tight_country(excluding),
    }


def _excluding(recommender: Recommender, queries: Sequence[Query]) -> list[Query]:
    """The nearest apps are excluded, as for who saw many pages, and as many others."""
    catalogue, random = recommender.catalogue, np.random.default_rng(1)
    excluding = []
    for query, found in zip(queries, recommender.nearest(queries, NUM_EXCLUDED // 2), strict=True):
        near = found[found != NO_ROW]
        drawn = random.choice(len(catalogue), min(NUM_EXCLUDED, len(catalogue)), replace=False)
        others = drawn[~np.isin(drawn, near)][: NUM_EXCLUDED - len(near)]
        app_ids = catalogue.app_ids(np.concatenate([near, others]))
        excluding.append(dataclasses.replace(query, exclude=frozenset(app_ids)))
    return excluding


def _in_the_tight_country(queries: Sequence[Query]) -> list[Query]:
    return [dataclasses.replace(q, features={**q.features, "country": TIGHT}) for q in queries]


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """The figures in Markdown."""
    header = ["filtered by", "full pages", "ranked a request", "retrieve, us", "processor, us"]
    rows = [
        [
            one["filter"],
            f"{one['full_pages']:.0%}",
            f"{one['candidates_per_request']:.0f}",
            f"{one['retrieve_us']:,.0f}",
            f"{one['cpu_us']:,.0f}",
        ]
        for one in figures
    ]
    return (
        f"{report.markdown(header, rows)}\n\nHalf of the {NUM_EXCLUDED:,} excluded apps are the "
        f"nearest; in the tight country {_SHARE_SOLD:.1%} of the apps are sold; batches of "
        f"{_BATCH_SIZE}. A page is full that holds k apps, or all that may be shown."
    )
