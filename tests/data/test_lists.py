import numpy as np

from data.lists import contains, packed, repeated, turns


def test_contains_looks_in_the_row_s_own_list() -> None:
    lists = np.array([[1, 2, -1], [3, -1, -1]])
    items = np.array([[2, 3, -1, 9], [3, 1, -1, 3]])
    assert contains(lists, items).tolist() == [
        [True, False, False, False],
        [True, False, False, True],
    ]


def test_repeated_marks_all_but_the_first() -> None:
    lists = np.array([[4, 5, 4, 4, 5], [1, 2, 3, 4, 5]])
    assert repeated(lists).tolist() == [[False, False, True, True, True], [False] * 5]


def test_packed_keeps_the_first_of_each_app_in_order() -> None:
    lists = np.array([[-1, 7, 3, 7, -1, 9], [2, 2, 2, -1, -1, -1]])
    assert packed(lists, 3).tolist() == [[7, 3, 9], [2, -1, -1]]
    assert packed(lists, 2).tolist() == [[7, 3], [2, -1]]


def test_turns_count_equal_keys_before() -> None:
    assert turns(np.array([5, 3, 5, 5, 3, 8])).tolist() == [0, 0, 1, 2, 1, 0]
    assert turns(np.array([], np.int32)).tolist() == []
