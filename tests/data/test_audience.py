from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from data.audience import PAGE_SIZE, Audience
from data.comparison import BASELINE, bootstrapped, compare
from data.generate import generate
from data.world import World
from recsys.config import Config, render
from recsys.query import Query
from recsys.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(toy_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("audience")
    bigger = toy_config.world.model_copy(update={"num_apps": 1_000, "num_users": 400})
    config = toy_config.model_copy(update={"world": bigger})
    (root / "recsys.toml").write_text(render(config))
    workspace = Workspace(root)
    generate(workspace, 2)
    return workspace


@pytest.fixture(scope="module")
def audience(workspace: Workspace) -> Audience:
    return Audience.after_logs(workspace, num_users=300)


@pytest.fixture(scope="module")
def world(workspace: Workspace) -> World:
    return World(workspace.config)


def ids(world: World, audience: Audience, pages: np.ndarray) -> list[list[str]]:
    app_id = world.apps(audience.day).app_id.to_pylist()
    return [[app_id[app] for app in page if app >= 0] for page in pages.tolist()]


def test_the_oracle_is_worth_three_pages_of_the_most_popular(audience: Audience) -> None:
    oracle, popular, random = (
        audience.worth(pages).mean()
        for pages in (audience.oracle(), audience.most_popular(), audience.random())
    )
    assert oracle > 3 * popular and popular > 2 * random


def test_no_page_is_worth_more_than_the_oracle_s(audience: Audience) -> None:
    best = audience.worth(audience.oracle())
    for pages in (audience.most_popular(), audience.random()):
        assert (audience.worth(pages) <= best + 1e-6).all()


def test_pages_hold_distinct_apps_that_the_user_can_install(
    audience: Audience, world: World
) -> None:
    apps, users = world.apps(audience.day), world.users
    queries = audience.queries()
    for pages in (audience.oracle(), audience.most_popular(), audience.random()):
        assert pages.shape == (300, PAGE_SIZE) and (pages >= 0).all()
        for user, page, shown, query in zip(
            audience.users, pages, ids(world, audience, pages), queries, strict=True
        ):
            assert len(set(shown)) == PAGE_SIZE
            assert not set(shown) & set(query.installed_app_ids)
            assert apps.sold(page, users.country[user, None], users.device[user, None]).all()


def test_queries_say_what_the_store_knows(
    audience: Audience, world: World, workspace: Workspace
) -> None:
    assert audience.day == workspace.days("users")[-1] + dt.timedelta(days=1)
    query = audience.queries()[0]
    assert query.user_id == world.users.user_id[int(audience.users[0])].as_py()
    assert query.time.date() == audience.day and query.k == PAGE_SIZE
    assert set(query.features) == {"country", "language", "device", "age_band", "surface"}
    assert len(query.installed_app_ids) == len(set(query.installed_app_ids)) >= 5


def test_a_policy_that_answers_as_the_oracle_is_worth_as_much(
    audience: Audience, world: World
) -> None:
    by_user = dict(
        zip(
            [query.user_id for query in audience.queries()],
            ids(world, audience, audience.oracle()),
            strict=True,
        )
    )
    sizes: list[int] = []

    def policy(queries: Sequence[Query]) -> list[list[str]]:
        sizes.append(len(queries))
        return [by_user[query.user_id] for query in queries]

    comparison = compare(audience, {"all_knowing": policy})
    assert sizes == [256, 44]
    found = comparison.expected_installs
    assert list(found) == ["all_knowing", BASELINE, "random", "oracle"]
    assert found["all_knowing"] == found["oracle"]
    gain = comparison.gains["all_knowing"]
    assert gain.mean == pytest.approx(found["oracle"].mean - found[BASELINE].mean)
    assert 0 < gain.low < gain.mean < gain.high
    assert BASELINE not in comparison.gains


def test_what_can_not_be_installed_is_worth_nothing(audience: Audience, world: World) -> None:
    oracle = ids(world, audience, audience.oracle())
    queries = audience.queries()
    first = [page[:1] for page in oracle]
    worth = audience.worth(audience.rows(first))
    assert (worth > 0).all()
    repeated = [page * 3 for page in first]
    assert np.allclose(audience.worth(audience.rows(repeated)), worth)
    unknown = [[*page, "com.not.there", ""] for page in first]
    assert np.allclose(audience.worth(audience.rows(unknown)), worth)
    owned = [list(query.installed_app_ids) for query in queries]
    assert (audience.worth(audience.rows(owned)) == 0).all()
    assert (audience.worth(audience.rows([[] for _ in queries])) == 0).all()


def test_an_audience_is_at_most_the_population(workspace: Workspace) -> None:
    everybody = Audience.after_logs(workspace, num_users=10_000)
    assert sorted(everybody.users.tolist()) == list(range(400))


def test_the_bootstrap_s_interval_is_that_of_the_mean() -> None:
    same = bootstrapped(np.full(50, 2.5))
    assert (same.mean, same.low, same.high) == (2.5, 2.5, 2.5)
    values = np.random.default_rng(0).normal(1, 2, 2_000)
    estimate = bootstrapped(values)
    half = 1.96 * values.std() / np.sqrt(2_000)
    assert estimate.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert estimate.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_logs_are_read_from_where_they_lie(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(workspace.root)
    again = Audience.after_logs(Workspace(tmp_path / "elsewhere"), num_users=300)
    assert np.array_equal(again.oracle(), Audience.after_logs(workspace, 300).oracle())
