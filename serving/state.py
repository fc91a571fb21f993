"""What one server holds: user store, logs, versions, metrics, and the threads they run in."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import logging
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, Request

from recsys.query import Query
from recsys.registry import servers
from recsys.registry.servers import Presence
from recsys.workspace import STAGED, Workspace
from serving import pauses, population
from serving.batches import Batches
from serving.choice import Choice, Choices, is_among
from serving.closing import Closing
from serving.feature_log import FeatureLog
from serving.gathered import gathered
from serving.ladder import Answer
from serving.loading import IsolatedLoad, Load
from serving.metrics import Metrics
from serving.model_queue import ModelQueue
from serving.population import Progress
from serving.recorded import Recorded
from serving.request_log import RequestLog
from serving.served import ServedRecommender
from serving.shadow import Shadow
from serving.user_store import Event, UserRecord, UserStore, open_store
from serving.versions import Versions

logger = logging.getLogger(__name__)

ADMIN_TOKEN = "RECSYS_ADMIN_TOKEN"
_FOLLOW_SECONDS = 0.1
_EVENTS_A_COMMIT, _WAITING_EVENTS = 5_000, 50_000
_RECORDS_A_TRIP, _WAITING_RECORDS = 256, 10_000
_Result = TypeVar("_Result")


class ServerState:
    """The parts of a running server.

    Each kind of slow work has one thread, so that none of it holds the event loop or another kind:
    the model's answers (`serving.model_queue`), durable writes, the feature log, and the loading of
    users and bundles.
    """

    def __init__(
        self,
        workspace: Workspace,
        load: Load | None = None,
        url: str = "",
        loads: Executor | None = None,
        own_url: str = "",
    ) -> None:
        """
        Args:
            workspace: what is served.
            load: makes a recommender of a bundle's folder; none for what costs requests least.
            url: where the server answers.
            loads: where bundles and users are loaded; none for a thread.
            own_url: where this process alone answers, if several share `url`.
        """
        self.workspace = workspace
        self.config = workspace.config
        self.store: UserStore = open_store(workspace)
        self.presence = Presence(workspace, url, own_url)
        self._own_url = own_url
        self.recorded = Recorded(workspace, self.store)
        self._isolated = IsolatedLoad(self.recorded, lambda: self.versions.serving is not None)
        load = self._observed(load or self._isolated)
        self.versions = Versions(workspace, load, self._told, self.recorded)
        self.metrics = Metrics(self.versions)
        self.queue = ModelQueue(self.config.serving, self.metrics)
        self.features = FeatureLog(workspace, self.metrics)
        self.requests = RequestLog(workspace, self.metrics)
        self.choices = Choices(workspace, self.versions, self.metrics.registry)
        self.shadow = Shadow(self.metrics.registry)
        self.closing = Closing(workspace)
        self.admin_token = admin_token(workspace)
        self._users_problem = "users are being loaded: try again in some seconds."
        self.is_stopping = False
        """The signal to stop came; what was accepted is finished."""
        self._writes = ThreadPoolExecutor(1, "write")
        self._reads = ThreadPoolExecutor(1, "read")
        self._kept: Batches[Event, bool] = Batches(
            self._append, self._writes, _EVENTS_A_COMMIT, _WAITING_EVENTS
        )
        self._records: Batches[str, UserRecord | None] = Batches(
            self.store.get_many, self._reads, _RECORDS_A_TRIP, _WAITING_RECORDS
        )
        self._loads = loads or ThreadPoolExecutor(1, "load")

    def require_users(self) -> None:
        """Lets a request pass once the user store can be asked.

        Raises:
            HTTPException: 503, users are still being loaded, or can't be.
        """
        if self._users_problem:
            raise HTTPException(503, self._users_problem, {"Retry-After": "1"})

    def recommender(self) -> ServedRecommender:
        """The recommender that answers a request, from its beginning to its end.

        Raises:
            HTTPException: 503, the server is not ready.
        """
        self.require_users()
        if self.versions.serving is None:
            raise HTTPException(503, self.versions.problem, {"Retry-After": "1"})
        return self.versions.serving

    def chosen(self, live: ServedRecommender, query: Query, record: UserRecord | None) -> Choice:
        """What answers a query: the bundle of the user's arm, the canary's or the live one."""
        return self.choices.of(live, query, record is not None)

    def answered(self, request_id: str, query: Query, choice: Choice, answer: Answer) -> None:
        """Notes what was asked and answered, for all that comes after."""
        self.metrics.served(answer.page, answer.degraded)
        exposure = None
        if choice.experiment:
            took = dt.datetime.now(dt.UTC) - query.time
            exposure = choice.exposure(len(answer.page.items), took / dt.timedelta(milliseconds=1))
        self.requests.log(request_id, query, exposure)
        if answer.degraded is not None:  # no model was given any features
            return
        self.recorded.note(query)
        shadow = self.choices.shadow
        if self.shadow.is_wanted and is_among(shadow, "shadow", query.user_id):
            self.shadow.offer(query, answer.page)
        if not choice.is_policy:
            self.features.log(request_id, query, answer.page, choice.recommender)

    def require_ready(self) -> ServedRecommender:
        """What answers requests, if further ones should be sent here.

        Raises:
            HTTPException: 503, and why not.
        """
        if self.is_stopping:
            raise HTTPException(503, "the server stops: ask another.", {"Retry-After": "1"})
        if self.queue.is_stuck:
            raise HTTPException(503, "the model hangs: ask another.", {"Retry-After": "1"})
        return self.recommender()

    async def all_metrics(self) -> bytes:
        """Prometheus's text: this process's metrics, and those of the others that share its
        place."""
        mine = self.metrics.render()
        if not self._own_url:
            return mine
        running = [one for one in servers.running(self.workspace) if one.own_url]
        mates = {str(one.pid): one.own_url for one in running if one.url == self.presence.url}
        return await gathered(mates, str(os.getpid()), mine)

    async def in_load_thread(self, function: Callable[[], _Result]) -> _Result:
        """Runs a load or a swap; they wait for each other."""
        return await asyncio.get_running_loop().run_in_executor(self._loads, function)

    async def keep(self, events: Sequence[Event]) -> list[Event]:
        """Stores the events that are new and returns them once they are durable, together with
        those of all requests that came while others were being written."""
        is_new = await self._kept.results(events)
        return [event for event, new in zip(events, is_new, strict=True) if new]

    def _append(self, events: Sequence[Event]) -> list[bool]:
        self.metrics.commits.inc()
        return self.store.append(events)

    async def users(self, prefix: str, after: str, limit: int) -> list[UserRecord]:
        """A page of users, in the order of their ids."""
        reading = functools.partial(self.store.page, prefix, after, limit)
        return await asyncio.get_running_loop().run_in_executor(self._reads, reading)

    async def record(self, user_id: str) -> UserRecord | None:
        """What the store knows of a user; records that lie elsewhere are asked for together."""
        if self.store.is_embedded:
            return self.store.get(user_id)
        [record] = await self._records.results([user_id])
        return record

    @contextlib.asynccontextmanager
    async def running(
        self, progress: Progress, ready: Callable[[str], None]
    ) -> AsyncIterator[None]:
        """Loads users and bundle in the background while the block runs, follows the live bundle,
        and closes everything at the end."""
        with self.presence.shown():
            following = asyncio.create_task(self._follow(progress, ready))
            try:
                with (
                    self.features.writing(),
                    self.requests.syncing(),
                    self.shadow.running(),
                    self.closing.running(),
                ):
                    yield
            finally:
                following.cancel()
                self._isolated.close()
                self.queue.close()
                for threads in (self._loads, self._writes, self._reads):
                    threads.shutdown(wait=True, cancel_futures=True)
                self.store.close()

    async def _follow(self, progress: Progress, ready: Callable[[str], None]) -> None:
        await self.in_load_thread(lambda: self._load_users(progress))
        told = False
        while True:
            await self.in_load_thread(self._catch_up)
            serving = self.versions.serving
            if serving is not None and not told:
                told = True
                pauses.forestall()
                ready(serving.version)
            await asyncio.sleep(_FOLLOW_SECONDS)

    def _catch_up(self) -> None:
        """Holds what the workspace's files name now."""
        is_other = self.versions.follow()
        is_changed = self.choices.follow()
        self.versions.hold(self.choices.versions, anew=is_other or is_changed)
        shadow = self.choices.shadow
        self.shadow.use(self.workspace.bundles / shadow.bundle if shadow.bundle else None)
        self.versions.settle()

    def _observed(self, load: Load) -> Load:
        def loaded(folder: Path) -> ServedRecommender:
            recommender = load(folder)
            recommender.observe = self.metrics.stage
            return recommender

        return loaded

    def _told(self, serving: str | None, loading: str | None) -> None:
        self.presence.tell(serving, loading)
        self.metrics.swapping(serving, loading)

    def _load_users(self, progress: Progress) -> None:
        try:
            population.seed(self.store, self.workspace, progress)
            self._users_problem = ""
        except Exception as error:  # the server lives to say so
            logger.exception("users can't be loaded")
            self._users_problem = f"users can't be loaded: {error}"


def admin_token(workspace: Workspace) -> str:
    """The token of admin calls: the environment's, or the one in a file that only its owner may
    read, which is made when it is missing."""
    if token := os.environ.get(ADMIN_TOKEN):
        return token
    path = workspace.serving / "admin_token"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle, staged = tempfile.mkstemp(prefix=STAGED, dir=path.parent)  # its owner's alone
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):  # another server was first: there is one token
            os.link(staged, path)
        Path(staged).unlink()
    return path.read_text().strip()


# async, since FastAPI calls what isn't in a thread, which takes longer than all else here.
async def state_of(request: Request) -> ServerState:
    """The state of the server that a request came to."""
    state: ServerState = request.app.state.server
    return state


State = Annotated[ServerState, Depends(state_of)]
"""The server's state, as endpoints take it."""
