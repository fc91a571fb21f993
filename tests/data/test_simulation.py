from __future__ import annotations

import dataclasses
import datetime as dt
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.day import DayLog, StoreState, live
from data.generate import first_state
from data.policy import HOME
from data.simulation import planning, told
from data.simulation.fronts import Source
from data.simulation.running import Plan, Totals, of_arm, simulate
from data.simulation.shards import Crowded, ShardDay, joined
from data.world import World
from recsys import config
from recsys.bundle import Bundle
from recsys.errors import BadInput
from recsys.experiments.assignment import arm_of
from recsys.experiments.report import report
from recsys.experiments.stored import DailyTable, Simulated
from recsys.tables import TABLES
from recsys.workspace import Workspace

RANDOM = {"policy": "random"}


def declared(
    place: Workspace,
    treatment: Mapping[str, Any],
    control: Mapping[str, Any] | None = None,
    **others: Mapping[str, Any],
) -> Workspace:
    """The workspace, with an experiment named `trial` of these arms, of as many users each."""
    arms = {"control": control or {}, "treatment": treatment, **others}
    parts = {name: {"share": 1 / len(arms), **arm} for name, arm in arms.items()}
    trial = {"arms": parts, "covariate_days": 2, "horizon_days": 3, "guardrails": {}}
    values = place.config.model_dump(mode="json", by_alias=True) | {"experiments": {"trial": trial}}
    place.config_file.write_text(config.render(config.parse(values, "test")))
    return Workspace(place.root)


@pytest.fixture
def place(tiny_workspace: Workspace, tiny_bundle: Bundle, tmp_path: Path) -> Workspace:
    """The tiny pipeline's logs, with its bundle serving."""
    shutil.copytree(tiny_workspace.logs, tmp_path / "logs", copy_function=os.link)
    shutil.copy(tiny_workspace.config_file, tmp_path)
    workspace = Workspace(tmp_path)
    shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
    workspace.current_bundle.write_text(f"{tiny_bundle.version}\n")
    return declared(workspace, {}, RANDOM)


def plan(place: Workspace, num_days: int = 3, is_common: bool = False, **wanted: Any) -> Plan:
    asked = {"num_users": None, "first_day": None, **wanted}
    return planning.planned(place, "trial", num_days, is_common=is_common, **asked)


def never(workspace: Workspace, day: dt.date) -> None:
    raise AssertionError("no arm trains")


def lives(plan: Plan, out: Path, num_processes: int = 1) -> Totals:
    return simulate(plan, out, num_processes, never, lambda totals: None)


def tables(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Every Parquet file below a folder."""
    return {
        str(path.relative_to(out)): pq.read_table(path, partitioning=None).to_pylist()
        for path in sorted(out.glob("**/*.parquet"))
    }


def test_users_meet_the_arm_that_they_are_dealt_and_do_what_is_written(
    place: Workspace, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    whole, out = plan(place), tmp_path / "out"
    totals = lives(whole, out)
    assert (totals.days, totals.days_before) == (3, 0) and totals.requests > 1_000
    found = Simulated(out)
    assert found.exposures.days() == whole.days
    assert found.outcomes.days() == [*whole.workspace.days("outcomes")[-2:], *whole.days]
    met = [row for name, rows in tables(out).items() if "exposures" in name for row in rows]
    for row in met:
        dealt = arm_of("trial", whole.crowd.experiment, row["user_id"], {}, is_known=True)
        assert (row["experiment"], row["arm"]) == ("trial", dealt)
        assert row["bundle"] == (tiny_bundle.version if dealt == "treatment" else None)
    assert {row["arm"] for row in met} == {"control", "treatment"}
    for day in whole.days:
        rows = tables(found.outcomes.of_day(day))["part-0.parquet"]
        shown = tables(found.exposures.of_day(day))["part-0.parquet"]
        assert sorted(row["user_id"] for row in rows) == sorted(row["user_id"] for row in shown)
        for row in rows:
            assert row["day"] == day and row["pages"] >= 1 and row["empty_pages"] == 0
            assert row["impressions"] == 10 * row["pages"]
            assert row["impressions"] >= row["clicks"] >= row["installs"] >= row["uninstalls"] >= 0
            assert row["pages"] <= row["categories"] <= row["impressions"]
    sums = told.by_arm(whole, out)
    assert sum(arm["users"] for arm in sums.values()) == len({row["user_id"] for row in met})


@pytest.mark.parametrize("is_common", [False, True])
def test_a_simulation_that_was_killed_goes_on_to_the_same_tables(
    place: Workspace, tmp_path: Path, is_common: bool
) -> None:
    whole = plan(place, is_common=is_common)
    lives(whole, tmp_path / "whole")

    def killing(totals: Totals) -> None:
        if totals.days == 1 and totals.parts == 3:  # the second day is half lived
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(whole, tmp_path / "killed", 1, never, killing)
    totals = lives(whole, tmp_path / "killed")
    assert (totals.days, totals.days_before) == (2, 1)
    assert lives(whole, tmp_path / "killed").days == 0
    assert tables(tmp_path / "killed") == tables(tmp_path / "whole")
    longer = dataclasses.replace(whole, num_days=4)
    assert lives(longer, tmp_path / "killed").days == 1


def test_processes_change_nothing(place: Workspace, tmp_path: Path) -> None:
    whole = plan(place, num_days=1)
    lives(whole, tmp_path / "one")
    lives(whole, tmp_path / "two", num_processes=2)
    assert tables(tmp_path / "one") == tables(tmp_path / "two")


def test_arms_that_are_alike_differ_in_nothing_where_everybody_lives_in_both(
    place: Workspace, tmp_path: Path
) -> None:
    same = declared(place, {})
    whole = plan(same, is_common=True)
    lives(whole, tmp_path / "out")
    one, other = (of_arm(tmp_path / "out", name) for name in ("control", "treatment"))
    assert tables(one.folder) == tables(other.folder)
    found = told.lifts(whole, tmp_path / "out")["treatment"]
    assert found.lift == 0 and found.lift_interval == (0, 0)


def test_common_luck_tells_a_lift_on_few_users(place: Workspace, tmp_path: Path) -> None:
    whole = plan(declared(place, {"policy": "most_popular"}, RANDOM), is_common=True)
    lives(whole, tmp_path / "out")
    found = told.lifts(whole, tmp_path / "out")["treatment"]
    assert found.lift_interval[0] > 0
    apart = told.by_arm(whole, tmp_path / "out")
    assert apart["control"]["pages"] == apart["treatment"]["pages"]
    assert found.treatment == pytest.approx(
        apart["treatment"]["installs"] / apart["treatment"]["users"]
    )


def test_what_is_kept_does_not_grow_with_the_days(place: Workspace, tmp_path: Path) -> None:
    whole, out = plan(place), tmp_path / "out"
    sizes = []

    def measured(totals: Totals) -> None:
        kept = DailyTable(out / "state")
        assert len(kept.days()) <= 1
        files = [path for path in kept.folder.glob("day=*/*.npy") if "installs" not in path.name]
        sizes.append(sum(path.stat().st_size for path in files))

    totals = simulate(whole, out, 1, never, measured)
    assert len(set(sizes) - {0}) == 1
    first, *_, last = totals.peak_mib_by_day
    assert len(totals.peak_mib_by_day) == whole.num_days and 0 < first <= last == totals.peak_mib
    assert f"{first:,.0f} MiB at most in a process by the end of the first" in told.memory(totals)
    again = lives(whole, out)
    assert told.memory(again) == "no day was left to live"


def test_a_process_holds_no_more_recommenders_than_arms(place: Workspace) -> None:
    crowded = Crowded(plan(place).crowd)
    state = first_state(crowded.world)
    for day in range(4):
        folder = place.bundles / f"copy-{day}"
        shutil.copytree(next(place.bundles.glob("2*")), folder)
        lived(crowded, state, "treatment", Source(folder), day)
    assert len(crowded._made) <= 2


def test_parts_of_a_day_join_to_the_day(toy_world: World) -> None:
    day = toy_world.config.first_day
    log = live(toy_world, day, first_state(toy_world))

    def part(which: Any) -> DayLog:
        requests = np.flatnonzero(which[log.requests.user])
        done = log.outcomes[np.flatnonzero(which[log.outcomes.user])]
        moved = np.searchsorted(requests, done.request).astype(np.int32)
        return DayLog(
            day,
            log.requests[requests],
            log.pages[requests],
            log.propensity[requests],
            dataclasses.replace(done, request=moved),
        )

    is_even = np.arange(len(toy_world.users)) % 2 == 0
    whole = joined([part(is_even), part(~is_even)])
    for one, other in (
        (whole.requests, log.requests),
        (whole.outcomes, log.outcomes),
    ):
        for field in dataclasses.fields(other):
            assert (getattr(one, field.name) == getattr(other, field.name)).all(), field.name
    assert (whole.pages == log.pages).all() and (whole.propensity == log.propensity).all()


def test_an_arm_that_trains_has_its_own_users_days_in_its_own_logs(
    place: Workspace, tmp_path: Path
) -> None:
    daily = {"simulated": {"retrain": "daily"}}
    whole, out = plan(declared(place, daily, RANDOM)), tmp_path / "out"
    trained: list[tuple[Workspace, dt.date]] = []
    simulate(whole, out, 1, lambda place, day: trained.append((place, day)), lambda totals: None)
    [own] = {workspace.root for workspace, _ in trained}
    assert [day for _, day in trained] == whole.days[:-1]
    logs = Workspace(own)
    assert all(logs.days(table)[-3:] == whole.days for table in TABLES)
    assert whole.workspace.days("requests")[-1] < whole.first_day
    dealt = {row["user_id"]: row["arm"] for row in _met(out)}
    for day in whole.days:
        requests = _logged(logs, "requests", day)
        assert {dealt.get(row["user_id"], "treatment") for row in requests} == {"treatment"}
        users = {row["request_id"]: row["user_id"] for row in requests}
        done = _logged(logs, "outcomes", day)
        assert all(users[row["request_id"]] == row["user_id"] for row in done)
        counted = tables(Simulated(out).outcomes.of_day(day))["part-0.parquet"]
        at_home = {row["request_id"] for row in requests if row["surface"] == "home"}
        installs = [r for r in done if r["kind"] == "install" and r["request_id"] in at_home]
        mine = [row for row in counted if dealt[row["user_id"]] == "treatment"]
        assert sum(row["installs"] for row in mine) == len(installs) > 0
    half = logs.config.validation.min_volume_ratio
    assert half == whole.workspace.config.validation.min_volume_ratio / 2


def _met(out: Path) -> list[dict[str, Any]]:
    return [row for rows in tables(out / "exposures").values() for row in rows]


def _logged(workspace: Workspace, table: Any, day: dt.date) -> list[dict[str, Any]]:
    [path] = workspace.files(table, day)
    rows: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
    return rows


def test_interleaving_finds_what_the_test_with_two_arms_finds(place: Workspace) -> None:
    """A bundle and what is popular: to users of their own, and to others on one page."""
    both = {"interleaves": ["control", "treatment"]}
    trial = declared(place, {}, {"policy": "most_popular"}, both=both)
    out = Simulated.of(trial, "trial").folder
    lives(plan(trial, num_users=1_000), out)
    analysis = report(trial, "trial").analysis
    [compared] = [one for one in analysis.comparisons if one.metric == "installs_per_user"]
    [found] = analysis.preferences
    assert (found.arm, found.first, found.second) == ("both", "control", "treatment")
    assert compared.sharper.excludes_zero and found.is_decided
    better = "treatment" if compared.sharper.difference > 0 else "control"
    assert found.winner == better and found.agrees
    dealt = {row["user_id"]: row["arm"] for row in _met(out)}
    assert {row["bundle"] for row in _met(out) if row["arm"] == "both"} == {None}
    assert list(analysis.health.num_users) == ["control", "treatment", "both"]
    for rows in tables(out / "outcomes").values():
        for row in rows:
            is_both = dealt.get(row["user_id"]) == "both" and row["day"] >= analysis.days[0]
            for done in ("clicks", "installs"):
                credited = row[f"{done}_of_first"] + row[f"{done}_of_second"]
                assert credited == (row[done] if is_both else 0)


def test_what_the_models_miss_is_filtered_all_the_same(place: Workspace) -> None:
    crowded, folder = Crowded(plan(place).crowd), next(place.bundles.glob("2*"))
    state = first_state(crowded.world)
    pages = {}
    for miss in ((), ("installed_app_ids", "age_band")):
        log = lived(crowded, state, "treatment", Source(folder, missing=miss))
        pages[miss] = log.pages
        owned = [set(state.installed.rows[user].tolist()) for user in log.requests.user]
        shown = [set(page.tolist()) - {-1} for page in log.pages]
        assert not any(page & apps for page, apps in zip(shown, owned, strict=True))
    assert (pages[()] != pages["installed_app_ids", "age_band"]).any()


def test_a_first_search_is_answered_alike_in_all_arms(place: Workspace) -> None:
    crowded = Crowded(plan(place, is_common=True).crowd)
    state = first_state(crowded.world)
    one, other = (
        lived(crowded, state, "control", Source(next(place.bundles.glob("2*")), policy))
        for policy in ("", "most_popular")
    )
    first = np.unique(one.requests.user, return_index=True)[1]
    searched = one.requests.shelf[first] != HOME
    assert searched.any() and not searched.all()
    assert (one.pages[first[searched]] == other.pages[first[searched]]).all()
    assert (one.pages[first[~searched]] != other.pages[first[~searched]]).any()


def lived(crowded: Crowded, state: StoreState, arm: str, source: Source, day: int = 0) -> DayLog:
    """A day of all users in an arm, counted from the world's first."""
    world = crowded.world
    date = world.config.first_day + dt.timedelta(days=day)
    grown = state.grown(len(world.apps(date)))
    installed = grown.installed
    task = ShardDay(arm, date, 0, source, installed.rows, installed.lengths, grown.num_installs)
    return crowded.live(task).log


def test_more_users_than_the_logs_have_are_another_population(
    place: Workspace, tmp_path: Path
) -> None:
    whole = plan(place, num_days=1, num_users=500)
    assert len(World(whole.crowd.config).users) == 500
    lives(whole, tmp_path / "out")
    ids = {row["user_id"] for row in _met(tmp_path / "out")}
    assert len(ids) > 200
    people = pq.read_table(Simulated(tmp_path / "out").users)
    assert people.num_rows == 500 and ids <= set(people["user_id"].to_pylist())
    assert {"country", "device", "age_band"} < set(people.column_names)
    few = plan(place, num_days=1, num_users=20)
    lives(few, tmp_path / "few")
    known = {f"u{number:07}" for number in range(20)}
    assert {row["user_id"] for row in _met(tmp_path / "few")} <= known
    outcomes = tables(tmp_path / "few" / "outcomes")
    assert {row["user_id"] for rows in outcomes.values() for row in rows} <= known


def test_an_arm_may_be_some_days_stale(place: Workspace, tiny_bundle: Bundle) -> None:
    old = declared(place, {"simulated": {"days_stale": 2}})
    whole = plan(old)
    [last] = old.days("requests")[-1:]
    for late in (3, 4):
        sources = _sources(whole, last + dt.timedelta(days=late))
        assert sources["treatment"].version == tiny_bundle.version
    with pytest.raises(BadInput, match=r"arm 'treatment' needs a bundle .* found none that is of"):
        _sources(whole, last + dt.timedelta(days=2))


def _sources(plan: Plan, day: dt.date) -> Mapping[str, Source]:
    from data.simulation.arms import Arms

    return Arms(plan.workspace, plan.crowd.experiment, plan.serving, {}).sources(day)


@pytest.mark.parametrize(
    ("arm", "says"),
    [
        ({"policy": "oracle"}, "has policy = 'oracle', expected one of most_popular, logging"),
        ({"simulated": {"missing": ["mood"]}}, "is to miss mood, expected columns of the query's"),
        ({"bundle": "2020-01-01-none"}, "2020-01-01-none"),
    ],
)
def test_an_arm_that_can_not_be_is_refused(
    place: Workspace, tmp_path: Path, arm: dict[str, Any], says: str
) -> None:
    odd = plan(declared(place, arm))
    with pytest.raises(BadInput) as refusal:
        lives(odd, tmp_path / "out")
    assert says in str(refusal.value)


def test_a_folder_of_another_simulation_is_left_alone(place: Workspace, tmp_path: Path) -> None:
    lives(plan(place, num_days=1), tmp_path / "out")
    with pytest.raises(BadInput, match="holds a simulation of other users, arms, bundles or days"):
        lives(plan(place, num_days=1, num_users=20), tmp_path / "out")


def test_what_is_asked_for_must_be_there(place: Workspace) -> None:
    with pytest.raises(BadInput, match=r"found no experiment 'other'.*declares: trial"):
        planning.planned(place, "other", 1, None, None, False)
    with pytest.raises(BadInput, match="the first day is 2031-01-01, expected one from 2024-03-01"):
        plan(place, first_day=dt.date(2031, 1, 1))
