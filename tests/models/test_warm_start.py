from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tensorflow as tf
import toy_features
from numpy.typing import NDArray

from recsys.config import Cross, Feature, Ranking, Retrieval
from recsys.features import spec
from recsys.features.transform import FeatureTransform, FittedTransform
from recsys.features.transformed import TransformedExamples, load_arrays
from recsys.models import export, weights
from recsys.models.batches import Batch, RankingBatches, RetrievalBatches, Vectors
from recsys.models.export import TwoStageModel
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel
from recsys.models.rows import Values, name_of
from recsys.models.warm_start import Copied, warm_start

Kind = Literal["linear", "deep", "wide_and_deep"]
KINDS: tuple[Kind, ...] = ("linear", "deep", "wide_and_deep")
CROSSES = (
    Cross(query="installed_app_ids", candidate="app_id", num_buckets=64),
    Cross(query="country", candidate="app_id", num_buckets=32),
)
RETRIEVAL = Retrieval(
    embedding_dim=4,
    id_embedding_dim=5,
    hidden_units=(8,),
    batch_size=32,
    num_hidden_apps=8,
    num_uniform_negatives=4,
    dropout=0.0,
)
RANKING = Ranking(
    hidden_units=(7, 5), crosses=CROSSES, batch_size=64, wide_l1=0.002, wide_learning_rate=0.05
)

BEFORE = toy_features.fitted()
LATER = {
    "app_id": ["app-9", "app-7", "app-2", "app-0", "app-8", "app-1", "app-3", "app-5", "app-6"],
    "country": ["IN", "NO", "FR", "DE", "BR"],
    "genres": ["racing", "puzzle"],
}
"""Grown, shrunk (app-4 is gone) and in another order."""
AFTER = replace(BEFORE, vocabularies=LATER)
GROWN = replace(BEFORE, vocabularies=LATER | {"app_id": ["app-4", *LATER["app_id"]]})


@pytest.fixture(scope="module")
def examples() -> TransformedExamples:
    return toy_features.examples(num_queries=128)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    random = np.random.default_rng(3)
    return Vectors(
        toy_features.unit_vectors(random, 128, 4),
        toy_features.unit_vectors(random, toy_features.NUM_APPS, 4),
    )


def made(model: Any, examples: TransformedExamples) -> Any:
    model.make_weights(examples)
    model.compile_for_training()
    return model


def train(model: Any, batches: list[Batch]) -> Any:
    for batch in batches:
        model.train_step(batch)
    return model


def towers_batches(examples: TransformedExamples) -> list[Batch]:
    batches = RetrievalBatches(examples, RETRIEVAL, seed=1)
    return [batches[number] for number in range(4)]


def ranker_batches(examples: TransformedExamples, vectors: Vectors) -> list[Batch]:
    batches = RankingBatches(examples, vectors, RANKING, seed=1)
    return [batches[number] for number in range(4)]


@pytest.fixture(scope="module")
def towers(examples: TransformedExamples) -> RetrievalModel:
    """Trained on three batches."""
    model = made(RetrievalModel(BEFORE, RETRIEVAL), examples)
    return train(model, towers_batches(examples)[:3])  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def ranker(examples: TransformedExamples, vectors: Vectors) -> RankingModel:
    """Trained on three batches."""
    model = made(RankingModel(BEFORE, RANKING), examples)
    return train(model, ranker_batches(examples, vectors)[:3])  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def base_towers(towers: RetrievalModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("towers")
    weights.save_as_base(towers, BEFORE, folder)
    return folder


@pytest.fixture(scope="module")
def base_ranker(ranker: RankingModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranker")
    weights.save_as_base(ranker, BEFORE, folder)
    return folder


def warm_ranker(
    base: Path, examples: TransformedExamples, fitted: FittedTransform, **changes: Any
) -> tuple[RankingModel, Copied]:
    model = made(RankingModel(fitted, RANKING.model_copy(update=changes)), examples)
    return model, warm_start(model, fitted, base)


def warm_towers(
    base: Path, examples: TransformedExamples, fitted: FittedTransform, **changes: Any
) -> tuple[RetrievalModel, Copied]:
    model = made(RetrievalModel(fitted, RETRIEVAL.model_copy(update=changes)), examples)
    return model, warm_start(model, fitted, base)


def values_of(model: Any) -> dict[str, NDArray[Any]]:
    return {name_of(one): one.numpy() for one in model.trainable_variables}


def state_of(model: Any) -> dict[str, NDArray[Any]]:
    return {name: one.numpy() for name, one in weights.state_of(model).items()}


def vocabulary_rows(fitted: FittedTransform, name: str) -> dict[str, int]:
    return {value: row for row, value in enumerate(fitted.vocabularies[name], start=1)}


def translated(batch: Any, before: FittedTransform, after: FittedTransform) -> Any:
    """A batch's transformed features under another vocabulary; strangers stay strangers."""
    if not isinstance(batch, Mapping):
        return batch
    found = {name: translated(value, before, after) for name, value in batch.items()}
    for name in found.keys() & before.features.keys():
        if before.features[name].kind in ("category", "categories"):
            root = spec.vocabulary_of(name, before.features[name])
            rows, size = vocabulary_rows(after, root), after.size(name)
            known = [rows.get(value, size - 1) for value in before.vocabularies[root]]
            found[name] = np.array([0, *known, size - 1], dtype=np.int32)[found[name]]
    return found


@pytest.mark.parametrize("which", ["towers", "ranker"])
def test_a_known_value_has_the_same_parameters_whatever_became_of_the_vocabulary(
    which: str, request: pytest.FixtureRequest, examples: TransformedExamples
) -> None:
    base = request.getfixturevalue(f"base_{which}")
    warm = warm_towers if which == "towers" else warm_ranker
    model, copied = warm(base, examples, AFTER)
    old, new = load_arrays(base / "weights"), values_of(model)
    old_state, new_state = load_arrays(base / "optimizer"), state_of(model)
    tables = {name: one for name, one in model.layout().items() if isinstance(one, Values)}
    assert len(tables) >= 4
    for name, table in tables.items():
        rows = vocabulary_rows(AFTER, table.vocabulary)
        for value, row in vocabulary_rows(BEFORE, table.vocabulary).items():
            if value in rows:
                np.testing.assert_array_equal(new[name][rows[value]], old[name][row], err_msg=name)
                for slot in (slot for slot in old_state if slot.startswith(f"{name}.")):
                    np.testing.assert_array_equal(
                        new_state[slot][rows[value]], old_state[slot][row], err_msg=slot
                    )
        np.testing.assert_array_equal(new[name][-1], old[name][-1], err_msg="the stranger's")
    for name in new.keys() - tables.keys():
        np.testing.assert_array_equal(new[name], old[name], err_msg=name)
    assert copied.anew == {}
    assert copied.left == []
    assert copied.num_copied == len(new)
    assert copied.vocabularies["app_id"] == {"kept": 7, "gained": 2, "lost": 1}
    assert copied.vocabularies["country"] == {"kept": 4, "gained": 1, "lost": 0}


def test_a_new_value_begins_as_the_bucket_it_was_looked_up_in(
    examples: TransformedExamples, tmp_path: Path
) -> None:
    two_buckets = toy_features.FEATURES | {
        "country": Feature(table="requests", kind="category", models=("wide", "deep"),
                           num_oov_buckets=2)
    }  # fmt: skip
    before = toy_features.fitted(two_buckets)
    new = [f"country-{number}" for number in range(8)]
    after = replace(before, vocabularies=LATER | {"country": ["NO", *new]})
    first = made(RankingModel(before, RANKING), examples)
    for variable in first.trainable_variables:
        variable.assign(np.random.default_rng(4).normal(size=variable.shape))
    weights.save_as_base(first, before, tmp_path)
    model, _ = warm_ranker(tmp_path, examples, after)

    before.save(tmp_path / "graph")
    looked_up = FeatureTransform(before, tmp_path / "graph")({"country": np.array(new)})["country"]
    assert set(looked_up.numpy().tolist()) == {5, 6}
    for name in ("ranking.wide.query.country", "ranking.deep.query_embedding.country"):
        was, now = load_arrays(tmp_path / "weights")[name], values_of(model)[name]
        np.testing.assert_array_equal(now[2:10], was[looked_up.numpy()])
        np.testing.assert_array_equal(now[10:], was[5:])
        accumulator = state_of(model)[f"{name}.accumulator"]
        np.testing.assert_allclose(accumulator[2:10], 0.1, rtol=1e-6, atol=0)


def raw_queries(random: np.random.Generator) -> list[dict[str, Any]]:
    countries, apps = toy_features.COUNTRIES, ["app-0", "app-3", "app-7", "app-5", "app-2"]
    return [
        {
            "installed_app_ids": random.permutation(apps)[: row % 4].tolist(),
            "country": countries[row % 4] if row else None,
            "age": float(random.integers(10, 80)),
        }
        for row in range(6)
    ]


APPS = [
    {"app_id": f"app-{number}", "genres": ["racing", "puzzle"][: number % 3], "price": number / 4}
    for number in (0, 1, 2, 3, 5, 6, 7)
]


def exported_scores(
    fitted: FittedTransform, towers: Any, ranker: Any, folder: Path
) -> NDArray[np.float32]:
    """What a saved model says of raw features that both vocabularies know, `[6, 7]`."""
    fitted.save(folder / "graph")
    transform = FeatureTransform(fitted, folder / "graph")
    TwoStageModel(fitted.features, transform, towers, ranker).save(folder / "saved")
    saved = export.load(folder / "saved")
    queries = raw_queries(np.random.default_rng(8))
    query = saved.encode_query(spec.raw_from_values(queries, spec.of_query(fitted.features)))
    app = saved.encode_candidate(spec.raw_from_values(APPS, spec.of_candidate(fitted.features)))
    candidate = {name: np.stack([values] * len(queries)) for name, values in app.items()}
    scores: NDArray[np.float32] = saved.score(query, candidate).numpy()
    return scores


@pytest.mark.parametrize("kind", KINDS)
def test_a_warm_model_that_was_not_trained_scores_as_its_base_does(
    kind: Kind, examples: TransformedExamples, vectors: Vectors, towers: Any, base_towers: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    settings = RANKING.model_copy(update={"kind": kind})
    base = made(RankingModel(BEFORE, settings), examples)
    train(base, ranker_batches(examples, vectors)[:2])
    weights.save_as_base(base, BEFORE, tmp_path / "base")
    expected = exported_scores(BEFORE, towers, base, tmp_path / "before")
    assert expected.std() > 1e-3

    # A feature more, and all in another order, on top of the other vocabularies.
    moved = dict(reversed(toy_features.FEATURES.items()))
    moved["surface"] = Feature(table="requests", kind="category", models=("retrieval", "deep"))
    after = FittedTransform(moved, LATER | {"surface": ["home"]}, BEFORE.boundaries)
    grown = replace(examples, query=dict(examples.query, surface=np.ones(128, np.int32)))
    warm, copied = warm_ranker(tmp_path / "base", grown, after, kind=kind)
    theirs, of_towers = warm_towers(base_towers, grown, after)
    scores = exported_scores(after, theirs, warm, tmp_path / "after")
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)
    new = {"linear": [], "deep": ["ranking.deep.query_embedding.surface"]}
    assert list(copied.anew) == new["linear" if kind == "linear" else "deep"]
    assert of_towers.anew == {"query_tower.embedding.surface": "the base has no such weight"}


@pytest.mark.parametrize("fitted", [BEFORE, GROWN], ids=["same", "grown"])
def test_the_next_step_is_the_one_that_an_uninterrupted_run_takes(
    fitted: FittedTransform, base_ranker: Path, examples: TransformedExamples, vectors: Vectors
) -> None:
    last = ranker_batches(examples, vectors)[3]
    unbroken = made(RankingModel(BEFORE, RANKING), examples)
    weights.restore(unbroken, base_ranker / "weights")
    for name, variable in weights.state_of(unbroken).items():
        variable.assign(load_arrays(base_ranker / "optimizer")[name])
    was = values_of(unbroken)
    train(unbroken, [last])
    warm, _ = warm_ranker(base_ranker, examples, fitted)
    train(warm, [translated(last, BEFORE, fitted)])

    found, num_moved = values_of(warm), 0
    for name, values in values_of(unbroken).items():
        table = warm.layout().get(name)
        now, then = found[name], values
        if isinstance(table, Values):
            after, before = (vocabulary_rows(f, table.vocabulary) for f in (fitted, BEFORE))
            now = now[[after[value] for value in before]]
            then = then[[before[value] for value in before]]
        np.testing.assert_allclose(now, then, rtol=0, atol=2e-6, err_msg=name)
        num_moved += int(np.abs(values - was[name]).max() > 1e-5)
    assert num_moved > len(found) / 2


def test_adam_begins_afresh_from_the_copied_towers(
    base_towers: Path, examples: TransformedExamples
) -> None:
    assert list((base_towers / "optimizer").iterdir()) == []
    warm, _ = warm_towers(base_towers, examples, BEFORE)
    fresh = made(RetrievalModel(BEFORE, RETRIEVAL), examples)
    weights.restore(fresh, base_towers / "weights")
    last = towers_batches(examples)[3]
    expected = values_of(train(fresh, [last]))
    for name, values in values_of(train(warm, [last])).items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("changes", [{}, {"wide_l1": 0.02}, {"wide_learning_rate": 0.2}])
def test_a_gradient_of_zero_leaves_every_copied_weight_as_it_is(
    changes: dict[str, float], base_ranker: Path, examples: TransformedExamples
) -> None:
    model, _ = warm_ranker(base_ranker, examples, AFTER, **changes)
    copied = values_of(model)
    assert any(values.any() for name, values in copied.items() if "wide" in name)
    variables = model.trainable_variables
    model.optimizer.apply_gradients([(tf.zeros_like(one), one) for one in variables])
    for name, values in values_of(model).items():
        np.testing.assert_allclose(values, copied[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_ftrls_first_step_computed_by_hand(
    base_ranker: Path, examples: TransformedExamples
) -> None:
    model, _ = warm_ranker(base_ranker, examples, BEFORE)
    name = "ranking.wide.candidate.app_id"
    before = load_arrays(base_ranker / "weights")[name][1:9].astype(float)
    state = load_arrays(base_ranker / "optimizer")
    n, z = (state[f"{name}.{slot}"][1:9].astype(float) for slot in ("accumulator", "linear"))
    gradient = np.linspace(-1, 1, 8)
    z = z + gradient - (np.sqrt(n + gradient**2) - np.sqrt(n)) / 0.05 * before
    n = n + gradient**2
    expected = np.where(np.abs(z) > 0.002, (np.sign(z) * 0.002 - z) / (np.sqrt(n) / 0.05), 0)
    [variable] = [one for one in model.trainable_variables if name_of(one) == name]
    padded = np.concatenate([[0], gradient, [0]]).astype(np.float32)
    model.optimizer.apply_gradients([(tf.constant(padded), variable)])
    np.testing.assert_allclose(variable.numpy()[1:9], expected, rtol=0, atol=1e-6)


def test_a_table_of_another_width_starts_anew_and_says_so(
    base_ranker: Path, examples: TransformedExamples
) -> None:
    country = toy_features.FEATURES["country"]
    wider = toy_features.FEATURES | {"country": country.model_copy(update={"embedding_dim": 3})}
    model, copied = warm_ranker(base_ranker, examples, replace(AFTER, features=wider))
    table = "ranking.deep.query_embedding.country"
    assert copied.anew == {table: "its shape was [6, 16], and is [7, 3]"}
    # What it feeds is silent until it was trained, and the other features keep theirs.
    kernel = "ranking.deep.query_first.kernel"
    was, now = load_arrays(base_ranker / "weights")[kernel], values_of(model)[kernel]
    np.testing.assert_array_equal(now[:16], was[:16])
    assert not now[16:19].any()
    np.testing.assert_array_equal(now[19:], was[32:])


def test_what_means_something_else_starts_anew(
    base_ranker: Path, examples: TransformedExamples
) -> None:
    features = dict(toy_features.FEATURES)
    features["country"] = features["country"].model_copy(update={"column": "country_of_birth"})
    crosses = (CROSSES[0].model_copy(update={"num_buckets": 128}), CROSSES[1])
    model, copied = warm_ranker(
        base_ranker,
        examples,
        replace(AFTER, features=features),
        crosses=crosses,
        hidden_units=(7, 6),
    )
    assert copied.anew == {
        "ranking.wide.query.country": "its rows stood for values of category requests.country, and "
        "stand for values of category requests.country_of_birth",
        "ranking.wide.cross_installed_app_ids_x_app_id.weights": "its shape was [64], and is [128]",
        "ranking.wide.cross_country_x_app_id.weights": "its rows stood for category "
        "requests.country x category apps.app_id, and stand for category "
        "requests.country_of_birth x category apps.app_id",
        "ranking.deep.query_embedding.country": "its rows stood for values of category "
        "requests.country, and stand for values of category requests.country_of_birth",
        "ranking.deep.hidden_1.kernel": "its shape was [7, 5], and is [7, 6]",
        "ranking.deep.hidden_1.bias": "its shape was [5], and is [6]",
        "ranking.deep.output.kernel": "it was fed by hidden_1 x 5, and is fed by hidden_1 x 6",
    }
    assert copied.left == []
    assert all(np.isfinite(values).all() for values in values_of(model).values())


def test_a_change_of_kind_keeps_the_part_that_stays(
    base_ranker: Path, examples: TransformedExamples
) -> None:
    model, copied = warm_ranker(base_ranker, examples, BEFORE, kind="linear")
    assert copied.anew == {}
    assert all(name.startswith("ranking.deep.") for name in copied.left)
    before = load_arrays(base_ranker / "weights")
    for name, values in values_of(model).items():
        np.testing.assert_array_equal(values, before[name], err_msg=name)
