from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loadtests import ab_run, ab_run_report, report
from loadtests.shipped import shipped
from recsys import config, pushes
from recsys.bundle import Bundle
from recsys.manifest import MANIFEST
from recsys.workspace import Workspace

FOUND = {"lift": 0.1, "lift_interval": [0.05, 0.15], "p_value": 0.001, "control": 1.0}


class Told:
    """Commands that say what a test wants, and what they were asked."""

    def __init__(self, tmp_path: Path, bundle: Bundle, logs: Workspace) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.trained: list[tuple[dict[str, Any], dt.date | None]] = []
        self._root, self._bundle, self._logs = tmp_path / "made", bundle, logs

    def train(
        self, preset: str, changes: Mapping[str, Any], cache: Path, first: dt.date | None = None
    ) -> Workspace:
        self.trained.append((dict(changes), first))
        made = Workspace(self._root / str(len(self.trained)))
        shutil.copytree(self._logs.logs, made.logs, copy_function=os.link)
        spans = [first + dt.timedelta(days=n) for n in range(3)] if first else [None]
        for span in spans:
            version = f"{span or '2024-03-14'}-{len(self.trained)}"
            folder = made.bundles / version
            folder.mkdir(parents=True)
            manifest = json.loads((self._bundle.path / MANIFEST).read_text())
            changed = {**manifest, "span": f"{span}", "version": version}
            (folder / MANIFEST).write_text(json.dumps(changed))
            pushes.make_current(made, version, "a test trained it")
        return made

    def ask(self, *arguments: str, workspace: Path) -> Any:
        self.asked.append(arguments)
        if arguments[1] == "simulate":
            paired = dict.fromkeys(("fresh", "corrected"), FOUND)
            return {"requests_per_s": 3_000, "peak_mib_by_day": [900, 901, 902], "paired": paired}
        name = arguments[2]
        experiment = Workspace(workspace).config.experiments[name]
        [arm] = experiment.treatments
        row = {"arm": arm, "metric": experiment.primary, "raw": FOUND, "cuped": None}
        verdict = {"arm": arm, "decision": "better", "sentence": "Ship it."}
        both = {"first": "old", "second": "new", "winner": "new", "is_decided": True}
        shares = {"share": 0.6, "share_interval": [0.55, 0.65]}
        return {
            "comparisons": [row],
            "verdicts": [verdict],
            "preferences": [both | shares] if name == "logq" else [],
            "withheld": "",
            "page": "page.html",
        }


@pytest.fixture
def told(
    tmp_path: Path,
    tiny_bundle: Bundle,
    tiny_workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> Told:
    made = Told(tmp_path, tiny_bundle, tiny_workspace)
    monkeypatch.setattr(ab_run, "trained", made.train)
    monkeypatch.setattr(ab_run, "asked", made.ask)
    return made


def test_each_arm_gets_the_bundle_that_it_names(told: Told, tmp_path: Path) -> None:
    found = ab_run.run("logq", "tiny", 5_000, tmp_path)
    assert [first for _, first in told.trained] == [None, None]
    assert told.trained[1][0]["retrieval"] == {"sampling_correction": False}
    place = Workspace(tmp_path / "experiments" / "tiny" / "run-logq")
    arms = place.config.experiments["logq"].arms
    assert {name: arm.bundle for name, arm in arms.items()} == {
        "uncorrected": "2024-03-14-2",
        "corrected": "2024-03-14-1",
    }
    assert set(pushes.versions(place)) == {"2024-03-14-1", "2024-03-14-2"}
    simulated, analyzed, in_all = told.asked
    assert simulated[7:9] == ("--users", "5000") and "--common-random-numbers" in in_all
    assert analyzed == ("ab", "analyze", "logq")
    [arm] = found["arms"]
    assert (arm["arm"], arm["control"]) == ("corrected", "uncorrected")
    assert arm["raw"]["lift"] == 0.1 and arm["cuped"] is None and arm["decision"] == "better"


def test_bundles_of_some_age_are_of_the_days_before_and_of_the_experiment(
    told: Told, tmp_path: Path
) -> None:
    ab_run.run("staleness", "tiny", 0, tmp_path)
    world, one = config.preset("tiny").world, shipped("staleness")
    [(changes, oldest)] = told.trained
    first = world.first_day + dt.timedelta(days=world.num_days)
    # The week-old arm begins with logs that end a week before those of the day before the first.
    assert oldest == first - dt.timedelta(days=8)
    # The fresh arm ends with the logs of the day before the last.
    assert changes["world"]["num_days"] == world.num_days + one.num_days - 1
    assert told.asked[0][5:7] == ("--from", first.isoformat())
    place = Workspace(tmp_path / "experiments" / "tiny" / "run-staleness")
    assert len(pushes.versions(place)) == 3
    assert all(not arm.bundle for arm in place.config.experiments["staleness"].arms.values())


def test_the_results_keep_what_was_run_before(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    for name in ("staleness", "logq"):
        ab_run_report.write({name: ab_run.run(name, "tiny", 0, tmp_path)})
    kept = json.loads((tmp_path / "results" / "experiments.json").read_text())["experiments"]
    assert list(kept) == ["logq", "staleness"]
    page = (tmp_path / "results" / "experiments.md").read_text()
    assert "| `logq` | corrected against uncorrected | +10.0% [+5.0%, +15.0%] |" in page
    assert "| 3,000 | 900, 902 |" in page
    assert page.count("old and new, interleaved | 60.0% [55.0%, 65.0%] prefer new |") == 1


def test_withheld_results_say_nothing_but_why() -> None:
    one = {
        "withheld": "Results are withheld.",
        "num_users": 10,
        "num_days": 1,
        "seconds": 2.0,
        "requests_per_s": 3_000,
        "peak_mib_by_day": [900],
    }
    row = "| `aa` |  |  |  |  | Results are withheld. | 10, 1 | 2 | 3,000 | 900, 900 |"
    assert row in ab_run_report.table({"aa": one})
