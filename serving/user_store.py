"""Who the users are and what they did: profiles, installed apps and events, durable before a call
returns.

`UserStore` is the interface; `serving.lmdb_store` keeps it in one memory-mapped file of this
machine, `serving.redis_store` in a Redis that several machines share. A snapshot of the users table
seeds the records (`serving.population`); from then on events change them, in the order in which
they arrive. Events stay in the store as a journal that the daily tables are written from
(`serving.publishing`), and as long as one stays, its id counts once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, get_args

from recsys.errors import BadInput
from recsys.tables import INSTALL, UNINSTALL
from recsys.workspace import Workspace

EventKind = Literal["install", "uninstall", "click", "impression"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
IMPRESSION: EventKind = "impression"

MAX_ID_CHARS = 120
"""Longest user, app or event id: LMDB's keys end at 511 bytes, and a character takes up to 4."""

_KEY_BYTES = 16


class StoreUnavailable(Exception):
    """The store can't be asked now; the message says why."""


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
    position: int | None = None
    """Of an impression: where on the page; 1 is the top."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """What may be kept once, as digests: its id; and of an impression its page and app, since
        clients that scroll back and forth report the same one under several ids."""
        once = [("event", self.event_id)]
        if self.kind == IMPRESSION and self.request_id is not None:
            once.append(("impression", f"{self.request_id}\0{self.app_id}"))
        return tuple(
            hashlib.blake2b(name.encode(), digest_size=_KEY_BYTES, person=what.encode()).digest()
            for what, name in once
        )

    def to_json(self) -> dict[str, Any]:
        """The event as values that JSON knows; the time in ISO 8601."""
        return {**vars(self), "time": self.time.isoformat()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Event:
        """What `to_json` wrote."""
        return cls(**{**values, "time": dt.datetime.fromisoformat(values["time"])})


class UserStore(Protocol):
    """Where records and events are kept; reads and writes may come from any thread.

    Raises:
        StoreUnavailable: from every call, where the store is elsewhere and can't be reached.
    """

    @property
    def store_id(self) -> str:
        """32 hexadecimal digits, made with the store: sequence numbers are its own."""
        ...

    @property
    def is_embedded(self) -> bool:
        """Whether a read takes microseconds, so that an event loop may wait for it."""
        ...

    @property
    def snapshot(self) -> str | None:
        """Name of the snapshot that the records come from, None before the first."""
        ...

    def get(self, user_id: str) -> UserRecord | None:
        """The user's record, None for an unknown user."""
        ...

    def get_many(self, user_ids: Sequence[str]) -> list[UserRecord | None]:
        """The records of several users, in one round trip."""
        ...

    def num_users(self) -> int:
        """Records kept."""
        ...

    def page(self, prefix: str, after: str, limit: int) -> list[UserRecord]:
        """Up to `limit` records in the order of their ids, those that begin with `prefix` and
        come after `after`."""
        ...

    def replace(self, records: Iterable[UserRecord], snapshot: str, after: int = 0) -> None:
        """Puts a snapshot's records in place of all others, then plays the events kept after that
        sequence number over them. Readers see the old records until all of it is there."""
        ...

    def append(self, events: Sequence[Event]) -> list[bool]:
        """Keeps the events that are new and applies them to the records, both or neither; returns
        which were new once all are durable."""
        ...

    def events_after(self, sequence: int) -> Iterator[tuple[int, Event]]:
        """The events kept after that sequence number (the first has 1), in order."""
        ...

    def forget_before(self, time: dt.datetime) -> int:
        """Drops the journal's oldest events, up to the first that happened at that time or later,
        and their ids; returns how many. Records stay as they are."""
        ...

    def close(self) -> None:
        """Releases files and connections."""
        ...


def open_store(workspace: Workspace) -> UserStore:
    """The store that `serving.user_store` names.

    Raises:
        BadInput: it can't be reached, or would lose what it has answered for.
    """
    url = workspace.config.serving.user_store
    if url:
        from serving.redis_store import RedisUserStore

        return RedisUserStore(url)
    from serving.lmdb_store import LmdbUserStore

    return LmdbUserStore(workspace.serving / "users")


def is_id(text: str) -> bool:
    """Whether a text can be the id of a user."""
    return 0 < len(text) <= MAX_ID_CHARS


def checked(record: UserRecord) -> UserRecord:
    """The same record.

    Raises:
        BadInput: its id can't be kept.
    """
    if not is_id(record.user_id):
        raise BadInput(
            f"user_id {record.user_id!r} has {len(record.user_id)} characters, expected 1 to "
            f"{MAX_ID_CHARS}: give the user a shorter id."
        )
    return record
