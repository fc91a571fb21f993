"""Where things lie on disk, what their digests are, and how they are published so that a torn
write is never seen: write aside, fsync, rename."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from recsys import config as configuration
from recsys.config import Config

if TYPE_CHECKING:  # Arrow takes a while to import, and every command imports this module
    from recsys.tables import Logged, Table

STAGED = ".staged-"
"""How the name of anything begins that is not published yet, or was left by a killed writer."""


@dataclass(frozen=True)
class Workspace:
    """One folder with a `recsys.toml` and all that grows out of it."""

    root: Path

    @cached_property
    def config(self) -> Config:
        """The configuration, read once.

        Raises:
            ConfigError: it is missing or not valid.
        """
        return configuration.load(self.config_file)

    @property
    def config_file(self) -> Path:
        """The file of the configuration."""
        return self.root / configuration.FILE_NAME

    @property
    def logs(self) -> Path:
        """The daily tables."""
        return self.root / "logs"

    @property
    def schema(self) -> Path:
        """Versions of the data's schema, and who approved them."""
        return self.root / "schema"

    @property
    def artifacts(self) -> Path:
        """What the pipeline's components wrote."""
        return self.root / "artifacts"

    @property
    def bundles(self) -> Path:
        """What can be served."""
        return self.root / "bundles"

    @property
    def current_bundle(self) -> Path:
        """The file that names the bundle version that serves."""
        return self.bundles / "CURRENT"

    @property
    def reports(self) -> Path:
        """Pages and figures for people."""
        return self.root / "reports"

    @property
    def dagster(self) -> Path:
        """Dagster's run history."""
        return self.root / "dagster"

    @property
    def serving(self) -> Path:
        """The user store and the server's logs."""
        return self.root / "serving"

    def day(self, table: Logged, day: dt.date) -> Path:
        """Folder of one table's day."""
        return self.logs / table / f"day={day.isoformat()}"

    def files(self, table: Logged, day: dt.date) -> list[Path]:
        """The Parquet files of one table's day, in order; empty where there is none."""
        return sorted(self.day(table, day).glob("*.parquet"))

    def days(self, table: Table) -> list[dt.date]:
        """The days for which the table has a folder, in order."""
        names = (path.name for path in (self.logs / table).glob("day=*"))
        return sorted(dt.date.fromisoformat(name.removeprefix("day=")) for name in names)


def digest_of_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_folder(folder: Path) -> str:
    """SHA-256 (hex) over the relative names and digests of a folder's files."""
    return digest_of_files(folder, sorted(path for path in folder.rglob("*") if path.is_file()))


def digest_of_files(root: Path, files: list[Path]) -> str:
    """SHA-256 (hex) over the names, relative to `root`, and digests of files."""
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.relative_to(root).as_posix()} {digest_of_file(path)}\n".encode())
    return whole.hexdigest()


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `target` when the block ends without an error.

    A target that exists is replaced whole. A killed process leaves a `.staged-*` folder beside the
    target, which nothing reads and `sweep_staged` removes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f"{STAGED}{target.name}-", dir=target.parent))
    old = staged.with_name(f"{staged.name}-old")
    try:
        yield staged
        for path in sorted(staged.rglob("*")):
            _fsync(path)
        _fsync(staged)
        staged.chmod(0o755)
        if target.exists():
            target.rename(old)
        staged.rename(target)
        _fsync(target.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file's content: readers see the old bytes or the new, never a mixture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, staged = tempfile.mkstemp(prefix=f"{STAGED}{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(staged).chmod(0o644)
        Path(staged).rename(path)
        _fsync(path.parent)
    finally:
        Path(staged).unlink(missing_ok=True)


def publish_file(staged: Path, target: Path) -> None:
    """Moves a whole file to where others read it, on the same disk; it is there or it is not."""
    _fsync(staged)
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(target)
    _fsync(target.parent)


def append_durably(path: Path, line: str) -> None:
    """Adds a line, which is on the disk when this returns; whoever calls it must be the only one to
    write. A line that a killed writer left unfinished is cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    _fsync(path.parent)


def finished_lines(path: Path) -> list[str]:
    """The lines of such a file, without one that is unfinished; none where there is no file."""
    content = path.read_text(errors="replace") if path.exists() else ""
    return content[: content.rfind("\n") + 1].splitlines()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for a file's lock and holds it; the kernel takes it from a killed process."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def discard(folder: Path) -> None:
    """Deletes a folder: it is gone at once for whoever reads, and a killed process leaves nothing
    of it that anyone reads."""
    aside = Path(tempfile.mkdtemp(prefix=f"{STAGED}{folder.name}-", dir=folder.parent))
    try:
        folder.rename(aside / folder.name)
        _fsync(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def sweep_staged(folder: Path) -> None:
    """Removes what killed writers left below `folder`; call it only where no writer runs."""
    for path in folder.rglob(f"{STAGED}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
