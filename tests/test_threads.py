from __future__ import annotations

import faiss
import threadpoolctl

from recsys import threads


def test_numpys_products_take_one_thread() -> None:
    threads.hold_blas_to_one_thread()
    libraries = [one for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"]
    numpys = [one for one in libraries if "faiss" not in one["filepath"]]
    assert numpys
    assert {one["num_threads"] for one in numpys} == {1}


def test_searches_take_one_thread_and_what_comes_after_takes_as_many_as_before() -> None:
    before = faiss.omp_get_max_threads()
    with threads.one_openmp_thread():
        assert faiss.omp_get_max_threads() == 1
    assert faiss.omp_get_max_threads() == before
