from __future__ import annotations

from dataclasses import replace

import numpy as np
import toy_features

from recsys.config import Cross
from recsys.models.crosses import HashedCross, bucket, fingerprints

CROSS = Cross(query="installed_app_ids", candidate="app_id", num_buckets=4_096)


def test_buckets_are_within_range_and_evenly_filled() -> None:
    random = np.random.default_rng(0)
    left, right = random.integers(0, 2**63 - 1, size=(2, 64_000))
    buckets = bucket(left, right, 64).numpy()
    counts = np.bincount(buckets, minlength=64)
    assert len(counts) == 64
    # A thousand each, give or take a few deviations of 31.
    assert np.abs(counts - 1_000).max() < 160


def test_a_pair_is_no_other_pair_turned_around() -> None:
    random = np.random.default_rng(0)
    left, right = random.integers(0, 2**63 - 1, size=(2, 1_000))
    turned = bucket(right, left, 2**30).numpy()
    assert (bucket(left, right, 2**30).numpy() != turned).all()


def test_values_have_fingerprints_of_their_own() -> None:
    fitted = toy_features.fitted()
    prints = fingerprints(fitted, "app_id")
    assert prints.shape == (1 + 8 + 1,)
    assert len(set(prints.tolist())) == 10
    np.testing.assert_array_equal(fingerprints(fitted, "installed_app_ids"), prints)


def test_a_pairs_weight_outlives_another_order_of_the_vocabulary() -> None:
    fitted = toy_features.fitted()
    apps = fitted.vocabularies["app_id"]
    turned = replace(
        fitted, vocabularies={**fitted.vocabularies, "app_id": ["newcomer", *apps[::-1]]}
    )
    random = np.random.default_rng(0)
    weights = random.normal(size=4_096)
    sums = []
    for transform in (fitted, turned):
        index_of = {app: 1 + n for n, app in enumerate(transform.vocabularies["app_id"])}
        history = np.array([[index_of["app-1"], index_of["app-6"], 0, 0]], dtype=np.int32)
        shown = np.array([[index_of[app] for app in apps]], dtype=np.int32)
        layer = HashedCross(transform, CROSS)
        layer(({"installed_app_ids": history}, {"app_id": shown}))
        layer.set_weights([weights])
        sums.append(layer(({"installed_app_ids": history}, {"app_id": shown})).numpy())
    np.testing.assert_array_equal(sums[0], sums[1])
    assert len(set(sums[0].ravel().tolist())) == len(apps)


def test_lists_on_both_sides_cross_every_pair_once() -> None:
    fitted = toy_features.fitted()
    cross = Cross(query="installed_app_ids", candidate="genres", num_buckets=2**16)
    layer = HashedCross(fitted, cross)
    query = {"installed_app_ids": np.array([[3, 1, 0, 0], [0, 0, 0, 0]], dtype=np.int32)}
    candidate = {"genres": np.array([[[1, 2], [2, 0], [0, 0]]] * 2, dtype=np.int32)}
    layer((query, candidate))
    layer.set_weights([np.ones(2**16)])
    # With a weight of one each, the sum counts the pairs: 2 x 2, 2 x 1, 2 x 0; none where no app
    # is installed.
    assert layer((query, candidate)).numpy().tolist() == [[4, 2, 0], [0, 0, 0]]
