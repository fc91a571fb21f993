"""The store that keeps artifacts, and makes only what is not there yet.

An artifact is a folder `artifacts/<component>/<span>/<digest>/` that a component wrote once. The
digest covers what made it (code, configuration, inputs), so an artifact whose makers didn't change
is found rather than made again, a killed run resumes where it was, and each artifact knows its
whole lineage. Beside the digests, `CURRENT` names the one that was made or reused last.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal, Protocol, TypeVar

from pipeline.artifacts import RECORD, Artifact, Record, Reference
from pipeline.code import code_digest
from recsys.errors import BadInput
from recsys.workspace import Workspace, staged_folder, sweep_staged, write_atomically

CURRENT = "CURRENT"

A = TypeVar("A", bound=Artifact)

Made = tuple[Artifact, bool]
"""An artifact, and whether it was there already."""


class Watch(Protocol):
    """Someone who wants to know what the store is doing."""

    def __call__(self, component: str, span: str, state: State, seconds: float) -> None:
        """A component is running, has run for so many seconds, or its artifact was reused."""


State = Literal["running", "done", "reused"]


def _watch_nothing(component: str, span: str, state: State, seconds: float) -> None:
    pass


@dataclass(frozen=True)
class Store:
    """The artifacts of a workspace."""

    workspace: Workspace
    watch: Watch = _watch_nothing

    def run(
        self,
        kind: type[A],
        component: partial[None],
        span: dt.date,
        sections: Sequence[str] = (),
        reads: Sequence[Reference] = (),
    ) -> tuple[A, bool]:
        """Finds the artifact that these inputs make, or runs the component to make it; either way
        it is the span's current one from then on.

        Args:
            kind: the artifact's class.
            component: the component with all its arguments but `out`, the folder it writes into.
                Artifacts among the arguments, and in sequences of them, are its inputs.
            span: the day that the artifact is of.
            sections: the sections of the configuration that it reads.
            reads: what else it reads: days of logs, versions.

        Returns:
            the artifact, and whether it was reused.
        """
        inputs = (*reads, *_artifacts_among(component))
        config_digest = self.workspace.config.digest(*sections) if sections else ""
        code = code_digest(component.func.__module__)
        name = Reference(kind.component, span.isoformat(), _digest(code, config_digest, inputs))
        is_reused = (self.folder(name) / RECORD).exists()
        if not is_reused:
            self.watch(name.component, name.span, "running", 0.0)
            self._make(name, component, inputs, config_digest, code)
        artifact = kind.load(self.folder(name))
        write_atomically(self._pointer(kind, span), f"{name.digest}\n".encode())
        self._publish(artifact)
        state: State = "reused" if is_reused else "done"
        self.watch(name.component, name.span, state, artifact.record.seconds)
        return artifact, is_reused

    def has(self, kind: type[Artifact], span: dt.date) -> bool:
        """Whether the span has an artifact of that kind."""
        return self._pointer(kind, span).exists()

    def current(self, kind: type[A], span: dt.date) -> A:
        """The span's artifact of that kind that was made or reused last.

        Raises:
            BadInput: there is none.
        """
        if not self.has(kind, span):
            raise BadInput(
                f"{kind.component} has not run for {span}: materialize it first, or let "
                "`recsys run` do all that is due."
            )
        digest = self._pointer(kind, span).read_text().strip()
        return kind.load(self.folder(Reference(kind.component, span.isoformat(), digest)))

    def folder(self, reference: Reference) -> Path:
        """Where an artifact of that name lies."""
        return self.workspace.artifacts.joinpath(*reference)

    def made_of(self, kind: type[A], lineage: Sequence[Mapping[str, Any]]) -> A | None:
        """The artifact of that kind that the records of a lineage name; None where it is gone."""
        for record in lineage:
            if record["component"] == kind.component:
                name = Reference(record["component"], record["span"], record["digest"])
                if (self.folder(name) / RECORD).exists():
                    return kind.load(self.folder(name))
        return None

    def lineage(self, *artifacts: Artifact) -> list[Record]:
        """The records of artifacts and of all that they were made from, each once, the nearest
        first. Days of logs, versions, and what builds on an earlier day's of its kind (a model on
        its base) name that as an input, where the lineage ends: it would go back to the first day.
        """
        found: dict[Reference, Record] = {}
        pending = [artifact.record.reference for artifact in artifacts]
        while pending:
            reference = pending.pop(0)
            folder = self.folder(reference)
            if reference not in found and (folder / RECORD).exists():
                found[reference] = Record.load(folder)
                inputs = found[reference].inputs
                pending += [one for one in inputs if one.component != reference.component]
        return list(found.values())

    def sweep(self) -> None:
        """Removes what killed components left, unless some component is at work right now."""
        with self._lock() as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sweep_staged(self.workspace.artifacts)

    def _make(
        self,
        name: Reference,
        component: partial[None],
        inputs: tuple[Reference, ...],
        config_digest: str,
        code: str,
    ) -> None:
        with self._lock() as lock, staged_folder(self.folder(name)) as out:
            fcntl.flock(lock, fcntl.LOCK_SH)
            started = time.monotonic()
            component(out=out)
            record = Record(
                *name,
                inputs=inputs,
                config_digest=config_digest,
                code_digest=code,
                created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                seconds=round(time.monotonic() - started, 3),
            )
            (out / RECORD).write_text(json.dumps(record.to_json(), indent=1) + "\n")

    def _publish(self, artifact: Artifact) -> None:
        """Puts an artifact's page where people look for it."""
        if artifact.published_as:
            path = self.workspace.reports / artifact.published_as
            write_atomically(path, artifact.report.read_bytes())

    def _pointer(self, kind: type[Artifact], span: dt.date) -> Path:
        return self.workspace.artifacts / kind.component / span.isoformat() / CURRENT

    def _lock(self) -> IO[str]:
        """A file to lock: shared by whoever makes an artifact, alone by whoever sweeps. The kernel
        gives up a killed process's lock."""
        path = self.workspace.artifacts / ".lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")


def _artifacts_among(component: partial[None]) -> list[Reference]:
    given = [*component.args, *component.keywords.values()]
    flat = [one for value in given for one in (value if isinstance(value, list) else [value])]
    return [one.record.reference for one in flat if isinstance(one, Artifact)]


def _digest(*parts: object) -> str:
    """The first 64 bits of a SHA-256, in hex: a folder's name that people can read and type."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
