"""Requests as a log has them, made odd in every way that the HTTP contract allows."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from recsys.features import spec
from recsys.query import Query

Odd = Callable[[Query, np.random.Generator, Sequence[str]], dict[str, Any]]

ODD: dict[str, Odd] = {
    "plain": lambda query, random, apps: {},
    "seed": lambda query, random, apps: {"seed_app": str(random.choice(apps))},
    "unknown seed": lambda query, random, apps: {"seed_app": "gone"},
    "exclusions": lambda query, random, apps: {
        "exclude": frozenset(random.choice(apps, size=random.integers(1, 200)).tolist())
    },
    "all but a few excluded": lambda query, random, apps: {"exclude": frozenset(apps[12:])},
    "unknown user": lambda query, random, apps: {
        "user_id": "nobody",
        "features": {name: query.features.get(name) for name in ("country", "device", "surface")},
        "installed_app_ids": (),
    },
    "unknown country": lambda query, random, apps: {
        "features": {**query.features, "country": f"Atlantis {random.integers(100)}"}
    },
    "unknown texts": lambda query, random, apps: {
        "features": {**query.features, "language": "日本\n\x00", "age_band": "🙂" * 40}
    },
    "nothing known": lambda query, random, apps: {"features": {}},
    "missing values": lambda query, random, apps: {"features": dict.fromkeys(query.features)},
    "empty history": lambda query, random, apps: {"installed_app_ids": ()},
    "long history": lambda query, random, apps: {
        "installed_app_ids": random.choice(apps, size=120).tolist()
    },
    "history of strangers": lambda query, random, apps: {
        "installed_app_ids": ["gone", "", *query.installed_app_ids, "gone too"]
    },
    "another k": lambda query, random, apps: {"k": int(random.integers(1, 60))},
    "long ago": lambda query, random, apps: {
        "time": dt.datetime(1955, 11, 5, 6, 15, tzinfo=dt.UTC)
    },
}


def odd_requests(
    logged: pa.Table, apps: Sequence[str], count: int, seed: int = 3
) -> Iterator[tuple[str, Query]]:
    """So many requests, each with what is odd about it: those of the log over and over, one kind of
    oddity after the other."""
    random, rows = np.random.default_rng(seed), logged.to_pylist()
    kinds = list(ODD.items())
    for number in range(count):
        name, change = kinds[number % len(kinds)]
        query = query_of(rows[number % len(rows)])
        yield name, dataclasses.replace(query, **change(query, random, apps))


def query_of(row: dict[str, Any], k: int = 20) -> Query:
    """A row of the queries that ExampleGen writes, as the request that it was."""
    known = {n: v for n, v in row.items() if n not in ("user_id", "time", spec.HISTORY)}
    return Query(row["user_id"], row["time"], known, row[spec.HISTORY], k=k)
