"""What `recsys.executor` computes with, made from trained models when a bundle is built.

```
transform/           the fitted transform
weights/<name>.npy   the query's side of both models, by the names of the trained weights
apps/<name>.npy      what each app brings to its score, a row an app
```

What depends on an app alone is folded into one row: its weights of the wide part into one number,
its embeddings and numbers into their product with the deep part's first layer, its crossed values
into their fingerprints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.config import Config
from recsys.executor.crosses import MIX_LEFT, NO_VALUE
from recsys.executor.layers import Embedding, Linear
from recsys.executor.model import APPS, TRANSFORM, WEIGHTS
from recsys.executor.ranker import FIRST, WIDE, within
from recsys.features import spec
from recsys.features.fitted import FittedTransform
from recsys.features.transformed import Arrays, save_arrays
from recsys.models.crosses import fingerprints
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel
from recsys.models.rows import name_of

_ROWS_AT_ONCE = 16_384
_OF_AN_APP = ("candidate_tower.", "ranking.wide.candidate.", "ranking.deep.candidate_")


def fold(
    fitted: FittedTransform,
    config: Config,
    towers: RetrievalModel,
    ranker: RankingModel,
    catalogue: Arrays,
    out: Path,
) -> None:
    """Writes what `recsys.executor.model.Executor` maps into memory.

    Args:
        fitted: the transform.
        config: the models' configuration.
        towers: the trained towers.
        ranker: the trained ranker.
        catalogue: transformed features of every app, `[num_apps, ...]`.
        out: the folder to write into.
    """
    weights = _weights(fitted, towers, ranker)
    fitted.save(out / TRANSFORM)
    of_query = {name: w for name, w in weights.items() if not name.startswith(_OF_AN_APP)}
    save_arrays(out / WEIGHTS, of_query)
    (out / APPS).mkdir()
    if config.ranking.kind != "deep":
        _fold_wide(fitted, config, weights, catalogue, out)
    if config.ranking.kind != "linear":
        _fold_deep(fitted, weights, catalogue, out)


def _weights(
    fitted: FittedTransform, towers: RetrievalModel, ranker: RankingModel
) -> dict[str, NDArray[Any]]:
    """Both models' weights by name; a missing value's row, which no model reads, is zero."""
    variables = (*towers.trainable_variables, *ranker.trainable_variables)
    weights = {name_of(variable): variable.numpy() for variable in variables}
    indexed = {name for name, feature in fitted.features.items() if feature.kind != "number"}
    for name, values in weights.items():
        *_, owner, last = name.split(".")
        is_table = owner.endswith("embedding") or owner in ("query", "candidate")
        if is_table and last in indexed:
            values[0] = 0
    return weights


def _fold_wide(
    fitted: FittedTransform, config: Config, weights: Arrays, catalogue: Arrays, out: Path
) -> None:
    used = spec.of_candidate(spec.used_by(fitted.features, "wide"))
    linear = Linear(used, within(weights, "ranking.wide.candidate."))
    save_arrays(out / APPS, {WIDE: linear(catalogue)})
    for cross in config.ranking.crosses:
        left = fingerprints(fitted, cross.query) * MIX_LEFT
        save_arrays(out / WEIGHTS, {f"ranking.wide.{cross.name}.fingerprints": left})
        indices = catalogue[cross.candidate]
        right = np.where(indices == 0, NO_VALUE, fingerprints(fitted, cross.candidate)[indices])
        save_arrays(out / APPS, {cross.name: right})


def _fold_deep(fitted: FittedTransform, weights: Arrays, catalogue: Arrays, out: Path) -> None:
    used = spec.of_candidate(spec.used_by(fitted.features, "deep"))
    embedding = Embedding(used, within(weights, "ranking.deep.candidate_embedding."))
    kernel = weights["ranking.deep.candidate_first.kernel"]
    save_arrays(out / WEIGHTS, {"ranking.deep.affinity": kernel[-1]})
    num_apps = len(next(iter(catalogue.values())))
    first = np.lib.format.open_memmap(
        out / APPS / f"{FIRST}.npy", "w+", np.float32, (num_apps, kernel.shape[1])
    )
    for start in range(0, num_apps, _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        described = embedding({name: values[some] for name, values in catalogue.items()})
        # The product of unit vectors, last of what the layer sees, is the one thing left out.
        np.matmul(described, kernel[:-1], out=first[some])
    first.flush()
