from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import toy_catalogue

from loadtests import bench_swap, swapped
from loadtests.memory import Memory
from loadtests.stream import Answer
from loadtests.swapped import Swap
from recsys.bundle import APPS, CATALOGUE, MANIFEST, Bundle
from recsys.catalogue import Catalogue
from recsys.manifest import write_manifest
from recsys.workspace import Workspace


def answer(due: float, ms: float, is_mixed: bool = False) -> Answer:
    return Answer(due, due + ms / 1_000, {"bundle": "v1", "is_mixed": is_mixed}, "")


def test_figures_by_hand() -> None:
    swaps = [Swap(10.0, 13.0), Swap(30.0, 31.0)]
    answers = [
        *(answer(second, 4) for second in (1.0, 9.9, 15.1, 29.9)),
        *(answer(second, 6) for second in (10.0, 14.9, 30.5)),
        answer(33.0, 6, is_mixed=True),
        Answer(33.1, 33.2, None, "503: full"),
    ]
    memory = [Memory(second, 10 * second, second) for second in (1.0, 9.0, 12.0, 32.0, 40.0)]
    found = bench_swap.figures(swaps, answers, memory)
    assert (found["swaps"], found["requests"], found["failed"]) == (2, 9, 1)
    assert (found["mixed_version"], found["problems"]) == (1, {"503: full": 1})
    assert found["seconds_to_swap"] == [3.0, 1.0]
    assert found["steady"]["p999_ms"] > found["steady"]["p50_ms"] == pytest.approx(4)
    assert found["around"]["p50_ms"] == pytest.approx(6)
    assert found["around"]["requests"] == 4
    own = {when: one["own"] for when, one in found["memory_mib"].items()}
    assert own == {"before": 9.0, "during": 32.0, "after": 40.0}


def test_a_page_is_of_the_bundle_that_it_names_or_of_two() -> None:
    apps = toy_catalogue.apps()
    place = apps.schema.get_field_index("category")
    catalogues = {
        version: Catalogue(apps.set_column(place, "category", pa.array([category] * len(apps))))
        for version, category in (("v1", "Games"), ("v2", "Food"))
    }

    def read(version: str, *categories: str) -> dict[str, Any]:
        items = [{"app_id": "plain", "category": category} for category in categories]
        page = json.dumps({"bundle": version, "items": items}).encode()
        return bench_swap._read(catalogues, page)

    assert read("v1", "Games", "Games") == {"bundle": "v1", "is_mixed": False}
    assert read("v2", "Food") == {"bundle": "v2", "is_mixed": False}
    assert read("v2", "Food", "Games")["is_mixed"]
    assert read("v1")["is_mixed"]


@pytest.fixture
def workspace(tmp_path: Path, tiny_workspace: Workspace, tiny_bundle: Bundle) -> Workspace:
    """The tiny store over its bundle, and one whose apps have other categories."""
    other = Path(shutil.copytree(tiny_bundle.path, tmp_path / "other"))
    apps = pq.read_table(other / APPS)
    categories = pa.array([f"not {category}" for category in apps["category"].to_pylist()])
    changed = apps.set_column(apps.schema.get_field_index("category"), "category", categories)
    pq.write_table(changed, other / APPS)
    Catalogue.save(changed, other / CATALOGUE)
    manifest = json.loads((other / MANIFEST).read_text())
    write_manifest(other, manifest["span"], manifest["index"], manifest["lineage"])
    return swapped.placed(tiny_workspace, [tiny_bundle.path, other], tmp_path / "store")


def test_no_page_of_a_real_swap_fails_or_is_of_two_bundles(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swapped, "_CAPACITY_SECONDS", 1.0)
    measured = partial(bench_swap._measured, workspace, 1, 60.0)
    isolated, plain = measured(), measured(("loadtests.unisolated",))
    for found in (isolated, plain):
        assert (found["swaps"], found["failed"], found["mixed_version"]) == (1, 0, 0)
        assert found["around"]["requests"] > 0
    ratios = {"p999_ratio": isolated["p999_ratio"], "p999_ratio_unisolated": 9.0}
    whole = {"num_apps": 1, "isolated": isolated, "unisolated": plain, **ratios}
    assert "| in another process | 1 |" in bench_swap.table(whole)
