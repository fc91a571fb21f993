"""Faults of the systems upstream, to inject into a day of logs: each happens in real life, and each
would reach a model if nobody looked.

A fault is a function over a day's tables. Its docstring says what happened upstream; what it is
declared with are the features that an anomaly has to name for the fault to count as caught.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data.broken_day import BrokenDay
from recsys.tables import EVENTS, INSTALL, Table

Break = Callable[[BrokenDay], None]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong upstream."""

    name: str
    story: str
    """What happened, in one sentence."""
    touches: tuple[str, ...]
    """What an anomaly may name: features of the statistics, or tables, or `dataset`, that are not
    what they were; the first tells most."""
    apply: Break


FAULTS: dict[str, Fault] = {}
"""Every fault by its name."""


def _fault(*touches: str) -> Callable[[Break], Break]:
    def declare(apply: Break) -> Break:
        name = apply.__name__.replace("_", "-")
        story = " ".join((apply.__doc__ or "").split())
        FAULTS[name] = Fault(name, story, touches, apply)
        return apply

    return declare


@_fault("device")
def feature_missing(day: BrokenDay) -> None:
    """A new logger of requests forgets the column `device`."""
    day.drop("requests", "device")


@_fault("rating")
def call_failed(day: BrokenDay) -> None:
    """Calls to the service of ratings fail, and its client logs -1."""
    day.replace_some("apps", "rating", 0.2, -1.0)


@_fault("price")
def unit_changed(day: BrokenDay) -> None:
    """Prices come in cents, where they came in dollars."""
    day.replace("apps", "price", _times(100))


@_fault("country")
def case_changed(day: BrokenDay) -> None:
    """A library's new version gives country codes in lower case."""
    day.replace("requests", "country", pc.utf8_lower)


@_fault("category")
def category_new(day: BrokenDay) -> None:
    """The store opens a category that nobody told the model's team of."""
    day.replace_some("apps", "category", 0.05, "Augmented Reality")


@_fault("device")
def enum_renamed(day: BrokenDay) -> None:
    """The client renames a value of an enum: a phone is a handset now."""
    day.replace("requests", "device", lambda column: _renamed(column, "phone", "handset"))


@_fault("rating")
def nan_from_division(day: BrokenDay) -> None:
    """Ratings are a sum of stars by their number, and some apps have none: 0/0."""
    day.replace_some("apps", "rating", 0.1, float("nan"))


@_fault("num_installs")
def log_of_zero(day: BrokenDay) -> None:
    """Someone takes the logarithm of installs, and new apps have none."""
    day.replace_some("apps", "num_installs", 0.05, float("-inf"))


@_fault("requests.time", "outcomes.time", "hour")
def local_time(day: BrokenDay) -> None:
    """A new host writes its local time, eight hours behind UTC, and calls it UTC."""
    for table in _HAPPENED_AT:
        day.replace(table, "time", lambda time: pc.subtract(time, pa.scalar(dt.timedelta(hours=8))))


@_fault("requests.time", "outcomes.time")
def clock_unset(day: BrokenDay) -> None:
    """Some devices log before they know what time it is: 1970."""
    for table in _HAPPENED_AT:
        day.replace_some(table, "time", 0.02, dt.datetime(1970, 1, 1, tzinfo=dt.UTC))


@_fault("requests.time", "outcomes.time")
def half_day_missing(day: BrokenDay) -> None:
    """The job runs before the afternoon's logs have arrived."""
    noon = pa.scalar(dt.datetime.combine(day.date, dt.time(12), dt.UTC), pa.timestamp("us", "UTC"))
    asked = day.read("requests")
    morning = asked.filter(pc.less(asked["time"], noon))["request_id"]
    day.keep("requests", lambda rows: pc.less(rows["time"], noon))
    day.keep("outcomes", lambda rows: pc.less(rows["time"], noon))
    day.keep("impressions", lambda rows: pc.is_in(rows["request_id"], morning))


@_fault("impressions.app_id", "impressions.position")
def rows_doubled(day: BrokenDay) -> None:
    """A job is retried after it had written its files: rows come twice."""
    day.rewrite("impressions", lambda rows: pa.concat_tables([rows, rows]))


@_fault("requests.request_id", "outcomes.event_id", "requests.time", "outcomes.time")
def yesterday_again(day: BrokenDay) -> None:
    """Yesterday's files are delivered again, under today's name."""
    for table in EVENTS:
        day.take_from_yesterday(table)


@_fault("requests", "dataset")
def requests_missing(day: BrokenDay) -> None:
    """The requests are not delivered: what was shown was asked for by nobody."""
    day.remove("requests")


@_fault("impressions", "dataset", "position")
def impressions_missing(day: BrokenDay) -> None:
    """The impressions are not delivered."""
    day.remove("impressions")


@_fault("outcomes", "installed", "clicked")
def outcomes_missing(day: BrokenDay) -> None:
    """The outcomes are not delivered: nobody seems to have installed anything."""
    day.remove("outcomes")


@_fault("users.user_id")
def snapshot_missing(day: BrokenDay) -> None:
    """The snapshot of users is not delivered, and an older one takes its place."""
    day.remove("users")


@_fault("dataset")
def one_in_ten_logged(day: BrokenDay) -> None:
    """A cost cutter logs one impression in ten."""
    day.keep("impressions", lambda rows: day.some(rows.num_rows, 0.1))


@_fault("impressions.app_id")
def ids_truncated(day: BrokenDay) -> None:
    """A database column is too short for an app's id, and cuts it."""
    day.replace("impressions", "app_id", lambda ids: pc.utf8_slice_codeunits(ids, 0, 12))


@_fault("outcomes.request_id")
def ids_reformatted(day: BrokenDay) -> None:
    """The logger of outcomes writes a request's id without its hyphen: no label finds its page."""
    day.replace("outcomes", "request_id", lambda ids: pc.replace_substring(ids, "-", ""))


@_fault("user_id", "requests.user_id")
def ids_withheld(day: BrokenDay) -> None:
    """A consent dialog is shown anew, and requests come without a user."""
    day.replace_some("requests", "user_id", 0.3, None)


@_fault("impressions.app_id")
def new_apps_dropped(day: BrokenDay) -> None:
    """The catalogue is joined with last week's list of developers: new apps have no match."""
    day.keep("apps", lambda rows: pc.greater(rows["age_days"], 7))


@_fault("installed")
def event_renamed(day: BrokenDay) -> None:
    """An install is called by another name: no page seems to lead to any."""
    day.replace("outcomes", "kind", lambda kind: _renamed(kind, INSTALL, "app_install"))


@_fault("price")
def type_changed(day: BrokenDay) -> None:
    """A price is written as text."""
    day.replace("apps", "price", lambda price: price.cast(pa.string()))


@_fault("category")
def list_for_value(day: BrokenDay) -> None:
    """An app may now have two categories: the column becomes a list."""
    day.replace("apps", "category", lambda column: _listed(column, "Top picks"))


@_fault("installed_app_ids")
def list_empty(day: BrokenDay) -> None:
    """The service of installed apps times out, and its client takes that for none."""
    day.replace("users", "installed_app_ids", lambda lists: pa.array([[]] * len(lists), lists.type))


@_fault("age_band")
def default_filled(day: BrokenDay) -> None:
    """A join fails for some users, and a default fills in for their age."""
    day.replace_some("users", "age_band", 0.4, "18-24")


@_fault("category")
def text_escaped(day: BrokenDay) -> None:
    """Text passes through a web form: an ampersand is escaped."""
    day.replace("apps", "category", lambda column: pc.replace_substring(column, "&", "&amp;"))


@_fault("country", "language")
def columns_swapped(day: BrokenDay) -> None:
    """Two columns change places in a file without a header."""
    names = {"country": "language", "language": "country"}
    day.rewrite(
        "requests",
        lambda rows: rows.rename_columns([names.get(name, name) for name in rows.column_names]),
    )


@_fault("position")
def positions_from_0(day: BrokenDay) -> None:
    """A rewritten page counts its positions from 0."""
    one = pa.scalar(1, pa.int32())
    day.replace("impressions", "position", lambda position: pc.subtract(position, one))


@_fault("size_mb")
def slow_drift(day: BrokenDay) -> None:
    """Sizes are measured with a cache that grows by a tenth of them each day."""
    for nth, each in enumerate(day.last_days(_DRIFT_DAYS), start=1):
        each.replace("apps", "size_mb", _times(1 + nth / _DRIFT_DAYS))


_HAPPENED_AT: tuple[Table, ...] = ("requests", "outcomes")
_DRIFT_DAYS = 10


def _times(factor: float) -> Callable[[Any], Any]:
    return lambda column: pc.multiply(column, pa.scalar(factor, column.type))


def _renamed(column: Any, old: str, new: str) -> Any:
    return pc.if_else(pc.equal(column, old), new, column)


def _listed(column: Any, further: str) -> Any:
    """Lists of a column's value and, in every other row, a further one."""
    values = column.to_pylist()
    return pa.array([[v, further] if i % 2 else [v] for i, v in enumerate(values)])
