"""A trained model on disk, by name and as plain arrays, which nothing needs to unpickle: its
weights, what their rows stand for, and what its optimisers remember."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from recsys.features.transform import FittedTransform
from recsys.features.transformed import load_arrays, save_arrays
from recsys.models import rows
from recsys.models.rows import name_of

WEIGHTS = "weights"
OPTIMIZER = "optimizer"
ROWS = "rows"


def save(model: Any, folder: Path) -> None:
    """Writes every trained variable of a Keras model as `<name>.npy`."""
    save_arrays(folder, {name_of(one): one.numpy() for one in model.trainable_variables})


def restore(model: Any, folder: Path) -> None:
    """Sets every trained variable of a built Keras model to what `save` wrote."""
    arrays = load_arrays(folder)
    for variable in model.trainable_variables:
        variable.assign(arrays[name_of(variable)])


def save_as_base(model: Any, fitted: FittedTransform, out: Path) -> None:
    """Writes all that a warm start reads: `weights/`, `rows/` and `optimizer/`."""
    save(model, out / WEIGHTS)
    rows.save(model.layout(), fitted, out / ROWS)
    save_arrays(out / OPTIMIZER, {name: one.numpy() for name, one in state_of(model).items()})


def state_of(model: Any) -> dict[str, Any]:
    """What a compiled model's optimisers know that a warm start keeps, as variables by name."""
    return {
        name: state
        for optimizer, variables in model.optimizers()
        for variable in variables
        for name, state in slots_of(optimizer, variable).items()
    }


def slots_of(optimizer: Any, variable: Any) -> dict[str, Any]:
    """What an optimiser knows of a variable that a warm start keeps, as variables of its shape by
    name, `<weight>.<slot>`."""
    if isinstance(optimizer, tf.keras.optimizers.legacy.Adam):
        return {}
    # Keras makes slots at the first step, and offers no public function for it.
    optimizer._create_all_weights([variable])
    return {
        f"{name_of(variable)}.{slot}": optimizer.get_slot(variable, slot)
        for slot in optimizer.get_slot_names()
    }
