"""How a server gets a bundle: at little cost to those who are served meanwhile.

All that takes time or could go wrong happens in another process (`serving.aside`): every byte is
held against its digest, the bundle is loaded, and asked what was asked of this server last. What is
left to do here takes milliseconds, since files are mapped, not read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from recsys import mapped
from recsys.query import Query
from serving.aside import Aside
from serving.served import ServedRecommender

Load = Callable[[Path], ServedRecommender]
"""Makes a recommender of a bundle's folder; raises where the bundle can't be trusted."""


def load_recommender(folder: Path) -> ServedRecommender:
    """The recommender over the bundle in `folder`, all in this process.

    Raises:
        BadInput: a file is missing or its digest is wrong.
    """
    from recsys.bundle import Bundle
    from recsys.fallbacks import SteadyRecommender

    return SteadyRecommender(Bundle.load(folder))


class IsolatedLoad:
    """A `Load` of one server; one thread loads."""

    def __init__(
        self, recorded: Callable[[], Sequence[Query]], is_serving: Callable[[], bool]
    ) -> None:
        """
        Args:
            recorded: what a bundle must be able to answer.
            is_serving: whether there is anybody to yield to.
        """
        self._recorded = recorded
        self._is_serving = is_serving
        self._aside: Aside | None = None
        self._is_closed = False

    def __call__(self, folder: Path) -> ServedRecommender:
        """The recommender over the bundle in `folder`.

        Raises:
            BadInput: a file is missing or its digest is wrong, or it can't answer.
        """
        self._aside = Aside(folder, yields=self._is_serving())
        try:
            if self._is_closed:
                self._aside.close()
            self._aside.wait()
            for query in self._recorded():
                self._aside.ask(query)
        finally:
            self._aside.close()
        from recsys.bundle import Bundle
        from recsys.fallbacks import SteadyRecommender

        recommender = SteadyRecommender(Bundle.opened(folder))
        mapped.touch(folder)
        return recommender

    def close(self) -> None:
        """Ends a load that is at work, which then raises; any thread may call it."""
        self._is_closed = True
        if self._aside is not None:
            self._aside.close()
