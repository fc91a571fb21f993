from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from data.world import World
from recsys import config as configuration
from recsys.config import Config
from recsys.workspace import Workspace

FIRST_DAY = dt.date(2024, 3, 1)


@pytest.fixture(scope="session")
def toy_config() -> Config:
    world = {
        "num_apps": 300,
        "num_users": 150,
        "num_days": 3,
        "requests_per_user": 2.0,
        "new_apps_per_day": 0.02,
        "first_day": FIRST_DAY,
    }
    return configuration.parse({"seed": 7, "world": world}, origin="toy")


@pytest.fixture(scope="session")
def toy_world(toy_config: Config) -> World:
    return World(toy_config)


@pytest.fixture
def toy_workspace(tmp_path: Path, toy_config: Config) -> Workspace:
    (tmp_path / configuration.FILE_NAME).write_text(configuration.render(toy_config))
    return Workspace(tmp_path)
