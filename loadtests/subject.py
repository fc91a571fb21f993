"""The store whose server is measured: a workspace as it is, or one that was made for it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from loadtests import bundles
from loadtests.beside import beside
from recsys.errors import BadInput
from recsys.features.spec import HISTORY
from recsys.query import Query
from recsys.workspace import Workspace

_MAX_USERS = 200_000
_CONTEXT = {"surface": "home"}


@dataclass(frozen=True)
class Subject:
    """What is measured."""

    workspace: Workspace
    """With users and a bundle that serves."""
    shared: Sequence[Path]
    """Folders of it that a measured server uses too; all else is the server's own."""

    @staticmethod
    def of(workspace: Workspace) -> Subject:
        """A workspace that stays as it is: a server makes a user store of its own.

        Raises:
            BadInput: no bundle serves there, or there are no users.
        """
        bundles.live(workspace)
        if not workspace.days("users"):
            raise BadInput(f"no users are in {workspace.logs}: `recsys data generate` makes some.")
        return Subject(workspace, (workspace.bundles, workspace.logs / "users"))

    @staticmethod
    def made(workspace: Workspace) -> Subject:
        """A workspace that is there to be measured: its user store is filled once."""
        whole = Subject.of(workspace)
        return Subject(workspace, (*whole.shared, workspace.serving / "users"))

    @property
    def bundle(self) -> Path:
        """Folder of the bundle that serves."""
        return bundles.live(self.workspace)

    def beside(self, root: Path) -> Workspace:
        """A workspace in a new folder for a server to write into."""
        return beside(self.workspace, root, self.shared)

    def user_ids(self) -> list[str]:
        """Some of the users, in no order."""
        known = pq.read_table(self._user_files(), columns=["user_id"])["user_id"]
        drawn = np.random.default_rng(0).permutation(len(known))[:_MAX_USERS]
        ids: list[str] = known.take(drawn).to_pylist()
        return ids

    def queries(self, count: int) -> list[Query]:
        """What a server makes of requests of the first of them, when it knows no more than the
        users table."""
        asking = self.user_ids()[:count]
        users = ds.dataset(self._user_files(), format="parquet")
        found = users.to_table(filter=pc.field("user_id").isin(asking))
        return [_query(user) for user in found.sort_by("user_id").to_pylist()]

    def _user_files(self) -> list[str]:
        latest = self.workspace.days("users")[-1]
        return [str(path) for path in self.workspace.files("users", latest)]


def body(user_id: str) -> bytes:
    """A request for a user's page, as it is sent."""
    return json.dumps({"user_id": user_id, "context": _CONTEXT}).encode()


def _query(user: Mapping[str, Any]) -> Query:
    profile = {name: value for name, value in user.items() if name not in ("user_id", HISTORY)}
    features = {**profile, **_CONTEXT}
    return Query(user["user_id"], dt.datetime.now(dt.UTC), features, user[HISTORY] or ())
