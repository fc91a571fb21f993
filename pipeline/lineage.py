"""A bundle's lineage as a tree for people: each component, when it ran, and what it read.

What builds on an earlier day's of its kind, as a model on its base, names it and stops there: the
earlier day's own bundle says what that was made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.tree import Tree

from pipeline.artifacts import Reference


def tree(manifest: Mapping[str, Any]) -> Tree:
    """The bundle at the root, then the artifacts that it was made of, each shown once."""
    records = {_name(record): record for record in manifest["lineage"]}
    read = {Reference(**one) for record in records.values() for one in record["inputs"]}
    root = Tree(f"bundle {manifest['version']}")
    shown: set[Reference] = set()
    for name in records:
        if name not in read:
            _grow(root, name, records, shown)
    return root


def _grow(
    parent: Tree,
    name: Reference,
    records: Mapping[Reference, Mapping[str, Any]],
    shown: set[Reference],
) -> None:
    label = " ".join(name)
    if name in shown:
        parent.add(f"{label} (above)", style="dim")
        return
    shown.add(name)
    record = records[name]
    made = f"{record['created']}, {record['seconds']:.1f} s"
    by = f"code {record['code_digest'][:12]}, config {record['config_digest'][:12] or 'none'}"
    branch = parent.add(f"{label}  [dim]{made}, {by}[/dim]")
    inputs = [Reference(**one) for one in record["inputs"]]
    earlier = [one for one in inputs if one.component == name.component]
    for one in earlier:
        branch.add(f"builds on that of {one.span}, {one.digest}", style="dim")
    given = [f"{one.component} {one.span}" for one in inputs if one not in {*records, *earlier}]
    if given:
        branch.add(", ".join(given), style="dim")
    for one in inputs:
        if one in records:
            _grow(branch, one, records, shown)


def _name(record: Mapping[str, Any]) -> Reference:
    return Reference(record["component"], record["span"], record["digest"])
