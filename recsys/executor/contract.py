"""What the request path asks of the models, whatever computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.features.transformed import Arrays
from recsys.index.contract import Rows

Scores = NDArray[np.float32]
Installed = Callable[[int], Rows]
"""The rows of the last so many apps that each query has installed, `[num_queries, count]`: `NO_ROW`
where an app is not in the catalogue, and behind the last one."""


class Models(Protocol):
    """Transform, query tower and ranker of one bundle; safe to call from several threads.

    `recsys.executor.model.Executor` serves; `recsys.models.export.SavedModels` is what it must
    agree with.
    """

    def encode_query(self, raw: Arrays, installed: Installed | None = None) -> Arrays:
        """Raw query features `[num_queries, ...]` to transformed ones, and to the queries' unit
        vectors `embedding` `[num_queries, dim]`.

        Args:
            raw: as `recsys.features.spec` describes them.
            installed: the rows of what `spec.HISTORY` names, for who has looked them up already.
        """
        ...

    def score(self, encoded: Arrays, rows: Rows) -> Scores:
        """Encoded queries and the rows of their candidates `[num_queries, num_candidates]` to
        chances of an install of the same shape; minus infinity where the row is `NO_ROW`."""
        ...
