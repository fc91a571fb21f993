"""Served features against trained ones, with a real server over a real bundle."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from served_day import serve_day, workspace_with

from pipeline import logs, skew_gen
from pipeline.artifacts import (
    ExampleAnomalies,
    Examples,
    ExampleStatistics,
    Schema,
    ServingSkew,
)
from pipeline.example_gen import example_gen, source_days
from pipeline.example_validator import example_validator, rows
from pipeline.schema_gen import approved, schema_gen
from pipeline.statistics_gen import statistics_gen
from pipeline.store import Store
from recsys import config, served_features
from recsys.bundle import Bundle
from recsys.fallbacks import SteadyRecommender
from recsys.features.skew import Skew
from recsys.query import Query
from recsys.recommender import Page
from recsys.workspace import Workspace

NUM_REQUESTS = 90
REQUESTS = {"country", "language", "device", "surface", "time"}
QUERY = REQUESTS | {"age_band", "installed_app_ids"}
CANDIDATE = {
    *("developer", "category", "content_rating", "price", "size_mb"),
    *("age_days", "num_installs", "rating"),
}


class LowersCountriesInSearch(SteadyRecommender):
    """Somebody tidied up one branch."""

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        return super().recommend([_lowered(query) for query in queries])


def _lowered(query: Query) -> Query:
    if query.features.get("surface") != "search":
        return query
    country = str(query.features["country"]).lower()
    return replace(query, features={**query.features, "country": country})


@pytest.fixture
def workspace(tiny_workspace: Workspace, tiny_bundle: Bundle, tmp_path: Path) -> Workspace:
    return workspace_with(tiny_bundle, tiny_workspace, tmp_path / "store")


def made(workspace: Workspace, day: dt.date) -> tuple[ServingSkew, bool]:
    """Runs the components up to the skew, as the graph does."""
    store = Store(workspace)
    reads = logs.references(workspace, source_days(workspace, day))
    examples, _ = store.run(Examples, partial(example_gen, workspace, day), day, reads=reads)
    step = partial(skew_gen.skew_gen, examples, workspace)
    reads = skew_gen.reads(workspace, day)
    return store.run(ServingSkew, step, day, ["features", "validation"], reads)


def skew_of(workspace: Workspace, day: dt.date) -> Skew:
    return Skew.load(made(workspace, day)[0].skew)


def anomalies_of(workspace: Workspace, day: dt.date) -> dict[str, str]:
    """What the validator says of skew on the day, by feature; the schema is of the day before."""
    store, settings = Store(workspace), workspace.config
    seen = []
    for span in (workspace.days("requests")[-2], day):
        made(workspace, span)
        step = partial(statistics_gen, store.current(Examples, span), settings)
        seen.append(store.run(ExampleStatistics, step, span)[0])
    before, today = seen
    version = approved(workspace, before, workspace.days("requests")[-2])
    expected, _ = store.run(Schema, partial(schema_gen, workspace, version), day, reads=[version])
    skew = store.current(ServingSkew, day)
    step = partial(example_validator, today, expected, skew, [before], settings)
    judged, _ = store.run(ExampleAnomalies, step, day)
    kind = "SCHEMA_TRAINING_SERVING_SKEW"
    return {row.name: row.description for row in rows(judged) if row.kind == kind}


def differing(skew: Skew) -> dict[str, int]:
    return {
        name: feature.num_differing
        for name, feature in skew.features.items()
        if feature.num_differing
    }


def assert_scores_come_back(skew: Skew, num_pages: int) -> None:
    replay = skew.replay
    assert (replay.num_replayed, replay.num_differing) == (num_pages, 0)
    assert 0 <= replay.max_difference <= 1e-6
    assert replay.max_relative_difference <= 1e-5


def test_on_a_clean_day_both_sides_read_the_same(workspace: Workspace) -> None:
    served = serve_day(workspace, NUM_REQUESTS)
    skew = skew_of(workspace, served.day)
    assert (skew.num_served, skew.num_joined) == (NUM_REQUESTS, NUM_REQUESTS)
    assert skew.features.keys() == QUERY | CANDIDATE
    assert differing(skew) == {}
    for name, feature in skew.features.items():
        num_rows = NUM_REQUESTS if name in QUERY else 10 * NUM_REQUESTS
        assert feature.num_joined == num_rows, name
    assert skew.features["surface"].num_served == NUM_REQUESTS
    assert skew.features["installed_app_ids"].num_served > NUM_REQUESTS / 2
    assert_scores_come_back(skew, NUM_REQUESTS)
    assert anomalies_of(workspace, served.day) == {}


def test_a_feature_that_no_client_sends_is_named(workspace: Workspace) -> None:
    served = serve_day(workspace, NUM_REQUESTS, unsent="surface")
    skew = skew_of(workspace, served.day)
    assert differing(skew) == {"surface": NUM_REQUESTS}
    surface = skew.features["surface"]
    assert (surface.differing_share, surface.is_never_served) == (1.0, True)
    assert (surface.num_missing_served, surface.num_missing_trained) == (NUM_REQUESTS, 0)
    assert {(one.served, one.trained) for one in surface.examples} <= {
        (None, "home"),
        (None, "search"),
    }
    assert_scores_come_back(skew, NUM_REQUESTS)
    assert anomalies_of(workspace, served.day) == {
        "surface": "the server had no value in any of 90 rows, training has one in 90"
    }


def test_a_column_that_the_servers_users_lack_is_named(workspace: Workspace) -> None:
    [file] = workspace.files("users", workspace.days("users")[-1])
    whole = pq.ParquetFile(file).read()
    pq.write_table(whole.drop_columns("age_band"), file)
    served = serve_day(workspace, NUM_REQUESTS)
    pq.write_table(whole, file)
    skew = skew_of(workspace, served.day)
    assert list(differing(skew)) == ["age_band"]
    band = skew.features["age_band"]
    assert band.is_never_served
    # A user without an age band lacks it on both sides.
    assert band.num_differing == band.num_missing_served == band.num_trained


def test_a_feature_that_one_branch_computes_differently_is_named(workspace: Workspace) -> None:
    load = lambda folder: LowersCountriesInSearch(Bundle.load(folder))  # noqa: E731
    served = serve_day(workspace, NUM_REQUESTS, load)
    skew = skew_of(workspace, served.day)
    assert differing(skew) == {"country": NUM_REQUESTS // 3}
    country = skew.features["country"]
    assert country.differing_share == pytest.approx(1 / 3)
    assert (country.num_missing_served, country.is_never_served) == (0, False)
    searched = {row["request_id"]: row for row in served.requests if row["surface"] == "search"}
    assert len(country.examples) == 5
    for one in country.examples:
        assert one.trained == searched[one.request_id]["country"]
        assert one.served == one.trained.lower()
    # The model scored what it was given, wrong as that was.
    assert_scores_come_back(skew, NUM_REQUESTS)
    [(name, description)] = anomalies_of(workspace, served.day).items()
    assert name == "country"
    assert description.startswith("33.3% of 90 rows differ between serving and training")


def test_a_bundle_knows_its_apps_as_of_the_day_before(workspace: Workspace) -> None:
    served = serve_day(workspace, NUM_REQUESTS)
    [file] = workspace.files("apps", workspace.days("apps")[-1])
    apps = pq.ParquetFile(file).read()
    changes = {
        "num_installs": pc.multiply(apps["num_installs"], pa.scalar(1.15, pa.float32())),
        "size_mb": pc.multiply(apps["size_mb"], pa.scalar(1_000, pa.float32())),
    }
    for name, values in changes.items():
        apps = apps.set_column(apps.column_names.index(name), name, values)
    target = workspace.day("apps", served.day) / "part-0.parquet"
    target.parent.mkdir()
    pq.write_table(apps, target)
    skew = skew_of(workspace, served.day)
    assert differing(skew) == {"size_mb": 10 * NUM_REQUESTS}
    age = (served.day - dt.date(2024, 3, 3)).days  # the tiny bundle's span
    assert {skew.features[name].snapshot_age_days for name in CANDIDATE} == {age}
    assert {skew.features[name].snapshot_age_days for name in QUERY} == {0}
    for one in skew.features["size_mb"].examples:
        assert one.app_id in served.pages[one.request_id]
        assert one.trained == pytest.approx(1_000 * one.served)


def test_a_day_without_a_log_says_so(workspace: Workspace) -> None:
    assert skew_of(workspace, workspace.days("requests")[-1]) == Skew()


def test_only_what_both_sides_know_is_joined(workspace: Workspace) -> None:
    served = serve_day(workspace, NUM_REQUESTS)
    [file] = workspace.files("requests", served.day)
    pq.write_table(pq.ParquetFile(file).read().slice(0, 40), file)
    skew = skew_of(workspace, served.day)
    assert (skew.num_served, skew.num_joined) == (NUM_REQUESTS, 40)
    assert {feature.num_joined for feature in skew.features.values()} == {40, 400}
    assert differing(skew) == {}


def test_it_runs_again_where_the_log_or_its_bundle_changed(workspace: Workspace) -> None:
    served = serve_day(workspace, 3)
    assert [made(workspace, served.day)[1] for _ in range(2)] == [False, True]
    again = serve_day(workspace, 3)
    assert again.day == served.day, "the test ran over midnight"
    found, is_reused = made(workspace, served.day)
    skew = Skew.load(found.skew)
    assert (skew.num_served, skew.num_joined, is_reused) == (6, 3, False)
    [bundle] = [path for path in workspace.bundles.iterdir() if path.is_dir()]
    shutil.rmtree(bundle)
    found, is_reused = made(workspace, served.day)
    skew = Skew.load(found.skew)
    assert (set(skew.features), is_reused) == (QUERY, False)
    assert list(skew.replay.not_replayed) == [bundle.name]
    assert skew.replay.num_replayed == 0


def test_a_damaged_bundle_is_not_believed(workspace: Workspace) -> None:
    served = serve_day(workspace, 3)
    [bundle] = [path for path in workspace.bundles.iterdir() if path.is_dir()]
    (bundle / "apps.parquet").write_bytes(b"")
    skew = skew_of(workspace, served.day)
    assert set(skew.features) == QUERY
    [why] = skew.replay.not_replayed.values()
    assert "the digest of apps.parquet" in why


def test_what_a_bundle_never_had_is_not_missing(workspace: Workspace) -> None:
    served = serve_day(workspace, NUM_REQUESTS)
    [files] = served_features.files(workspace, served.day).values()
    for file in files:
        rows = pq.ParquetFile(file).read()
        struct = rows["features"].combine_chunks()
        kept = [field for field in struct.type if field.name != "surface"]
        fewer = pa.StructArray.from_arrays([struct.field(f.name) for f in kept], fields=kept)
        place = rows.column_names.index("features")
        pq.write_table(rows.set_column(place, "features", fewer), file)
    files[0].parent.rename(files[0].parent.with_name("bundle=older"))
    skew = skew_of(workspace, served.day)
    assert skew.features.keys() == QUERY - {"surface"}
    assert differing(skew) == {}
    assert list(skew.replay.not_replayed) == ["older"]


def test_spark_finds_the_same(
    workspace: Workspace, spark_engine: config.Engine, tmp_path: Path
) -> None:
    served = serve_day(workspace, 30, unsent="surface")
    expected = skew_of(workspace, served.day)
    on_spark = workspace.config.model_copy(update={"engine": spark_engine})
    (workspace.root / config.FILE_NAME).write_text(config.render(on_spark))
    other = Workspace(workspace.root)
    examples = Store(other).current(Examples, served.day)
    skew_gen.skew_gen(examples, other, tmp_path)
    assert Skew.load(tmp_path / skew_gen.SKEW) == expected
