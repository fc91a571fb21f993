from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from serving.batches import Batches, TooMuchWaits


class Doubling:
    """Doubles numbers once it is let, and remembers what it was given together."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.let = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append([*numbers])
        assert self.let.wait(10)
        if 13 in numbers:
            raise ValueError("unlucky")
        return [2 * number for number in numbers]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


async def asked(doubling: Doubling, batches: Batches[int, int], *items: Sequence[int]) -> list[Any]:
    """The first request alone, then all others while it is answered."""
    requests: list[Coroutine[Any, Any, Sequence[int]]] = [batches.results(some) for some in items]
    tasks = [asyncio.create_task(requests[0])]
    while not doubling.calls:
        await asyncio.sleep(0.001)
    tasks += [asyncio.create_task(request) for request in requests[1:]]
    await asyncio.sleep(0.01)
    doubling.let.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_what_comes_while_others_are_served_is_served_together(
    threads: ThreadPoolExecutor,
) -> None:
    doubling = Doubling()
    batches = Batches(doubling, threads, max_items=100, max_waiting=100)
    assert asyncio.run(asked(doubling, batches, [1], [2, 3], [], [4])) == [[2], [4, 6], [], [8]]
    assert doubling.calls == [[1], [2, 3, 4]]


def test_a_call_has_its_limit_and_a_request_stays_whole(threads: ThreadPoolExecutor) -> None:
    doubling = Doubling()
    batches = Batches(doubling, threads, max_items=3, max_waiting=100)
    asyncio.run(asked(doubling, batches, [0], [1, 2], [3, 4], [5, 6, 7, 8], [9]))
    assert doubling.calls == [[0], [1, 2], [3, 4], [5, 6, 7, 8], [9]]


def test_too_much_is_refused_at_once(threads: ThreadPoolExecutor) -> None:
    doubling = Doubling()
    batches = Batches(doubling, threads, max_items=10, max_waiting=3)
    first, second, third, fourth = asyncio.run(asked(doubling, batches, [1], [2, 3], [4, 5], [6]))
    assert (first, second, fourth) == ([2], [4, 6], [12])
    assert isinstance(third, TooMuchWaits)


def test_a_failure_is_told_to_those_that_it_concerns(threads: ThreadPoolExecutor) -> None:
    doubling = Doubling()
    batches = Batches(doubling, threads, max_items=2, max_waiting=100)
    first, second, third, last = asyncio.run(asked(doubling, batches, [1], [12], [13], [14, 15]))
    assert (first, last) == ([2], [28, 30])
    assert [str(second), str(third)] == ["unlucky", "unlucky"]


def test_who_goes_away_takes_nothing_from_others(threads: ThreadPoolExecutor) -> None:
    doubling = Doubling()
    batches = Batches(doubling, threads, max_items=100, max_waiting=100)

    async def cancelled() -> Sequence[int]:
        gone = asyncio.create_task(batches.results([1, 2]))
        stays = asyncio.create_task(batches.results([3]))
        while not doubling.calls:
            await asyncio.sleep(0.001)
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        doubling.let.set()
        return await stays

    assert asyncio.run(cancelled()) == [6]
