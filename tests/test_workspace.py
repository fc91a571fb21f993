from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest

from recsys import workspace as places
from recsys.config import ConfigError
from recsys.workspace import Workspace, staged_folder, write_atomically


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_published_when_its_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "target"
    with staged_folder(target) as staged:
        (staged / "inner").mkdir()
        (staged / "inner" / "file").write_text("new")
        assert staged.parent == target.parent
        assert not target.exists()
    assert (target / "inner" / "file").read_text() == "new"
    assert names(target.parent) == ["target"]
    assert target.stat().st_mode & 0o777 == 0o755


def test_a_block_that_fails_publishes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with pytest.raises(RuntimeError, match="halfway"), staged_folder(target) as staged:
        (staged / "file").write_text("half")
        raise RuntimeError("halfway")
    assert names(tmp_path) == []


def test_an_existing_folder_is_replaced_whole_or_kept(tmp_path: Path) -> None:
    target = tmp_path / "target"
    for content in ("old", "new"):
        with staged_folder(target) as staged:
            (staged / content).write_text(content)
    assert names(target) == ["new"]
    with pytest.raises(KeyboardInterrupt), staged_folder(target) as staged:
        (staged / "torn").write_text("torn")
        raise KeyboardInterrupt
    assert names(target) == ["new"]


def test_readers_see_the_old_bytes_or_the_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "file"
    contents = {letter * 50_000 for letter in (b"a", b"b")}
    write_atomically(path, b"a" * 50_000)
    seen: set[bytes] = set()
    written = threading.Event()

    def read() -> None:
        while not written.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        for content in contents:
            write_atomically(path, content)
    written.set()
    reader.join()
    assert seen <= contents
    assert names(path.parent) == ["file"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "taken", b"content")
    assert names(tmp_path) == ["taken"]


def test_a_digest_of_a_file_is_its_sha_256(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "abc").write_bytes(b"abc")
    # The test vectors of FIPS 180-2.
    assert places.digest_of_file(tmp_path / "empty").startswith("e3b0c44298fc1c14")
    assert places.digest_of_file(tmp_path / "abc").startswith("ba7816bf8f01cfea")


def test_a_digest_of_a_folder_covers_names_and_content_but_not_the_place(tmp_path: Path) -> None:
    def folder(name: str, **files: str) -> str:
        for file, content in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return places.digest_of_folder(tmp_path / name)

    first = folder("first", a="1", b="2")
    assert folder("second", b="2", a="1") == first
    assert folder("third", a="1", c="2") != first
    assert folder("fourth", a="2", b="1") != first
    assert folder("fifth", a="1", b="2", c="") != first


def test_a_sweep_removes_what_killed_writers_left_and_nothing_else(tmp_path: Path) -> None:
    kept = tmp_path / "a" / "kept"
    left = tmp_path / "a" / ".staged-kept-x1"
    for folder in (kept, left):
        folder.mkdir(parents=True)
        (folder / "file").write_text("content")
    (tmp_path / ".staged-file-x2").write_text("content")
    places.sweep_staged(tmp_path)
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["kept"]
    assert (kept / "file").exists()


def test_days_and_files_come_in_order(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    days = [dt.date(2024, 2, 29), dt.date(2023, 12, 31)]
    for day in days:
        workspace.day("apps", day).mkdir(parents=True)
    for name in ("part-1.parquet", "part-0.parquet", "notes.txt"):
        (workspace.day("apps", days[0]) / name).touch()
    assert workspace.days("apps") == sorted(days)
    assert workspace.days("users") == []
    files = workspace.files("apps", days[0])
    assert [path.name for path in files] == ["part-0.parquet", "part-1.parquet"]
    assert files[0].parent == tmp_path / "logs" / "apps" / "day=2024-02-29"
    assert workspace.files("users", days[0]) == []


def test_a_workspace_without_a_configuration_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`recsys init` writes one"):
        _ = Workspace(tmp_path).config
