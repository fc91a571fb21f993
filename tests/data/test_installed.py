import numpy as np

from data.installed import InstalledApps


def lists(installed: InstalledApps) -> list[list[int]]:
    return [row[:n].tolist() for row, n in zip(installed.rows, installed.lengths, strict=True)]


def test_installs_are_appended_in_order() -> None:
    installed = InstalledApps(num_users=3, capacity=4)
    installed.add(np.array([2, 0, 2]), np.array([10, 11, 12]))
    assert lists(installed) == [[11], [], [10, 12]]
    assert installed.rows[0].tolist() == [11, -1, -1, -1]


def test_a_full_list_forgets_its_oldest_app() -> None:
    installed = InstalledApps(num_users=1, capacity=3)
    installed.add(np.zeros(5, np.int32), np.array([1, 2, 3, 4, 5]))
    assert lists(installed) == [[3, 4, 5]]


def test_uninstalls_close_the_gap_and_pass_over_what_is_not_there() -> None:
    installed = InstalledApps(num_users=2, capacity=5)
    installed.add(np.array([0, 0, 0, 1]), np.array([1, 2, 3, 1]))
    installed.remove(np.array([0, 0, 1, 1]), np.array([1, 3, 9, 1]))
    assert lists(installed) == [[2], []]
    assert (installed.rows[:, 1:] == -1).all()


def test_lists_of_some_users_are_as_wide_as_the_longest_of_them() -> None:
    installed = InstalledApps(num_users=3, capacity=8)
    installed.add(np.array([0, 0, 2]), np.array([4, 5, 6]))
    assert installed.of(np.array([2, 0])).tolist() == [[6, -1], [4, 5]]
    assert installed.of(np.array([1])).tolist() == [[-1]]
