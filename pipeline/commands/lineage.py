"""A bundle's lineage as a tree for people: each component, when it ran, and what it read.

Artifacts of the same component, code and configuration that were read together, as the days of a
window are, share a line. What builds on an earlier day's of its kind, as a model on its base, names
it and stops there: the earlier day's own bundle says what that was made of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rich.tree import Tree

from pipeline.artifacts import Reference

Records = Mapping[Reference, Mapping[str, Any]]


def tree(manifest: Mapping[str, Any]) -> Tree:
    """The bundle at the root, then the artifacts that it was made of, each shown once."""
    records = {_name(record): record for record in manifest["lineage"]}
    read = {one for record in records.values() for one in _inputs(record)}
    root = Tree(f"bundle {manifest['version']}")
    _grow(root, [name for name in records if name not in read], records, set())
    return root


def _grow(
    parent: Tree, names: Sequence[Reference], records: Records, shown: set[Reference]
) -> None:
    """Adds artifacts, those that are alike on one line."""
    alike: dict[tuple[str, str, str], list[Reference]] = {}
    for name in names:
        record = records[name]
        by = (name.component, record["code_digest"], record["config_digest"])
        alike.setdefault(by, []).append(name)
    for group in alike.values():
        new = [name for name in group if name not in shown]
        if known := [name for name in group if name in shown]:
            parent.add(f"{_called(known)} (above)", style="dim")
        if new:
            shown |= {*new}
            made = [records[name] for name in new]
            branch = parent.add(f"{_called(new)}  [dim]{_ran(made)}[/dim]")
            _read(branch, made, records, shown)


def _read(
    branch: Tree, made: Sequence[Mapping[str, Any]], records: Records, shown: set[Reference]
) -> None:
    """Adds what the artifacts of a line read."""
    inputs = dict.fromkeys(one for record in made for one in _inputs(record))
    given: dict[str, list[Reference]] = {}
    for one in inputs:
        if one.component == made[0]["component"]:
            branch.add(f"builds on that of {one.span}, {one.digest}", style="dim")
        elif one not in records:
            given.setdefault(one.component, []).append(one)
    components: dict[str, list[str]] = {}
    for component, read in given.items():
        components.setdefault(days(read), []).append(component)
    for spans, several in components.items():
        branch.add(f"{', '.join(several)} {spans}", style="dim")
    _grow(branch, [one for one in inputs if one in records], records, shown)


def _called(names: Sequence[Reference]) -> str:
    return " ".join(names[0]) if len(names) == 1 else f"{names[0].component} {days(names)}"


def _ran(made: Sequence[Mapping[str, Any]]) -> str:
    """When the last of them was made, to the minute, and how long all took."""
    created = max(record["created"] for record in made)[:16].replace("T", " ")
    return f"{created}, {sum(record['seconds'] for record in made):.1f} s"


def _inputs(record: Mapping[str, Any]) -> list[Reference]:
    return [Reference(**one) for one in record["inputs"]]


def _name(record: Mapping[str, Any]) -> Reference:
    return Reference(record["component"], record["span"], record["digest"])


def days(spans: Iterable[Reference | str]) -> str:
    """Spans in a few words, days as ranges: `2024-03-01 to 2024-03-13 (13 days)`."""
    names = sorted({one.span if isinstance(one, Reference) else one for one in spans})
    try:
        dates = [dt.date.fromisoformat(name) for name in names]
    except ValueError:  # a version, as of a schema
        return ", ".join(names)
    if not dates:
        return ""
    breaks = [at for at, (day, after) in enumerate(pairwise(dates), 1) if (after - day).days > 1]
    parts = [dates[first:end] for first, end in pairwise([0, *breaks, len(dates)])]
    ranges = (f"{part[0]} to {part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)
    return ", ".join(ranges) + (f" ({len(dates)} days)" if len(dates) > 1 else "")
