"""Padded lists: tables of rows of apps, one list a row, in which -1 is no app."""

from __future__ import annotations

import numpy as np

from data.arrays import Booleans, Integers


def contains(lists: Integers, items: Integers) -> Booleans:
    """Whether each item of a row `[n, k]` is in that row's list `[n, c]`; -1 is in none."""
    found = np.zeros(items.shape, bool)
    for column in range(items.shape[1]):
        found[:, column] = (lists == items[:, column, None]).any(1)
    return found & (items >= 0)


def repeated(lists: Integers) -> Booleans:
    """Marks all but the first of equal entries in each row, `[n, c]`."""
    order = np.argsort(lists, axis=1, kind="stable")
    ordered = np.take_along_axis(lists, order, 1)
    marks = np.zeros(lists.shape, bool)
    np.put_along_axis(marks, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return marks


def packed(lists: Integers, size: int) -> Integers:
    """Each row's distinct apps to the left, in order and at most `size` of them, `[n, size]`."""
    keep = (lists >= 0) & ~repeated(lists)
    front = np.argsort(~keep, axis=1, kind="stable")[:, :size]
    return np.take_along_axis(np.where(keep, lists, -1), front, 1).astype(np.int32)


def turns(keys: Integers) -> Integers:
    """How many equal keys stand before each key, `[n]`."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    lengths = np.diff(starts, append=len(keys))
    turn = np.empty(len(keys), np.int32)
    turn[order] = np.arange(len(keys)) - np.repeat(starts, lengths)
    return turn
