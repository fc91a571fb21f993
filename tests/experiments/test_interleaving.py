from __future__ import annotations

import math

import numpy as np
import pytest

from recsys.experiments.interleaving import InterleavedPage, preference, team_draft

FIRST, SECOND = tuple("abcdef"), tuple("bxcyaz")


def test_a_page_is_one_of_the_four_that_two_rounds_allow() -> None:
    """Radlinski et al., figure 2's procedure by hand: lists a b c and b d c, two rounds."""
    pages = {
        page.app_ids: page.teams
        for number in range(200)
        for page in [team_draft("abc", "bdc", 4, "s", f"r{number}")]
    }
    assert pages == {
        tuple("abcd"): ("first", "second", "first", "second"),
        tuple("abdc"): ("first", "second", "second", "first"),
        tuple("badc"): ("second", "first", "second", "first"),
        tuple("bacd"): ("second", "first", "first", "second"),
    }


def test_teams_are_as_large_and_each_begins_as_often() -> None:
    pages = [team_draft(FIRST, SECOND, 6, "s", f"r{number}") for number in range(4_000)]
    for page in pages:
        assert len(set(page.app_ids)) == 6
        assert page.teams.count("first") == 3
        for rank in range(0, 6, 2):
            assert {*page.teams[rank : rank + 2]} == {"first", "second"}
    for rank in range(0, 6, 2):
        begins = np.mean([page.teams[rank] == "first" for page in pages])
        assert begins == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(len(pages)))


def test_a_team_has_the_best_of_its_ranker_that_was_free() -> None:
    page = team_draft(FIRST, SECOND, 6, "s", "r7")
    for team, ranking in (("first", FIRST), ("second", SECOND)):
        for rank, (app, owner) in enumerate(zip(page.app_ids, page.teams, strict=True)):
            if owner == team:
                assert app == next(each for each in ranking if each not in page.app_ids[:rank])


def test_a_request_gets_the_same_page_at_each_asking_and_a_salt_another() -> None:
    pages = [team_draft(FIRST, SECOND, 6, "s", f"r{number}") for number in range(50)]
    assert pages == [team_draft(FIRST, SECOND, 6, "s", f"r{number}") for number in range(50)]
    assert pages != [team_draft(FIRST, SECOND, 6, "t", f"r{number}") for number in range(50)]


def test_short_lists_make_a_short_page() -> None:
    assert team_draft((), (), 5, "s", "r").app_ids == ()
    assert team_draft("ab", (), 5, "s", "r").app_ids == ("a", "b")
    assert team_draft("ab", (), 5, "s", "r").teams == ("first", "first")
    assert set(team_draft("ab", "ba", 5, "s", "r").app_ids) == {"a", "b"}
    assert len(team_draft("aab", "abb", 5, "s", "r").app_ids) == 2


def test_credit_is_the_teams() -> None:
    page = InterleavedPage(tuple("abc"), ("first", "second", "second"))
    assert page.credit({"b", "c", "elsewhere"}) == (0, 2)
    assert page.credit(()) == (0, 0)


def test_the_same_ranker_twice_wins_nothing() -> None:
    rng = np.random.default_rng(1)
    found = preference(*rng.poisson(0.3, (2, 5_000)).astype(float))
    assert found.p_value > 0.01
    assert found.share_interval[0] < 0.5 < found.share_interval[1]


def test_a_preference_by_hand() -> None:
    """Eight users prefer the second, two the first, one neither: the sign test's p-value is
    2 (1 + 10 + 45) / 1024."""
    first = np.array([0.0] * 8 + [1, 1, 1])
    second = np.array([1.0] * 8 + [0, 0, 1])
    found = preference(first, second)
    assert (found.num_first, found.num_second, found.num_ties) == (2, 8, 1)
    assert found.sign_p_value == pytest.approx(112 / 1024)
    assert found.share_first == 0.2
    assert found.share_interval == pytest.approx((0.0252, 0.5561), abs=1e-4)  # Clopper-Pearson
    assert found.difference == pytest.approx(6 / 11)
    error = math.sqrt(np.var(second - first, ddof=1) / 11)
    low, high = found.difference_interval
    assert (high - low) / 2 == pytest.approx(2.228139 * error)  # t with 10 degrees of freedom


def test_users_who_did_nothing_prefer_nobody() -> None:
    found = preference(np.zeros(5), np.zeros(5))
    assert (found.num_ties, found.p_value, found.sign_p_value) == (5, 1.0, 1.0)
    assert math.isnan(found.share_first)
