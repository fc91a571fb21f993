"""What a candidate's server is asked: recorded requests, odd ones that must get a page all the
same, and malformed ones that must be turned away with a clear word.

As with TFX's InfraValidator, the requests are made of examples; a user is known to the server as at
the recorded request. The limits are those of the HTTP contract in docs/architecture.md.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.artifacts import Examples
from recsys.config import Config
from recsys.errors import BadInput
from recsys.features import spec
from recsys.query import Query

_CONTEXT = ("country", "language", "device", "surface")
_MAX_EXCLUDED = 5_000
_NOBODY = "nobody whom anyone knows \N{SNOWMAN}"
_NEWCOMER = "infra-validator-with-nothing-installed"
_COLLECTOR = "infra-validator-with-everything-installed"


@dataclass(frozen=True)
class Probe:
    """A request for a page."""

    name: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Malformed:
    """A body that is no request."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Plan:
    """All that a server is asked, and whom it must know for it."""

    users: pa.Table
    """Rows of the table of users."""
    recorded: Sequence[Probe]
    """Each of another user."""
    odd: Sequence[Probe]
    malformed: Sequence[Malformed]

    def query(self, probe: Probe, now: dt.datetime, default_k: int) -> Query:
        """What a request means by the contract: its context over the user's profile."""
        body = probe.body
        place = pc.index(self.users["user_id"], body["user_id"]).as_py()
        profile = self.users.slice(place, 1).to_pylist()[0] if place >= 0 else {}
        return Query(
            user_id=body["user_id"],
            time=now,
            features={**profile, **body.get("context", {})},
            installed_app_ids=profile.get(spec.HISTORY) or (),
            exclude=frozenset(body.get("exclude", ())),
            seed_app=body.get("seed_app"),
            k=body.get("k", default_k),
        )


def plan(test: Sequence[Examples], config: Config) -> Plan:
    """Makes requests of the days kept out of training.

    Raises:
        BadInput: they have none, or nothing was shown in them.
    """
    queries = _first_of_each_user(test, config.infra.num_requests)
    app_ids = _apps_of(test)
    if not len(queries) or not app_ids:
        raise BadInput(
            "expected requests, and apps that they were shown, in the days kept out of training, "
            "found none: set examples.test_days higher, or import more days."
        )
    contexts = _contexts(queries, config)
    recorded = [
        Probe(f"the recorded request of user {user_id!r}", {"user_id": user_id, "context": context})
        for user_id, context in zip(queries["user_id"].to_pylist(), contexts, strict=True)
    ]
    users = _users(queries, config, app_ids)
    max_k = config.serving.max_k
    return Plan(users, recorded, _odd(contexts[0], app_ids, max_k), _malformed(max_k))


def _first_of_each_user(test: Sequence[Examples], count: int) -> pa.Table:
    """So many users' first requests at most, evenly over the days."""
    tables = [pq.read_table(span.queries) for span in test]
    queries = pa.concat_tables(tables, promote_options="permissive")
    _, first = np.unique(queries["user_id"].to_numpy(), return_index=True)
    first.sort()
    return queries.take(first[np.linspace(0, len(first) - 1, min(count, len(first)), dtype=int)])


def _apps_of(test: Sequence[Examples]) -> list[str]:
    """Apps that were shown, as many as a request may exclude."""
    shown = pq.read_table(test[-1].examples, columns=["app_id"])["app_id"]
    known: list[str] = pc.unique(shown).to_pylist()[:_MAX_EXCLUDED]
    return known


def _contexts(queries: pa.Table, config: Config) -> list[dict[str, Any]]:
    """What each request said beside who asked."""
    declared = {
        spec.column_of(name, feature)
        for name, feature in config.features.items()
        if feature.table == "requests" and feature.kind in ("category", "number")
    }
    columns = [name for name in queries.column_names if name in declared.union(_CONTEXT)]
    return [
        {name: value for name, value in row.items() if value is not None and value == value}
        for row in queries.select(columns).to_pylist()
    ]


def _users(queries: pa.Table, config: Config, app_ids: Sequence[str]) -> pa.Table:
    """The users as they were when they asked, and one with nothing and one with much installed."""
    profile = [
        spec.column_of(name, feature)
        for name, feature in config.features.items()
        if feature.table == "users" and name != spec.HISTORY
    ]
    known = queries.select(list(dict.fromkeys(["user_id", *profile, spec.HISTORY])))
    extreme = pa.Table.from_pylist(
        [
            {"user_id": _NEWCOMER, spec.HISTORY: []},
            {"user_id": _COLLECTOR, spec.HISTORY: list(app_ids)},
        ],
        known.schema,
    )
    return pa.concat_tables([known, extreme])


def _odd(context: Mapping[str, Any], app_ids: Sequence[str], max_k: int) -> list[Probe]:
    many = [*app_ids, *(f"unknown-{number}" for number in range(_MAX_EXCLUDED - len(app_ids)))]
    bodies: dict[str, dict[str, Any]] = {
        "an unknown user": {"user_id": _NOBODY},
        "an unknown country": {"user_id": _NOBODY, "context": {"country": "Atlantis"}},
        "an unknown device": {"user_id": _NOBODY, "context": {"device": "abacus"}},
        "a page of 1": {"user_id": _NOBODY, "k": 1, "context": context},
        f"a page of {max_k}": {"user_id": _NOBODY, "k": max_k, "context": context},
        "nothing installed": {"user_id": _NEWCOMER, "context": context},
        f"{len(app_ids)} apps installed": {"user_id": _COLLECTOR, "context": context},
        f"{len(many)} apps excluded": {"user_id": _NOBODY, "exclude": many, "context": context},
        "a seed app": {"user_id": _NOBODY, "seed_app": app_ids[0], "context": context},
        "an unknown seed app": {"user_id": _NOBODY, "seed_app": "unknown", "context": context},
    }
    return [Probe(f"a request with {name}", body) for name, body in bodies.items()]


def _malformed(max_k: int) -> list[Malformed]:
    bodies: dict[str, Any] = {
        "null": None,
        "a list": [],
        "no user": {},
        "an empty user_id": {"user_id": ""},
        "a number for user_id": {"user_id": 7},
        "a user_id of 10,000 characters": {"user_id": "u" * 10_000},
        "k = 0": {"user_id": "u", "k": 0},
        "k = -1": {"user_id": "u", "k": -1},
        "k = 1.5": {"user_id": "u", "k": 1.5},
        'k = "ten"': {"user_id": "u", "k": "ten"},
        f"k = {max_k + 1}": {"user_id": "u", "k": max_k + 1},
        "k = 10^30": {"user_id": "u", "k": 10**30},
        "a list for country": {"user_id": "u", "context": {"country": ["US"]}},
        "a text for exclude": {"user_id": "u", "exclude": "a"},
        f"{_MAX_EXCLUDED + 1} apps excluded": {"user_id": "u", "exclude": ["a"] * 5_001},
        "an unknown key": {"user_id": "u", "colour": "red"},
        "NaN": {"user_id": "u", "context": {"country": float("nan")}},
    }
    contents = {name: json.dumps(body).encode() for name, body in bodies.items()} | {
        "nothing": b"",
        "half of it": b'{"user_id": "u", "k":',
        "bytes that are no text": b'{"user_id": "\xff\xfe"}',
        "half a surrogate pair": b'{"user_id": "\\ud83d"}',
        "lists 100,000 deep": b"[" * 100_000,
    }
    return [Malformed(f"a body with {name}", content) for name, content in contents.items()]
