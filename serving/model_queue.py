"""Requests on their way through the model: how many may be, in which batches, and until when.

The queue is bounded (`serving.places`), so a server that is asked for more than it can give answers
as fast as ever those whom it takes in, and tells the others at once to come back later. A request
leaves the queue by one of three doors:

- its page is computed, together with the others that waited (`serving.lane`);
- `late_ms` after it came it has none, since the ranker is slow or hangs: a second thread gives it
  retrieval's order;
- `deadline_ms` after it came it has nothing: it is told to come back later, and is not computed.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar, cast

from recsys.config.serving import Serving
from recsys.query import Query
from serving import ladder
from serving.ladder import Answer, Rung
from serving.lane import Lane
from serving.metrics import Metrics
from serving.places import Places
from serving.versions import ServedRecommender

Reason = Literal["full", "deadline"]
_Result = TypeVar("_Result")
_LOOK_SECONDS = 0.005
_PATIENCE_SECONDS = 0.02
"""What the event loop rests while a batch is computed; most take less."""
_MAX_SPARE_BATCH = 4


class Shed(Exception):
    """A request that is not answered, to keep the others fast."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(eq=False, slots=True)
class _Request:
    """One request in the queue."""

    recommender: ServedRecommender
    ask: Query | Callable[[], Any]
    came: float
    """By `time.monotonic`."""
    result: asyncio.Future[Any]
    is_late: bool = False
    """The second thread has it."""


_Outcomes = list[tuple[_Request, Any]]


class _Computed(NamedTuple):
    """What became of a batch."""

    outcomes: _Outcomes
    """Of those who still waited."""
    began: float
    """By `time.monotonic`."""
    seconds: float


class ModelQueue:
    """The bounded queue of one server, and the two threads that work it off. All methods are
    called in the event loop."""

    def __init__(self, settings: Serving, metrics: Metrics) -> None:
        self._places = Places(settings)
        self._late_seconds = settings.late_ms / 1_000
        self._deadline_seconds = settings.deadline_ms / 1_000
        self._metrics = metrics
        self._unanswered: dict[_Request, None] = {}  # in the order in which they came
        self._look: asyncio.TimerHandle | None = None
        self._turn: asyncio.Handle | None = None
        self._loop: asyncio.AbstractEventLoop
        self._ranked = Lane[_Request, _Computed](
            "model", settings.max_batch, partial(self._compute, rungs=ladder.WHOLE), self._hand_back
        )
        self._unranked = Lane[_Request, _Computed](
            "spare",
            _MAX_SPARE_BATCH,
            partial(self._compute, rungs=ladder.UNRANKED),
            self._hand_back,
        )
        metrics.queue_length.set_function(lambda: len(self._unanswered))

    @property
    def is_full(self) -> bool:
        """Whether a further request would be shed."""
        return len(self._unanswered) >= self._places.count

    def admits(self) -> bool:
        """Whether a request that comes now may ask; to be asked once for each that comes."""
        return self._places.admits(len(self._unanswered))

    @property
    def is_stuck(self) -> bool:
        """Whether no thread has given an answer for as long as a request may wait."""
        lanes = (self._ranked, self._unranked)
        return all(lane.busy_seconds() > self._deadline_seconds for lane in lanes)

    async def page(self, recommender: ServedRecommender, query: Query) -> Answer:
        """The query's page, wholly by that recommender.

        Raises:
            Shed: the queue is full, or the deadline passed.
            BadInput: the query can't be used.
        """
        return cast(Answer, await self._answered(recommender, query))

    async def alone(
        self, recommender: ServedRecommender, function: Callable[[], _Result]
    ) -> _Result:
        """What a function computes in the model's thread; it waits like a page.

        Raises:
            Shed: the queue is full, or the deadline passed.
        """
        return cast(_Result, await self._answered(recommender, function))

    def close(self) -> None:
        """Ends the threads once what they work on is done."""
        for lane in (self._ranked, self._unranked):
            lane.close()

    def _answered(
        self, recommender: ServedRecommender, ask: Query | Callable[[], Any]
    ) -> asyncio.Future[Any]:
        if self.is_full:
            raise Shed("full")
        loop = asyncio.get_running_loop()
        request = _Request(recommender, ask, time.monotonic(), loop.create_future())
        self._unanswered[request] = None
        if self._ranked.busy_seconds() > self._late_seconds and isinstance(ask, Query):
            self._hand_to_spare(request)
        else:
            self._ranked.put(request)
        self._plan_turn(loop)
        if self._look is None:
            self._look = loop.call_later(_LOOK_SECONDS, self._look_for_late)
        return request.result

    def _look_for_late(self) -> None:
        """Moves on those who have waited too long; looks again while anybody waits."""
        now = time.monotonic()
        for request in list(self._unanswered):
            age = now - request.came
            if age >= self._deadline_seconds:
                self._drop(request)
            elif age < self._late_seconds:
                break
            elif not request.is_late and isinstance(request.ask, Query):
                self._hand_to_spare(request)
        self._look = None
        if self._unanswered:
            loop = asyncio.get_running_loop()
            self._plan_turn(loop)
            self._look = loop.call_later(_LOOK_SECONDS, self._look_for_late)

    def _hand_to_spare(self, request: _Request) -> None:
        request.is_late = True
        self._ranked.discard(request)
        self._unranked.put(request)

    def _drop(self, request: _Request) -> None:
        (self._unranked if request.is_late else self._ranked).discard(request)
        del self._unanswered[request]
        if not request.result.done():
            request.result.set_exception(Shed("deadline"))

    def _plan_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Lets the threads have what waits once the loop has read what came by now: that makes a
        batch."""
        if self._turn is None:
            self._turn = loop.call_soon(self._let_read, loop)

    def _let_read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Waits once more: what the loop has just read from sockets is not in the queue yet, and
        would miss this turn for the next."""
        self._turn = loop.call_soon(self._take_turns, loop)

    def _take_turns(self, loop: asyncio.AbstractEventLoop) -> None:
        self._turn = None
        self._loop = loop
        self._unranked.turn(patience=0)
        computed = self._ranked.turn(_PATIENCE_SECONDS)
        if computed is not None:
            self._deliver(computed)

    def _compute(self, batch: list[_Request], rungs: Sequence[Rung]) -> _Computed:
        """Works in a lane's thread."""
        began = time.monotonic()
        due = [one for one in batch if self._is_due(one, began)]
        outcomes: _Outcomes = []
        for recommender, group in itertools.groupby(due, key=lambda one: one.recommender):
            outcomes += _computed(recommender, list(group), rungs)
        return _Computed(outcomes, began, time.monotonic() - began)

    def _is_due(self, request: _Request, now: float) -> bool:
        return not request.result.done() and now - request.came < self._deadline_seconds

    def _hand_back(self, computed: _Computed) -> None:
        """Works in a lane's thread, for a batch that the loop has not waited for."""
        with contextlib.suppress(RuntimeError):  # the loop has ended without waiting for this one
            self._loop.call_soon_threadsafe(self._deliver, computed)

    def _deliver(self, computed: _Computed) -> None:
        """Back in the event loop, once a batch."""
        outcomes, began, seconds = computed
        # Not at once: whoever is answered now shall have the answer before the next batch begins.
        self._loop.call_soon(self._plan_turn, self._loop)
        if not outcomes:
            return
        self._metrics.batch_size.observe(len(outcomes))
        self._metrics.batch_seconds.observe(seconds)
        if not outcomes[0][0].is_late:  # those take another way, which is shorter
            self._places.computed(seconds / len(outcomes))
        for request, outcome in outcomes:
            self._unanswered.pop(request, None)
            if request.result.done():  # the other thread was first, or nobody waits any more
                continue
            self._metrics.queue_seconds.observe(began - request.came)
            if isinstance(outcome, Exception):
                request.result.set_exception(outcome)
            else:
                request.result.set_result(outcome)


def _computed(
    recommender: ServedRecommender, group: Sequence[_Request], rungs: Sequence[Rung]
) -> _Outcomes:
    asked = [(one, one.ask) for one in group if isinstance(one.ask, Query)]
    outcomes: _Outcomes = []
    if asked:
        answers = ladder.answers(recommender, [query for _, query in asked], rungs)
        outcomes = [(one, answer) for (one, _), answer in zip(asked, answers, strict=True)]
    for one in group:
        if not isinstance(one.ask, Query):
            outcomes.append((one, _outcome(one.ask)))
    return outcomes


def _outcome(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as error:  # it is raised where it is awaited
        return error
