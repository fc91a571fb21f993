"""Warm start: a model that begins as the one that served before it (TFX, KDD 2017, section 4.2).

Every parameter is copied whose meaning lives on, by what its row stands for and never by where it
stands. A value that is new to a vocabulary begins as the out-of-vocabulary bucket that it was
looked up in until yesterday, and a new feature with zeros in the layer that it feeds. So a warm
model that was not trained yet scores what both know as its base does.

Numbers need no copying. A model sees their quantile, so a weight says what a rank is worth; when
quantiles are fitted anew, a number's rank moves by as much as its distribution did.

What optimisers know is copied beside the parameters that it is about:

* FTRL's weights are a function of its `accumulator` and `linear`; a weight without them is lost at
  its first gradient. Where they don't give the copied weight (a new value, other rates), `linear`
  is set so that they do.
* AdaGrad's `accumulator` keeps the learning rate of what was seen often low. A new value has the
  accumulator of a new model, and so learns fast.
* Adam's moments are left behind: they say how steep the last few hundred batches were. Copied, they
  made retrieval no better (recall@100 of 0.3700, against 0.3704 without them, over five days of a
  store of 5,000 apps), and they are twice the size of the towers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from recsys.features.transform import FittedTransform
from recsys.features.transformed import load_arrays
from recsys.models import rows
from recsys.models.rows import Origin, Rows, name_of
from recsys.models.weights import OPTIMIZER, ROWS, WEIGHTS, slots_of


@dataclass(frozen=True)
class Copied:
    """What a warm start took from its base."""

    num_copied: int
    """Weights that were copied, whole or in part."""
    anew: Mapping[str, str]
    """Weights that begin as those of a new model, and why."""
    left: list[str]
    """Weights of the base that the model has no place for."""
    vocabularies: Mapping[str, Mapping[str, int]]
    """How many values each vocabulary kept, gained and lost."""


def warm_start(model: Any, fitted: FittedTransform, base: Path) -> Copied:
    """Copies into a compiled model, whose weights are made, what lives on of a base model.

    Args:
        model: a `RetrievalModel` or a `RankingModel`.
        fitted: the transform that it was made for.
        base: a folder that `weights.save_as_base` wrote.
    """
    saved = rows.Saved(base / ROWS)
    before, known = load_arrays(base / WEIGHTS), load_arrays(base / OPTIMIZER)
    layout: Mapping[str, Rows] = model.layout()
    anew = {}
    for optimizer, variables in model.optimizers():
        for variable in variables:
            name = name_of(variable)
            origin = _origin(variable, before.get(name), layout, fitted, saved)
            if isinstance(origin, str):
                anew[name] = origin
                continue
            _copy(variable, before[name], origin.row, missing=0.0)
            for slot, state in slots_of(optimizer, variable).items():
                if slot in known:
                    _copy(state, known[slot], np.where(origin.is_same, origin.row, -1))
            if isinstance(optimizer, tf.keras.optimizers.legacy.Ftrl):
                _make_linear_agree(optimizer, variable)
    names = {name_of(variable) for variable in model.trainable_variables}
    return Copied(
        num_copied=len(names) - len(anew),
        anew=anew,
        left=sorted(before.keys() - names),
        vocabularies=saved.changes(layout, fitted),
    )


def _origin(
    variable: Any,
    before: NDArray[Any] | None,
    layout: Mapping[str, Rows],
    fitted: FittedTransform,
    saved: rows.Saved,
) -> Origin | str:
    """Where the rows of a variable lie in the base's of that name; else why nowhere."""
    if before is None:
        return "the base has no such weight"
    name, shape = name_of(variable), tuple(variable.shape)
    now = layout.get(name, rows.Places())
    # Rows that are told apart by what they stand for may be more or fewer.
    compared = slice(0 if isinstance(now, rows.Places) else 1, None)
    if before.shape[compared] != shape[compared]:
        return f"its shape was {list(before.shape)}, and is {list(shape)}"
    num_rows = shape[0] if shape else 1
    return rows.origin(now, saved.layout.get(name, rows.Places()), num_rows, fitted, saved)


def _copy(
    variable: Any, before: NDArray[Any], row: NDArray[np.int64], missing: float | None = None
) -> None:
    """Sets each row of a variable to a row of an array; where that is -1, to `missing`, or leaves
    it as it is."""
    values = np.atleast_1d(variable.numpy())
    found = row >= 0
    values[found] = np.atleast_1d(before)[row[found]]
    if missing is not None:
        values[~found] = missing
    variable.assign(values.reshape(variable.shape))


def _make_linear_agree(optimizer: Any, variable: Any) -> None:
    """Sets FTRL's `linear` where it and `accumulator` don't give the weight (McMahan et al., KDD
    2013, algorithm 1, with beta and l2 of 0)."""
    settings = optimizer.get_config()
    l1 = settings["l1_regularization_strength"]
    weight = variable.numpy()
    linear = optimizer.get_slot(variable, "linear")
    rate = np.sqrt(optimizer.get_slot(variable, "accumulator").numpy())
    rate /= float(settings["learning_rate"])
    z = linear.numpy()
    given = np.where(np.abs(z) > l1, (np.sign(z) * l1 - z) / rate, 0.0)
    solved = np.where(weight == 0, np.clip(z, -l1, l1), -weight * rate - np.sign(weight) * l1)
    agrees = np.isclose(given, weight, rtol=1e-4, atol=1e-6)
    linear.assign(np.where(agrees, z, solved))
