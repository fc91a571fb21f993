"""What a transform learnt from a window of examples, on disk and in memory; nothing here needs
TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys import mapped
from recsys.config import Feature
from recsys.features import spec
from recsys.features.spec import Features

CLOCK_SIZES = {"hour": 24, "weekday": 7}
SECONDS_PER_DAY = 86_400
_BOUNDARIES = "boundaries.json"


@dataclass(frozen=True)
class FittedTransform:
    """What was learnt from a window of examples."""

    features: Features
    vocabularies: Mapping[str, list[str]]
    """Values by vocabulary, the most frequent first."""
    boundaries: Mapping[str, list[float]]
    """The n_q - 1 inner quantiles of each number."""

    def size(self, name: str) -> int:
        """How many indices a feature may take: padding, vocabulary, out-of-vocabulary buckets."""
        feature = self.features[name]
        if feature.kind in CLOCK_SIZES:
            return 1 + CLOCK_SIZES[feature.kind]
        root = spec.vocabulary_of(name, feature)
        return 1 + len(self.vocabularies[root]) + self.features[root].num_oov_buckets

    def save(self, folder: Path) -> None:
        """Writes one text file a vocabulary and one JSON file of boundaries."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in self.vocabularies.items():
            vocabulary_file(folder, name).write_text("".join(f"{value}\n" for value in values))
        (folder / _BOUNDARIES).write_text(json.dumps(self.boundaries, indent=1))

    @staticmethod
    def load(folder: Path, features: Features) -> FittedTransform:
        """Reads what `save` wrote for the same features, or for some of them."""
        roots = {spec.vocabulary_of(n, f) for n, f in features.items() if has_vocabulary(f)}
        return FittedTransform(
            features=features,
            vocabularies={name: read_vocabulary(folder, name) for name in sorted(roots)},
            boundaries=read_boundaries(folder),
        )


def has_vocabulary(feature: Feature) -> bool:
    """Whether a feature's values are looked up."""
    return feature.kind in ("category", "categories")


def read_boundaries(folder: Path) -> dict[str, list[float]]:
    """The quantiles of what `FittedTransform.save` wrote."""
    boundaries: dict[str, list[float]] = json.loads((folder / _BOUNDARIES).read_text())
    return boundaries


def read_vocabulary(folder: Path, name: str) -> list[str]:
    """One vocabulary of what `FittedTransform.save` wrote, the most frequent values first."""
    return vocabulary_file(folder, name).read_text().split("\n")[:-1]


class MappedVocabulary:
    """The same without an object a value, for a vocabulary of which few are asked for."""

    def __init__(self, folder: Path, name: str) -> None:
        path = vocabulary_file(folder, name)
        self._text = mapped.content(path) if path.stat().st_size else b""
        text = np.frombuffer(self._text, np.uint8)
        self._ends = np.flatnonzero(text == ord("\n"))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: int) -> str:
        start = self._ends[place - 1] + 1 if place else 0
        return self._text[start : self._ends[place]].decode()


def vocabulary_file(folder: Path, name: str) -> Path:
    """Where a vocabulary lies, a value a line."""
    return folder / f"{name}.txt"
