"""A large table such as a store's examples are, written a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

NUM_USERS = 1_000_000
NUM_APPS = 20_000

ROWS_A_PART = 250_000
_FIRST_MICROSECOND = 1_709_251_200_000_000  # 1 March 2024, UTC
_MICROSECONDS_A_DAY = 86_400_000_000

Generator = np.random.Generator


def write(path: Path, num_rows: int) -> Iterator[int]:
    """Writes so many rows of 15 columns, one part after another; yields the rows of each.

    Ids of a million users, Zipf-like apps, countries and categories, numbers with heavy tails, NaN
    and nulls, a time, labels, and a list that is mostly empty; of the types of `recsys.tables`.
    """
    rng = np.random.default_rng(2017)
    users = pa.array([f"user-{number:07}" for number in range(NUM_USERS)])
    apps = pa.array([f"app-{number:05}" for number in range(NUM_APPS)])
    parts = (min(ROWS_A_PART, num_rows - row) for row in range(0, num_rows, ROWS_A_PART))
    first = next(parts)
    table = _part(rng, users, apps, first)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        yield first
        for size in parts:
            writer.write_table(_part(rng, users, apps, size))
            yield size


def _part(rng: Generator, users: pa.Array, apps: pa.Array, size: int) -> pa.Table:
    rating = rng.normal(3.8, 0.6, size).astype(np.float32)
    rating[rng.random(size) < 0.01] = np.nan
    price = np.where(rng.random(size) < 0.7, 0, np.round(rng.lognormal(1, 1, size), 2))
    return pa.table(
        {
            "user_id": users.take(pa.array(rng.integers(0, NUM_USERS, size))),
            "app_id": apps.take(pa.array(_zipf(rng, NUM_APPS, size))),
            "country": _names(rng, "country", 60, size),
            "category": _names(rng, "category", 40, size),
            "device": _names(rng, "device", 4, size, missing=0.05),
            "time": pa.array(
                _FIRST_MICROSECOND + rng.integers(0, _MICROSECONDS_A_DAY, size),
                pa.timestamp("us", tz="UTC"),
            ),
            "position": rng.integers(1, 21, size).astype(np.int32),
            "price": price.astype(np.float32),
            "size_mb": rng.lognormal(3, 1, size).astype(np.float32),
            "num_installs": pa.array(
                (rng.pareto(1.1, size) * 100).astype(np.float32), mask=rng.random(size) < 0.1
            ),
            "rating": rating,
            "age_days": rng.integers(0, 3_000, size),
            "clicked": rng.random(size) < 0.1,
            "installed": rng.random(size) < 0.03,
            "countries": _lists(rng, size),
        }
    )


def _zipf(rng: Generator, num: int, size: int) -> npt.NDArray[np.int64]:
    """Numbers below `num`, the small ones by far the most frequent."""
    drawn: npt.NDArray[np.int64] = (num ** rng.random(size)).astype(np.int64)
    return np.minimum(drawn, num - 1)


def _names(rng: Generator, kind: str, num: int, size: int, missing: float = 0.0) -> pa.Array:
    names = pa.array([f"{kind}-{number}" for number in range(num)])
    places = pa.array(_zipf(rng, num, size), mask=rng.random(size) < missing)
    return names.take(places)


def _lists(rng: Generator, size: int) -> Any:
    """Where an app is sold: everywhere, which is an empty list, but for a fifth of them."""
    lengths = np.where(rng.random(size) < 0.2, rng.integers(1, 5, size), 0)
    offsets = np.concatenate([[0], lengths.cumsum()]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), _names(rng, "country", 60, offsets[-1]))
