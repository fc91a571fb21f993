"""The user store of one machine: LMDB, a memory-mapped file that several processes may share.

An append is one transaction, synced to disk: events, their ids and the records that they change
are there together or not at all, whenever the process is killed. Writers wait for each other;
readers wait for nobody.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import lmdb
from pydantic_core import from_json

from serving.user_store import Event, UserRecord, checked, is_id

_MAP_BYTES = 64 << 30  # address space, not memory: the file grows only as it is filled
_SNAPSHOT = b"snapshot"
_STORE_ID = b"store_id"
_SEQUENCE = b"sequence"
_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=str)
_CHUNK = 1_000
"""Events in one transaction of those that go over the journal: a long reader keeps pages from being
used again, and a long writer keeps others waiting."""


class LmdbUserStore:
    """A `UserStore` in one folder."""

    is_embedded = True

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._env = lmdb.open(str(folder), map_size=_MAP_BYTES, max_dbs=4, max_readers=256)
        self._env.reader_check()  # killed processes leave their places taken
        self._users = self._env.open_db(b"users")
        self._events = self._env.open_db(b"journal")
        self._keys = self._env.open_db(b"journal_keys")
        self._meta = self._env.open_db(b"meta")
        with self._env.begin(self._meta, write=True) as write:
            write.put(_STORE_ID, secrets.token_hex(16).encode(), overwrite=False)
            self.store_id: str = write.get(_STORE_ID, b"").decode()

    @property
    def snapshot(self) -> str | None:
        """See `UserStore`."""
        with self._env.begin(self._meta) as read:
            name = read.get(_SNAPSHOT)
        return name.decode() if name else None

    def get(self, user_id: str) -> UserRecord | None:
        """See `UserStore`."""
        if not is_id(user_id):
            return None
        with self._env.begin(self._users) as read:
            return self._read(read, user_id)

    def get_many(self, user_ids: Sequence[str]) -> list[UserRecord | None]:
        """See `UserStore`."""
        with self._env.begin(self._users) as read:
            return [self._read(read, one) if is_id(one) else None for one in user_ids]

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

    def replace(self, records: Iterable[UserRecord], snapshot: str, after: int = 0) -> None:
        """See `UserStore`."""
        with self._env.begin(write=True) as write:
            write.drop(self._users, delete=False)
            for record in records:
                self._write(write, checked(record))
            for _, event in self._journal(write, after):
                self._apply(write, event)
            write.put(_SNAPSHOT, snapshot.encode(), db=self._meta)

    def append(self, events: Sequence[Event]) -> list[bool]:
        """See `UserStore`."""
        is_new = []
        with self._env.begin(write=True) as write:
            sequence = int.from_bytes(write.get(_SEQUENCE, b"", db=self._meta), "big")
            for event in events:
                keys = event.keys
                is_new.append(all(write.get(key, db=self._keys) is None for key in keys))
                if is_new[-1]:
                    sequence += 1
                    for key in keys:
                        write.put(key, b"", db=self._keys)
                    value = _encoded(event.to_json())
                    write.put(_number(sequence), value, append=True, db=self._events)
                    self._apply(write, event)
            write.put(_SEQUENCE, _number(sequence), db=self._meta)
        return is_new

    def events_after(self, sequence: int) -> Iterator[tuple[int, Event]]:
        """See `UserStore`."""
        while chunk := self._chunk_after(sequence):
            yield from chunk
            sequence = chunk[-1][0]

    def forget_before(self, time: dt.datetime) -> int:
        """See `UserStore`."""
        num_forgotten = 0
        while chunk := self._chunk_after(0):
            old = list(itertools.takewhile(lambda numbered: numbered[1].time < time, chunk))
            with self._env.begin(write=True) as write:
                for sequence, event in old:
                    write.delete(_number(sequence), db=self._events)
                    for key in event.keys:
                        write.delete(key, db=self._keys)
            num_forgotten += len(old)
            if len(old) < len(chunk):
                break
        return num_forgotten

    def close(self) -> None:
        """See `UserStore`."""
        self._env.close()

    def _chunk_after(self, sequence: int) -> list[tuple[int, Event]]:
        with self._env.begin() as read:
            return list(itertools.islice(self._journal(read, sequence), _CHUNK))

    def _journal(self, read: lmdb.Transaction[bytes], after: int) -> Iterator[tuple[int, Event]]:
        with read.cursor(self._events) as cursor:
            if cursor.set_range(_number(after + 1)):
                for key, value in cursor:
                    yield int.from_bytes(key, "big"), Event.from_json(json.loads(value))

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
        write.put(record.user_id.encode(), _encoded(value), db=self._users)


def _record(user_id: str, value: bytes) -> UserRecord:
    # Ids are too many to be met again: to remember them takes longer than to make them.
    values = from_json(value, cache_strings="keys")
    return UserRecord(user_id, values["profile"], tuple(values["installed_app_ids"]))


def _number(sequence: int) -> bytes:
    return sequence.to_bytes(8, "big")


def _encoded(value: Mapping[str, Any]) -> bytes:
    return _JSON.encode(value).encode()
