"""Transformed examples on disk: one memory-mapped array a feature, read in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys import mapped

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class TransformedExamples:
    """What a model is trained on: queries, the examples that point into them, and the catalogue."""

    query: Arrays
    """Transformed query features, `[num_queries, ...]` each."""
    candidate: Arrays
    """Transformed candidate features as known at the request, `[num_examples, ...]` each."""
    query_day: NDArray[np.int32]
    """`[num_queries]`, days from 1970 to the span that each query is of."""
    query_row: NDArray[np.int64]
    """`[num_examples]`, each example's row in `query`."""
    app_row: NDArray[np.int64]
    """`[num_examples]`, each example's row in `catalogue`, -1 for an app that left it."""
    installed: NDArray[np.bool_]
    """`[num_examples]`, the label."""
    catalogue: Arrays
    """Transformed candidate features of every app at the window's end, `[num_apps, ...]` each."""

    def save(self, folder: Path) -> None:
        """Writes one `.npy` file an array."""
        for group in ("query", "candidate", "catalogue"):
            save_arrays(folder / group, getattr(self, group))
        rows = {
            "query_row": self.query_row,
            "app_row": self.app_row,
            "installed": self.installed,
        }
        save_arrays(folder / "examples", rows)
        save_arrays(folder / "queries", {"day": self.query_day})

    @staticmethod
    def load(folder: Path) -> TransformedExamples:
        """Maps what `save` wrote into memory."""
        examples = load_arrays(folder / "examples")
        return TransformedExamples(
            query=load_arrays(folder / "query"),
            candidate=load_arrays(folder / "candidate"),
            query_day=load_arrays(folder / "queries")["day"],
            query_row=examples["query_row"],
            app_row=examples["app_row"],
            installed=examples["installed"],
            catalogue=load_arrays(folder / "catalogue"),
        )


def save_arrays(folder: Path, arrays: Arrays) -> None:
    """Writes arrays as `<name>.npy`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)


def load_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """Maps the arrays of a folder into memory, by name; nothing is read before it is used."""
    return {path.stem: mapped.array(path) for path in sorted(folder.glob("*.npy"))}
