"""Six apps that differ in where they are sold and what they run on."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from recsys import tables
from recsys.catalogue import Catalogue

ROWS = [
    # app, sold in, runs on, released
    ("everywhere", None, None, dt.date(2024, 1, 3)),
    ("nordic", ["NO", "SE"], None, dt.date(2024, 1, 1)),
    ("american", ["US"], ["phone"], None),
    ("tablets", [], ["tablet"], dt.date(2024, 1, 5)),
    ("norwegian phones", ["NO"], ["phone"], dt.date(2024, 1, 5)),
    ("plain", None, [], dt.date(2023, 12, 31)),
]


def apps() -> pa.Table:
    """The snapshot of apps."""
    names = ("app_id", "countries", "devices", "release_day")
    rows = [dict(zip(names, row, strict=True)) | {"title": row[0].title()} for row in ROWS]
    return pa.Table.from_pylist(rows, tables.SCHEMAS["apps"])


def catalogue() -> Catalogue:
    """The catalogue of them."""
    return Catalogue(apps())
