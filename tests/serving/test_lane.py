from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator

from serving.lane import Lane

LONG, SHORT = 30.0, 0.02


class Doubling:
    """Doubles numbers, once it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.told: list[list[int]] = []
        self.was_told = threading.Event()
        self.batches: list[list[int]] = []
        self.threads: set[str] = set()

    def work(self, numbers: list[int]) -> list[int]:
        assert self.let.wait(LONG)
        self.batches.append(list(numbers))
        self.threads.add(threading.current_thread().name)
        return [2 * number for number in numbers]

    def tell(self, doubled: list[int]) -> None:
        self.told.append(doubled)
        self.was_told.set()


@contextlib.contextmanager
def running(doubling: Doubling, max_batch: int = 2) -> Iterator[Lane[int, list[int]]]:
    lane = Lane("doubling", max_batch, doubling.work, doubling.tell)
    try:
        yield lane
    finally:
        doubling.let.set()
        lane.close()


def eventually(holds: Callable[[], bool]) -> None:
    clock = threading.Event()
    assert any(holds() or clock.wait(0.01) for _ in range(3_000))


def test_who_waits_gets_the_result_and_nobody_else_is_told() -> None:
    doubling = Doubling()
    doubling.let.set()
    with running(doubling) as lane:
        for number in (1, 2, 3):
            lane.put(number)
        assert lane.turn(LONG) == [2, 4]
        assert len(lane) == 1
        assert lane.turn(LONG) == [6]
        assert lane.turn(LONG) is None  # nothing is left to do
    assert doubling.batches == [[1, 2], [3]]
    assert doubling.threads == {"doubling"}
    assert doubling.told == []


def test_who_stops_waiting_is_told_later_and_once() -> None:
    doubling = Doubling()
    with running(doubling) as lane:
        lane.put(1)
        assert lane.turn(SHORT) is None
        assert lane.busy_seconds() > 0
        lane.put(2)
        assert lane.turn(LONG) is None  # the thread is not free: nobody waits for it
        doubling.let.set()
        assert doubling.was_told.wait(LONG)
        eventually(lambda: lane.busy_seconds() == 0)
        assert lane.turn(LONG) == [4]
    assert doubling.told == [[2]]


def test_without_patience_the_thread_works_and_tells() -> None:
    doubling = Doubling()
    doubling.let.set()
    with running(doubling) as lane:
        for number in range(50):
            doubling.was_told.clear()
            lane.put(number)
            assert lane.turn(0) is None
            assert doubling.was_told.wait(LONG)
    assert doubling.told == [[2 * number] for number in range(50)]


def test_what_left_the_queue_is_not_worked_on() -> None:
    doubling = Doubling()
    doubling.let.set()
    with running(doubling) as lane:
        lane.put(1)
        lane.put(2)
        lane.discard(1)
        lane.discard(7)
        assert lane.turn(LONG) == [4]


def test_a_batch_that_is_worked_on_is_finished_before_the_end() -> None:
    doubling = Doubling()
    lane = Lane("doubling", 2, doubling.work, doubling.tell)
    lane.put(1)
    assert lane.turn(SHORT) is None
    doubling.let.set()
    lane.close()
    assert doubling.told == [[2]]


def test_it_keeps_nothing_of_what_it_has_worked_off() -> None:
    class Job:
        pass

    told = threading.Event()
    lane = Lane[Job, list[Job]]("keeping", 1, list, lambda _: told.set())
    try:
        awaited, other = Job(), Job()
        kept = weakref.ref(awaited), weakref.ref(other)
        lane.put(awaited)
        assert lane.turn(LONG) == [awaited]
        lane.put(other)
        assert lane.turn(patience=0) is None
        assert told.wait(LONG)
        del awaited, other
        eventually(lambda: all(job() is None for job in kept))
    finally:
        lane.close()
