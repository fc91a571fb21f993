"""What pages are like beside being right: how much of the catalogue they show, and how surprising,
varied and personal they are. None of these has a good value by itself; a change of one asks why.

`pages` `[num_users, k]` holds rows of the catalogue, `NO_ROW` where a page ends early.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.index.contract import NO_ROW

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def catalogue_coverage(pages: Integers, num_apps: int) -> float:
    """The share of the catalogue that is on any page (Ge, Delgado-Battenfeld & Jannach, RecSys
    2010); it grows with the number of pages."""
    return len(np.unique(pages[pages != NO_ROW])) / num_apps


def self_information(num_installs: Integers) -> Floats:
    """How many bits an app tells, -log2 of its share of all installs, `[num_apps]` (Zhou et al.,
    PNAS 2010; the popularity-based item novelty of Vargas & Castells, RecSys 2011, section 4.1).

    One install is added to each app, so that one without any is very novel and not infinitely so.
    """
    counts = num_installs + 1.0
    information: Floats = -np.log2(counts / counts.sum())
    return information


def novelty(pages: Integers, information: Floats) -> Floats:
    """The mean self-information of each page's apps in bits, `[num_users]`; NaN for an empty page
    (Vargas & Castells, RecSys 2011, without discount or relevance)."""
    return _mean_over_places(information[pages], pages)


def share_of_places(pages: Integers, is_among: Booleans) -> Floats:
    """The share of each page's places that go to some apps, `[num_users]`: to the head, it is the
    popularity bias (Abdollahpouri, Burke & Mobasher, FLAIRS 2019, as its complement, the average
    percentage of long-tail items)."""
    return _mean_over_places(is_among[pages].astype(np.float64), pages)


def intra_list_diversity(pages: Integers, groups: Integers) -> Floats:
    """The share of the pairs of apps on each page that are of different groups, `[num_users]`: the
    mean distance between a page's apps (Smyth & McClave, ICCBR 2001; Ziegler et al., WWW 2005)
    where apps of one group are 0 apart and others 1. NaN for a page of fewer than two apps.

    Args:
        pages: rows of the catalogue.
        groups: `[num_apps]`, the group of each app, from 0: its category, which no model made.
    """
    shown = pages != NO_ROW
    num_shown = shown.sum(axis=1).astype(np.float64)
    pairs = num_shown * (num_shown - 1.0)
    keys = np.arange(len(pages))[:, None] * (groups.max(initial=0) + 1) + groups[pages]
    used, counts = np.unique(keys[shown], return_counts=True)
    owners = used // (groups.max(initial=0) + 1)
    same = np.bincount(owners, weights=counts * (counts - 1.0), minlength=len(pages))
    with np.errstate(invalid="ignore"):
        return np.where(pairs > 0, 1.0 - same / pairs, np.nan)


def head(num_installs: Integers, share: float) -> Booleans:
    """The apps installed most that together have a share of all installs, `[num_apps]`."""
    order = np.argsort(-num_installs, kind="stable")
    before = np.cumsum(num_installs[order]) - num_installs[order]
    is_head = np.zeros(len(num_installs), dtype=np.bool_)
    is_head[order] = (before < share * num_installs.sum()) & (num_installs[order] > 0)
    return is_head


def personalisation(pages: Integers) -> float:
    """1 less the mean overlap of two users' pages, as a share of the places of a page: the Hamming
    distance of Zhou et al. (PNAS 2010). NaN for fewer than two pages.

    The mean is over all pairs, and needs none of them: n pages that show an app make n (n - 1) of
    the ordered pairs share it.
    """
    num_pages, k = pages.shape
    if num_pages < 2:
        return float("nan")
    _, counts = np.unique(pages[pages != NO_ROW], return_counts=True)
    shared = (counts * (counts - 1.0)).sum() / (num_pages * (num_pages - 1.0))
    return float(1.0 - shared / k)


def _mean_over_places(values: Floats, pages: Integers) -> Floats:
    shown = pages != NO_ROW
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(shown, values, 0.0).sum(axis=1) / shown.sum(axis=1)
    return mean
