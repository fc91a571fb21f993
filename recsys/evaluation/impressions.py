"""How well a ranker foretells which impressions lead to an install."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys.bundle import Bundle
from recsys.evaluation import probabilities
from recsys.evaluation.intervals import Ratio
from recsys.evaluation.slices import Asked
from recsys.features import spec
from recsys.features.spec import Features

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NUM_BUCKETS = 10
"""Of the calibration."""

_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class Impressions:
    """What some users were shown in the days kept out, and what came of it."""

    queries: pa.Table
    """A row a request, with the columns of the query's features."""
    rows: pa.Table
    """A row an impression: `query_row` counts rows of `queries`; `app_id`; the columns of the
    app's features as they were at the request; `installed`."""
    users_of_queries: Integers
    """`[num_queries]`, a number for whose each request is."""
    asked: Asked
    """What is known of the requests."""

    @property
    def app_ids(self) -> list[str]:
        """The app of each impression, `[num_impressions]`."""
        app_ids: list[str] = self.rows["app_id"].to_pylist()
        return app_ids

    @cached_property
    def labels(self) -> Booleans:
        """Whether each impression led to an install, `[num_impressions]`."""
        labels: Booleans = self.rows["installed"].to_numpy()
        return labels

    @property
    def query_rows(self) -> Integers:
        """The request of each impression, `[num_impressions]`."""
        rows: Integers = self.rows["query_row"].to_numpy()
        return rows

    @cached_property
    def users(self) -> Integers:
        """Whose each impression is, `[num_impressions]`."""
        return self.users_of_queries[self.query_rows]


def scores(bundle: Bundle, impressions: Impressions) -> Floats:
    """The chances that a bundle's ranker gives to impressions, from raw features,
    `[num_impressions]`.

    A feature that the bundle knows and the days do not have is missing.
    """
    model, features = bundle.model(), bundle.config.features
    of_query, of_candidate = spec.of_query(features), spec.of_candidate(features)
    queries = _with_columns(impressions.queries, of_query)
    rows = _with_columns(impressions.rows, of_candidate)
    found = [np.empty(0)]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows.slice(start, _ROWS_AT_ONCE)
        # Impressions of a request are neighbours: each request is encoded once.
        asked, request = np.unique(some["query_row"].to_numpy(), return_inverse=True)
        query = model.encode_query(spec.raw_from_table(queries.take(asked), of_query))
        app = model.encode_candidate(spec.raw_from_table(some, of_candidate))
        query = {name: values.numpy()[request] for name, values in query.items()}
        candidate = {name: values[:, None] for name, values in app.items()}
        found.append(model.score(query, candidate).numpy()[:, 0])
    return np.concatenate(found).astype(np.float64)


def ranking_metrics(labels: Booleans, scored: Floats, users: Integers) -> dict[str, Ratio]:
    """Metrics of a ranker on impressions of both classes, by name.

    Args:
        labels: `[num_impressions]`, whether each led to an install.
        scored: `[num_impressions]`, the ranker's chances.
        users: `[num_impressions]`, whose each is; any numbers.
    """
    users, num_users = _from_zero(users)
    num_impressions = _sums(users, np.ones(len(users)), num_users)
    lost = _sums(users, probabilities.log_losses(labels, scored), num_users)
    own = probabilities.user_aucs(labels, scored, users, num_users)
    has_pairs = own.num_impressions > 0
    # The entropy of the mean is taken for a constant: users are what is resampled.
    entropy = probabilities.entropy(float(labels.mean()))
    return {
        "ranking_auc": Ratio.mean(auc_by_user(labels, scored, users, num_users)),
        "ranking_grouped_auc": Ratio(
            np.where(has_pairs, own.aucs * own.num_impressions, 0.0), own.num_impressions
        ),
        "ranking_log_loss": Ratio(lost, num_impressions),
        "ranking_normalised_entropy": Ratio(lost, num_impressions * entropy),
        "ranking_calibration": Ratio(
            _sums(users, scored, num_users), _sums(users, labels, num_users)
        ),
    }


def auc_by_user(labels: Booleans, scored: Floats, users: Integers, num_users: int) -> Floats:
    """What each user adds to the AUC, `[num_users]`: their mean is the AUC, so that it can be
    resampled by user.

    An AUC is no mean over users, but its first-order change when a user counts more is: how much
    better the user's positives and negatives are placed than the AUC says (DeLong et al., 1988; for
    clusters Obuchowski, Biometrics 1997).
    """
    placed = probabilities.placements(labels, scored)
    mean = float(placed[labels].mean())
    weights = np.where(labels, 1.0 / labels.sum(), 1.0 / (~labels).sum())
    return mean + num_users * _sums(users, (placed - mean) * weights, num_users)


def calibration(labels: Booleans, scored: Floats, users: Integers) -> list[tuple[Ratio, Ratio]]:
    """For each bucket of scores, the mean score and the share that was installed, as ratios over
    users; none where a score is not a number."""
    if np.isnan(scored).any():
        return []
    users, num_users = _from_zero(users)
    buckets = probabilities.buckets_by_score(scored, NUM_BUCKETS)
    found = []
    for bucket in np.unique(buckets):
        rows = buckets == bucket
        counts = _sums(users[rows], np.ones(rows.sum()), num_users)
        expected = _sums(users[rows], scored[rows], num_users)
        installs = _sums(users[rows], labels[rows], num_users)
        found.append((Ratio(expected, counts), Ratio(installs, counts)))
    return found


def _sums(users: Integers, values: Floats | Booleans, num_users: int) -> Floats:
    return np.bincount(users, values, minlength=num_users).astype(np.float64)


def _from_zero(users: Integers) -> tuple[Integers, int]:
    """The users of some rows, numbered anew from 0, and how many they are."""
    known, numbers = np.unique(users, return_inverse=True)
    return numbers, len(known)


def _with_columns(table: pa.Table, features: Features) -> pa.Table:
    """The table, with nulls in the columns that it lacks."""
    for column in spec.columns(features):
        if column not in table.column_names:
            table = table.append_column(column, pa.nulls(len(table)))
    return table
