"""What each row of a weight stands for, so that the next day's model finds its own again.

A position means nothing by itself: tomorrow's vocabulary has another order, and a new feature moves
the inputs of the first layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from recsys.features import spec
from recsys.features.fitted import FittedTransform, read_vocabulary

_LAYOUT = "rows.json"


class _Description(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Values(_Description):
    """A row for a missing value, one a value of a vocabulary, one an out-of-vocabulary bucket."""

    kind: Literal["values"] = "values"
    of: str
    """The column that the values are of."""
    vocabulary: str
    num_oov: int


class Inputs(_Description):
    """Blocks of rows, one a feature or a layer that feeds a dense layer, in order."""

    kind: Literal["inputs"] = "inputs"
    blocks: tuple[tuple[str, int], ...]
    """What feeds it, and how wide that is."""


class Places(_Description):
    """Rows that mean the same at the same place: hash buckets, units, hours."""

    kind: Literal["places"] = "places"
    of: str = ""


Rows = Annotated[Values | Inputs | Places, Field(discriminator="kind")]
Block = tuple[str, int]

_Layout = TypeAdapter(dict[str, Rows])


class Origin(NamedTuple):
    """Where the rows of a weight lie in an earlier model's."""

    row: NDArray[np.int64]
    """`[num_rows]`, the row to copy; -1 where there is none."""
    is_same: NDArray[np.bool_]
    """`[num_rows]`, whether that row stood for the very same thing."""


def of_feature(fitted: FittedTransform, name: str) -> Values | Places:
    """The rows of a table that a feature's indices are looked up in."""
    feature = fitted.features[name]
    if feature.kind not in ("category", "categories"):
        return Places(of=source_of(fitted, name))
    root = spec.vocabulary_of(name, feature)
    num_oov = fitted.features[root].num_oov_buckets
    return Values(of=source_of(fitted, name), vocabulary=root, num_oov=num_oov)


def source_of(fitted: FittedTransform, name: str) -> str:
    """Where a feature's values come from: what it is, whatever it is called."""
    feature = fitted.features[name]
    return f"{feature.kind} {feature.table}.{spec.column_of(name, feature)}"


def block_of(fitted: FittedTransform, name: str, width: int) -> Block:
    """A feature's part of what feeds a dense layer."""
    return f"{name} ({source_of(fitted, name)})", width


def of_layers(blocks: Sequence[Block], layers: Iterable[Any]) -> dict[str, Inputs]:
    """The rows of the kernels of dense layers, each fed by the one before it."""
    found = {}
    for layer in layers:
        found[name_of(layer.kernel)] = Inputs(blocks=tuple(blocks))
        blocks = [(layer.name, layer.units)]
    return found


def name_of(variable: Any) -> str:
    """The name that a variable is saved by."""
    return str(variable.name).removesuffix(":0").replace("/", ".")


def save(layout: Mapping[str, Rows], fitted: FittedTransform, out: Path) -> None:
    """Writes what rows stand for, and the vocabularies that say it."""
    fitted.save(out)
    (out / _LAYOUT).write_bytes(_Layout.dump_json(dict(layout), indent=1) + b"\n")


class Saved:
    """What `save` wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.layout = _Layout.validate_json((folder / _LAYOUT).read_bytes())
        self._row_of: dict[str, dict[str, int]] = {}

    def row_of(self, vocabulary: str) -> Mapping[str, int]:
        """The row of each value of a vocabulary."""
        if vocabulary not in self._row_of:
            values = read_vocabulary(self._folder, vocabulary)
            self._row_of[vocabulary] = {value: row for row, value in enumerate(values, start=1)}
        return self._row_of[vocabulary]

    def changes(
        self, layout: Mapping[str, Rows], fitted: FittedTransform
    ) -> dict[str, dict[str, int]]:
        """How many values each vocabulary kept, gained and lost."""
        used = [one.vocabulary for one in self.layout.values() if isinstance(one, Values)]
        now = [one.vocabulary for one in layout.values() if isinstance(one, Values)]
        found = {}
        for name in sorted(set(used) & set(now)):
            before, values = self.row_of(name), fitted.vocabularies[name]
            kept = sum(value in before for value in values)
            gained, lost = len(values) - kept, len(before) - kept
            found[name] = {"kept": kept, "gained": gained, "lost": lost}
        return found


def is_saved(folder: Path) -> bool:
    """Whether `save` wrote into this folder."""
    return (folder / _LAYOUT).exists()


def origin(
    now: Rows, before: Rows, num_rows: int, fitted: FittedTransform, saved: Saved
) -> Origin | str:
    """Where the rows of a weight lie in a saved model's weight; else why nowhere."""
    match now, before:
        case Values(), Values() if now.of == before.of:
            return _origin_of_values(now, before, fitted, saved)
        case Inputs(), Inputs():
            return _origin_of_inputs(now, before)
        case Places(), Places() if now.of == before.of:
            return Origin(np.arange(num_rows), np.ones(num_rows, dtype=np.bool_))
        case _:
            return f"its rows stood for {_said(before)}, and stand for {_said(now)}"


def _origin_of_values(now: Values, before: Values, fitted: FittedTransform, saved: Saved) -> Origin:
    """A value is sought where the earlier model looked it up: in its own row, else in the
    out-of-vocabulary bucket that it fell into."""
    values, row_of = fitted.vocabularies[now.vocabulary], saved.row_of(before.vocabulary)
    own = np.array([row_of.get(value, -1) for value in values], dtype=np.int64)
    first_bucket = 1 + len(row_of)
    bucket = tf.strings.to_hash_bucket_fast(tf.constant(values, tf.string), before.num_oov).numpy()
    buckets = first_bucket + np.arange(now.num_oov) % before.num_oov
    return Origin(
        np.concatenate([[0], np.where(own < 0, first_bucket + bucket, own), buckets]),
        np.concatenate([[True], own >= 0, np.full(now.num_oov, now.num_oov == before.num_oov)]),
    )


def _origin_of_inputs(now: Inputs, before: Inputs) -> Origin | str:
    first_row_of, start = {}, 0
    for block in before.blocks:
        first_row_of[block] = start
        start += block[1]
    rows = [
        first_row_of[block] + np.arange(block[1])
        if block in first_row_of
        else np.full(block[1], -1)
        for block in now.blocks
    ]
    row = np.concatenate(rows)
    if (row < 0).all():
        return f"it was fed by {_said(before)}, and is fed by {_said(now)}"
    return Origin(row, row >= 0)


def _said(rows: Rows) -> str:
    match rows:
        case Values():
            return f"values of {rows.of}"
        case Inputs():
            return ", ".join(f"{source} x {width}" for source, width in rows.blocks)
        case Places():
            return rows.of or "places"
