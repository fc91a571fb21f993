from __future__ import annotations

import itertools

import numpy as np
import pytest

from recsys.evaluation.beyond_accuracy import (
    catalogue_coverage,
    head,
    intra_list_diversity,
    novelty,
    personalisation,
    self_information,
    share_of_places,
)

# Three users' pages of a catalogue of six apps; the second page ends early.
PAGES = np.array([[0, 1, 2], [0, 3, -1], [1, 0, 2]])
INSTALLS = np.array([9, 3, 1, 0, 0, 0])


def test_coverage_is_the_share_of_apps_on_any_page() -> None:
    assert catalogue_coverage(PAGES, 6) == pytest.approx(4 / 6)
    assert catalogue_coverage(np.full((2, 3), -1), 6) == 0.0


def test_an_app_tells_as_many_bits_as_its_share_of_installs_is_halved() -> None:
    # With one added to each: 10, 4, 2, 1, 1, 1 of 19.
    bits = self_information(INSTALLS)
    assert bits == pytest.approx(-np.log2(np.array([10, 4, 2, 1, 1, 1]) / 19))
    assert bits[1] - bits[2] == pytest.approx(-1.0)
    found = novelty(PAGES, bits)
    assert found == pytest.approx([bits[:3].mean(), bits[[0, 3]].mean(), bits[:3].mean()])


def test_a_page_of_rarer_apps_is_more_novel() -> None:
    bits = self_information(INSTALLS)
    common, rare = novelty(np.array([[0, 1], [3, 4]]), bits)
    assert common < rare


def test_the_head_is_the_fewest_apps_with_the_share() -> None:
    assert head(INSTALLS, 0.5).tolist() == [True, False, False, False, False, False]
    assert head(INSTALLS, 0.8).tolist() == [True, True, False, False, False, False]
    assert head(INSTALLS, 1.0).tolist() == [True, True, True, False, False, False]
    assert not head(np.zeros(3, dtype=np.int64), 0.5).any()
    assert share_of_places(PAGES, head(INSTALLS, 0.5)) == pytest.approx([1 / 3, 1 / 2, 1 / 3])


def test_diversity_counts_the_pairs_of_different_categories() -> None:
    groups = np.array([0, 0, 1, 1, 2, 2])
    pages = np.array([[0, 1, 2], [0, 2, 4], [0, 1, -1], [0, 2, -1], [5, -1, -1]])
    found = intra_list_diversity(pages, groups)
    assert found[:4] == pytest.approx([2 / 3, 1.0, 0.0, 1.0])
    assert np.isnan(found[4])


def test_diversity_is_the_mean_distance_of_all_pairs() -> None:
    random = np.random.default_rng(0)
    groups = random.integers(4, size=30)
    pages = np.array([random.permutation(30)[:8] for _ in range(20)])
    expected = [
        np.mean([groups[one] != groups[other] for one, other in itertools.combinations(page, 2)])
        for page in pages
    ]
    assert intra_list_diversity(pages, groups) == pytest.approx(expected)


def test_personalisation_is_the_mean_over_all_pairs_of_users() -> None:
    # The pages share one, three and one app: 1 - (1 + 3 + 1) / 3 / 3.
    assert personalisation(PAGES) == pytest.approx(1 - 5 / 9)
    random = np.random.default_rng(0)
    pages = np.array([random.permutation(30)[:8] for _ in range(20)])
    overlaps = [
        len(set(one) & set(other)) for one, other in itertools.combinations(pages.tolist(), 2)
    ]
    assert personalisation(pages) == pytest.approx(1 - np.mean(overlaps) / 8)


def test_the_same_page_for_all_is_not_personal_and_different_ones_are() -> None:
    assert personalisation(np.tile([3, 1, 2], (5, 1))) == 0.0
    assert personalisation(np.arange(15).reshape(5, 3)) == 1.0
    assert np.isnan(personalisation(PAGES[:1]))


def test_an_empty_page_has_no_facts_and_breaks_none() -> None:
    pages = np.array([[0, 1], [-1, -1]])
    for values in (
        novelty(pages, self_information(INSTALLS)),
        share_of_places(pages, head(INSTALLS, 0.5)),
        intra_list_diversity(pages, np.arange(6)),
    ):
        assert np.isnan(values).tolist() == [False, True]
