"""Who the users are and what they did: profiles, installed apps and events, durable before a call
returns.

`UserStore` is the interface; `LmdbUserStore` keeps it in one memory-mapped file. A snapshot of the
users table seeds the records (`serving.population`); from then on events change them. What a user
did here is never undone by a snapshot: when a newer one replaces the records, the store's own
events are played over it again, in the order in which they came. A user whom the newer snapshot
doesn't name is gone, unless events name them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import lmdb

from recsys.errors import BadInput
from recsys.tables import INSTALL, UNINSTALL

EventKind = Literal["install", "uninstall", "click", "impression"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)

MAX_ID_CHARS = 120
"""Longest user, app or event id: LMDB's keys end at 511 bytes, and a character takes up to 4."""

_MAP_BYTES = 16 << 30  # address space, not memory: the file grows only as it is filled
_SNAPSHOT = b"snapshot"


@dataclass(frozen=True)
class UserRecord:
    """What is known of one user."""

    user_id: str
    profile: Mapping[str, Any] = field(default_factory=dict)
    """Columns of the users table by name, but for `user_id` and `installed_app_ids`."""
    installed_app_ids: tuple[str, ...] = ()
    """Oldest first."""

    def after(self, kind: str, app_id: str) -> UserRecord:
        """The record after an event: an install joins the list's end, an uninstall leaves it."""
        installed = self.installed_app_ids
        if kind == INSTALL and app_id not in installed:
            return replace(self, installed_app_ids=(*installed, app_id))
        if kind == UNINSTALL and app_id in installed:
            return replace(self, installed_app_ids=tuple(a for a in installed if a != app_id))
        return self


@dataclass(frozen=True)
class Event:
    """One thing that a user did."""

    event_id: str
    user_id: str
    app_id: str
    kind: EventKind
    time: dt.datetime
    """When it happened, UTC."""
    request_id: str | None = None
    """The recommendation it answers."""

    def to_json(self) -> dict[str, Any]:
        """The event as values that JSON knows; the time in ISO 8601."""
        return {**asdict(self), "time": self.time.isoformat()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Event:
        """What `to_json` wrote."""
        return cls(**{**values, "time": dt.datetime.fromisoformat(values["time"])})


class UserStore(Protocol):
    """Where records and events are kept. Reads may come from any thread; writes wait for each
    other."""

    @property
    def snapshot(self) -> str | None:
        """Name of the snapshot that the records come from, None before the first."""
        ...

    def get(self, user_id: str) -> UserRecord | None:
        """The user's record, None for an unknown user."""
        ...

    def num_users(self) -> int:
        """Records kept."""
        ...

    def page(self, prefix: str, after: str, limit: int) -> list[UserRecord]:
        """Up to `limit` records in the order of their ids, those that begin with `prefix` and
        come after `after`."""
        ...

    def replace(self, records: Iterable[UserRecord], snapshot: str) -> None:
        """Puts a snapshot's records in place of all others, then plays the store's events over
        them. Readers see the old records until all of it is there."""
        ...

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Keeps the events whose id is new, applies them to the records, and returns them once
        they are durable."""
        ...

    def events_after(self, sequence: int) -> Iterator[tuple[int, Event]]:
        """The events kept after that sequence number (the first has 1), in order."""
        ...

    def close(self) -> None:
        """Releases the store's files."""
        ...


class LmdbUserStore:
    """A user store in one folder, memory-mapped; one transaction an append, synced to disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._env = lmdb.open(str(folder), map_size=_MAP_BYTES, max_dbs=4, max_readers=256)
        self._users = self._env.open_db(b"users")
        self._events = self._env.open_db(b"events")
        self._event_ids = self._env.open_db(b"event_ids")
        self._meta = self._env.open_db(b"meta")

    @property
    def snapshot(self) -> str | None:
        """See `UserStore`."""
        with self._env.begin(self._meta) as read:
            name = read.get(_SNAPSHOT)
        return name.decode() if name else None

    def get(self, user_id: str) -> UserRecord | None:
        """See `UserStore`."""
        if not 0 < len(user_id) <= MAX_ID_CHARS:
            return None
        with self._env.begin(self._users) as read:
            return self._read(read, user_id)

    def num_users(self) -> int:
        """See `UserStore`."""
        with self._env.begin() as read:
            return int(read.stat(self._users)["entries"])

    def page(self, prefix: str, after: str, limit: int) -> list[UserRecord]:
        """See `UserStore`."""
        found: list[UserRecord] = []
        with self._env.begin(self._users) as read, read.cursor() as cursor:
            more = (
                cursor.set_range(max(prefix, after).encode()) if prefix or after else cursor.first()
            )
            while more and len(found) < limit:
                user_id = cursor.key().decode()
                if not user_id.startswith(prefix):
                    break
                if user_id != after:
                    found.append(_record(user_id, cursor.value()))
                more = cursor.next()
        return found

    def replace(self, records: Iterable[UserRecord], snapshot: str) -> None:
        """See `UserStore`."""
        with self._env.begin(write=True) as write:
            write.drop(self._users, delete=False)
            for record in records:
                self._write(write, record)
            with write.cursor(self._events) as cursor:
                for _, value in cursor:
                    self._apply(write, Event.from_json(json.loads(value)))
            write.put(_SNAPSHOT, snapshot.encode(), db=self._meta)

    def append(self, events: Sequence[Event]) -> list[Event]:
        """See `UserStore`."""
        kept = []
        with self._env.begin(write=True) as write:
            sequence = self._last_sequence(write)
            for event in events:
                sequence += 1
                key = sequence.to_bytes(8, "big")
                if not write.put(event.event_id.encode(), key, overwrite=False, db=self._event_ids):
                    sequence -= 1
                    continue
                write.put(key, _encoded(event.to_json()), append=True, db=self._events)
                self._apply(write, event)
                kept.append(event)
        return kept

    def events_after(self, sequence: int) -> Iterator[tuple[int, Event]]:
        """See `UserStore`."""
        with self._env.begin(self._events) as read, read.cursor() as cursor:
            more = cursor.set_range((sequence + 1).to_bytes(8, "big"))
            while more:
                yield (
                    int.from_bytes(cursor.key(), "big"),
                    Event.from_json(json.loads(cursor.value())),
                )
                more = cursor.next()

    def close(self) -> None:
        """See `UserStore`."""
        self._env.close()

    def _last_sequence(self, read: lmdb.Transaction[bytes]) -> int:
        with read.cursor(self._events) as cursor:
            return int.from_bytes(cursor.key(), "big") if cursor.last() else 0

    def _apply(self, write: lmdb.Transaction[bytes], event: Event) -> None:
        known = self._read(write, event.user_id)
        changed = (known or UserRecord(event.user_id)).after(event.kind, event.app_id)
        if changed != known:
            self._write(write, changed)

    def _read(self, read: lmdb.Transaction[bytes], user_id: str) -> UserRecord | None:
        value = read.get(user_id.encode(), db=self._users)
        return None if value is None else _record(user_id, value)

    def _write(self, write: lmdb.Transaction[bytes], record: UserRecord) -> None:
        value = {"profile": record.profile, "installed_app_ids": record.installed_app_ids}
        if not 0 < len(record.user_id) <= MAX_ID_CHARS:
            raise BadInput(
                f"user_id {record.user_id!r} has {len(record.user_id)} characters, expected 1 to "
                f"{MAX_ID_CHARS}: give the user a shorter id."
            )
        write.put(record.user_id.encode(), _encoded(value), db=self._users)


def _record(user_id: str, value: bytes) -> UserRecord:
    values = json.loads(value)
    return UserRecord(user_id, values["profile"], tuple(values["installed_app_ids"]))


def _encoded(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str).encode()
