"""How many threads numeric libraries take.

A request's products are small: to share one among threads costs more than it saves, and the other
cores have requests of their own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import faiss
import threadpoolctl


def hold_blas_to_one_thread() -> None:
    """From now on NumPy's products are computed in the thread that asks for them.

    FAISS has a BLAS of its own, which builds an index on all cores.
    """
    for library in threadpoolctl.ThreadpoolController().lib_controllers:
        if library.user_api == "blas" and "faiss" not in library.filepath:
            library.set_num_threads(1)


@contextlib.contextmanager
def one_openmp_thread() -> Iterator[None]:
    """FAISS computes in the calling thread alone while the block runs; OpenMP would give each
    thread that searches a pool of its own."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
