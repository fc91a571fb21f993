from __future__ import annotations

import numpy as np

from recsys.models.sampling import mixed_sampling_probability


def test_a_mixture_weighs_each_distribution_by_its_places() -> None:
    # Two places drawn 1:3, one place drawn 1:1: 2/4 + 1/2 = 1 against 6/4 + 1/2 = 2.
    mixed = mixed_sampling_probability([(2, np.array([1, 3])), (1, np.array([1, 1]))])
    np.testing.assert_allclose(mixed, [0.5, 1.0])
    assert mixed.dtype == np.float32


def test_an_app_that_cannot_be_drawn_has_the_smallest_chance_of_the_others() -> None:
    mixed = mixed_sampling_probability([(5, np.array([0, 3, 9])), (0, np.array([1, 1, 1]))])
    np.testing.assert_allclose(mixed, [1 / 3, 1 / 3, 1.0])


def test_a_source_that_fills_no_place_or_holds_nothing_changes_nothing() -> None:
    alone = mixed_sampling_probability([(4, np.array([1, 2, 5]))])
    beside = [(4, np.array([1, 2, 5])), (7, np.zeros(3, dtype=np.int64)), (0, np.array([9, 1, 1]))]
    np.testing.assert_allclose(mixed_sampling_probability(beside), alone)


def test_a_million_apps_stay_above_the_clip_of_tensorflow_recommenders() -> None:
    uniform = mixed_sampling_probability([(256, np.ones(1_000_000, dtype=np.int64))])
    assert uniform.min() == uniform.max() == 1.0
