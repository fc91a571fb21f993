"""FAISS behind the contract: brute force, and inverted lists over 8-bit vectors.

Douze et al., "The Faiss library" (2024); the kinds' names are FAISS factory strings.
"""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from recsys import mapped
from recsys.index.contract import NO_ROW, Rows, Subset, Vectors
from recsys.threads import one_openmp_thread

_FAISS: Any = faiss
"""As its Python wraps it: the types that it declares are those of C++."""

_TRAINING_VECTORS_PER_LIST = 64
"""FAISS advises 39 to 256; more costs build time and gained no recall here."""


class BruteForce:
    """Exact search: every row is compared."""

    def __init__(self, index: Any, content: NDArray[np.uint8] | None = None) -> None:
        """
        Args:
            index: FAISS's.
            content: the bytes that it looks into, if they aren't its own.
        """
        self._index = index
        self._content = content

    @classmethod
    def build(cls, vectors: Vectors) -> Self:
        """Indexes `[num_rows, dim]` vectors."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors))
        return cls(index)

    def search(
        self,
        queries: Vectors,
        k: int,
        among: Subset | None = None,
        on_all_cores: bool = False,
    ) -> tuple[Rows, Vectors]:
        """See `Index.search`; a server's threads search on one core each."""
        found = min(k, self._index.ntotal)
        products = np.full((len(queries), k), -np.inf, dtype=np.float32)
        rows = np.full((len(queries), k), NO_ROW, dtype=np.int64)
        if found and len(queries):
            chosen = None if among is None else self._parameters(among)
            with contextlib.nullcontext() if on_all_cores else one_openmp_thread():
                found_products, found_rows = self._index.search(
                    np.ascontiguousarray(queries), found, params=chosen
                )
            products[:, :found], rows[:, :found] = found_products, found_rows
            products[rows == NO_ROW] = -np.inf
        return rows, products

    def _parameters(self, among: Subset) -> Any:
        """FAISS's, of a search that compares some rows only."""
        return _FAISS.SearchParameters(sel=_FAISS.IDSelectorBitmap(among.bits))

    def save(self, path: Path) -> None:
        """Writes FAISS's own format."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Maps FAISS's own format. FAISS would map it by itself too, but nobody could bring its
        pages in before a query, nor give them back."""
        content = np.frombuffer(mapped.content(path), np.uint8)
        reader = _FAISS.ZeroCopyIOReader(_FAISS.swig_ptr(content), len(content))
        return cls(_FAISS.read_index(reader), content)


class InvertedLists(BruteForce):
    """Approximate search: only the lists nearest to the query are compared, in 8 bits a value."""

    @property
    def num_lists(self) -> int:
        """How many lists there are."""
        return int(self._index.nlist)

    @property
    def num_probes(self) -> int:
        """How many of them a search visits."""
        return int(self._index.nprobe)

    @num_probes.setter
    def num_probes(self, count: int) -> None:
        self._index.nprobe = count

    @classmethod
    def build(cls, vectors: Vectors, num_lists: int = 4_096, num_probes: int = 64) -> Self:
        """Clusters `[num_rows, dim]` vectors into lists; a search visits `num_probes` of them."""
        index: Any = faiss.index_factory(
            vectors.shape[1], f"IVF{num_lists},SQ8", faiss.METRIC_INNER_PRODUCT
        )
        # Spherical clusters are the ones that an inner product with a unit vector ranks by.
        index.cp.spherical = True
        sample = min(len(vectors), num_lists * _TRAINING_VECTORS_PER_LIST)
        rows = np.random.default_rng(0).choice(len(vectors), size=sample, replace=False)
        index.train(np.ascontiguousarray(vectors[np.sort(rows)]))
        index.add(np.ascontiguousarray(vectors))
        index.nprobe = min(num_probes, num_lists)
        return cls(index)

    def _parameters(self, among: Subset) -> Any:
        # To find as many of fewer rows, a search has to visit more lists, though not as many more:
        # what is near is in the first. FAISS would visit one if it weren't told.
        num_probes = math.ceil(self._index.nprobe * math.sqrt(among.num_rows / max(1, among.count)))
        return _FAISS.SearchParametersIVF(
            sel=_FAISS.IDSelectorBitmap(among.bits), nprobe=min(num_probes, self._index.nlist)
        )
