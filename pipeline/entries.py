"""The registry's entries of candidate bundles, which lie among the artifacts: of the one that is
being pushed, and of those that were refused and stay to be looked at."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.artifacts import (
    RECORD,
    Blessing,
    InfraBlessing,
    ModelBundle,
    ModelEvaluation,
    Record,
    Reference,
)
from recsys.errors import BadInput
from recsys.evaluation.saved import Evaluation
from recsys.manifest import MANIFEST
from recsys.registry import entry as entries
from recsys.registry import lineage
from recsys.registry.entry import Entry, Gate, Measurement
from recsys.registry.lineage import Lineage
from recsys.workspace import Workspace


def entry(
    workspace: Workspace, candidate: ModelBundle, blessings: Sequence[Blessing], code: str = ""
) -> Entry:
    """What is known of a candidate bundle.

    Args:
        workspace: where bundles were pushed, of which one may be its parent.
        candidate: the bundle.
        blessings: what the gates said of it, in their order.
        code: the version of the program, where it is known.
    """
    said = entries.of_manifest(candidate.path)
    records = [record.to_json() for record in _records(candidate, blessings)]
    whole = [*records, *said.lineage]
    found = _evaluation(blessings)
    return Entry(
        version=said.version,
        span=said.span,
        config_digest=said.config_digest,
        lineage=whole,
        gates=[_gate(blessing) for blessing in blessings],
        baseline=found.baseline if found else None,
        metrics=_metrics(found) if found else {},
        parents=lineage.parents(Lineage(whole), lineage.of_pushed(workspace)),
        code=code,
    )


def made(workspace: Workspace, but: Collection[str]) -> dict[Path, Entry]:
    """The bundles that lie among the artifacts, by their folders, in the order of their days.

    Args:
        workspace: holds the artifacts.
        but: the versions that nobody asks for.
    """
    blessings = _blessings(workspace)
    found: dict[str, ModelBundle] = {}
    for folder in _folders(workspace, ModelBundle.component):
        if (folder / MANIFEST).exists():
            bundle = ModelBundle.load(folder)
            found[bundle.version] = bundle
    return {
        bundle.path: entry(workspace, bundle, blessings.get(bundle.record.reference, []))
        for version, bundle in found.items()
        if version not in but
    }


def _records(candidate: ModelBundle, blessings: Sequence[Blessing]) -> Iterator[Record]:
    yield from (blessing.record for blessing in reversed(blessings))
    yield candidate.record


def _gate(blessing: Blessing) -> Gate:
    verdict = blessing.values["verdict"]
    return Gate(blessing.component, verdict["blessed"], verdict["reasons"])


def _evaluation(blessings: Sequence[Blessing]) -> Evaluation | None:
    """What was measured; None where the bundle did not come so far, or the figures are those of
    another version of the program."""
    with contextlib.suppress(BadInput):
        for blessing in blessings:
            if isinstance(blessing, ModelEvaluation):
                return Evaluation.of(blessing.values)
    return None


def _metrics(found: Evaluation) -> dict[str, Measurement]:
    measured = found.measured
    return {
        name: Measurement(measured.words(name), compared)
        for name, compared in measured.metrics.items()
    }


def _blessings(workspace: Workspace) -> Mapping[Reference, list[Blessing]]:
    """What the gates said of each bundle last, in their order."""
    found: dict[Reference, list[Blessing]] = {}
    kinds: tuple[type[Blessing], ...] = (InfraBlessing, ModelEvaluation)
    for kind in kinds:
        last: dict[Reference, Blessing] = {}
        for folder in _folders(workspace, kind.component):
            blessing = kind.load(folder)
            for one in blessing.record.inputs:
                if one.component == ModelBundle.component:
                    last[one] = blessing
        for bundle, blessing in last.items():
            found.setdefault(bundle, []).append(blessing)
    return found


def _folders(workspace: Workspace, component: str) -> list[Path]:
    """A component's artifacts, in the order of their days and of their making."""
    records = (workspace.artifacts / component).glob(f"*/*/{RECORD}")
    folders = [record.parent for record in records if not record.parent.name.startswith(".")]
    return sorted(folders, key=lambda folder: (folder.parent.name, Record.load(folder).created))
