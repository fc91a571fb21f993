"""Which index a catalogue gets."""

from __future__ import annotations

from pathlib import Path

from recsys import config
from recsys.index.contract import Index, Vectors
from recsys.index.faiss_index import BruteForce, InvertedLists

_PROBES = 64

KINDS: dict[str, type[BruteForce]] = {"brute_force": BruteForce, "ivf": InvertedLists}


def kind_for(settings: config.Index, num_rows: int) -> str:
    """The kind that the configuration means for so many rows."""
    if settings.kind != "auto":
        return settings.kind
    return "brute_force" if num_rows <= settings.brute_force_max_apps else "ivf"


def build(settings: config.Index, vectors: Vectors) -> Index:
    """Indexes `[num_rows, dim]` vectors as the configuration says.

    A list needs some rows to be a list, so a small catalogue gets fewer of them.
    """
    if kind_for(settings, len(vectors)) == "brute_force":
        return BruteForce.build(vectors)
    num_lists = max(1, min(settings.num_lists, len(vectors) // 39))
    return InvertedLists.build(vectors, num_lists, settings.num_probes or _PROBES)


def load(kind: str, path: Path) -> Index:
    """Reads an index of that kind."""
    return KINDS[kind].load(path)
