"""What the server asks of a bundle's recommender, whatever answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from recsys.features.spec import Features
from recsys.index.contract import Rows
from recsys.query import Query
from recsys.recommender import Item, Page
from recsys.stages import Observe


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

    def columns_of(self, rows: Rows, names: Sequence[str]) -> list[dict[str, Any]]:
        """The same by their rows."""
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
