from __future__ import annotations

import json
from pathlib import Path

import pytest
from daily_logs import make_workspace
from made_bundles import Made, made

from recsys.bundle import CONFIG
from recsys.registry import entry
from recsys.registry.comparison import Apps, Change, Difference, difference
from recsys.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, bundles={"keep": 99})


def between(workspace: Workspace, before: Made, after: Made) -> Difference:
    folders = [workspace.bundles / one.push(workspace) for one in (before, after)]
    old, new = ((folder, entry.load(folder)) for folder in folders)
    return difference(old, new)


def test_it_says_what_changed(workspace: Workspace) -> None:
    changes = {"ranking": {"kind": "linear"}, "index": {"num_probes": 3}}
    first = made(workspace, "2024-03-04", apps=("a", "b", "c"))
    second = made(
        *(workspace, "2024-03-05"),
        base=first,
        apps=("b", "c", "d", "e"),
        settings=changes,
        auc=0.75,
        baseline=first.version,
    )
    found = between(workspace, first, second)
    assert found.config == [
        Change("ranking.kind", "deep", "linear"),
        Change("index.num_probes", None, 3),
    ]
    assert found.apps == Apps(num_before=3, num_after=4, num_added=2, num_removed=1)
    assert [len(days) for days in found.days.train] == [3, 3]
    assert found.days.test == (["2024-03-04"], ["2024-03-05"])
    assert found.days.changed_logs == []
    assert found.code == []
    [auc] = found.metrics
    assert auc.words == "the ranker's AUC"
    assert auc.before is not None and auc.after is not None and auc.paired is not None
    assert (auc.before.value, auc.after.value) == (0.7, 0.75)
    assert auc.paired.interval == (0.005, 0.015)


def test_a_difference_is_paired_with_the_baseline_alone(workspace: Workspace) -> None:
    first = made(workspace, "2024-03-04")
    second = made(workspace, "2024-03-05", baseline="2024-03-01-another")
    assert [one.paired for one in between(workspace, first, second).metrics] == [None]


def test_logs_that_were_written_anew_are_named(workspace: Workspace) -> None:
    first, second = made(workspace, "2024-03-04"), made(workspace, "2024-03-05")
    old = entry.load(workspace.bundles / first.push(workspace))
    new = entry.load(workspace.bundles / second.push(workspace))
    for record in new.lineage:
        if (record["component"], record["span"]) == ("example_gen", "2024-03-03"):
            record["inputs"][0]["digest"] = "another"
    found = difference(
        (workspace.bundles / first.version, old), (workspace.bundles / second.version, new)
    )
    assert found.days.changed_logs == ["requests of 2024-03-03"]


def test_components_whose_code_differs_are_named(workspace: Workspace) -> None:
    first, second = made(workspace, "2024-03-04"), made(workspace, "2024-03-05")
    found = between(workspace, first, second)
    changed = [
        {**record, "code_digest": "new"} if record["component"] == "transform" else record
        for record in found.after.lineage
    ]
    after = entry.Entry(**{**vars(found.after), "lineage": changed})
    folders = (workspace.bundles / one.version for one in (first, second))
    old, new = zip(folders, (found.before, after), strict=True)
    assert difference(old, new).code == ["transform"]


def test_nothing_changed_between_a_bundle_and_itself(workspace: Workspace) -> None:
    only = made(workspace, "2024-03-04")
    found = between(workspace, only, only)
    assert (found.config, found.code, found.days.changed_logs) == ([], [], [])
    assert (found.apps.num_added, found.apps.num_removed) == (0, 0)


def test_its_values_are_json_without_lineages(workspace: Workspace) -> None:
    first, second = made(workspace, "2024-03-04"), made(workspace, "2024-03-05", auc=float("nan"))
    values = between(workspace, first, second).values()
    assert "lineage" not in values["before"]
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["metrics"][0]["after"]["value"] is None


def test_settings_are_compared_as_they_were(workspace: Workspace) -> None:
    bundle = made(workspace, "2024-03-04", settings={"ranking": {"crosses": [{"query": "a"}]}})
    settings = json.loads((bundle.bundle.path / CONFIG).read_text())
    assert settings["ranking"] == {"crosses": [{"query": "a"}]}
    found = between(workspace, made(workspace, "2024-03-03"), bundle)
    assert found.config == [
        Change("ranking.kind", "deep", None),
        Change("ranking.crosses", None, [{"query": "a"}]),
    ]
