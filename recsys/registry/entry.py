"""What the registry knows of a bundle: what the gates said, what was measured, what it is made of.

An entry travels with a pushed bundle, beside its manifest, as `registry.json`: it tells all this
when the artifacts that it comes from are long deleted. It is no part of the bundle's content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from recsys.errors import BadInput
from recsys.evaluation.results import Comparison
from recsys.manifest import ENTRY, MANIFEST
from recsys.registry.lineage import Lineage

Verdict = Literal["blessed", "refused", "unknown"]


@dataclass(frozen=True)
class Gate:
    """What one gate said of a bundle."""

    component: str
    """`infra_validator`: is it safe to serve? `evaluator`: is it good enough?"""
    blessed: bool
    reasons: Sequence[str]


@dataclass(frozen=True)
class Measurement:
    """One metric in words, and what it was found to be."""

    words: str
    found: Comparison


@dataclass(frozen=True)
class Entry:
    """One bundle."""

    version: str
    span: str
    """The day that it is of."""
    config_digest: str
    """SHA-256 (hex) of the configuration that it was built with."""
    lineage: Sequence[Mapping[str, Any]]
    """The records of all that it was made of and judged by."""
    gates: Sequence[Gate] = ()
    """In the order in which they stand; none of a bundle that nobody judged."""
    baseline: str | None = None
    """The version that it was compared with."""
    metrics: Mapping[str, Measurement] = field(default_factory=dict)
    """Overall, by name."""
    parents: Mapping[str, str | None] = field(default_factory=dict)
    """By trainer, the version that its warm start began as; see `lineage.parents`."""
    code: str = ""
    """The version of the program that pushed it."""

    @property
    def verdict(self) -> Verdict:
        """What all gates say together."""
        if not self.gates:
            return "unknown"
        return "blessed" if all(gate.blessed for gate in self.gates) else "refused"

    @property
    def reasons(self) -> list[str]:
        """Why it was refused, each reason with the gate that gives it; none where it was not."""
        return [
            f"{gate.component}: {reason}"
            for gate in self.gates
            if not gate.blessed
            for reason in gate.reasons
        ]

    @property
    def made_of(self) -> Lineage:
        """The lineage, to ask."""
        return Lineage(self.lineage)

    def to_json(self) -> bytes:
        """What the file holds."""
        return _ENTRY.dump_json(self, indent=1) + b"\n"

    def values(self) -> dict[str, Any]:
        """The same as JSON values, with the verdict."""
        return {"verdict": self.verdict, **json.loads(_ENTRY.dump_json(self))}


_ENTRY = TypeAdapter(Entry)


def load(folder: Path) -> Entry:
    """The entry of a bundle's folder; what its manifest says where it has none.

    Raises:
        BadInput: neither can be read.
    """
    try:
        return _ENTRY.validate_json((folder / ENTRY).read_bytes())
    except FileNotFoundError:
        return of_manifest(folder)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BadInput(
            f"expected in {folder / ENTRY} what a pusher of this version of recsys writes, found "
            f"{key or 'it'} otherwise: delete the file, and the bundle is known by its manifest."
        ) from None


def of_manifest(folder: Path) -> Entry:
    """What a manifest alone says of a bundle.

    Raises:
        BadInput: it can't be read.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        version, span = manifest["version"], manifest["span"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"expected a manifest in {folder}, found {error!r}.") from None
    return Entry(
        version, span, manifest["files"].get("config.json", ""), manifest.get("lineage", [])
    )
