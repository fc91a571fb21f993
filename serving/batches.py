"""Work gathered while other work is done: one call for all that came meanwhile.

A durable write waits for the disk, and a read of another machine for the network; neither takes
longer for many than for one. So events of many requests share a transaction and its sync (group
commit), and records of many requests a round trip. A request that comes alone waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class TooMuchWaits(Exception):
    """More waits than there may."""


class Batches(Generic[Item, Result]):
    """Calls a function in a thread, once at a time, with what has gathered. All methods belong to
    one event loop."""

    def __init__(
        self,
        do: Callable[[Sequence[Item]], Sequence[Result]],
        threads: ThreadPoolExecutor,
        max_items: int,
        max_waiting: int,
    ) -> None:
        """
        Args:
            do: gives a result for each item.
            threads: where it is called.
            max_items: of one call, unless one request alone has more.
            max_waiting: items that may wait for a call.
        """
        self._do = do
        self._threads = threads
        self._max_items = max_items
        self._max_waiting = max_waiting
        self._waiting: deque[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]] = deque()
        self._num_waiting = 0
        self._working: asyncio.Task[None] | None = None

    async def results(self, items: Sequence[Item]) -> Sequence[Result]:
        """The results of these items, once the call that they are in has ended.

        Raises:
            TooMuchWaits: at once; nothing was done.
            Exception: whatever the call raised.
        """
        if self._num_waiting + len(items) > self._max_waiting:
            raise TooMuchWaits
        answer: asyncio.Future[Sequence[Result]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, answer))
        self._num_waiting += len(items)
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._answer(self._gathered())
        finally:
            self._working = None

    async def _answer(
        self, group: Sequence[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]]
    ) -> None:
        every = [item for items, _ in group for item in items]
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._threads, self._do, every)
        except Exception as error:  # whoever waits is told; the next ones may fare better
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        begin = 0
        for items, answer in group:
            if not answer.done():  # a client that went away has cancelled its own
                answer.set_result(results[begin : begin + len(items)])
            begin += len(items)

    def _gathered(self) -> list[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]]:
        group = [self._waiting.popleft()]
        size = len(group[0][0])
        while self._waiting and size + len(self._waiting[0][0]) <= self._max_items:
            group.append(self._waiting.popleft())
            size += len(group[-1][0])
        self._num_waiting -= size
        return group
