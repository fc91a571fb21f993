from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys import config, index
from recsys.index.contract import NO_ROW, Index, Subset

KINDS = ("brute_force", "ivf")
NUM_ROWS, DIM = 3_000, 16


def clustered(seed: int, count: int) -> NDArray[np.float32]:
    """Unit vectors around sixty centres, as the towers' are."""
    centres = np.random.default_rng(0).normal(size=(60, DIM))
    random = np.random.default_rng(seed)
    vectors = centres[random.integers(60, size=count)] + 0.4 * random.normal(size=(count, DIM))
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


VECTORS = clustered(1, NUM_ROWS)
QUERIES = clustered(2, 50)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def built(kind: str, vectors: NDArray[np.float32]) -> Index:
    values = {"kind": kind, "num_lists": 50, "num_probes": 16}
    return index.build(config.Index.model_validate(values), vectors)


@pytest.fixture(scope="module")
def searched(kind: str) -> Index:
    return built(kind, VECTORS)


def test_rows_are_unique_and_products_are_theirs_best_first(searched: Index, kind: str) -> None:
    rows, products = searched.search(QUERIES, 100)
    assert rows.dtype == np.int64
    assert products.dtype == np.float32
    assert rows.shape == products.shape == (50, 100)
    for found in rows:
        assert len(set(found.tolist())) == 100
    assert (np.diff(products, axis=1) <= 0).all()
    true = np.einsum("qd,qkd->qk", QUERIES, VECTORS[rows])
    tolerance = {"brute_force": 1e-5, "ivf": 0.02}[kind]  # of 8-bit vectors
    np.testing.assert_allclose(products, true, rtol=0, atol=tolerance)


def test_a_batch_answers_as_single_queries_do(searched: Index) -> None:
    rows, products = searched.search(QUERIES, 20)
    for number in range(len(QUERIES)):
        alone, its_products = searched.search(QUERIES[number : number + 1], 20)
        np.testing.assert_array_equal(alone[0], rows[number])
        np.testing.assert_allclose(its_products[0], products[number], rtol=0, atol=1e-6)


def test_inputs_stay_as_they_are(kind: str) -> None:
    vectors, queries = VECTORS.copy(), QUERIES.copy()
    built(kind, vectors).search(queries, 10)
    np.testing.assert_array_equal(vectors, VECTORS)
    np.testing.assert_array_equal(queries, QUERIES)


def test_what_was_saved_answers_the_same(searched: Index, kind: str, tmp_path: Path) -> None:
    searched.save(tmp_path / "index")
    loaded = index.load(kind, tmp_path / "index")
    for before, after in zip(searched.search(QUERIES, 30), loaded.search(QUERIES, 30), strict=True):
        np.testing.assert_array_equal(before, after)


def test_beyond_the_last_row_there_is_none(kind: str) -> None:
    small = built(kind, VECTORS[:7])
    rows, products = small.search(QUERIES, 12)
    assert rows.shape == products.shape == (50, 12)
    np.testing.assert_array_equal(np.sort(rows[:, :7], axis=1), np.tile(np.arange(7), (50, 1)))
    assert (rows[:, 7:] == NO_ROW).all()
    assert (products[:, 7:] == -np.inf).all()


def test_lists_that_were_not_visited_leave_places_empty() -> None:
    settings = config.Index(kind="ivf", num_lists=50, num_probes=1)
    rows, products = index.build(settings, VECTORS).search(QUERIES, 2_000)
    assert (rows == NO_ROW).any()
    np.testing.assert_array_equal(rows == NO_ROW, products == -np.inf)


def test_no_queries_have_no_neighbours(searched: Index) -> None:
    rows, products = searched.search(QUERIES[:0], 5)
    assert rows.shape == products.shape == (0, 5)


def test_vectors_of_any_layout_are_the_same_vectors(kind: str) -> None:
    turned = built(kind, np.asfortranarray(VECTORS))
    rows, _ = turned.search(np.asfortranarray(QUERIES), 10)
    np.testing.assert_array_equal(rows, built(kind, VECTORS).search(QUERIES, 10)[0])


def test_recall_against_brute_force_by_numpy(searched: Index, kind: str) -> None:
    k = 50
    true = np.argsort(-(QUERIES @ VECTORS.T), axis=1, kind="stable")[:, :k]
    rows, _ = searched.search(QUERIES, k)
    recalls = [len(set(t) & set(f)) / k for t, f in zip(true.tolist(), rows.tolist(), strict=True)]
    if kind == "brute_force":
        assert np.mean(recalls) == 1.0
    else:
        assert np.mean(recalls) >= 0.9


def test_auto_picks_by_size() -> None:
    settings = config.Index(kind="auto", brute_force_max_apps=1_000)
    assert index.kind_for(settings, 1_000) == "brute_force"
    assert index.kind_for(settings, 1_001) == "ivf"
    for kind in KINDS:
        fixed = config.Index.model_validate({"kind": kind})
        assert index.kind_for(fixed, 1) == index.kind_for(fixed, 10**9) == kind


def test_a_row_finds_itself_first(searched: Index) -> None:
    rows, _ = searched.search(VECTORS[:200], 1)
    assert np.mean(rows[:, 0] == np.arange(200)) > 0.97


@pytest.mark.parametrize("share", [0.9, 0.3, 0.02])
def test_among_some_rows_only_those_are_found(searched: Index, kind: str, share: float) -> None:
    flags = np.random.default_rng(5).random(NUM_ROWS) < share
    rows, products = searched.search(QUERIES, 20, Subset.of(flags))
    assert flags[rows].all()
    allowed = np.flatnonzero(flags)
    best = allowed[np.argsort(-(QUERIES @ VECTORS[allowed].T), axis=1)[:, :20]]
    recalls = [len({*t} & {*f}) / 20 for t, f in zip(best.tolist(), rows.tolist(), strict=True)]
    assert np.mean(recalls) >= {"brute_force": 1.0, "ivf": 0.9}[kind]
    assert (np.diff(products, axis=1) <= 0).all()


def test_among_fewer_rows_than_wanted_all_are_found(searched: Index) -> None:
    rows, products = searched.search(QUERIES[:3], 9, Subset.of(np.arange(NUM_ROWS) % 1_000 == 7))
    assert [sorted(one) for one in rows.tolist()] == [[NO_ROW] * 6 + [7, 1007, 2007]] * 3
    assert (products[:, 3:] == -np.inf).all()
    none, _ = searched.search(QUERIES[:1], 2, Subset.of(np.zeros(NUM_ROWS, dtype=bool)))
    assert none.tolist() == [[NO_ROW, NO_ROW]]
