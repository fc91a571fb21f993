"""A model's weights by name: plain arrays, which nothing needs to unpickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recsys.features.transformed import load_arrays, save_arrays


def save(model: Any, folder: Path) -> None:
    """Writes every variable of a Keras model as `<name>.npy`."""
    save_arrays(folder, {_name(variable): variable.numpy() for variable in model.variables})


def restore(model: Any, folder: Path) -> None:
    """Sets every variable of a built Keras model to what `save` wrote."""
    arrays = load_arrays(folder)
    for variable in model.variables:
        variable.assign(arrays[_name(variable)])


def _name(variable: Any) -> str:
    return str(variable.name).removesuffix(":0").replace("/", ".")
