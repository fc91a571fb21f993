"""The user store of several machines: one Redis.

What must happen together happens in one script inside of Redis (`serving.redis_scripts`). Redis has
to sync its append-only file before it answers (`appendonly yes`, `appendfsync always`) and must not
evict, or events that were answered for could be lost: a server that is told otherwise is refused.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import logging
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from recsys.errors import BadInput
from serving.redis_scripts import APPEND, PLAY, SWAP
from serving.user_store import Event, StoreUnavailable, UserRecord, checked

logger = logging.getLogger(__name__)

_PREFIX = "recsys:"
_RECORDS = ("installed", "profiles", "user_ids")
_TIMEOUT_SECONDS = 5
_LOADING_SECONDS = 3_600
"""When what a killed loader left is gone."""
_EVENTS_A_SCRIPT = 250
"""Redis answers nobody else meanwhile: some milliseconds."""
_CHUNK = 1_000
_Value = TypeVar("_Value")
_DURABLE = {"appendonly": "yes", "appendfsync": "always"}


class RedisUserStore:
    """A `UserStore` in one database of a Redis."""

    is_embedded = False

    def __init__(self, url: str) -> None:
        """Connects.

        Raises:
            BadInput: there is no Redis, or one that may lose what it has answered for.
        """
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),  # a connection that Redis closed, being idle, say
        )
        self._append, self._play, self._swap = map(
            self._redis.register_script, (APPEND, PLAY, SWAP)
        )
        self._live = [_PREFIX + name for name in _RECORDS]
        self._journal, self._keys, self._meta = (
            _PREFIX + name for name in ("journal", "journal_keys", "meta")
        )
        try:
            _require_durable(self._redis)
            self._redis.hsetnx(self._meta, "store_id", secrets.token_hex(16))
            store_id: Any = self._redis.hget(self._meta, "store_id")
        except redis.RedisError as error:
            raise BadInput(
                f"serving.user_store names a Redis that does not answer ({error}): start it, or "
                "leave user_store empty to keep users in the workspace."
            ) from None
        self.store_id: str = store_id.decode()

    @property
    def snapshot(self) -> str | None:
        """See `UserStore`."""
        with _asked():
            name = self._redis.hget(self._meta, "snapshot")
        return name.decode() if name else None

    def get(self, user_id: str) -> UserRecord | None:
        """See `UserStore`."""
        return self.get_many([user_id])[0]

    def get_many(self, user_ids: Sequence[str]) -> list[UserRecord | None]:
        """See `UserStore`."""
        if not user_ids:
            return []
        installed, profiles, _ = self._live
        # A transaction: between the two, a snapshot could come.
        with _asked(), self._redis.pipeline(transaction=True) as both:
            both.hmget(installed, user_ids)
            both.hmget(profiles, user_ids)
            found = both.execute()
        return [
            None if apps is None else UserRecord(user, json.loads(known), tuple(json.loads(apps)))
            for user, apps, known in zip(user_ids, *found, strict=True)
        ]

    def num_users(self) -> int:
        """See `UserStore`."""
        with _asked():
            return int(self._redis.zcard(self._live[2]))

    def page(self, prefix: str, after: str, limit: int) -> list[UserRecord]:
        """See `UserStore`."""
        least = f"({after}" if after >= prefix and after else f"[{prefix}" if prefix else "-"
        most = b"[" + prefix.encode() + b"\xff" if prefix else "+"  # no character has that byte
        with _asked():
            found = self._redis.zrange(self._live[2], least, most, bylex=True, offset=0, num=limit)
        records = self.get_many([user_id.decode() for user_id in found])
        return [record for record in records if record is not None]

    def replace(self, records: Iterable[UserRecord], snapshot: str, after: int = 0) -> None:
        """See `UserStore`."""
        # Beside the live ones; only the last events are played while everybody waits.
        loading = [f"{_PREFIX}loading:{secrets.token_hex(8)}:{name}" for name in _RECORDS]
        with _asked():
            try:
                for some in _batches(map(checked, records), _CHUNK):
                    self._load(loading, some)
                for numbered in _batches(self.events_after(after), _EVENTS_A_SCRIPT):
                    played = [(e.user_id, e.kind, e.app_id) for _, e in numbered]
                    self._play(loading, [*itertools.chain.from_iterable(played)])
                    after = numbered[-1][0]
                kept = [*loading, *self._live, self._journal, self._meta]
                self._swap(kept, [after, snapshot])
            finally:
                self._redis.unlink(*loading)

    def append(self, events: Sequence[Event]) -> list[bool]:
        """See `UserStore`."""
        keys = [*self._live, self._journal, self._keys, self._meta]
        with _asked(), self._redis.pipeline(transaction=False) as one_trip:
            for some in _batches(events, _EVENTS_A_SCRIPT):
                values = itertools.chain.from_iterable(map(_arguments, some))
                self._append(keys, [*values], client=one_trip)
            kept = one_trip.execute()
        return [bool(is_new) for of_script in kept for is_new in of_script]

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
            if old:
                keys = [key for _, event in old for key in event.keys]
                with _asked(), self._redis.pipeline(transaction=True) as both:
                    both.srem(self._keys, *keys)
                    both.xtrim(self._journal, minid=f"{old[-1][0] + 1}-0", approximate=False)
                    both.execute()
            num_forgotten += len(old)
            if len(old) < len(chunk):
                break
        return num_forgotten

    def close(self) -> None:
        """See `UserStore`."""
        self._redis.close()

    def _load(self, loading: Sequence[str], records: Sequence[UserRecord]) -> None:
        installed, profiles, user_ids = loading
        with self._redis.pipeline(transaction=False) as load:
            load.hset(installed, mapping={r.user_id: _json(r.installed_app_ids) for r in records})
            load.hset(profiles, mapping={r.user_id: _json(r.profile) for r in records})
            load.zadd(user_ids, {record.user_id: 0 for record in records})
            for key in loading:
                load.expire(key, _LOADING_SECONDS)
            load.execute()

    def _chunk_after(self, sequence: int) -> list[tuple[int, Event]]:
        with _asked():
            found = self._redis.xrange(self._journal, f"({sequence}-0", "+", count=_CHUNK)
        return [
            (int(entry.split(b"-")[0]), Event.from_json(json.loads(fields[b"event"])))
            for entry, fields in found
        ]


def _require_durable(connection: Any) -> None:
    try:
        said = connection.config_get("append*", "maxmemory*")
    except redis.ResponseError:  # a hosted one keeps its settings to itself
        logger.warning("Redis does not tell its settings: events are as durable as they make them")
        return
    evicts = said["maxmemory"] != "0" and said["maxmemory-policy"] != "noeviction"
    wrong = {name: said[name] for name in _DURABLE if said[name] != _DURABLE[name]}
    if evicts:
        wrong["maxmemory-policy"] = said["maxmemory-policy"]
    if wrong:
        found = ", ".join(f"{name} {value}" for name, value in wrong.items())
        raise BadInput(
            f"the Redis of serving.user_store has {found}, expected appendonly yes, appendfsync "
            "always and maxmemory-policy noeviction, since an event is durable before it is "
            "answered: set them in redis.conf."
        )


@contextlib.contextmanager
def _asked() -> Iterator[None]:
    """Says what failed in the store's own terms."""
    try:
        yield
    except redis.RedisError as error:
        raise StoreUnavailable(f"the user store does not answer: {error}") from error


def _arguments(event: Event) -> tuple[bytes | str, ...]:
    first, second = (*event.keys, b"")[:2]
    return first, second, event.user_id, event.kind, event.app_id, _json(event.to_json())


def _batches(values: Iterable[_Value], size: int) -> Iterator[list[_Value]]:
    rest = iter(values)
    while batch := list(itertools.islice(rest, size)):
        yield batch


def _json(values: Any) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False, default=str)
