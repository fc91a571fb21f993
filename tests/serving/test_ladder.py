from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from fake_store import FakeRecommender

from recsys.errors import BadInput
from recsys.recommender import Page, Query
from serving import ladder
from serving.ladder import Answer

NOW = dt.datetime(2024, 3, 14, tzinfo=dt.UTC)


def query(user_id: str) -> Query:
    return Query(user_id, NOW, k=3)


class Failing(FakeRecommender):
    """Fails where it is told to, for everybody or for a user called `poison`."""

    def __init__(self, *rungs: str) -> None:
        super().__init__("v1")
        self.rungs = rungs
        self.asked: list[tuple[str, int]] = []

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        self._tried("ranked", queries)
        return super().recommend(queries)

    def retrieval_order(self, queries: Sequence[Query]) -> list[Page]:
        self._tried("retrieval_order", queries)
        return super().retrieval_order(queries)

    def popular(self, queries: Sequence[Query]) -> list[Page]:
        self._tried("popular", queries)
        return super().popular(queries)

    def _tried(self, rung: str, queries: Sequence[Query]) -> None:
        self.asked.append((rung, len(queries)))
        if rung in self.rungs or any(query.user_id == "poison" for query in queries):
            raise RuntimeError(f"{rung} fails")
        if any(query.user_id == "bad" for query in queries):
            raise BadInput("bad is not to be used.")


def how(answers: Sequence[Answer | Exception]) -> list[object]:
    return [one.degraded if isinstance(one, Answer) else type(one) for one in answers]


def test_a_batch_is_asked_for_once() -> None:
    recommender = Failing()
    found = ladder.answers(recommender, [query("a"), query("b"), query("c")])
    assert how(found) == [None, None, None]
    assert recommender.asked == [("ranked", 3)]


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        (("ranked",), "retrieval_order"),
        (("ranked", "retrieval_order"), "popular"),
        (("ranked", "retrieval_order", "popular"), RuntimeError),
        (("retrieval_order", "popular"), None),
    ],
)
def test_each_rung_holds_what_the_one_above_lets_fall(
    failing: tuple[str, ...], expected: object
) -> None:
    assert how(ladder.answers(Failing(*failing), [query("a"), query("b")])) == [expected, expected]


def test_a_query_that_fails_takes_no_neighbour_down() -> None:
    found = ladder.answers(Failing(), [query("a"), query("poison"), query("b")])
    assert how(found) == [None, RuntimeError, None]
    first = found[0]
    assert isinstance(first, Answer)
    assert len(first.page.items) == 3


def test_a_query_that_cannot_be_used_is_no_failure_of_the_model() -> None:
    recommender = Failing()
    assert how(ladder.answers(recommender, [query("a"), query("bad")])) == [None, BadInput]
    assert {rung for rung, _ in recommender.asked} == {"ranked"}


def test_late_requests_begin_below_the_ranker() -> None:
    recommender = Failing()
    assert how(ladder.answers(recommender, [query("a")], ladder.UNRANKED)) == ["retrieval_order"]
    assert recommender.asked == [("retrieval_order", 1)]


def test_a_page_too_few_is_a_failure() -> None:
    class Forgetful(FakeRecommender):
        def recommend(self, queries: Sequence[Query]) -> list[Page]:
            return super().recommend(queries[1:])

    found = ladder.answers(Forgetful("v1"), [query("a"), query("b")])
    assert how(found) == ["retrieval_order", "retrieval_order"]
