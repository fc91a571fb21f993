from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.app_rows import AppRows, arrays_of
from recsys.errors import BadInput
from recsys.index.contract import NO_ROW

IDS = st.lists(st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text), unique=True)


@given(IDS, st.lists(st.text(max_size=40)))
def test_ids_are_found_and_no_others(app_ids: list[str], others: list[str]) -> None:
    rows = AppRows(arrays_of(app_ids))
    expected = {app_id: row for row, app_id in enumerate(app_ids)}
    asked = [*others, *app_ids, *others]
    found = rows.find(asked)
    assert found.dtype == np.int64
    assert found.tolist() == [expected.get(app_id, NO_ROW) for app_id in asked]
    assert [rows.find([app_id])[0] for app_id in asked] == found.tolist()


def test_many_are_as_one() -> None:
    app_ids = [f"com.example.app{number:05d}" for number in range(20_000)]
    rows = AppRows(arrays_of(app_ids))
    assert rows.find(iter(app_ids)).tolist() == list(range(20_000))
    assert rows.find([app_ids[-1]]).tolist() == [19_999]


@pytest.mark.parametrize("odd", ["", "\0", "a\0", "\0a", "a\0b", "\ud800", "a" * 200_000])
def test_odd_ids_are_of_no_app(odd: str) -> None:
    rows = AppRows(arrays_of(["a", "b", "ab"]))
    assert rows.find(["b", odd, "a", odd]).tolist() == [1, NO_ROW, 0, NO_ROW]


def test_an_id_belongs_to_one_app() -> None:
    with pytest.raises(BadInput, match="apps 'b' and 'b' can't be told apart"):
        arrays_of(["a", "b", "c", "b"])
