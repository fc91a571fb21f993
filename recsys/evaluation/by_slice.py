"""Measures every slice that the configuration declares.

A slice is of pairs of a query and an app. A user's recall on it counts the installs that are in it,
so a slice of apps sees a part of what a user installed; a slice of queries, all of it. Ranking is
measured on the impressions that are in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.config import Config, Slice
from recsys.evaluation import impressions, ranked_lists
from recsys.evaluation.apps import Apps
from recsys.evaluation.intervals import Ratio
from recsys.evaluation.observed import HeldOut, Lists, Observed, Systems
from recsys.evaluation.pages import HeldOutUser, hits_of, num_relevant_of
from recsys.evaluation.results import Comparison, MeasuredSlice, System
from recsys.evaluation.slices import Asked, Dimensions, Labels, crossed

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Comparing = Callable[[Mapping[System, Mapping[str, Ratio]]], dict[str, Comparison]]
Groups = Mapping[tuple[str, ...], Integers]

_OF_RANKING = ("ranking_auc", "ranking_log_loss", "ranking_calibration")
_NOTHING: Integers = np.empty(0, dtype=np.int64)


def measured_slices(
    held_out: HeldOut, systems: Systems, apps: Apps, config: Config, comparing: Comparing
) -> Iterator[MeasuredSlice]:
    """Every value of everything that slices are made by, in order."""
    slices = _Slices(held_out, systems, apps, config)
    for declared in config.evaluation.slices:
        yield from slices.by(declared, comparing)


class _Installs:
    """What the users installed, a row each."""

    def __init__(self, users: Sequence[HeldOutUser], apps: Apps) -> None:
        counts = [len(user.relevant) for user in users]
        self.users: Integers = np.repeat(np.arange(len(users)), counts)
        self.app_ids = [app_id for user in users for app_id in sorted(user.relevant)]
        self.apps = apps.rows(self.app_ids)

    def found(self, lists: Lists, k: int) -> Booleans:
        """Whether each install is among the first k of its user's list."""
        firsts = [set(ids[:k]) for ids in lists]
        pairs = zip(self.users.tolist(), self.app_ids, strict=True)
        return np.array([app_id in firsts[user] for user, app_id in pairs], dtype=np.bool_)


@dataclass(frozen=True)
class _Found:
    """What one system's lists held."""

    on_page: Booleans
    """`[num_installs]`"""
    by_retrieval: Booleans | None
    """`[num_installs]`"""
    ndcg: Floats
    """`[num_users]`, of the page."""

    @staticmethod
    def of(observed: Observed, held_out: HeldOut, installs: _Installs, config: Config) -> _Found:
        """By one system."""
        k, users = config.evaluation.k, held_out.users
        retrieved, depth = observed.retrieved, config.evaluation.retrieval_k
        hits = hits_of(observed.pages, users, k)
        return _Found(
            on_page=installs.found(observed.pages, k),
            by_retrieval=None if retrieved is None else installs.found(retrieved, depth),
            ndcg=ranked_lists.ndcg_at_k(hits, num_relevant_of(users), k),
        )


class _Slices:
    """The slices of one evaluation."""

    def __init__(self, held_out: HeldOut, systems: Systems, apps: Apps, config: Config) -> None:
        self._held_out, self._systems, self._apps = held_out, systems, apps
        self._min_size = config.evaluation.min_slice_size
        self._dimensions = Dimensions(config.features, config.evaluation)
        self._installs = _Installs(held_out.users, apps)
        self._found = {
            system: _Found.of(observed, held_out, self._installs, config)
            for system, observed in systems.items()
        }
        shown = held_out.impressions
        self._shown_apps = _NOTHING if shown is None else apps.rows(shown.app_ids)

    def by(self, declared: Slice, comparing: Comparing) -> Iterator[MeasuredSlice]:
        """The slices of one declaration."""
        installs, shown = self._installs, self._held_out.impressions
        asked = self._held_out.asked
        of_installs = _grouped(self._labels(declared, asked, installs.users, installs.apps))
        of_shown: Groups = {}
        if shown is not None:
            labels = self._labels(declared, shown.asked, shown.query_rows, self._shown_apps)
            of_shown = _grouped(labels)
        is_of_queries = not any(self._dimensions.is_of_app(name) for name in declared.by)
        for value in sorted(of_installs.keys() | of_shown.keys()):
            rows = of_installs.get(value, _NOTHING)
            rows_shown = of_shown.get(value, _NOTHING)
            of_lists = {
                system: self._list_metrics(found, rows, is_of_queries)
                for system, found in self._found.items()
            }
            of_ranking = {
                system: self._ranking_metrics(observed, rows_shown)
                for system, observed in self._systems.items()
            }
            yield MeasuredSlice(
                values=dict(zip(declared.by, value, strict=True)),
                num_users=len(np.unique(installs.users[rows])),
                num_impressions=len(rows_shown),
                num_installs=0 if shown is None else int(shown.labels[rows_shown].sum()),
                metrics=comparing(of_lists) | comparing(of_ranking),
            )

    def _labels(self, declared: Slice, asked: Asked, queries: Integers, apps: Integers) -> Labels:
        """The slice that each pair of a query and an app is in."""
        dimensions = self._dimensions
        labels = [
            dimensions.of_apps(name, self._apps).take(apps)
            if dimensions.is_of_app(name)
            else dimensions.of_queries(name, asked).take(queries)
            for name in declared.by
        ]
        return labels[0] if len(labels) == 1 else crossed(*labels)

    def _list_metrics(self, found: _Found, rows: Integers, is_of_queries: bool) -> dict[str, Ratio]:
        """Of installs; nothing where too few users made them."""
        users, owners = np.unique(self._installs.users[rows], return_inverse=True)
        if len(users) < self._min_size:
            return {}
        num = np.bincount(owners)
        metrics = {"page_recall": Ratio.mean(np.bincount(owners, found.on_page[rows]) / num)}
        if found.by_retrieval is not None:
            recalls = np.bincount(owners, found.by_retrieval[rows]) / num
            metrics["retrieval_recall"] = Ratio.mean(recalls)
        if is_of_queries:
            metrics["page_ndcg"] = Ratio.mean(found.ndcg[users])
        return metrics

    def _ranking_metrics(self, observed: Observed, rows: Integers) -> dict[str, Ratio]:
        """Of impressions; nothing where too few users, installs or other impressions are there."""
        shown = self._held_out.impressions
        if shown is None or observed.scores is None:
            return {}
        labels, users = shown.labels[rows], shown.users[rows]
        sizes = (len(np.unique(users)), labels.sum(), (~labels).sum())
        if min(sizes) < self._min_size:
            return {}
        metrics = impressions.ranking_metrics(labels, observed.scores[rows], users)
        return {name: metrics[name] for name in _OF_RANKING}


def _grouped(labels: Labels) -> Groups:
    """The rows of each value that occurs."""
    order = np.argsort(labels.codes, kind="stable")
    codes, starts = np.unique(labels.codes[order], return_index=True)
    parts = np.split(order, starts[1:])
    return {labels.values[code]: part for code, part in zip(codes.tolist(), parts, strict=True)}
