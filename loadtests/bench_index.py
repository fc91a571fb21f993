"""What an index costs and what it finds: kinds and parameters on a bundle's own vectors, against
brute force, one thread; and what the chosen one means for pages and for filters.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from rich.console import Console
from rich.progress import track

from loadtests import bench_request, filtered_requests, report
from recsys.bundle import INDEX_POINT, Bundle
from recsys.features.spec import EMBEDDING
from recsys.index.contract import Index, Rows, Vectors
from recsys.index.faiss_index import BruteForce
from recsys.index.tuning import ann_recall
from recsys.query import Query
from recsys.recommender import Recommender
from recsys.reports.charts import Plane, Shape
from recsys.reports.drawing import Panel, drawing
from recsys.threads import one_openmp_thread

COMMAND = "recsys bench index"
K = 200
_NUM_QUERIES = 256
_BATCH_SIZE = 32
_MICROS, _MIB = 1e6, 2**20
_LISTS_PER_ROOT = 4
_PROBES = (8, 16, 32, 64, 128, 256)
_EFFORTS = (64, 128, 256, 512)
_FAISS: Any = faiss
"""As its Python wraps it."""

_SHAPES = {"IVF, 8 bits": "now-line", "IVF, floats": "before", "HNSW": "line"}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of index, and the parameter that trades time for recall."""

    name: str
    factory: str
    parameter: str
    values: Sequence[int]


def bench(folder: Path, with_graph: bool) -> dict[str, Any]:
    """Measures a bundle's vectors.

    Args:
        folder: where the bundle lies.
        with_graph: whether HNSW is measured too, which takes minutes to build over a million apps.
    """
    bundle = Bundle.load(folder)
    recommender = Recommender(bundle)
    vectors = np.ascontiguousarray(bundle.app_features()[EMBEDDING])
    asked = bench_request.drawn_queries(recommender, _NUM_QUERIES)
    queries = recommender.vectors(asked)
    rows = np.random.default_rng(0).choice(len(vectors), size=_NUM_QUERIES)
    samples = {"queries": queries, "apps": vectors[rows]}
    k = min(K, len(vectors))
    exact = BruteForce.build(vectors)
    nearest = {name: exact.search(one, k, on_all_cores=True)[0] for name, one in samples.items()}
    points = [_exact(exact, queries, k, vectors)]
    kinds = list(_kinds(len(vectors), with_graph))
    for kind in track(kinds, "indexes", console=Console(stderr=True)):
        points += measured(kind, vectors, samples, nearest)
    return {
        "num_apps": len(vectors),
        "trained": bool(bundle.manifest["lineage"]),
        "k": k,
        "num_queries": _NUM_QUERIES,
        "chosen": _chosen(bundle, samples, nearest),
        "page_overlap": page_overlap(
            recommender, Recommender(ExactBundle(folder, bundle.manifest)), asked
        ),
        "points": points,
        "filters": filtered_requests.measured(bundle),
    }


def _kinds(num_apps: int, with_graph: bool) -> Iterator[Kind]:
    most = max(1, num_apps // 39)
    around = round(_LISTS_PER_ROOT * num_apps**0.5 / 1_024) * 1_024 or 64
    for num_lists in sorted({min(most, around // 2), min(most, around)}):
        yield Kind("IVF, 8 bits", f"IVF{num_lists},SQ8", "nprobe", _PROBES)
    yield Kind("IVF, floats", f"IVF{min(most, around)},Flat", "nprobe", _PROBES)
    if with_graph:
        yield Kind("HNSW", "HNSW16,SQ8", "hnsw.efSearch", _EFFORTS)


def measured(
    kind: Kind, vectors: Vectors, samples: Mapping[str, Vectors], nearest: Mapping[str, Rows]
) -> list[dict[str, Any]]:
    """A point for each value of a kind's parameter."""
    began = time.perf_counter()
    index: Any = faiss.index_factory(vectors.shape[1], kind.factory, faiss.METRIC_INNER_PRODUCT)
    if "IVF" in kind.factory:
        index.cp.spherical = True
    index.train(vectors[:: max(1, len(vectors) // 200_000)])
    index.add(vectors)
    build_s = time.perf_counter() - began
    space = _FAISS.ParameterSpace()
    found = []
    for value in kind.values:
        if kind.parameter == "nprobe" and value > index.nlist:
            continue
        if kind.parameter == "nprobe":
            index.nprobe = value
        else:
            space.set_index_parameter(_FAISS.downcast_index(index), "efSearch", value)
        found.append(
            {
                "kind": kind.name,
                "index": kind.factory,
                "parameter": f"{kind.parameter.removeprefix('hnsw.')} {value}",
                **_cost(index.search, samples["queries"], nearest["queries"].shape[1]),
                **_recalls(lambda some, k: index.search(some, k)[1], samples, nearest),
                "memory_mib": _mib(index),
                "build_s": build_s,
            }
        )
    return found


def _exact(exact: BruteForce, queries: Vectors, k: int, vectors: Vectors) -> dict[str, Any]:
    return {
        "kind": "brute force",
        "index": "Flat",
        "parameter": "",
        **_cost(exact.search, queries[:32], k),
        "recall_queries": 1.0,
        "recall_apps": 1.0,
        "memory_mib": vectors.nbytes / _MIB,
        "build_s": 0.0,
    }


def _cost(search: Callable[..., Any], queries: Vectors, k: int) -> dict[str, float]:
    """Microseconds of a search by the clock, one query at a time on one thread."""
    took = []
    with one_openmp_thread():
        search(queries[:1], k)
        for number in range(len(queries)):
            began = time.perf_counter()
            search(queries[number : number + 1], k)
            took.append((time.perf_counter() - began) * _MICROS)
    p50, p99 = np.quantile(took, [0.5, 0.99]).tolist()
    return {"p50_us": p50, "p99_us": p99}


def _recalls(
    rows: Callable[[Vectors, int], Rows],
    samples: Mapping[str, Vectors],
    nearest: Mapping[str, Rows],
) -> dict[str, float]:
    return {
        f"recall_{name}": ann_recall(rows(some, nearest[name].shape[1]), nearest[name])
        for name, some in samples.items()
    }


def _mib(index: Any) -> float:
    with tempfile.NamedTemporaryFile() as file:
        faiss.write_index(index, file.name)
        return Path(file.name).stat().st_size / _MIB


def _chosen(
    bundle: Bundle, samples: Mapping[str, Vectors], nearest: Mapping[str, Rows]
) -> dict[str, Any]:
    """The bundle's own index, and what its build measured, if it did."""
    file = bundle.path / INDEX_POINT
    index = bundle.index()
    k = nearest["queries"].shape[1]
    return {
        "point": json.loads(file.read_text()) if file.exists() else None,
        **_cost(index.search, samples["queries"], k),
        **_recalls(lambda some, count: index.search(some, count)[0], samples, nearest),
    }


class ExactBundle(Bundle):
    """A bundle that is searched by brute force, whatever index it has."""

    def index(self) -> Index:
        """Of the apps' unit vectors."""
        return BruteForce.build(self.app_features()[EMBEDDING])


def page_overlap(ours: Recommender, exact: Recommender, queries: Sequence[Query]) -> float:
    """The mean share of a page's apps that are on both recommenders' pages."""
    shares = [
        len(some & others) / max(1, len(others))
        for some, others in zip(_pages(ours, queries), _pages(exact, queries), strict=True)
    ]
    return float(np.mean(shares))


def _pages(recommender: Recommender, queries: Sequence[Query]) -> list[set[str]]:
    pages: list[set[str]] = []
    for start in range(0, len(queries), _BATCH_SIZE):
        some = recommender.recommend(queries[start : start + _BATCH_SIZE])
        pages += [{item.app_id for item in page.items} for page in some]
    return pages


def plot(figures: Mapping[str, Any]) -> str:
    """Recall over microseconds, a line an index, as an SVG file."""
    lines: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for point in figures["points"]:
        if point["kind"] in _SHAPES:
            of_index = lines.setdefault((point["kind"], point["index"]), [])
            of_index.append((point["p50_us"], point["recall_queries"]))
    plane = Plane.over([point for line in lines.values() for point in line])
    shapes = [
        Shape(_SHAPES[kind], plane.line(line), index) for (kind, index), line in lines.items()
    ]
    key = {_SHAPES[kind]: kind for kind, _ in lines}
    title = f"ann_recall@{figures['k']} of queries"
    return drawing([Panel(title, plane.chart(shapes), "p50 of a search, us", key)])


def table(figures: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    header = ["index", "searched with", "recall, queries", "recall, apps", "p50, us", "p99, us"]
    header += ["MiB", "build, s"]
    rows = [
        [
            point["index"],
            point["parameter"],
            f"{point['recall_queries']:.3f}",
            f"{point['recall_apps']:.3f}",
            f"{point['p50_us']:,.0f}",
            f"{point['p99_us']:,.0f}",
            f"{point['memory_mib']:,.0f}",
            f"{point['build_s']:.0f}",
        ]
        for point in figures["points"]
    ]
    chosen, weights = figures["chosen"], "trained" if figures["trained"] else "untrained"
    return (
        f"{report.markdown(header, rows)}\n\n![Recall over time](index.svg)\n\n"
        f"{figures['num_apps']:,} apps, {weights} towers; ann_recall@{figures['k']} against brute "
        f"force over {figures['num_queries']} outputs of the query tower, and over as many apps' "
        f"own vectors; one query at a time on one thread. The bundle's own index finds "
        f"{chosen['recall_queries']:.3f} and {chosen['recall_apps']:.3f} in "
        f"{chosen['p50_us']:,.0f} us (p99 {chosen['p99_us']:,.0f}); its pages share "
        f"{figures['page_overlap']:.3f} of their apps with those of exact search.\n\n"
        f"{filtered_requests.table(figures['filters'])}"
    )
