"""What a bundle is evaluated on: users who installed something in the days kept out of training,
and what users were shown in them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import random_split
from pipeline.artifacts import Examples
from recsys import engine
from recsys.config import Config
from recsys.evaluation.impressions import Impressions
from recsys.evaluation.observed import HeldOut
from recsys.evaluation.pages import HeldOutUser
from recsys.evaluation.slices import Asked
from recsys.features import spec
from recsys.query import Query

_ROWS_AT_ONCE = 100_000


def held_out(train: Sequence[Examples], test: Sequence[Examples], config: Config) -> HeldOut:
    """Users and impressions of the days kept out.

    Args:
        train: the days of the training window: who asked in them is known.
        test: the days kept out of training.
        config: how many users at most; of a greater number, a sample.
    """
    known = _users_of(train)
    users = held_out_users(test, config)
    ids = [user.query.user_id for user in users]
    columns = spec.columns(spec.of_query(config.features))
    asked = Asked(
        {name: [user.query.features.get(name) for user in users] for name in columns},
        np.array([len(user.query.installed_app_ids) for user in users], dtype=np.int64),
        np.array([name not in known for name in ids], dtype=np.bool_),
    )
    return HeldOut(users, asked, _impressions(test, known, config))


def held_out_users(examples: Sequence[Examples], config: Config) -> list[HeldOutUser]:
    """One for each user with an install in these days, at their first request in them.

    At most `evaluation.max_users`, chosen by a stable hash of the id. Under the random split,
    which has no time, what a user took for training and validation is excluded instead.
    """
    queries = engine.read_parquet(config.engine, [span.queries for span in examples])
    rows = engine.read_parquet(config.engine, [span.examples for span in examples])
    installs = rows.filter(rows.installed).inner_join(
        queries.select("request_id", "user_id"), "request_id"
    )
    if config.examples.split == "random":
        held_out = installs.split == random_split.TEST
        relevant, excluded = installs.filter(held_out), installs.filter(~held_out)
        queries = queries.semi_join(relevant, "request_id")
    else:
        relevant, excluded = installs, installs.limit(0)
    joined = (
        _first_of_each_user(queries)
        .inner_join(_collected(relevant, "relevant"), "user_id")
        .left_join(_collected(excluded, "excluded"), "user_id")
        .order_by(ibis._.user_id.hexdigest("md5"))
        .limit(config.evaluation.max_users)
    )
    columns = spec.columns(spec.of_query(config.features))
    return [
        HeldOutUser(
            Query(
                user_id=row["user_id"],
                time=row["time"],
                features={name: row[name] for name in columns if name != spec.HISTORY},
                installed_app_ids=row[spec.HISTORY],
                exclude=frozenset(row["excluded"] or ()),
                k=config.evaluation.k,
            ),
            relevant=frozenset(row["relevant"]),
        )
        for row in engine.to_arrow(config.engine, joined).to_pylist()
    ]


def _first_of_each_user(queries: ir.Table) -> ir.Table:
    order = ibis.window(group_by="user_id", order_by=["time", "request_id"])
    return queries.mutate(place=ibis.row_number().over(order)).filter(ibis._.place == 0)


def _collected(installs: ir.Table, name: str) -> ir.Table:
    return installs.group_by("user_id").agg(**{name: installs.app_id.collect(distinct=True)})


def _impressions(
    examples: Sequence[Examples], known: set[str], config: Config
) -> Impressions | None:
    """What a sample of users was shown; None where every example is an install, as imported data
    has it: without impressions there is no negative to tell apart."""
    queries, rows = _shown(examples, _sampled(_users_of(examples), config.evaluation.max_users))
    if pc.all(rows["installed"]).as_py() in (True, None):
        return None
    user_ids = queries["user_id"].combine_chunks().dictionary_encode()
    columns = spec.columns(spec.of_query(config.features))
    is_new = [name not in known for name in user_ids.dictionary.to_pylist()]
    users = user_ids.indices.to_numpy().astype(np.int64)
    asked = Asked(
        {name: queries[name].to_pylist() for name in columns if name != spec.HISTORY},
        pc.fill_null(pc.list_value_length(queries[spec.HISTORY]), 0).to_numpy().astype(np.int64),
        np.array(is_new, dtype=np.bool_)[users],
    )
    return Impressions(queries, rows, users, asked)


def _shown(examples: Sequence[Examples], users: set[str]) -> tuple[pa.Table, pa.Table]:
    """The requests of all days, and the impressions of some users, which count rows of them."""
    queries, shown, num_before = [], [], 0
    for span in examples:
        queries.append(pq.read_table(span.queries))
        is_wanted = pc.is_in(queries[-1]["user_id"], pa.array(list(users), pa.string()))
        with pq.ParquetFile(span.examples) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                rows = pa.Table.from_batches([batch])
                if "split" in rows.column_names:
                    rows = rows.filter(pc.equal(rows["split"], random_split.TEST))
                rows = rows.filter(is_wanted.take(rows["query_row"]))
                place = rows.column_names.index("query_row")
                counted = pc.add(rows["query_row"], num_before)
                shown.append(rows.set_column(place, "query_row", counted))
        num_before += len(queries[-1])
    return (
        pa.concat_tables(queries, promote_options="permissive"),
        pa.concat_tables(shown, promote_options="permissive"),
    )


def _users_of(examples: Sequence[Examples]) -> set[str]:
    """Who asked in some days."""
    tables = (pq.read_table(span.queries, columns=["user_id"]) for span in examples)
    return {name for table in tables for name in pc.unique(table["user_id"]).to_pylist()}


def _sampled(users: set[str], count: int) -> set[str]:
    """At most so many users, the first by a stable hash of their id."""
    if len(users) <= count:
        return users
    return set(sorted(users, key=lambda name: hashlib.md5(name.encode()).hexdigest())[:count])
