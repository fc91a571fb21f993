"""What a bundle's lineage says to people: the days it was made of, its schema, code and parents.

A lineage is a list of records, each an `artifact.json` of the pipeline: component, span and digest
name what was made, and `inputs` what it was made of.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from recsys import pushes
from recsys.manifest import MANIFEST
from recsys.workspace import Workspace

TRAINERS = ("trainer_retrieval", "trainer_ranking")
"""The components that may begin as an earlier day's."""


class Name(NamedTuple):
    """Names one thing that a component made or read."""

    component: str
    span: str
    digest: str


@dataclass(frozen=True)
class Lineage:
    """The records of all that a bundle was made of."""

    records: Sequence[Mapping[str, Any]]

    @property
    def train_days(self) -> list[str]:
        """The days that its models were trained on."""
        return sorted(one.span for one in self._read_by("transform", "example_gen"))

    @property
    def test_days(self) -> list[str]:
        """The days that it was measured on; none where the lineage holds no evaluation."""
        seen = {one.span for one in self._read_by("evaluator", "example_gen")}
        return sorted(seen - set(self.train_days)) or sorted(seen)

    @property
    def schema(self) -> str | None:
        """The version of the schema that its data was held against."""
        return next((one.span for one in self._read_by("schema_gen", "schema")), None)

    @property
    def logs(self) -> dict[tuple[str, str], str]:
        """The digest of each day of each table that its models saw, by table and day."""
        days = set(self.train_days)
        return {
            (one.component.removeprefix("logs/"), one.span): one.digest
            for one in self._read_by("example_gen", "logs/")
            if one.span in days
        }

    @property
    def code(self) -> dict[str, str]:
        """The digest of the code of each component that took part."""
        return {record["component"]: record["code_digest"] for record in self.records}

    @property
    def seconds(self) -> dict[str, float]:
        """How long each component ran, over all its spans."""
        total: Counter[str] = Counter()
        for record in self.records:
            total[record["component"]] += record["seconds"]
        return {name: round(seconds, 3) for name, seconds in total.items()}

    @property
    def trained(self) -> dict[str, Name]:
        """What each trainer made."""
        return {
            record["component"]: Name(record["component"], record["span"], record["digest"])
            for record in self.records
            if record["component"] in TRAINERS
        }

    @property
    def bases(self) -> dict[str, Name]:
        """What each trainer began as; one that began cold is left out."""
        return {
            trainer: base for trainer in self.trained for base in self._read_by(trainer, trainer)
        }

    def _read_by(self, component: str, prefix: str) -> Iterator[Name]:
        """What a component's records name as inputs, of components that begin so."""
        for record in self.records:
            if record["component"] == component:
                names = (Name(**one) for one in record["inputs"])
                yield from (one for one in names if one.component.startswith(prefix))


def of_pushed(workspace: Workspace) -> dict[str, Lineage]:
    """The lineage of each version that can be served, in the order of `pushes.versions`; an empty
    one where the manifest can't be read."""
    return {version: _of(workspace, version) for version in pushes.versions(workspace)}


def _of(workspace: Workspace, version: str) -> Lineage:
    try:
        manifest = json.loads((workspace.bundles / version / MANIFEST).read_text())
    except (OSError, ValueError):
        return Lineage([])
    return Lineage(manifest.get("lineage", []))


def parents(lineage: Lineage, pushed: Mapping[str, Lineage]) -> dict[str, str | None]:
    """The version that each trainer's base was pushed in, None where it is kept no longer; without
    the trainers that began cold."""
    holders = {name: version for version, of in pushed.items() for name in of.trained.values()}
    return {trainer: holders.get(base) for trainer, base in lineage.bases.items()}


def ancestors(version: str, pushed: Mapping[str, Lineage]) -> list[str]:
    """The versions that a version began as, that those began as, and so on: the nearest first."""
    found: dict[str, None] = {version: None}
    pending = [version]
    while pending:
        bases = parents(pushed.get(pending.pop(0), Lineage([])), pushed)
        new = [one for one in dict.fromkeys(bases.values()) if one and one not in found]
        found |= dict.fromkeys(new)
        pending += new
    return [one for one in found if one != version]
