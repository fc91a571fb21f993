"""The queue in an event loop of its own, with recommenders that wait until they are told."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_store import FakeRecommender, app_id, workspace_at
from pydantic import ValidationError

from recsys.config import Serving
from recsys.errors import BadInput
from recsys.recommender import Page, Query
from serving.ladder import Answer
from serving.metrics import Metrics
from serving.model_queue import ModelQueue, Shed
from serving.versions import Versions

NOW = dt.datetime(2024, 3, 14, tzinfo=dt.UTC)
FOREVER_MS = 60_000.0


class Held(FakeRecommender):
    """Answers once it is let go; notes the batches that it was asked for."""

    def __init__(self, version: str = "v1", is_held: bool = True) -> None:
        super().__init__(version)
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.entered = threading.Event()
        self.go = threading.Event()
        self.go_unranked = threading.Event()
        self.go_unranked.set()
        if not is_held:
            self.go.set()

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        self.batches.append([query.user_id for query in queries])
        self.threads.add(threading.current_thread().name)
        self.entered.set()
        assert self.go.wait(30)
        return super().recommend(queries)

    def retrieval_order(self, queries: Sequence[Query]) -> list[Page]:
        assert self.go_unranked.wait(30)
        return super().retrieval_order(queries)


def query(user_id: str) -> Query:
    return Query(user_id, NOW, k=3)


class Setup:
    """A queue, and what it counts."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.metrics = Metrics(Versions(workspace_at(root)))
        patient = dict.fromkeys(("late_ms", "deadline_ms", "max_wait_ms"), FOREVER_MS)
        given = patient | settings
        self.queue = ModelQueue(Serving(**given), self.metrics)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    @asynccontextmanager
    async def closed(self, *held: Held) -> AsyncIterator[None]:
        try:
            yield
        finally:
            for one in held:
                one.go.set()
                one.go_unranked.set()
            await asyncio.to_thread(self.queue.close)


async def entered(held: Held) -> None:
    assert await asyncio.to_thread(held.entered.wait, 30)


def asked(setup: Setup, held: Held, *users: str) -> list[asyncio.Task[Any]]:
    return [asyncio.ensure_future(setup.queue.page(held, query(user))) for user in users]


async def ranked_again(setup: Setup, held: Held, user: str) -> None:
    """Asks until the ranker, which was just let go, has noticed."""
    while (await setup.queue.page(held, query(user))).degraded is not None:
        pass


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_one_that_comes_alone_is_computed_alone_and_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        setup, held = Setup(tmp_path), Held(is_held=False)
        async with setup.closed(held):
            for user in ("a", "b"):
                answer = await setup.queue.page(held, query(user))
                assert answer.degraded is None
                assert [item.app_id for item in answer.page.items] == [app_id(n) for n in range(3)]
        assert held.batches == [["a"], ["b"]]
        assert held.threads == {"model"}

    run(scenario)


def test_what_waits_is_computed_together_and_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        setup, held = Setup(tmp_path, max_batch=3), Held()
        async with setup.closed(held):
            first = asked(setup, held, "a")
            await entered(held)
            others = asked(setup, held, "b", "c", "d", "e")
            await asyncio.sleep(0)
            held.go.set()
            await asyncio.gather(*first, *others)
        assert held.batches == [["a"], ["b", "c", "d"], ["e"]]
        assert setup.count("recsys_batch_size_sum") == 5
        assert setup.count("recsys_batch_size_count") == 3
        assert setup.count("recsys_queue_seconds_count") == 5
        assert setup.count("recsys_queue_length") == 0

    run(scenario)


def test_beyond_its_capacity_it_sheds_at_once_and_takes_in_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        setup, held = Setup(tmp_path, max_queue=2), Held()
        async with setup.closed(held):
            inside = asked(setup, held, "a", "b")
            await entered(held)
            assert setup.count("recsys_queue_length") == 2
            with pytest.raises(Shed, match="full"):
                await setup.queue.page(held, query("c"))
            held.go.set()
            await asyncio.gather(*inside)
            assert not setup.queue.is_full
            await setup.queue.page(held, query("d"))
        assert [user for batch in held.batches for user in batch] == ["a", "b", "d"]

    run(scenario)


def test_the_slower_the_model_the_shorter_the_queue(tmp_path: Path) -> None:
    class Slow(FakeRecommender):
        def recommend(self, queries: Sequence[Query]) -> list[Page]:
            time.sleep(0.05 * len(queries))
            return super().recommend(queries)

    async def scenario() -> None:
        setup, slow = Setup(tmp_path, max_wait_ms=150, max_queue=100, max_batch=2), Slow("v1")
        async with setup.closed():
            for _ in range(11):  # most of those that tell what is usual
                await setup.queue.page(slow, query("first"))
            inside = []
            while not setup.queue.is_full:
                inside.append(asyncio.ensure_future(setup.queue.page(slow, query("a"))))
                await asyncio.sleep(0)
            assert 2 <= len(inside) <= 3
            with pytest.raises(Shed, match="full"):
                await setup.queue.page(slow, query("b"))
            await asyncio.gather(*inside)

    run(scenario)


def test_past_its_deadline_a_request_is_answered_and_never_computed(tmp_path: Path) -> None:
    async def scenario() -> None:
        setup, held = Setup(tmp_path, late_ms=50, deadline_ms=50, max_queue=2), Held()
        held.go_unranked.clear()
        async with setup.closed(held):
            first = asked(setup, held, "a")
            await entered(held)
            second = asked(setup, held, "b")
            for one in (*first, *second):
                with pytest.raises(Shed, match="deadline"):
                    await one
            assert not setup.queue.is_full
            held.go.set()
            held.go_unranked.set()
            await ranked_again(setup, held, "c")
        assert held.batches == [["a"], ["c"]]

    run(scenario)


def test_a_late_ranker_is_stood_in_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        setup, held = Setup(tmp_path, late_ms=30), Held()
        async with setup.closed(held):
            first = asked(setup, held, "a")
            await entered(held)
            waiting = asked(setup, held, "b")
            for one in (*first, *waiting):
                answer = await one
                assert answer.degraded == "retrieval_order"
                assert [item.app_id for item in answer.page.items] == [app_id(n) for n in range(3)]
            # While the ranker hangs nobody waits for it any more, and the server is of use.
            [further] = asked(setup, held, "c")
            assert (await further).degraded == "retrieval_order"
            assert not setup.queue.is_stuck
            held.go.set()
            await ranked_again(setup, held, "d")
        assert held.batches == [["a"], ["d"]]

    run(scenario)


def test_it_says_when_nothing_stands_in_any_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        setup, held = Setup(tmp_path, late_ms=20, deadline_ms=60), Held()
        held.go_unranked.clear()
        async with setup.closed(held):
            while not setup.queue.is_stuck:
                with pytest.raises(Shed, match="deadline"):
                    await asked(setup, held, "a")[0]
            held.go.set()
            held.go_unranked.set()
            while setup.queue.is_stuck:
                await asyncio.sleep(0.01)

    run(scenario)


def test_every_page_is_of_one_bundle(tmp_path: Path) -> None:
    async def scenario() -> None:
        setup, old, new = Setup(tmp_path), Held("v1"), Held("v2", is_held=False)
        async with setup.closed(old):
            first = asked(setup, old, "a")
            await entered(old)
            around = [
                *asked(setup, old, "b"),
                *asked(setup, new, "c", "d"),
                *asked(setup, old, "e"),
            ]
            await asyncio.sleep(0)
            old.go.set()
            answers = await asyncio.gather(*first, *around)
        versions = [answer.recommender.version for answer in answers]
        assert versions == ["v1", "v1", "v2", "v2", "v1"]
        assert old.batches == [["a"], ["b"], ["e"]]
        assert new.batches == [["c", "d"]]

    run(scenario)


def test_failures_come_where_they_belong(tmp_path: Path) -> None:
    class Picky(FakeRecommender):
        def recommend(self, queries: Sequence[Query]) -> list[Page]:
            if any(query.user_id == "bad" for query in queries):
                raise BadInput("bad is not to be used.")
            return super().recommend(queries)

        def similar(self, app_id: str, k: int) -> Any:
            raise KeyError(app_id)

    async def scenario() -> None:
        setup, picky = Setup(tmp_path), Picky("v1")
        async with setup.closed():
            page = setup.queue.page
            alone = setup.queue.alone(picky, lambda: picky.similar("x", 3))
            outcomes: Sequence[Any] = await asyncio.gather(
                page(picky, query("a")), page(picky, query("bad")), alone, return_exceptions=True
            )
        assert [type(outcome) for outcome in outcomes] == [Answer, BadInput, KeyError]

    run(scenario)


def test_who_gives_up_waiting_frees_the_place(tmp_path: Path) -> None:
    async def scenario() -> None:
        setup, held = Setup(tmp_path, max_queue=2), Held()
        async with setup.closed(held):
            first, second = asked(setup, held, "a", "b")
            await entered(held)
            second.cancel()
            held.go.set()
            await first
            while setup.count("recsys_queue_length"):
                await asyncio.sleep(0.01)

    run(scenario)


def test_nobody_is_late_after_the_deadline() -> None:
    with pytest.raises(ValidationError, match="late_ms = 400, expected at most deadline_ms = 300"):
        Serving(late_ms=400, deadline_ms=300)
