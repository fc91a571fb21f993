"""How many may wait: more in a burst than in a flood."""

from __future__ import annotations

from recsys.config.serving import Serving
from serving.places import Places


def settled(seconds_each: float = 0.001) -> Places:
    places = Places(Serving(max_queue=100, max_wait_ms=20, max_batch=8))
    for _ in range(21):
        places.computed(seconds_each)
    return places


def test_as_many_may_wait_as_are_computed_in_time() -> None:
    assert Places(Serving(max_queue=100)).count == 100, "nothing is known yet"
    assert settled(0.001).count == 20
    assert settled(0.00001).count == 100
    assert settled(1.0).count == 8, "a batch's, however slow"


def test_what_a_request_takes_is_the_usual_of_late() -> None:
    places = settled(0.001)
    for _ in range(10):
        places.computed(0.5)  # a stall
    assert places.count == 20
    places.computed(0.002)
    assert places.count == 10


def test_who_comes_first_finds_places_though_all_is_slow() -> None:
    places = Places(Serving(max_queue=100, max_wait_ms=20, max_batch=8))
    for _ in range(10):
        places.computed(0.1)
    assert places.count == 100


def test_a_burst_is_let_in_until_all_places_are_taken() -> None:
    places = settled()
    assert [places.admits(taken) for taken in range(25)] == [True] * 20 + [False] * 5
    assert places.count == 20


def test_in_a_flood_few_are_let_in_and_afterwards_as_many_as_before() -> None:
    places = settled()
    for _ in range(50):
        places.admits(20)
    assert places.count == 4
    assert places.admits(3)
    assert not places.admits(4)
    for _ in range(100):
        places.admits(0)
    assert places.count == 20


def test_who_is_seldom_refused_is_in_no_flood() -> None:
    places = settled()
    for _ in range(1_000):
        assert not places.admits(20)
        assert all(places.admits(10) for _ in range(5))


def test_a_flood_takes_no_more_places_than_there_are() -> None:
    places = Places(Serving(max_queue=2))
    for _ in range(50):
        places.admits(2)
    assert places.count == 2
