from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys import config, index, mapped

ARRAYS = [
    np.arange(12).reshape(3, 4),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.array(["NO", "Åland"]),
    np.zeros((0, 4), dtype=np.float32),
    np.array(7),
]


@pytest.mark.parametrize("values", ARRAYS, ids=["rows", "columns", "texts", "empty", "scalar"])
def test_an_array_is_as_it_was_saved(tmp_path: Path, values: NDArray[np.generic]) -> None:
    np.save(tmp_path / "values.npy", values)
    found = mapped.array(tmp_path / "values.npy")
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


def test_nobody_writes_to_it(tmp_path: Path) -> None:
    np.save(tmp_path / "values.npy", np.arange(3))
    with pytest.raises(ValueError, match="read-only"):
        mapped.array(tmp_path / "values.npy")[0] = 1


def test_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "values.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="holds Python objects"):
        mapped.array(tmp_path / "values.npy")


def test_a_file_is_mapped_once_until_another_takes_its_place(tmp_path: Path) -> None:
    file, other = tmp_path / "values.npy", tmp_path / "other.npy"
    np.save(file, np.arange(1 << 20))
    first, second = mapped.array(file), mapped.array(file)
    mapped.touch(tmp_path)
    assert first.ctypes.data == second.ctypes.data
    assert resident_kib(tmp_path) == pytest.approx(first.nbytes / 1024, abs=4)
    np.save(other, -np.arange(1 << 20))
    other.rename(file)
    assert mapped.array(file)[1] == -1
    assert (first[1], second[1]) == (1, 1)


def test_pages_come_and_go_and_the_values_stay(tmp_path: Path) -> None:
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "values.npy", np.arange(1 << 20))
    mine = mapped.array(tmp_path / "mine" / "values.npy")
    other = mapped.array(tmp_path / "other" / "values.npy")
    assert (resident_kib(tmp_path / "mine"), resident_kib(tmp_path / "other")) == (0, 0)
    mapped.touch(tmp_path / "mine")
    assert resident_kib(tmp_path / "mine") >= mine.nbytes // 1024
    assert resident_kib(tmp_path / "other") == 0
    mapped.give_back(tmp_path / "mine")
    assert resident_kib(tmp_path / "mine") == 0
    assert (mine[-1], other[-1]) == ((1 << 20) - 1, (1 << 20) - 1)


@pytest.mark.parametrize("kind", ["brute_force", "ivf"])
def test_so_do_those_of_an_index(tmp_path: Path, kind: str) -> None:
    vectors = np.random.default_rng(0).normal(size=(20_000, 16)).astype(np.float32)
    settings = config.Index.model_validate({"kind": kind, "num_lists": 16, "num_probes": 4})
    index.build(settings, vectors).save(tmp_path / "index")
    size_kib = (tmp_path / "index").stat().st_size // 1024
    loaded = index.load(kind, tmp_path / "index")
    mapped.touch(tmp_path)
    assert resident_kib(tmp_path) >= size_kib
    before = loaded.search(vectors[:5], 3)
    mapped.give_back(tmp_path)
    assert resident_kib(tmp_path) == 0
    np.testing.assert_array_equal(loaded.search(vectors[:5], 3), before)
    del loaded
    assert f"{tmp_path}/" not in Path("/proc/self/maps").read_text()


def resident_kib(folder: Path) -> int:
    """Memory that this process has of the files in a folder."""
    total, is_mine = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:
            is_mine = f"{folder}/" in line
        elif is_mine and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total
