"""A small store to serve from: a recommender without a model, and a server over it.

`FakeRecommender` keeps the contract of `recsys.recommender.Recommender` over sixty apps whose
scores fall with their number, so that tests can say by hand what a page must hold.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from recsys import config, pushes, tables
from recsys.catalogue import Catalogue
from recsys.errors import BadInput
from recsys.fallbacks import UNSCORED
from recsys.features import spec
from recsys.recommender import Item, Page, Query
from recsys.stages import Observe, observe_nothing
from recsys.workspace import Workspace
from serving.app import create_app
from serving.stopping import Server
from serving.versions import Load

DAY = dt.date(2024, 3, 14)
TITLES = (
    *("Morning Pages", "Tidal Chart", "Sourdough", "Little Planets", "Quiet Hours", "Lumen"),
    *("Field Recorder", "Paper Cranes", "Switchback", "Nightingale", "Halfpipe", "Orbit Mail"),
    *("Kite Weather", "Stonecutter", "Duet", "Hedgerow", "Pocket Opera", "Snowline"),
    *("Marble Run", "Atlas of Birds"),
)
CATEGORIES = ("Books", "Weather", "Food", "Games", "Health", "Photography", "Music")
NUM_APPS = 60


def app_id(number: int) -> str:
    """The id of the app of that rank."""
    return f"com.example.app{number:02d}"


def app(number: int) -> dict[str, Any]:
    """Its row in the apps table; every tenth is sold in Norway only."""
    return {
        "app_id": app_id(number),
        "title": TITLES[number % 20] + ("", " Pro", " Kids")[number // 20],
        "developer": f"Studio {number % 9}",
        "category": CATEGORIES[number % len(CATEGORIES)],
        "price": 0.0 if number % 4 else 2.99,
        "content_rating": "Everyone",
        "size_mb": 10.0 + number,
        "release_day": dt.date(2024, 1, 1) + dt.timedelta(days=number),
        "rating": 3.5 + (number % 15) / 10,
        "countries": ["NO"] if number % 10 == 9 else None,
        "devices": ["phone", "tablet"],
    }


class FakeRecommender:
    """Sixty apps, the lower numbers the better."""

    def __init__(self, version: str) -> None:
        apps = [app(number) for number in range(NUM_APPS)]
        self.version = version
        self.observe: Observe = observe_nothing
        self.query_features = spec.of_query(config.preset("tiny").features)
        self.catalogue = Catalogue(pa.Table.from_pylist(apps, tables.SCHEMAS["apps"]))
        self._apps = {app["app_id"]: app for app in apps}

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        return [self._page(query) for query in queries]

    def retrieval_order(self, queries: Sequence[Query]) -> list[Page]:
        return [_unscored(self._page(query), "retrieval") for query in queries]

    def popular(self, queries: Sequence[Query]) -> list[Page]:
        return [_unscored(self._page(query), "popular") for query in queries]

    def similar(self, app_id: str, k: int) -> list[Item]:
        same = [a for a in self._apps.values() if a["category"] == self._apps[app_id]["category"]]
        others = [a["app_id"] for a in same if a["app_id"] != app_id][:k]
        return [Item(place, a, 1 - place / 20, ("similar",)) for place, a in enumerate(others, 1)]

    def _page(self, query: Query) -> Page:
        country = query.features.get("country")
        removed = {
            "installed": {*query.installed_app_ids} & {*self._apps},
            "excluded": query.exclude & {*self._apps},
            "country": {
                a for a, row in self._apps.items() if row["countries"] not in (None, [country])
            },
        }
        gone = set().union(*removed.values())
        kept = [a for a in self._apps if a not in gone][: query.k]
        items = tuple(
            Item(place, a, 0.5 / place, ("retrieval", "popular") if place % 3 else ("new",))
            for place, a in enumerate(kept, 1)
        )
        known = {**query.features, "time": query.time, spec.HISTORY: query.installed_app_ids}
        raw = spec.raw_from_values([known], self.query_features)
        return Page(
            items,
            self.catalogue.rows(item.app_id for item in items),
            {name: len(apps) for name, apps in removed.items()},
            {name: value[0] for name, value in raw.items()},
        )


def _unscored(page: Page, source: str) -> Page:
    items = (Item(item.position, item.app_id, UNSCORED, (source,)) for item in page.items)
    return Page(tuple(items), page.rows, page.num_removed)


def load_fake(folder: Path) -> FakeRecommender:
    """Reads a fake bundle, whose manifest says whether it can be trusted."""
    manifest = json.loads((folder / "manifest.json").read_text())
    if not manifest["whole"]:
        raise BadInput(f"{folder}: the digest of index.faiss is wrong.")
    return FakeRecommender(manifest["version"])


def publish(workspace: Workspace, version: str, whole: bool = True, live: bool = True) -> None:
    """Puts a fake bundle in place, as a pusher does."""
    folder = workspace.bundles / version
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"version": version, "whole": whole}))
    if live:
        pushes.make_current(workspace, version, "a test serves it")


def write_table(
    workspace: Workspace, table: tables.Table, day: dt.date, rows: list[dict[str, Any]]
) -> None:
    """Writes a day of a table."""
    folder = workspace.day(table, day)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, tables.SCHEMAS[table]), folder / "part-0.parquet")


def users() -> list[dict[str, Any]]:
    """Forty users; the n-th has the n % 5 best apps installed."""
    return [
        {
            "user_id": f"u{number:03d}",
            "country": ("BR", "DE", "IN", "NO", "US")[number % 5],
            "language": ("de", "en", "pt")[number % 3],
            "device": ("phone", "tablet")[number % 2],
            "age_band": "25-34",
            "installed_app_ids": [app_id(rank) for rank in range(number % 5)],
        }
        for number in range(40)
    ]


def workspace_at(root: Path) -> Workspace:
    """A workspace with a configuration and a users snapshot, and no bundle yet."""
    (root / "recsys.toml").write_text('extends = "tiny"\n')
    workspace = Workspace(root)
    write_table(workspace, "users", DAY, users())
    return workspace


@contextlib.contextmanager
def server(workspace: Workspace, load: Load = load_fake) -> Iterator[str]:
    """Runs a real server on a free loopback port; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    running = Server(create_app(workspace, load))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield url
    finally:
        running.should_exit = True
        thread.join()


def wait_for(url: str) -> None:
    """Waits until the server at `url` is ready."""

    def ready() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/readyz").status_code == 200
        return False

    eventually(ready)


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Waits until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it did not come to hold in {seconds} s"
        time.sleep(0.02)
