"""A configuration as text for people: the commented file, and the sentences of its errors.

Both are made of the sections' own docstrings and bounds, so they can't go stale.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo


def render(config: BaseModel) -> str:
    """The configuration as a commented `recsys.toml`; it reads back as the same configuration."""
    lines = [f"# {_one_line(type(config).__doc__)}", ""]
    for key, field, value in _fields(config):
        if not isinstance(value, BaseModel | Mapping):
            lines += [f"# {_comment(field)}", f"{key} = {_toml(value)}", ""]
    for key, field, value in _fields(config):
        if isinstance(value, BaseModel):
            lines += _section(key, value)
        elif isinstance(value, Mapping):
            lines += _table(key, _model_in(field.annotation), value)
    return "\n".join(lines)


def _section(path: str, section: BaseModel) -> list[str]:
    lines = [f"# {_one_line(type(section).__doc__)}", f"[{path}]"]
    nested: list[str] = []
    for key, field, value in _fields(section):
        if isinstance(value, BaseModel):
            nested += _section(f"{path}.{key}", value)
        else:
            lines += [f"# {_comment(field)}", f"{key} = {_toml(value)}"]
    return [*lines, "", *nested]


def _table(path: str, kind: type[BaseModel], rows: Mapping[str, BaseModel]) -> list[str]:
    """A table of sections of one kind; each says only what differs from the defaults."""
    lines = [f"# {_one_line(kind.__doc__)}", "# Each may have:"]
    lines += [f"#   {key}: {_comment(field)}" for key, field in kind.model_fields.items()]
    lines.append("" if rows else f"[{path}]")
    for name, row in rows.items():
        lines.append(f"[{path}.{_toml_key(name)}]")
        lines += [
            f"{key} = {_toml(value)}"
            for key, field, value in _fields(row)
            if value != field.default
        ]
        lines.append("")
    return lines


def _fields(section: BaseModel) -> list[tuple[str, FieldInfo, Any]]:
    fields = type(section).model_fields.items()
    return [(field.alias or name, field, getattr(section, name)) for name, field in fields]


def _comment(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(limit, name)}"
        for limit in field.metadata
        for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if hasattr(limit, name)
    ]
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    allowed = [", ".join(bounds)] if bounds else []
    allowed += ["one of " + ", ".join(choices)] if len(choices) > 1 else []
    text = _one_line(field.description)
    return f"{text} ({'; '.join(allowed)})" if allowed else text


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _toml(value: Any) -> str:
    match value:
        case BaseModel():
            # TOML has no word for nothing.
            return _toml({key: v for key, _, v in _fields(value) if v is not None})
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Mapping():
            pairs = (f"{_toml_key(k)} = {_toml(v)}" for k, v in value.items())
            return "{ " + ", ".join(pairs) + " }"
        case tuple():
            return "[" + ", ".join(_toml(v) for v in value) + "]"
        case dt.date():
            return value.isoformat()
        case _:
            return str(value)


def _toml_key(key: str) -> str:
    """A person's own name of a column may need quotes."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def sentence(error: ValidationError, root: type[BaseModel]) -> str:
    """The first error of a configuration: the key, the value, and what was expected."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(_known_keys(root, first["loc"][:-1]))
        return f"unknown key {key!r} (value {first['input']!r}), expected one of {known}."
    if first["type"] == "missing":
        return f"{key} is missing, expected a value."
    if not key:
        return first["msg"].removeprefix("Value error, ") + "."
    expectation = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{key} = {first['input']!r}, expected {expectation}."


def _known_keys(root: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys of the section at a place, which may be inside of a mapping or a list."""
    section: Any = root
    for part in loc:
        if get_origin(section) is None:
            by_alias = dict(_keys(section))
            section = by_alias[str(part)].annotation
        else:
            section = _model_in(section)
    return [key for key, _ in _keys(section)]


def _keys(section: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in section.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel]:
    """The section that a mapping or a list of sections holds."""
    found: type[BaseModel] = next(
        each for each in get_args(annotation) if hasattr(each, "model_fields")
    )
    return found
