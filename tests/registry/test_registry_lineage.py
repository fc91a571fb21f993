from __future__ import annotations

from pathlib import Path

import pytest
from daily_logs import make_workspace
from made_bundles import Made, made

from recsys import pushes
from recsys.manifest import MANIFEST
from recsys.registry import lineage
from recsys.registry.entry import of_manifest
from recsys.registry.lineage import Lineage
from recsys.workspace import Workspace

DAYS = [f"2024-03-0{day}" for day in range(4, 8)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, bundles={"keep": 99})


def chain(workspace: Workspace) -> list[Made]:
    """Four days, each begun as the one before it."""
    found: list[Made] = []
    for day in DAYS:
        found.append(made(workspace, day, base=found[-1] if found else None))
        found[-1].push(workspace)
    return found


def test_it_says_what_a_bundle_was_made_of(workspace: Workspace) -> None:
    said = of_manifest(made(workspace, "2024-03-04").bundle.path).made_of
    assert said.train_days == ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert said.test_days == []  # the manifest is older than the evaluation
    assert said.schema == "version=1"
    assert said.logs == {("requests", f"2024-03-0{day}"): "d" for day in (1, 2, 3)}
    assert said.code["transform"] == "code of transform"
    assert said.seconds == {
        "trainer_retrieval": 4.0,
        "trainer_ranking": 4.0,
        "transform": 2.0,
        "schema_gen": 1.0,
        "example_gen": 1.5,
    }
    assert said.bases == {}


def test_an_empty_lineage_says_nothing() -> None:
    nothing = Lineage([])
    assert (nothing.train_days, nothing.test_days, nothing.schema) == ([], [], None)
    assert (nothing.logs, nothing.code, nothing.seconds, nothing.bases) == ({}, {}, {}, {})


def test_the_parent_is_the_bundle_that_the_models_began_as(workspace: Workspace) -> None:
    first, second, *_ = chain(workspace)
    pushed = lineage.of_pushed(workspace)
    assert lineage.parents(pushed[first.version], pushed) == {}
    assert lineage.parents(pushed[second.version], pushed) == {
        "trainer_retrieval": first.version,
        "trainer_ranking": first.version,
    }
    del pushed[first.version]
    assert set(lineage.parents(pushed[second.version], pushed).values()) == {None}


def test_ancestors_come_the_nearest_first_and_end_where_one_is_gone(workspace: Workspace) -> None:
    first, second, third, last = (one.version for one in chain(workspace))
    pushed = lineage.of_pushed(workspace)
    assert list(pushed) == [first, second, third, last]
    assert lineage.ancestors(last, pushed) == [third, second, first]
    assert lineage.ancestors(first, pushed) == []
    del pushed[second]
    assert lineage.ancestors(last, pushed) == [third]
    assert lineage.ancestors("of nobody", pushed) == []


def test_a_damaged_manifest_has_no_lineage(workspace: Workspace) -> None:
    *_, last = chain(workspace)
    (workspace.bundles / last.version / MANIFEST).write_text("{torn")
    assert lineage.of_pushed(workspace)[last.version] == Lineage([])
    assert pushes.current(workspace) == last.version
