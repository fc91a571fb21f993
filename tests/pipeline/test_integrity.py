import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from daily_logs import DAY, NEXT, at, impression, make_workspace, outcome, request, write_log
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline import integrity
from pipeline.example_gen import example_days, source_days
from pipeline.integrity import Counts
from pipeline.spans import days_of_logs
from pipeline.statistics_gen import add_integrity
from recsys.features import integrity as names
from recsys.features import statistics
from recsys.workspace import Workspace


def counted(workspace: Workspace, day: dt.date = NEXT) -> Counts:
    return integrity.count(workspace, day, example_days(workspace, day))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two days; the second has one of everything that can be wrong."""
    place = make_workspace(tmp_path)
    write_log(place, "apps", DAY, [{"app_id": "a"}, {"app_id": "b"}, {"app_id": "b"}])
    write_log(place, "users", NEXT, [{"user_id": "u"}, {"user_id": "v"}])
    write_log(place, "requests", DAY, [request("r0", "u", at(9)), request("r1", "u", at(23))])
    requests = [
        request("r1", "u", at(0, NEXT)),  # the day before had it
        request("r2", "stranger", at(5, NEXT)),
        request(
            "r3", "v", at(5, NEXT) + dt.timedelta(minutes=59, seconds=59, microseconds=999_999)
        ),
        request("r3", "v", at(23, DAY)),  # a duplicate, an hour before midnight
        request("r4", "v", at(1, NEXT + dt.timedelta(days=1))),
    ]
    write_log(place, "requests", NEXT, requests)
    shown = [impression("r2", "a", 1), impression("r2", "a", 2), impression("r2", "b", 2)]
    shown += [impression("r3", "c", 1), impression("lost", "a", 1), impression("r0", "b", 1)]
    write_log(place, "impressions", NEXT, shown)
    write_log(place, "outcomes", DAY, [outcome("click", "u", "a", at(9), "r0")])
    outcomes = [
        outcome("click", "u", "a", at(9), "r0"),  # the day before had it
        outcome("install", "v", "d", at(6, NEXT), "r0"),  # of a page of the day before
        outcome("install", "stranger", "a", at(6, NEXT), None),  # from outside of the store
        outcome("install", "v", "c", at(7, NEXT), "lost"),
    ]
    write_log(place, "outcomes", NEXT, outcomes)
    return place


def test_every_table_is_counted(workspace: Workspace) -> None:
    counts = counted(workspace)
    assert {table: columns[""] for table, columns in counts.items()} == {
        "apps": {"num_rows": 3, "age_days": 1},
        "users": {"num_rows": 2, "age_days": 0},
        "requests": {"num_rows": 5},
        "impressions": {"num_rows": 6},
        "outcomes": {"num_rows": 4},
    }


def test_keys_that_are_not_as_expected_are_counted_with_examples(workspace: Workspace) -> None:
    counts = counted(workspace)
    first_click = outcome("click", "u", "a", at(9), "r0")["event_id"]
    assert counts["apps"]["app_id"] == wrong(duplicated=(1, "b", "b"))
    assert counts["users"]["user_id"] == wrong(duplicated=0)
    assert counts["requests"]["request_id"] == wrong(
        duplicated=(1, "r3", "r3"), repeated=(1, "r1", "r1")
    )
    assert counts["requests"]["user_id"] == wrong(unlinked=(1, "stranger", "stranger"))
    assert counts["impressions"] == {
        "": {"num_rows": 6},
        "request_id": wrong(unlinked=(2, "lost", "r0")),
        "app_id": wrong(duplicated=(1, "a", "a"), unlinked=(1, "c", "c")),
        "position": wrong(duplicated=(1, "2", "2")),
    }
    assert counts["outcomes"]["event_id"] == wrong(
        duplicated=0, repeated=(1, first_click, first_click)
    )
    assert counts["outcomes"]["request_id"] == wrong(missing=1, unlinked=(1, "lost", "lost"))
    assert counts["outcomes"]["user_id"] == wrong(unlinked=(1, "stranger", "stranger"))
    assert counts["outcomes"]["app_id"] == wrong(unlinked=(2, "c", "d"))


def test_times_are_seconds_since_the_days_midnight(workspace: Workspace) -> None:
    times = counted(workspace)["requests"]["time"]
    hours = {int(name.removeprefix("hour_")): num for name, num in times.items() if "hour" in name}
    assert hours == dict.fromkeys(range(24), 0) | {0: 1, 5: 2}
    rest = {name: num for name, num in times.items() if "hour" not in name}
    assert rest == {"num_missing": 0, "min": -3_600, "max": 90_000, "num_outside": 2}


def test_imported_data_has_no_impressions_and_one_snapshot(tmp_path: Path) -> None:
    place = make_workspace(tmp_path)
    write_log(place, "apps", DAY, [{"app_id": "a"}])
    write_log(place, "users", DAY, [{"user_id": "u"}])
    for day in (DAY, NEXT):
        write_log(place, "requests", day, [request(f"r{day}", "u", at(1, day))])
        write_log(place, "outcomes", day, [outcome("install", "u", "a", at(1, day), f"r{day}")])
    counts = counted(place)
    assert list(counts) == ["apps", "users", "requests", "outcomes"]
    assert [counts[table][""].get("age_days") for table in counts] == [1, 1, None, None]
    assert counts["outcomes"][""]["num_rows"] == 1


def test_a_day_whose_requests_were_not_delivered_is_a_day_all_the_same(tmp_path: Path) -> None:
    place = make_workspace(tmp_path)
    write_log(place, "requests", DAY, [request("r", "u", at(1))])
    write_log(place, "impressions", NEXT, [impression("s", "a", 1)])
    assert days_of_logs(place) == [DAY, NEXT]
    assert list(counted(place)) == ["impressions"]


def test_a_day_before_is_compared_with_but_makes_no_example(workspace: Workspace) -> None:
    assert source_days(workspace, NEXT)["outcomes"] == [DAY, NEXT]
    assert source_days(workspace, NEXT)["requests"] == [DAY, NEXT]
    assert example_days(workspace, NEXT)["outcomes"] == [NEXT]
    assert source_days(workspace, DAY)["requests"] == [DAY]
    assert "num_repeated" in counted(workspace, DAY)["requests"]["request_id"]


def test_statistics_have_a_dataset_a_table(workspace: Workspace) -> None:
    seen = statistics_pb2.DatasetFeatureStatisticsList()
    add_integrity(seen, counted(workspace))
    datasets = {dataset.name: dataset.num_examples for dataset in seen.datasets}
    assert datasets == {"apps": 3, "users": 2, "requests": 5, "impressions": 6, "outcomes": 4}
    features = {tuple(f.path.step): f for dataset in seen.datasets for f in dataset.features}
    assert custom(features["apps", "app_id"]) == {
        names.SNAPSHOT_AGE_DAYS: 1,
        names.NUM_DUPLICATES: 1,
        names.DUPLICATE_SHARE: pytest.approx(1 / 3),
        names.DUPLICATE_EXAMPLES: "b",
    }
    assert custom(features["impressions", "request_id"]) == {
        names.UNLINKED_SHARE: pytest.approx(2 / 6),
        names.UNLINKED_EXAMPLES: "lost, r0",
    }
    # A share is one of the keys that are there.
    assert custom(features["outcomes", "request_id"])[names.UNLINKED_SHARE] == pytest.approx(1 / 3)
    common = statistics.common(features["outcomes", "request_id"])
    assert (common.num_non_missing, common.num_missing) == (3, 1)


def test_times_have_a_histogram_of_the_days_hours(workspace: Workspace) -> None:
    seen = statistics_pb2.DatasetFeatureStatisticsList()
    add_integrity(seen, counted(workspace))
    [times] = [
        f for d in seen.datasets for f in d.features if tuple(f.path.step) == ("requests", "time")
    ]
    buckets = times.num_stats.histograms[0].buckets
    assert [(b.low_value, b.high_value, b.sample_count) for b in buckets if b.sample_count] == [
        (0, 3_600, 1),
        (18_000, 21_600, 2),
    ]
    assert len(buckets) == 24
    assert (times.num_stats.min, times.num_stats.max) == (-3_600, 90_000)
    assert custom(times) == {names.OUTSIDE_SHARE: pytest.approx(2 / 5)}


def wrong(missing: int = 0, **kinds: Any) -> dict[str, Any]:
    """The figures of a key: a number of each kind, with the least and the greatest if not 0."""
    figures: dict[str, Any] = {"num_missing": missing}
    for kind, what in kinds.items():
        num, *ends = what if isinstance(what, tuple) else (what,)
        figures[f"num_{kind}"] = num
        figures |= dict(zip((f"least_{kind}", f"greatest_{kind}"), ends, strict=False))
    return figures


def custom(feature: Any) -> dict[str, Any]:
    return {f.name: f.str if f.WhichOneof("val") == "str" else f.num for f in feature.custom_stats}
