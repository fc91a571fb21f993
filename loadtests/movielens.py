"""MovieLens-100K, which RecBole's wheel carries as an example. Its licence forbids passing it
on, so it is fetched where it is needed and never committed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from recsys.errors import BadInput
from recsys.workspace import digest_of_file, staged_folder

PACKAGE = "recbole==1.2.1"
_SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
_FOLDER = "recbole/dataset_example/ml-100k/"
_FILES = ("ml-100k.inter", "ml-100k.user", "ml-100k.item")


def fetch(cache: Path) -> Path:
    """The folder with ml-100k.inter, ml-100k.user and ml-100k.item; fetched once into `cache`.

    Raises:
        BadInput: the package can't be fetched, or isn't the one that we know.
    """
    folder = cache / "ml-100k"
    if not folder.exists():
        with tempfile.TemporaryDirectory() as downloads:
            wheel = _download(Path(downloads))
            with staged_folder(folder) as staged, zipfile.ZipFile(wheel) as archive:
                for name in _FILES:
                    (staged / name).write_bytes(archive.read(_FOLDER + name))
    return folder


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), PACKAGE]
    pip = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if pip.returncode:
        raise BadInput(
            f"MovieLens-100K comes with the package {PACKAGE}, which pip could not download "
            f"({(pip.stderr.strip() or 'it says nothing').splitlines()[-1]}): see that pip reaches "
            "a package index."
        )
    [wheel] = folder.glob("*.whl")
    found = digest_of_file(wheel)
    if found != _SHA256:
        raise BadInput(
            f"{wheel.name} has SHA-256 {found}, expected {_SHA256}: the package index gave another "
            "file than the one that we know; ask its keeper."
        )
    return wheel
