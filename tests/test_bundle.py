from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recsys.bundle import Bundle, BundleError, write_manifest
from recsys.query import Query
from recsys.recommender import Recommender


@pytest.fixture
def copy(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "bundle"))


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0b0000_0100
    path.write_bytes(content)


def files_of(folder: Path) -> Iterator[str]:
    yield from json.loads((folder / "manifest.json").read_text())["files"]


def test_every_file_of_the_bundle_is_in_its_manifest(tiny_bundle: Bundle) -> None:
    listed = set(tiny_bundle.manifest["files"])
    there = {
        path.relative_to(tiny_bundle.path).as_posix()
        for path in tiny_bundle.path.rglob("*")
        if path.is_file()
    }
    assert there - listed == {"manifest.json", "artifact.json"}
    assert {
        "config.json",
        "index.faiss",
        "apps.parquet",
        "popular.parquet",
        "app_features/embedding.npy",
        "executor/apps/first_layer.npy",
        "executor/transform/country.txt",
        "executor/weights/query_tower.output.kernel.npy",
        "model/saved_model.pb",
        "model/variables/variables.data-00000-of-00001",
        "model/assets/app_id.txt",
    } <= listed


def test_a_flipped_byte_anywhere_is_refused(copy: Path) -> None:
    Bundle.load(copy)
    for name in files_of(copy):
        path = copy / name
        if not path.stat().st_size:
            continue
        place = path.stat().st_size // 2
        flip(path, place)
        with pytest.raises(BundleError, match="was damaged or changed") as refusal:
            Bundle.load(copy)
        assert name in str(refusal.value)
        flip(path, place)
    Bundle.load(copy)


def test_a_changed_manifest_is_refused(copy: Path) -> None:
    path = copy / "manifest.json"
    whole = json.loads(path.read_text())
    first = min(whole["files"])
    changes: list[dict[str, Any]] = [
        {"version": "2024-03-03-000000000000"},
        {"span": "2024-03-04"},
        {"index": "ivf"},
        {"lineage": []},
        {"files": {**whole["files"], first: "0" * 64}},
        {"files": 3},
        {"further": 1},
    ]
    for change in changes:
        path.write_text(json.dumps(whole | change))
        with pytest.raises(BundleError, match="the manifest was damaged or changed"):
            Bundle.load(copy)
    path.write_text(json.dumps(whole))
    Bundle.load(copy)


def test_a_flipped_byte_of_the_manifest_is_refused(copy: Path) -> None:
    size = (copy / "manifest.json").stat().st_size
    for place in range(0, size, size // 40):
        flip(copy / "manifest.json", place)
        with pytest.raises(BundleError):
            Bundle.load(copy)
        flip(copy / "manifest.json", place)
    Bundle.load(copy)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "3", "\x00"])
def test_what_is_no_manifest_is_refused_with_a_sentence(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match=r"holds no bundle: expected a manifest.json that lists"):
        Bundle.load(copy)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="`recsys bundles list` names those that can be served"):
        Bundle.load(tmp_path / "nothing")


def test_a_missing_file_is_refused(copy: Path) -> None:
    (copy / "index.faiss").unlink()
    with pytest.raises(BundleError, match=r"digest of index.faiss is none"):
        Bundle.load(copy)


def test_an_extra_file_is_refused(copy: Path) -> None:
    (copy / "model" / "assets" / "stranger.txt").write_text("hello")
    with pytest.raises(BundleError, match=r"stranger.txt"):
        Bundle.load(copy)


def test_a_version_comes_from_the_content(tmp_path: Path) -> None:
    def version(name: str, **files: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_text(content)
        os.utime(folder, (1, 1))
        return write_manifest(folder, name[:10], "brute_force", [])

    first = version("2024-03-01 a", one="1", two="2")
    assert first.startswith("2024-03-01-")
    assert version("2024-03-01 b", two="2", one="1") == first
    assert version("2024-03-01 c", one="1", two="3") != first
    assert version("2024-03-01 d", one="1", three="2") != first
    other = version("2024-03-02 e", one="1", two="2")
    assert other.startswith("2024-03-02-")


def test_a_bundle_stands_for_itself_wherever_it_lies(
    copy: Path, tiny_bundle: Bundle, tiny_recommender: Recommender
) -> None:
    moved = Bundle.load(copy)
    assert moved.version == tiny_bundle.version
    assert moved.config == tiny_bundle.config
    app = tiny_recommender.catalogue.app_ids(tiny_recommender.catalogue.newest(1))[0]
    assert Recommender(moved).similar(app, 5) == tiny_recommender.similar(app, 5)


def test_lineage_reaches_back_to_the_logs(tiny_bundle: Bundle) -> None:
    components = {record["component"] for record in tiny_bundle.manifest["lineage"]}
    assert components == {"example_gen", "transform", "trainer_retrieval", "trainer_ranking"}


def test_a_bundle_made_before_there_were_executors_answers_by_its_saved_model(
    tiny_recommender: Recommender, copy: Path
) -> None:
    whole = json.loads((copy / "manifest.json").read_text())
    shutil.rmtree(copy / "executor")
    write_manifest(copy, whole["span"], whole["index"], whole["lineage"])
    asked = [Query("a", dt.datetime(2024, 3, 3, tzinfo=dt.UTC), {"country": "US"})]
    [page] = Recommender(Bundle.load(copy)).recommend(asked)
    [expected] = tiny_recommender.recommend(asked)
    assert [item.app_id for item in page.items] == [item.app_id for item in expected.items]
