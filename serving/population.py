"""Seeds the user store from the logs: the latest snapshot of the users table, and what users
installed and uninstalled since it was taken, by the logs and by the store's own journal."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

from recsys.tables import INSTALL, UNINSTALL
from recsys.workspace import Workspace, digest_of_files, locked
from serving import published
from serving.user_store import UserRecord, UserStore

Progress = Callable[[int, int], None]
"""Called with the records loaded so far and all there are."""

_BATCH_ROWS = 16_384
_KINDS = (INSTALL, UNINSTALL)
_Timed = dict[str, list[tuple[dt.datetime, str, str]]]
_Changes = dict[str, list[tuple[str, str]]]


def no_progress(done: int, total: int) -> None:
    """For those who don't watch."""


def seed(store: UserStore, workspace: Workspace, progress: Progress = no_progress) -> bool:
    """Loads the latest snapshot unless the store's records come from it already.

    The snapshot is named by its day and by the digest of the files it was read from, so new logs
    of the same day count as a newer one. Outcomes that came from this store are no news to it.
    Without a users table the store stays as it is.

    Returns:
        Whether records were loaded.

    Raises:
        BadInput: an id is empty or too long for the store.
    """
    days = workspace.days("users")
    if not days:
        return False
    users = workspace.files("users", days[-1])
    later = [day for day in workspace.days("outcomes") if day >= days[-1]]
    outcomes = [path for day in later for path in workspace.files("outcomes", day)]
    of_others = [path for path in outcomes if not published.is_from(path, store.store_id)]
    snapshot = f"{days[-1].isoformat()} {digest_of_files(workspace.logs, users + of_others)}"
    workspace.serving.mkdir(parents=True, exist_ok=True)
    with locked(workspace.serving / ".seeding.lock"):  # of several servers one does, others wait
        if store.snapshot == snapshot:
            return False
        timed = _logged(outcomes)
        last = _add_kept(timed, store, days[-1])
        store.replace(_records(users, _in_order(timed), progress), snapshot, after=last)
    return True


def _logged(files: list[Path]) -> _Timed:
    """Installs and uninstalls by user, from the logs."""
    timed: _Timed = defaultdict(list)
    for path in files:
        table = pq.read_table(
            path,
            columns=["user_id", "app_id", "time", "kind"],
            filters=[("kind", "in", _KINDS)],
        )
        columns = table.to_pydict()
        for user_id, app_id, time, kind in zip(*columns.values(), strict=True):
            timed[user_id].append((time, kind, app_id))
    return timed


def _add_kept(timed: _Timed, store: UserStore, day: dt.date) -> int:
    """Adds those of the store's journal from that day on; what came before lies in the snapshot.
    Some are in the logs already: the same change twice is one change. Returns the journal's last
    sequence number."""
    last = 0
    for sequence, event in store.events_after(0):
        last = sequence
        if event.kind in _KINDS and event.time.date() >= day:
            timed[event.user_id].append((event.time, event.kind, event.app_id))
    return last


def _in_order(timed: _Timed) -> _Changes:
    """By time; of an install and an uninstall in one microsecond, the install came first."""
    return {
        user_id: [(kind, app_id) for _, kind, app_id in sorted(changes, key=lambda c: c[:2])]
        for user_id, changes in timed.items()
    }


def _records(files: list[Path], changes: _Changes, progress: Progress) -> Iterator[UserRecord]:
    total = sum(pq.ParquetFile(path).metadata.num_rows for path in files)
    done = 0
    for path in files:
        for batch in pq.ParquetFile(path).iter_batches(_BATCH_ROWS):
            for row in batch.to_pylist():
                user_id = row.pop("user_id")
                installed = tuple(row.pop("installed_app_ids") or ())
                yield _changed(UserRecord(user_id, row, installed), changes.pop(user_id, []))
            done += batch.num_rows
            progress(done, total)
    for user_id, of_new_user in changes.items():
        yield _changed(UserRecord(user_id), of_new_user)


def _changed(record: UserRecord, changes: list[tuple[str, str]]) -> UserRecord:
    for kind, app_id in changes:
        record = record.after(kind, app_id)
    return record
