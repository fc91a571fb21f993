"""The apps of a bundle: raw ids on one side, dense rows on the other, and who may see which.

Raw ids are strings and rows are integers; they are converted here and nowhere else.

Nothing here makes an object for each app. What a bundle carries is mapped from its files, so that a
million apps are there in milliseconds, and processes share one copy:

```
apps.arrow         the columns as they were
id_*.npy           from ids to rows (recsys/app_rows.py)
countries.npy ...  who may see which (recsys/audience.py)
newest.npy         rows by day of release
```
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys import app_rows, audience, mapped
from recsys.app_rows import AppRows
from recsys.audience import Audience
from recsys.audience import Mask as Mask
from recsys.features.transformed import Arrays, load_arrays, save_arrays
from recsys.index.contract import NO_ROW
from recsys.index.contract import Rows as Rows

_APPS = "apps.arrow"
_AUDIENCES = ("countries", "devices")
_VALUES = "_values"
_NEWEST = "newest"


class Catalogue:
    """The snapshot of apps that a bundle was built with; a row is a place in it."""

    def __init__(self, apps: pa.Table, arrays: Arrays | None = None) -> None:
        """
        Args:
            apps: a row an app.
            arrays: those of `_arrays`, where they lie ready.
        """
        self._apps = _whole(apps)
        found = _arrays(self._apps) if arrays is None else arrays
        self._rows = AppRows(found)
        self._newest = np.asarray(found[_NEWEST])
        self.countries, self.devices = (
            Audience(found[name + _VALUES].tolist(), np.asarray(found[name])) for name in _AUDIENCES
        )
        self._texts = {
            field.name: _Texts(self._apps[field.name])
            for field in self._apps.schema
            if pa.types.is_string(field.type)
        }

    @staticmethod
    def load(folder: Path) -> Catalogue:
        """Maps what `save` wrote."""
        file = pa.BufferReader(pa.py_buffer(mapped.content(folder / _APPS)))
        return Catalogue(pa.ipc.open_file(file).read_all(), load_arrays(folder))

    @staticmethod
    def save(apps: pa.Table, folder: Path) -> None:
        """Writes what a server maps.

        Raises:
            BadInput: an app is there twice.
        """
        whole = _whole(apps)
        save_arrays(folder, _arrays(whole))
        with pa.ipc.new_file(str(folder / _APPS), whole.schema) as writer:
            writer.write_table(whole)

    def __len__(self) -> int:
        return len(self._apps)

    def rows(self, app_ids: Iterable[str]) -> Rows:
        """Rows of those ids that are in the catalogue."""
        found = self.find(app_ids)
        known: Rows = found[found != NO_ROW]
        return known

    def find(self, app_ids: Iterable[str]) -> Rows:
        """The row of each id, `NO_ROW` where it is not in the catalogue."""
        return self._rows.find(app_ids)

    def row(self, app_id: str) -> int:
        """The row of an id.

        Raises:
            KeyError: the app is not in the catalogue.
        """
        return int(self._known([app_id])[0])

    def app_ids(self, rows: Rows) -> list[str]:
        """The ids of rows."""
        return self._texts["app_id"].take(rows)  # type: ignore[return-value]  # no id is null

    def app(self, app_id: str) -> Mapping[str, Any]:
        """All columns of one app.

        Raises:
            KeyError: the app is not in the catalogue.
        """
        values: Mapping[str, Any] = self._apps.slice(self.row(app_id), 1).to_pylist()[0]
        return values

    def columns(self, app_ids: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
        """Some columns of several apps at once, which is much faster than one by one.

        Raises:
            KeyError: an app is not in the catalogue.
        """
        return self.columns_of(self._known(app_ids), names)

    def columns_of(self, rows: Rows, names: Sequence[str]) -> list[dict[str, Any]]:
        """The same of apps whose rows are known."""
        columns = [self._column(name, rows) for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    def newest(self, count: int) -> Rows:
        """Rows of the apps that were released last, the newest first; none where no release day
        is known."""
        return self._newest[:count].astype(np.int64)

    def _known(self, app_ids: Sequence[str]) -> Rows:
        rows = self.find(app_ids)
        if len(unknown := np.flatnonzero(rows == NO_ROW)):
            raise KeyError(app_ids[unknown[0]])
        return rows

    def _column(self, name: str, rows: Rows) -> list[Any]:
        if name in self._texts:
            return self._texts[name].take(rows)
        values: list[Any] = self._apps[name].take(pa.array(rows)).to_pylist()
        return values


class _Texts:
    """A column of texts, of which a few are taken at a time: straight from Arrow's buffers, which
    is four times as fast as by Arrow."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        [texts] = column.chunks or [pa.array([], pa.string())]
        valid, ends, data = texts.buffers()
        self._first = texts.offset
        self._ends = np.frombuffer(ends or bytes(4), np.int32)
        self._data = memoryview(data or b"")
        self._valid = np.frombuffer(valid, np.uint8) if texts.null_count else None

    def take(self, rows: Rows) -> list[str | None]:
        """The texts of rows; None where there is none."""
        places = rows + self._first
        starts, ends = self._ends.take(places).tolist(), self._ends.take(places + 1).tolist()
        data = self._data
        texts = [str(data[start:end], "utf-8") for start, end in zip(starts, ends, strict=True)]
        if self._valid is None:
            return [*texts]
        is_valid = (self._valid.take(places >> 3) >> (places & 7) & 1).tolist()
        return [text if valid else None for text, valid in zip(texts, is_valid, strict=True)]


def _whole(apps: pa.Table) -> pa.Table:
    """The same with each column in one piece, which is a copy where it isn't."""
    is_whole = all(column.num_chunks == 1 for column in apps.columns)
    return apps if is_whole else apps.combine_chunks()


def _arrays(apps: pa.Table) -> dict[str, NDArray[Any]]:
    """All that is looked up by numbers."""
    arrays: dict[str, NDArray[Any]] = {**app_rows.arrays_of(apps["app_id"].to_pylist())}
    for name in _AUDIENCES:
        arrays[name + _VALUES], arrays[name] = audience.flags(apps[name])
    arrays[_NEWEST] = _by_release(apps["release_day"])
    return arrays


def _by_release(release_day: pa.ChunkedArray) -> NDArray[np.int32]:
    """Rows of the apps whose day is known, the newest first."""
    days = pc.fill_null(release_day, dt.date.min).cast(pa.int32()).to_numpy().astype(np.int64)
    known = np.flatnonzero(release_day.is_valid().to_numpy())
    return known[np.argsort(-days[known], kind="stable")].astype(np.int32)
