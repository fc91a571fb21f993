"""From a person's files to the daily tables: read, judge, put in order, write, publish."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.progress import Progress

from data.importers import assemble
from data.importers.columns import APPS, USERS, Kind
from data.importers.files import File, open_files
from data.importers.judging import Judged, judge
from data.importers.scratch import Scratch
from data.importers.summary import Imported, summary
from data.importers.write import DailyWriter, by_day
from recsys.errors import BadInput
from recsys.workspace import Workspace, staged_folder

_INTERACTIONS = "interactions"


def import_logs(workspace: Workspace, progress: Progress) -> Imported:
    """Replaces a workspace's logs by what its configuration says to import, whole or not at all.

    Raises:
        BadInput: a file is missing or isn't what it should be, too many of its rows are bad, or no
            interaction is left.
    """
    files = open_files(workspace)
    with staged_folder(workspace.logs) as logs:
        return _import(workspace, files, logs, progress)


def rehearse(workspace: Workspace, progress: Progress) -> Imported:
    """What `import_logs` would take and leave; the logs stay as they are.

    Raises:
        BadInput: as `import_logs` does.
    """
    files = open_files(workspace)
    with tempfile.TemporaryDirectory(prefix=".staged-rehearsal-", dir=workspace.root) as logs:
        return _import(workspace, files, Path(logs), progress)


def _import(
    workspace: Workspace, files: Sequence[File], logs: Path, progress: Progress
) -> Imported:
    config = workspace.config
    with tempfile.TemporaryDirectory(prefix=".staged-import-", dir=workspace.root) as folder:
        # Files of a person lie on this machine, whichever engine computes the days made of them.
        here = config.engine.model_copy(update={"kind": "duckdb"})
        scratch = Scratch(here, Path(folder))
        judged: dict[str, Judged] = {
            file.kind.name: judge(file, config.import_, scratch, logs / "rejected", progress)
            for file in files
        }
        interactions = judged[_INTERACTIONS]
        _refuse_none(files[0].source.path, interactions)
        days = _write_days(interactions, config.import_.day, scratch, logs, progress)
        num_users, num_apps = (
            _write_snapshot(kind, judged.get(kind.name), days[0], scratch, logs)
            for kind in (USERS, APPS)
        )
    return summary(judged, num_users, num_apps, days, config)


def _refuse_none(path: Path, interactions: Judged) -> None:
    if not interactions.num_kept:
        raise BadInput(
            f"{path}: of {interactions.num_rows:,} interactions "
            f"{interactions.num_below_min_value:,} are below import.min_value and "
            f"{sum(interactions.num_bad.values()):,} are bad, expected some that are left: lower "
            "min_value, or correct the file."
        )


def _write_days(
    interactions: Judged, day: dt.date, scratch: Scratch, logs: Path, progress: Progress
) -> list[dt.date]:
    """Writes each day's requests and outcomes; returns the days, in order.

    Args:
        interactions: the file of interactions.
        day: that of all of them, where the file has no times.
        scratch: where they are put in order.
        logs: where the tables are written.
        progress: shows how far it got.
    """
    task = progress.add_task("write days", total=None)
    scratch.compute(_INTERACTIONS, assemble.interactions(interactions.rows, day))
    progress.update(task, total=scratch.num_rows(_INTERACTIONS))
    of_outcomes = {n: t for n, t in interactions.types.items() if n in ("app_id", "value")}
    of_requests = {n: t for n, t in interactions.types.items() if n not in of_outcomes}
    days: dict[dt.date, None] = {}
    with (
        DailyWriter(logs, "requests", of_requests) as requests,
        DailyWriter(logs, "outcomes", of_outcomes) as outcomes,
    ):
        for its_day, rows in by_day(scratch.batches(_INTERACTIONS)):
            requests.write(its_day, rows)
            outcomes.write(its_day, rows)
            days[its_day] = None
            progress.advance(task, rows.num_rows)
    return list(days)


def _write_snapshot(
    kind: Kind, judged: Judged | None, day: dt.date, scratch: Scratch, logs: Path
) -> int:
    """Writes the snapshot of users or of apps; returns how many there are."""
    happened = scratch.table(_INTERACTIONS)
    scratch.compute(kind.name, assemble.snapshot(kind, judged and judged.rows, happened))
    with DailyWriter(logs, kind.table, judged.types if judged else {}) as snapshot:
        for rows in scratch.batches(kind.name):
            snapshot.write(day, rows)
    return scratch.num_rows(kind.name)
