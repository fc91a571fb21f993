"""Which bundle serves: load, activate, roll back, and follow the file that names the live one.

A bundle is loaded and asked for a page before it takes traffic. What can't be loaded is refused
with its reason, and what served before serves on. A swap is one assignment: a request that took
the old recommender keeps it to its end.

The bundle that served before stays in memory until the next one is loaded, so going back takes no
load. That is no more memory than a swap takes: there are never more than two.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from recsys import pushes
from recsys.errors import BadInput
from recsys.features.spec import Features
from recsys.recommender import Item, Page, Query
from recsys.stages import Observe
from recsys.workspace import Workspace

logger = logging.getLogger(__name__)

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Values(Protocol):
    """A column that catalogues limit apps by."""

    @property
    def values(self) -> tuple[str, ...]:
        """The values that apps name."""
        ...


class ServedCatalogue(Protocol):
    """What the server asks of a catalogue; `recsys.catalogue.Catalogue` answers it."""

    @property
    def countries(self) -> Values:
        """Where apps are sold."""
        ...

    @property
    def devices(self) -> Values:
        """What apps run on."""
        ...

    def __len__(self) -> int: ...

    def app(self, app_id: str) -> Mapping[str, Any]:
        """All columns of an app; KeyError for an unknown app."""
        ...

    def columns(self, app_ids: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
        """Some columns of several known apps."""
        ...


class ServedRecommender(Protocol):
    """What the server asks of a recommender; `recsys.fallbacks.SteadyRecommender` answers it."""

    observe: Observe
    """Whom it tells what each stage took."""

    @property
    def version(self) -> str:
        """Version of its bundle."""
        ...

    @property
    def catalogue(self) -> ServedCatalogue:
        """Its apps."""
        ...

    @property
    def query_features(self) -> Features:
        """What the raw features of its pages are, by name."""
        ...

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        """A page for each query."""
        ...

    def retrieval_order(self, queries: Sequence[Query]) -> list[Page]:
        """The same without the ranker."""
        ...

    def popular(self, queries: Sequence[Query]) -> list[Page]:
        """The same without any model or index."""
        ...

    def similar(self, app_id: str, k: int) -> list[Item]:
        """An app's neighbours; KeyError for an unknown app."""
        ...


Load = Callable[[Path], ServedRecommender]
"""Makes a recommender of a bundle's folder; raises where the bundle can't be trusted."""
Tell = Callable[[str | None, str | None], None]
"""Is told which version serves, and which one is being tried."""


def tell_nobody(serving: str | None, loading: str | None) -> None:
    """For versions that nobody waits for."""


def load_recommender(folder: Path) -> ServedRecommender:
    """The recommender over the bundle in `folder`.

    Raises:
        BadInput: a file is missing or its digest is wrong.
    """
    from recsys.bundle import Bundle
    from recsys.fallbacks import SteadyRecommender

    return SteadyRecommender(Bundle.load(folder))


@dataclass(frozen=True)
class Refusal:
    """A bundle that does not serve, and why."""

    version: str
    reason: str


class Versions:
    """The bundles of a workspace and the recommender over the one that serves."""

    def __init__(
        self, workspace: Workspace, load: Load = load_recommender, tell: Tell = tell_nobody
    ) -> None:
        self.serving: ServedRecommender | None = None
        """The live recommender, None until a bundle serves; take it once a request."""
        self.refused: Refusal | None = None
        """The last refusal, until another bundle serves."""
        self._workspace = workspace
        self._load = load
        self._tell = tell
        self._before: ServedRecommender | None = None
        self._followed: str | None = None
        self._swapping = threading.Lock()

    @property
    def problem(self) -> str:
        """Why no bundle serves; empty when one does."""
        if self.serving is not None:
            return ""
        if self.refused is not None:
            return f"no bundle serves: {self.refused.reason}"
        return "no bundle serves yet: `recsys run` trains and pushes one."

    def published(self) -> list[str]:
        """Versions that can be asked for, in the order of their names."""
        folders = self._workspace.bundles.glob("*/manifest.json")
        return sorted(path.parent.name for path in folders if _VERSION.fullmatch(path.parent.name))

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

    def follow(self) -> None:
        """Serves what the workspace's file names, if it names another bundle than last time."""
        with self._swapping:
            named = self._named()
            if named is None or named == self._followed:
                return
            self._followed = named
            try:
                with self._trying(named) as recommender:
                    self._swap(recommender)
            except BadInput as refusal:
                logger.warning("%s; %s serves on", refusal, self._served)

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
            yield self._loaded(version)
        finally:
            self._tell(self._served, None)

    def _loaded(self, version: str) -> ServedRecommender:
        if self._before is not None and self._before.version == version:
            return self._before
        self._before = None
        try:
            folder = self._workspace.bundles / version
            if not _VERSION.fullmatch(version) or not folder.is_dir():
                raise BadInput(f"bundle {version!r} is not in {self._workspace.bundles}")
            recommender = self._load(folder)
            # The first page is slow, and proves that there can be one: nobody should wait for it.
            recommender.recommend([Query("", dt.datetime.now(dt.UTC))])
        except Exception as error:  # whatever a bundle does on loading, it must not serve
            self.refused = Refusal(version, str(error))
            raise BadInput(f"bundle {version!r} is refused: {error}") from error
        return recommender

    def _swap(self, recommender: ServedRecommender) -> None:
        self._before, self.serving = self.serving, recommender
        self.refused = None
