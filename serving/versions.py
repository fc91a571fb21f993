"""Which bundles a server holds: the live one, those beside it that experiments name, and the one
before. They are loaded, activated, rolled back, and the file that names the live one is followed.

A bundle is loaded and warmed up before it takes traffic: all pages of its files are brought in, and
requests of late replayed, a little at a time. What can't be loaded is refused with its reason, and
what served before serves on. A swap is one assignment: a request that took the old recommender
keeps it to its end.

The bundle that served before stays mapped, so that going back takes no load; its memory goes back
to the kernel, all but a few MiB. There are two bundles in memory while one takes the other's place.
With `serving.swap = "resources"` there is one: the old one goes first, and requests are told to
come back.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recsys import mapped, pushes
from recsys.errors import BadInput
from recsys.query import Query
from recsys.workspace import Workspace
from serving import heap
from serving.loading import Load as Load
from serving.loading import load_recommender as load_recommender
from serving.served import ServedRecommender as ServedRecommender

logger = logging.getLogger(__name__)

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOST_SECONDS_TO_END = 1.0
"""A request that takes longer than that to end has its pages brought in again."""
_REST_SECONDS = 0.005

Tell = Callable[[str | None, str | None], None]
"""Is told which version serves, and which one is being tried."""


def tell_nobody(serving: str | None, loading: str | None) -> None:
    """For versions that nobody waits for."""


def one_blank_request() -> Sequence[Query]:
    """Somebody asks of whom nothing is known."""
    return [Query("", dt.datetime.now(dt.UTC))]


@dataclass(frozen=True)
class Refusal:
    """A bundle that does not serve, and why."""

    version: str
    reason: str


class Versions:
    """The bundles of a workspace and the recommenders over those that serve.

    All that loads is called in one thread at a time; what is read may be read in any.
    """

    def __init__(
        self,
        workspace: Workspace,
        load: Load = load_recommender,
        tell: Tell = tell_nobody,
        recorded: Callable[[], Sequence[Query]] = one_blank_request,
    ) -> None:
        """
        Args:
            workspace: whose bundles they are.
            load: makes a recommender of a bundle's folder.
            tell: is told of swaps.
            recorded: the requests that warm a bundle up.
        """
        self.serving: ServedRecommender | None = None
        """The live recommender, None until a bundle serves; take it once a request."""
        self.beside: Mapping[str, ServedRecommender] = {}
        """Other recommenders that answer, by version."""
        self.lacking: Mapping[str, str] = {}
        """Why bundles that should answer beside the live one don't, by version."""
        self.refused: Refusal | None = None
        """The last refusal, until another bundle serves."""
        self._workspace = workspace
        self._load = load
        self._tell = tell
        self._recorded = recorded
        self._before: ServedRecommender | None = None
        self._leaving: list[tuple[float, ServedRecommender]] = []
        self._followed: str | None = None
        self._swapping = threading.Lock()

    @property
    def problem(self) -> str:
        """Why no bundle serves; empty when one does."""
        if self.serving is not None:
            return ""
        if self.refused is not None:
            return f"no bundle serves: {self.refused.reason}"
        if self._followed is not None:
            return "a bundle is being loaded: try again in some seconds."
        return "no bundle serves yet: `recsys run` trains and pushes one."

    def published(self) -> list[str]:
        """Versions that can be asked for, in the order of their names."""
        folders = self._workspace.bundles.glob("*/manifest.json")
        return sorted(path.parent.name for path in folders if _VERSION.fullmatch(path.parent.name))

    def answering(self, version: str) -> ServedRecommender | None:
        """What answers with that version; None where it isn't held."""
        live = self.serving
        return live if live is not None and live.version == version else self.beside.get(version)

    def activate(self, version: str, why: str = "activated over HTTP") -> None:
        """Loads a bundle, makes it the one that serves, and records it in the workspace.

        Raises:
            BadInput: it is missing or can't be trusted; what served serves on.
        """
        self._choose(version, why, "activation")

    def rollback(self) -> None:
        """Goes back to the bundle that served before.

        Raises:
            BadInput: none did, or it can't be loaded any more.
        """
        self._choose(pushes.earlier(self._workspace), "rolled back over HTTP", "rollback")

    def _choose(self, version: str, why: str, kind: pushes.Kind) -> None:
        with self._swapping, self._trying(version) as recommender:
            pushes.make_current(self._workspace, version, why, kind)
            self._followed = version
            self._swap(recommender)

    def follow(self) -> bool:
        """Serves what the workspace's file names, if it names another bundle than last time;
        returns whether it did."""
        with self._swapping:
            named = self._named()
            if named is None or named == self._followed:
                return False
            self._followed = named
            try:
                with self._trying(named) as recommender:
                    self._swap(recommender)
            except BadInput as refusal:
                logger.warning("%s; %s serves on", refusal, self._served)
            return True

    def hold(self, versions: Iterable[str], anew: bool = False) -> None:
        """Loads bundles to answer beside the live one, and lets go of those that aren't named any
        more. One that can't be loaded is noted in `lacking`, and tried no more before it is asked
        for `anew`."""
        with self._swapping:
            if anew:
                self.lacking = {}
            wanted = [version for version in dict.fromkeys(versions) if version != self._served]
            self._leave(*(held for v, held in self.beside.items() if v not in wanted))
            self.beside = {v: held for v, held in self.beside.items() if v in wanted}
            self.lacking = {v: why for v, why in self.lacking.items() if v in wanted}
            for version in wanted:
                if version not in self.beside and version not in self.lacking:
                    self._hold(version)

    def _hold(self, version: str) -> None:
        try:
            held = self._loaded(version)
        except BadInput as refusal:
            logger.warning("%s; nobody is served by it", refusal)
            self.lacking = {**self.lacking, version: str(refusal)}
        else:
            self.beside = {**self.beside, version: held}

    def settle(self) -> None:
        """Returns the memory of bundles that have answered their last requests."""
        with self._swapping:
            if self._leaving and time.monotonic() >= self._leaving[-1][0] + self._seconds_to_end:
                self._return_memory()

    @property
    def _seconds_to_end(self) -> float:
        return min(self._workspace.config.serving.deadline_ms / 1_000, _MOST_SECONDS_TO_END)

    def _leave(self, *recommenders: ServedRecommender) -> None:
        self._leaving += [(time.monotonic(), one) for one in recommenders]

    def _return_memory(self) -> None:
        leaving, self._leaving = self._leaving, []
        for version in {one.version for _, one in leaving}:
            if self.answering(version) is None:
                mapped.give_back(self._workspace.bundles / version)
        heap.give_back()

    def _named(self) -> str | None:
        try:
            return self._workspace.current_bundle.read_text(errors="replace").strip() or None
        except FileNotFoundError:
            return None

    @property
    def _served(self) -> str | None:
        return self.serving.version if self.serving else None

    @contextlib.contextmanager
    def _trying(self, version: str) -> Iterator[ServedRecommender]:
        """A recommender that can answer, to swap in; nobody deletes its bundle meanwhile."""
        self._tell(self._served, version)
        try:
            yield self._in_place_of(self._served, version)
        except BadInput as error:
            self.refused = Refusal(version, str(error.__cause__ or error))
            raise
        finally:
            self._tell(self._served, None)

    def _in_place_of(self, served: str | None, version: str) -> ServedRecommender:
        """Loads a bundle, beside the one that serves or after that is gone."""
        settings = self._workspace.config.serving
        if settings.swap == "availability" or served is None or self.answering(version):
            return self._loaded(version)
        self.serving = self._before = None
        time.sleep(self._seconds_to_end)
        try:
            return self._loaded(version)
        except BadInput:
            self.serving = self._loaded(served)
            raise

    def _loaded(self, version: str) -> ServedRecommender:
        try:
            folder = self._folder(version)
            ready = self._ready(version)
            if ready is None:
                self._return_memory()
                self._before = None
                ready = self._load(folder)
            else:
                mapped.touch(folder)
            self._warm_up(ready)
        except Exception as error:  # whatever a bundle does on loading, it must not serve
            raise BadInput(f"bundle {version!r} is refused: {error}") from error
        return ready

    def _ready(self, version: str) -> ServedRecommender | None:
        held = (self.serving, self._before, *self.beside.values())
        return next((one for one in held if one is not None and one.version == version), None)

    def _folder(self, version: str) -> Path:
        folder = self._workspace.bundles / version
        if not _VERSION.fullmatch(version) or not folder.is_dir():
            raise BadInput(f"bundle {version!r} is not in {self._workspace.bundles}")
        return folder

    def _warm_up(self, recommender: ServedRecommender) -> None:
        """First pages are slow, and prove that there can be some: nobody should wait for them."""
        for query in self._recorded():
            recommender.recommend([query])
            time.sleep(_REST_SECONDS if self.serving is not None else 0)

    def _swap(self, recommender: ServedRecommender) -> None:
        if self.serving is not None and self.serving is not recommender:
            self._before = self.serving
            self._leave(self.serving)
        self.serving = recommender
        self.refused = None
