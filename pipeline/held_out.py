"""Who a bundle is evaluated on: users who installed something in the days kept out of training."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from pipeline import random_split
from pipeline.artifacts import Examples
from recsys import engine
from recsys.config import Config
from recsys.evaluation.pages import HeldOutUser
from recsys.features import spec
from recsys.query import Query


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
