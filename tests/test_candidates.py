from __future__ import annotations

import numpy as np

from recsys import candidates
from recsys.candidates import Candidates, from_source, merge, names
from recsys.index.contract import NO_ROW


def found(merged: Candidates, query: int) -> dict[int, tuple[str, ...]]:
    """The sources of each app, which must be there once."""
    places = np.flatnonzero(merged.present()[query])
    rows = merged.rows[query, places].tolist()
    assert len(set(rows)) == len(rows)
    return dict(zip(rows, map(names, merged.sources[query, places].tolist()), strict=True))


def test_an_app_is_a_candidate_once_with_all_its_sources() -> None:
    merged = merge(
        [
            from_source("retrieval", np.array([[5, 2, NO_ROW], [1, 2, 3]])),
            from_source("popular", np.array([[2, 7], [NO_ROW, NO_ROW]])),
            from_source("new", np.array([[2, 5], [3, 9]])),
        ]
    )
    assert found(merged, 0) == {
        2: ("retrieval", "popular", "new"),
        5: ("retrieval", "new"),
        7: ("popular",),
    }
    assert found(merged, 1) == {
        1: ("retrieval",),
        2: ("retrieval",),
        3: ("retrieval", "new"),
        9: ("new",),
    }


def test_what_was_removed_before_a_merge_stays_removed() -> None:
    kept = (
        from_source("retrieval", np.array([[4, 6]])).removed_by(np.array([[1, 0]], np.uint8)).kept()
    )
    assert found(kept, 0) == {6: ("retrieval",)}
    merged = merge([kept, from_source("catalogue", np.array([[8, 6]]))])
    assert found(merged, 0) == {6: ("retrieval", "catalogue"), 8: ("catalogue",)}


def test_sources_of_one_query_never_reach_the_next() -> None:
    rows = np.array([[1, 9], [9, 1], [9, 9]])
    merged = merge([from_source("new", rows), from_source("popular", rows[::-1])])
    assert [set(found(merged, query)) for query in range(3)] == [{1, 9}, {1, 9}, {1, 9}]
    assert found(merged, 2)[1] == ("popular",)


def test_merging_no_candidates_gives_none() -> None:
    empty = from_source("popular", np.empty((2, 0), dtype=np.int64))
    assert merge([empty, empty]).rows.shape == (2, 0)
    nobody = from_source("new", np.full((1, 3), NO_ROW))
    assert not merge([nobody, empty.kept()][:1]).present().any()


def test_every_source_has_a_name_of_its_own() -> None:
    bits = [from_source(source, np.zeros((1, 1), int)).sources for source in candidates.SOURCES]
    assert [names(int(bit[0, 0])) for bit in bits] == [(s,) for s in candidates.SOURCES]
    assert names(0) == ()


def test_what_removes_an_app_is_known_after_a_merge_and_counts_once() -> None:
    near = from_source("retrieval", np.array([[4, 6]])).removed_by(np.array([[3, 0]], np.uint8))
    popular = from_source("popular", np.array([[8, 4]])).removed_by(np.array([[0, 3]], np.uint8))
    merged = merge([near, popular])
    reasons = merged.reasons()[merged.present()].tolist()
    assert merged.rows[merged.present()].tolist() == [4, 6, 8]
    assert reasons == [3, 0, 0]
    assert found(merged.kept(), 0) == {6: ("retrieval",), 8: ("popular",)}


def test_candidates_are_cut_to_those_that_are_wanted() -> None:
    rows = np.array([[5, 4, NO_ROW, 3, 2], [5, 4, 3, 2, 1]])
    reasons = np.array([[1, 0, 0, 0, 0], [0, 0, 0, 2, 0]], dtype=np.uint8)
    cut = from_source("retrieval", rows).removed_by(reasons).first(np.array([2, 1]))
    assert cut.rows.tolist() == [
        # What was removed on the way counts, what lies behind the last that is wanted does not.
        [5, 4, NO_ROW, 3, NO_ROW],
        [5, NO_ROW, NO_ROW, NO_ROW, NO_ROW],
    ]
    assert cut.kept().rows[0].tolist() == [NO_ROW, 4, NO_ROW, 3, NO_ROW]
