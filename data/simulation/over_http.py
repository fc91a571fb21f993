"""The users before a running server: it is asked for each page at home and told all that is done
with it, so that devices and assignments are the server's own.

Each page is held against the one made in process: for the arm that the user is dealt in process,
from the device as it is in process. A model may look at the hour, and the server's clock is not the
store's: in process the page is made for the moment that the server noted in the request's id.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.arrays import Integers
from data.asking import Asking
from data.day import INSTALL, KINDS, Outcomes, Shelves, StoreState, lived
from data.luck import Told
from data.policy import LoggingPolicy, Shown
from data.requests import Requests, requests_on
from data.simulation.arms import Arms
from data.simulation.fronts import BATCH, Pages, StoreFront
from data.simulation.running import Plan, state_before
from data.simulation.server import Answer, Server, app_ids, asked_at, event, impressions
from data.simulation.shards import dealt
from data.world import World
from recsys.config.experiments import SimulatedArm
from recsys.errors import BadInput
from recsys.experiments.assignment import NO_ARM
from recsys.query import Query


@dataclass
class Agreement:
    """How a server's answers compare with those in process."""

    pages: int = 0
    """Asked for at home."""
    equal_assignments: int = 0
    equal_pages: int = 0
    degraded: int = 0
    """Pages that the server made without its ranker, being late; no page in process is."""
    first_difference: str = ""
    """In words; empty where there is none."""
    seconds: float = 0.0

    def count(self, same_arm: bool, same_page: bool, is_degraded: bool) -> None:
        """Adds a page."""
        self.pages += 1
        self.equal_assignments += same_arm
        self.equal_pages += same_page
        self.degraded += is_degraded

    def plus(self, other: Agreement) -> Agreement:
        """Both together."""
        return Agreement(
            pages=self.pages + other.pages,
            equal_assignments=self.equal_assignments + other.equal_assignments,
            equal_pages=self.equal_pages + other.equal_pages,
            degraded=self.degraded + other.degraded,
            first_difference=self.first_difference or other.first_difference,
            seconds=self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class _Mirrored(StoreState):
    """A state whose server is told what happens to it."""

    tell: Callable[[Outcomes], None]

    def put_on_devices(self, installs: Outcomes) -> None:
        """See `StoreState`."""
        super().put_on_devices(installs)
        self.tell(installs[np.lexsort((installs.time, installs.request))])

    def close(self, outcomes: Outcomes) -> None:
        """See `StoreState`."""
        super().close(outcomes)
        self.tell(outcomes[np.flatnonzero(outcomes.kind != INSTALL)])


class _Home:
    """The store's home on one day, as a server answers it and as it is in process."""

    def __init__(self, plan: Plan, world: World, day: dt.date, server: Server) -> None:
        sources = Arms(plan.workspace, plan.crowd.experiment, plan.serving, {}).sources(day)
        self._pages = {name: source.pages() for name, source in sources.items()}
        self._name, self._page_size = plan.crowd.name, world.config.page_size
        self._dealt = dealt(plan.crowd, world)
        self._asking, self._server = Asking(world, day), server
        self.request_ids: dict[tuple[int, int], str] = {}
        """By user and time, of the pages that the server made."""
        self.agreement = Agreement()

    def __call__(self, requests: Requests, installed: Integers) -> Shown:
        """The server's page for each."""
        queries = self._asking.queries(requests, installed, self._page_size)
        answers = self._server.answers(queries)
        for user, time_, answer in zip(
            requests.user.tolist(), requests.time.tolist(), answers, strict=True
        ):
            self.request_ids[user, time_] = answer["request_id"]
        self._server.tell(
            [event for pair in zip(queries, answers, strict=True) for event in impressions(*pair)]
        )
        for arm, pages in enumerate(self._pages.items()):
            mine = np.flatnonzero(self._dealt[requests.user] == arm)
            self._compare(*pages, [queries[i] for i in mine], [answers[i] for i in mine])
        rows = self._asking.app_rows([app_ids(answer) for answer in answers], self._page_size)
        return Shown(rows, (rows >= 0).astype(np.float32))

    def _compare(
        self, arm: str, pages: Pages | None, queries: Sequence[Query], answers: Sequence[Answer]
    ) -> None:
        """Counts what is equal in an arm."""
        assert pages is not None
        at_its_time = [
            replace(query, time=asked_at(answer))
            for query, answer in zip(queries, answers, strict=True)
        ]
        batches = range(0, len(queries), BATCH)
        made = [page for b in batches for page in pages(at_its_time[b : b + BATCH])]
        for query, page, answer in zip(at_its_time, made, answers, strict=True):
            same_arm = answer["experiment"] == f"{self._name}:{arm}"
            same_page = [item.app_id for item in page.items] == app_ids(answer)
            self.agreement.count(same_arm, same_page, answer["degraded"] is not None)
            if not (same_arm and same_page) and not self.agreement.first_difference:
                self.agreement.first_difference = (
                    f"user {query.user_id} of arm {arm}: {answer['experiment']}, "
                    f"{app_ids(answer)} over HTTP, {[item.app_id for item in page.items]} in "
                    "process"
                )


def simulate_over_http(plan: Plan, url: str, after_part: Callable[[Agreement], None]) -> Agreement:
    """Lets the users live the days before a server; it must have been started when the logs ended,
    and not have been told of anything since.

    Raises:
        BadInput: the server can't be asked, or its users are others than the plan's.
    """
    _check(plan)
    world = World(plan.crowd.config)
    state = state_before(plan, world)
    total = Agreement()
    with Server(url) as server:
        for day in plan.days:
            began = time.perf_counter()
            state = state.grown(len(world.apps(day)))
            home = _Home(plan, world, day, server)
            whole = requests_on(world, day)
            mine = whole[np.flatnonzero(dealt(plan.crowd, world)[whole.user] != NO_ARM)]
            shelves = _shelves(world, day, state)
            front = StoreFront(home, shelves, world.config.page_size)
            told = _Mirrored(
                state.installed, state.num_installs, _Reporter(server, home, world, day, mine)
            )
            lived(world, day, told, mine, front, Told(world.streams, day))
            home.agreement.seconds = time.perf_counter() - began
            total = total.plus(home.agreement)
            after_part(total)
    return total


class _Reporter:
    """Tells a server what users did."""

    def __init__(
        self, server: Server, home: _Home, world: World, day: dt.date, requests: Requests
    ) -> None:
        self._server, self._home, self._requests = server, home, requests
        self._user_ids: list[str] = world.users.user_id.to_pylist()
        self._app_ids: list[str] = world.apps(day).app_id.to_pylist()

    def __call__(self, outcomes: Outcomes) -> None:
        """Reports outcomes in their order; the pages of searches are none of the server's."""
        keys = zip(
            self._requests.user[outcomes.request].tolist(),
            self._requests.time[outcomes.request].tolist(),
            strict=True,
        )
        rows = zip(keys, outcomes.app.tolist(), outcomes.kind.tolist(), strict=True)
        self._server.tell(
            [
                event(
                    KINDS[kind],
                    self._user_ids[key[0]],
                    self._app_ids[app],
                    self._home.request_ids.get(key),
                )
                for key, app, kind in rows
            ]
        )


def _shelves(world: World, day: dt.date, state: StoreState) -> Shelves:
    policy = LoggingPolicy(world.apps(day), state.num_installs, world.config.exploration)
    return Shelves(world, policy, world.streams.rng("simulated over HTTP", day.isoformat()))


def _check(plan: Plan) -> None:
    arms, logged = plan.crowd.experiment.arms, plan.workspace.config.world.num_users
    if any(
        arm.simulated != SimulatedArm() or arm.policy not in ("", "most_popular") or arm.interleaves
        for arm in arms.values()
    ):
        raise BadInput(
            "an arm trains, is stale, misses features, interleaves or has a policy that no server "
            "has, expected bundles and most_popular alone over HTTP: simulate it in process."
        )
    if plan.crowd.num_users > logged or plan.crowd.is_common:
        raise BadInput(
            f"{plan.crowd.num_users:,} users are to live before a server that knows {logged:,}, "
            "each in one arm, expected those of the logs: leave --users out."
        )
