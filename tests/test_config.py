from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recsys import config
from recsys.config import Config, ConfigError

COUNTRY = {"table": "requests", "kind": "category", "models": ["wide"]}
APP_ID = {"table": "apps", "kind": "category", "models": ["wide"]}
NUMBER = {"table": "apps", "kind": "number", "models": ["deep"]}

CHANGES: dict[str, Any] = {
    "seed": 1,
    "world": {"num_days": 3},
    "import": {"format": "csv"},
    "engine": {"num_threads": 1},
    "features": {"country": COUNTRY},
    "examples": {"test_days": 2},
    "retrieval": {"temperature": 0.5},
    "ranking": {"num_epochs": 2},
    "index": {"num_probes": 3},
    "recommender": {"num_new": 1},
    "infra": {"num_requests": 10},
    "evaluation": {"k": 7},
    "alerts": {"command": ["page-me"]},
    "serving": {"port": 0},
    "metrics": {"keepers": {"of": "kept"}},
    "experiments": {"a": {"arms": {"control": {"share": 0.5}, "b": {"share": 0.5}}}},
}
"""One change of each section of the file."""


def read_back(settings: Config) -> Config:
    return config.parse(tomllib.loads(config.render(settings)), "rendered")


@pytest.mark.parametrize("name", config.preset_names())
def test_a_preset_reads_back_from_its_rendered_file(name: str) -> None:
    assert read_back(config.preset(name)) == config.preset(name)


def test_the_presets_are_those_of_the_design() -> None:
    assert {"tiny", "small", "playstore"} <= set(config.preset_names())
    sizes = [config.preset(name).world.num_apps for name in ("tiny", "small", "playstore")]
    assert sizes == [2_000, 20_000, 1_000_000]


def test_names_of_any_script_and_values_of_any_kind_read_back() -> None:
    values = {
        "features": {"Größe in MB": NUMBER, "国": COUNTRY, "plain": COUNTRY | {"column": 'a"b\\'}},
        "import": {
            "columns": {"interactions": {"user_id": "who 😀", "app_id": "a.b", "my col": "x\ty"}},
            "min_value": float("-inf"),
            "day": dt.date(1998, 4, 22),
        },
        "retrieval": {"sampling_correction": False, "learning_rate": 1e-05},
    }
    settings = config.parse(values, "test")
    assert read_back(settings) == settings
    assert settings.import_.columns.interactions["user_id"] == "who 😀"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"worlds": {}}, "unknown key 'worlds' (value {}), expected one of seed, world, import,"),
        ({"world": {"num_app": 5}}, "unknown key 'world.num_app' (value 5), expected one of num_"),
        (
            {"features": {"c": COUNTRY | {"vocab": "x"}}},
            "unknown key 'features.c.vocab' (value 'x'), expected one of table, kind, models",
        ),
        (
            {"ranking": {"crosses": [{"query": "a", "candidate": "b", "buckets": 4}]}},
            "unknown key 'ranking.crosses.0.buckets' (value 4), expected one of query, candidate,",
        ),
        (
            {"import": {"columns": {"user": {}}}},
            "unknown key 'import.columns.user' (value {}), expected one of interactions, users,",
        ),
        ({"world": {"num_apps": 99}}, "world.num_apps = 99, expected greater than or equal to 100"),
        ({"world": {"exploration": 1.5}}, "world.exploration = 1.5, expected less than or equal"),
        ({"retrieval": {"temperature": 0}}, "retrieval.temperature = 0, expected greater than 0"),
        ({"retrieval": {"temperature": float("nan")}}, "temperature = nan, expected greater"),
        ({"retrieval": {"hidden_units": [8, 0]}}, "hidden_units.1 = 0, expected greater than or"),
        ({"ranking": {"hidden_units": []}}, "ranking.hidden_units = []"),
        ({"world": {"num_apps": "many"}}, "world.num_apps = 'many', expected a valid integer"),
        ({"world": 3}, "world = 3, expected a valid dictionary"),
        ({"index": {"kind": "hnsw"}}, "index.kind = 'hnsw', expected 'auto', 'brute_force' or"),
        ({"features": {"c": {"table": "requests", "kind": "number"}}}, "c.models is missing"),
        ({"extends": "huge"}, "extends = 'huge', expected one of movielens, movielens-random, p"),
        ({"extends": ["tiny"]}, "extends = ['tiny'], expected one of"),
        (
            {"features": {"c": COUNTRY | {"vocabulary": "app_id"}}},
            "features.c.vocabulary names 'app_id', expected one of the declared features",
        ),
        (
            {"features": {"c": COUNTRY | {"vocabulary": "price"}, "price": NUMBER, "id": APP_ID}},
            "features.c.vocabulary names 'price', expected one of the declared features that have"
            " their own: id",
        ),
        (
            {"ranking": {"crosses": [{"query": "country", "candidate": "price"}]}},
            "query = 'country', expected a declared feature of kind category or categories",
        ),
        (
            {
                "features": {"app_id": APP_ID},
                "ranking": {"crosses": [{"query": "app_id", "candidate": "app_id"}]},
            },
            "query = 'app_id' is a feature of table 'apps', expected one of the query's",
        ),
        ({"import": {"min_value": 3}}, "columns.interactions to map `value`"),
        (
            {"features": {"price": NUMBER}, "evaluation": {"slices": [{"by": ["price"]}]}},
            "evaluation.slices: by = 'price', expected a declared feature of kind category or one "
            "of user_activity, user_is_new, app_popularity, app_is_new, price_band",
        ),
        ({"evaluation": {"price_bounds": [1, 1]}}, "price_bounds = [1, 1], expected bounds that r"),
    ],
)
def test_a_refusal_names_key_value_and_expectation(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        config.parse(values, "recsys.toml")
    assert str(refusal.value).startswith("recsys.toml: ")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_a_file_says_lies_over_the_preset_it_extends() -> None:
    settings = config.parse({"extends": "tiny", "world": {"num_apps": 300}}, "test")
    tiny = config.preset("tiny")
    assert settings.world == tiny.world.model_copy(update={"num_apps": 300})
    assert settings.model_copy(update={"world": tiny.world}) == tiny


def test_a_preset_may_extend_another() -> None:
    tiny, playstore = config.preset("tiny"), config.preset("playstore")
    assert tiny.features == playstore.features
    assert tiny.world.num_users < playstore.world.num_users


def test_features_are_replaced_whole() -> None:
    settings = config.parse(
        {
            "extends": "tiny",
            "features": {"country": COUNTRY},
            "ranking": {"crosses": []},
            "evaluation": {"slices": []},
        },
        "test",
    )
    assert list(settings.features) == ["country"]
    assert settings.features["country"].models == ("wide",)


@pytest.mark.parametrize("section", CHANGES)
def test_a_digest_changes_with_its_sections_and_with_no_other(section: str) -> None:
    before = Config()
    after = config.parse({section: CHANGES[section]}, "test")
    assert after.digest() != before.digest()
    for name in (name.replace("import", "import_") for name in CHANGES):
        is_changed = after.digest(name) != before.digest(name)
        assert is_changed == (name.rstrip("_") == section)
    assert after.digest("seed", "world", "index") == after.digest("world", "index", "seed")


def test_a_digest_does_not_depend_on_the_order_in_a_file() -> None:
    values = {"world": {"num_apps": 300, "num_users": 20}, "seed": 4}
    turned = {"seed": 4, "world": {"num_users": 20, "num_apps": 300}}
    assert config.parse(values, "a").digest() == config.parse(turned, "b").digest()


def test_a_digest_of_what_is_no_section_is_an_error() -> None:
    with pytest.raises(AssertionError, match="wrold"):
        Config().digest("wrold")


def test_a_configuration_is_frozen() -> None:
    settings = Config()
    with pytest.raises(ValidationError):
        settings.seed = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.world.num_apps = 300  # type: ignore[misc]


def test_files_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "recsys.toml"
    with pytest.raises(ConfigError, match=r"recsys.toml does not exist: `recsys init` writes one"):
        config.load(path)
    for content in (b"seed = \n", b"seed = 1\nseed = 2\n", b'host = "\xff"\n'):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"recsys.toml is not valid TOML"):
            config.load(path)


def test_a_file_is_read_with_its_path_named(tmp_path: Path) -> None:
    path = tmp_path / "recsys.toml"
    path.write_text('extends = "small"\nseed = 5\n')
    assert config.load(path) == config.preset("small").model_copy(update={"seed": 5})
    path.write_text("seed = -1\n")
    with pytest.raises(ConfigError, match=rf"{path}: seed = -1, expected greater than or equal"):
        config.load(path)
