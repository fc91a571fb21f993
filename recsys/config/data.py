"""Where data comes from, where tables are computed, and how logs become examples."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from recsys.config.section import Section


class World(Section):
    """The synthetic Play store that `recsys data generate` simulates."""

    num_apps: int = Field(2_000, ge=100)
    """Apps in the store on the first day."""
    num_users: int = Field(5_000, ge=10)
    """Users in the population."""
    num_days: int = Field(14, ge=1)
    """Days to simulate."""
    first_day: dt.date = dt.date(2024, 3, 1)
    """The first simulated day."""
    requests_per_user: float = Field(0.8, gt=0, le=50)
    """Mean requests that a user of mean activity makes in a day."""
    page_size: int = Field(10, ge=1, le=100)
    """Apps shown on a page."""
    exploration: float = Field(0.2, ge=0, le=1)
    """Share of the logging policy that shows apps uniformly rather than by popularity."""
    new_apps_per_day: float = Field(0.002, ge=0, le=0.5)
    """Apps released each day, as a share of `num_apps`."""


class ImportColumns(Section):
    """For each of our columns, the column of the file that holds it. Further names are kept as
    they are and can be declared as features."""

    interactions: Mapping[str, str] = {}
    """Must map `user_id` and `app_id`; may map `time`, `value` (a rating, say), and whatever is
    known of the request (`country`, `device`, ...)."""
    users: Mapping[str, str] = {}
    """Must map `user_id` where there is a file of users."""
    apps: Mapping[str, str] = {}
    """Must map `app_id` where there is a file of apps."""


class Import(Section):
    """Where a person's own data lies, and which of its columns mean what."""

    format: Literal["recbole", "csv", "parquet"] = "recbole"
    """The files' format: RecBole atomic files, CSV with a header, or Parquet."""
    delimiter: str = Field(",", min_length=1, max_length=1)
    """What stands between the fields of a CSV file."""
    sequence_separator: str = Field(" ", min_length=1)
    """What stands between the values of a list in one field of text."""
    interactions: str = ""
    """File of interactions: who took which app, and when. Relative to the workspace."""
    users: str = ""
    """File of users; empty when there is none."""
    apps: str = ""
    """File of apps; empty when there is none."""
    time_unit: Literal["s", "ms", "us"] = "s"
    """Unit of times that are numbers: since 1970, UTC."""
    day: dt.date = dt.date(2024, 1, 1)
    """Day of every interaction when `time` isn't mapped."""
    min_value: float = Field(-math.inf, allow_inf_nan=True)
    """Interactions whose `value` is less are left out; -inf takes every one for a positive."""
    max_bad_share: float = Field(0.05, ge=0, le=1)
    """Share of bad rows in a file beyond which nothing is imported."""
    columns: ImportColumns = ImportColumns()
    """Our columns, and the files' names for them."""

    @model_validator(mode="after")
    def _has_what_it_filters_by(self) -> Self:
        if self.min_value > -math.inf and "value" not in self.columns.interactions:
            raise ValueError(
                f"columns.interactions to map `value`, which min_value = {self.min_value} is "
                "compared with: map it, or leave min_value out"
            )
        return self


class Engine(Section):
    """Where tables are computed. Every engine gives the same tables."""

    kind: Literal["duckdb", "spark"] = "duckdb"
    """`duckdb`: inside this process. `spark`: where `master` says; it needs the extra `spark` and
    Java 17 or later, and workers on other machines see the workspace under the same path."""
    master: str = "local"
    """Spark's master: `local` for this machine, or `spark://HOST:PORT` of a cluster."""
    num_threads: int = Field(2, ge=1)
    """Threads the engine may use; on a cluster, cores of all workers together."""
    memory_limit_mib: int = Field(8_192, ge=512)
    """Memory the engine may use before it spills to disk; on a cluster, of each worker."""

    @field_validator("master")
    @classmethod
    def _names_a_master(cls, master: str) -> str:
        if not re.fullmatch(r"local|spark://[^\s/,:]+:\d+", master):
            raise ValueError('"local", or "spark://HOST:PORT" of a Spark cluster')
        return master


class Examples(Section):
    """How logs become training and evaluation examples."""

    split: Literal["time", "random"] = "time"
    """`time`: train on past days, evaluate on the days after. `random`: 80/10/10 of each user's
    interactions, which leaks the future and is here only to compare with published figures."""
    window_days: int = Field(28, ge=1)
    """Days of examples that a model is trained on."""
    test_days: int = Field(1, ge=1)
    """Last days of a span, kept out of training and evaluated on."""


class Statistics(Section):
    """What is computed of a span's examples beside each feature's own figures."""

    slices: Mapping[str, str] = {}
    """Parts of the examples to describe one by one: a name, and an SQL expression over the columns
    of queries or of examples, whose most frequent values are the slices. Such as
    `{ paid = "price > 0", country = "country" }`."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Columns of one table to describe together: two numbers by their correlation, a category and
    a label by lifts. Such as `[["price", "rating"], ["category", "installed"]]`."""
