"""Which columns of a person's file become which columns of ours, and of what types.

A column of `recsys.tables` keeps its type. A further one gets the type that the feature declared
over it needs; without a feature, the type that the file itself says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from pyarrow import types

from data.importers.source import Source
from recsys import tables
from recsys.config import Feature
from recsys.errors import BadInput

STRINGS = pa.list_(pa.string())
NUMBERS = pa.list_(pa.float32())

Family = Literal["texts", "numbers", "times", "lists", "booleans", "nested or binary values"]

_NAMES = {
    pa.string(): "texts",
    pa.float32(): "numbers",
    tables.TIME: "times",
    pa.date32(): "days",
    STRINGS: "lists of texts",
    NUMBERS: "lists of numbers",
}
_ACCEPTED: Mapping[pa.DataType, tuple[Family, ...]] = {
    pa.string(): ("texts", "numbers", "times", "booleans"),
    pa.float32(): ("texts", "numbers", "booleans"),
    tables.TIME: ("texts", "numbers", "times"),
    pa.date32(): ("texts", "times"),
    STRINGS: ("texts", "lists"),
    NUMBERS: ("lists",),
}
_OF_KIND: Mapping[str, pa.DataType] = {
    "category": pa.string(),
    "categories": STRINGS,
    "number": pa.float32(),
    "hour": tables.TIME,
    "weekday": tables.TIME,
}


@dataclass(frozen=True)
class Kind:
    """One of the three files that an import may read."""

    name: Literal["interactions", "users", "apps"]
    table: Literal["requests", "users", "apps"]
    """The table of ours whose rows its rows become."""
    keys: tuple[str, ...]
    """What must be mapped."""
    known: Mapping[str, pa.DataType]
    """Our columns with a type of their own."""
    made: frozenset[str] = frozenset()
    """Our columns that the import makes itself."""


INTERACTIONS = Kind(
    "interactions",
    "requests",
    ("user_id", "app_id"),
    {field.name: field.type for field in tables.SCHEMAS["requests"]}
    | {"app_id": pa.string(), "value": pa.float32()},
    frozenset({"request_id", "event_id", "kind"}),
)
USERS = Kind("users", "users", ("user_id",), {f.name: f.type for f in tables.SCHEMAS["users"]})
APPS = Kind("apps", "apps", ("app_id",), {f.name: f.type for f in tables.SCHEMAS["apps"]})


@dataclass(frozen=True)
class Column:
    """A column to read."""

    name: str
    """Ours."""
    source: str
    """The file's."""
    type: pa.DataType
    """Ours."""
    is_required: bool
    """Whether a row without it is bad."""


def plan(
    kind: Kind, mapping: Mapping[str, str], source: Source, features: Mapping[str, Feature]
) -> list[Column]:
    """The columns to read.

    Args:
        kind: which file it is.
        mapping: our columns, and the file's names for them.
        source: the file.
        features: those declared.

    Raises:
        BadInput: a key isn't mapped, a name is none, a column isn't there or is of a wrong type.
    """
    _check_names(kind, mapping, source)
    required = {*kind.keys, "time", "value"} if kind is INTERACTIONS else set(kind.keys)
    return [
        Column(ours, theirs, _type(kind, ours, theirs, source, features), ours in required)
        for ours, theirs in mapping.items()
    ]


def _check_names(kind: Kind, mapping: Mapping[str, str], source: Source) -> None:
    section = f"import.columns.{kind.name}"
    found = ", ".join(source.types)
    for key in kind.keys:
        if key not in mapping:
            raise BadInput(
                f"{section} doesn't map {key}, which it must: name one of the columns of "
                f"{source.path}, which are {found}."
            )
    for ours, theirs in mapping.items():
        if not re.fullmatch("[a-z][a-z0-9_]*", ours):
            raise BadInput(
                f"{section} maps {ours!r}, expected a name of lower-case letters, digits and "
                "underscores: rename it."
            )
        if ours in kind.made:
            raise BadInput(f"{section} maps {ours}, which the import makes itself: leave it out.")
        if theirs not in source.types:
            raise BadInput(
                f"{source.path} has no column {theirs!r}, which {section} maps to {ours}: its "
                f"columns are {found}; correct the mapping."
            )


def _type(
    kind: Kind, ours: str, theirs: str, source: Source, features: Mapping[str, Feature]
) -> pa.DataType:
    found = source.types[theirs]
    declared = [
        _OF_KIND[feature.kind]
        for name, feature in features.items()
        if feature.table == kind.table and (feature.column or name) == ours
    ]
    wanted = kind.known.get(ours) or (declared or [_as_found(found)])[0]
    as_it_stands = source.is_text and wanted == pa.string()
    if _family(found) not in _ACCEPTED[wanted] and not as_it_stands:
        raise BadInput(
            f"{source.path}: column {theirs!r} holds {_family(found)}, expected {_NAMES[wanted]} "
            f"since import.columns.{kind.name} maps it to {ours}: map another column."
        )
    return wanted


def _as_found(found: pa.DataType) -> pa.DataType:
    """The type of ours for a column that neither we nor a feature know."""
    match _family(found):
        case "numbers":
            return pa.float32()
        case "times":
            return tables.TIME
        case "lists":
            return NUMBERS if _family(found.value_type) == "numbers" else STRINGS
        case _:
            return pa.string()


def _family(found: pa.DataType) -> Family:
    if types.is_integer(found) or types.is_floating(found) or types.is_decimal(found):
        return "numbers"
    if types.is_timestamp(found) or types.is_date(found):
        return "times"
    if types.is_list(found) or types.is_large_list(found) or types.is_fixed_size_list(found):
        return "lists"
    if types.is_string(found) or types.is_large_string(found) or types.is_string_view(found):
        return "texts"
    if types.is_boolean(found):
        return "booleans"
    return "texts" if types.is_null(found) else "nested or binary values"
