"""A bundle's manifest: which files it has, their digests, and a seal over all that it says.

Nothing here opens what the files hold, so whoever only asks whether a bundle is whole, as a
rollback does, waits for no library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from recsys.errors import BadInput
from recsys.workspace import STAGED, digest_of_file

MANIFEST = "manifest.json"
ENTRY = "registry.json"
"""What the registry knows of a bundle that was pushed: `recsys.registry.entry`."""

_BESIDE = (MANIFEST, ENTRY, "artifact.json")
"""What lies beside a bundle's content, and makes no other version of it."""


class BundleError(BadInput):
    """A bundle that must not be served: a file is missing, unknown or not what was pushed."""


def verified(folder: Path, num_threads: int = 1) -> dict[str, Any]:
    """The manifest of a folder whose every byte is what was pushed.

    Args:
        folder: the bundle's.
        num_threads: files that are read at once.

    Raises:
        BundleError: there is no manifest, it is not what was written, or a file's digest differs
            from it.
    """
    manifest = sealed(folder)
    expected: dict[str, str] = manifest["files"]
    found = digests(folder, num_threads)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise BundleError(
                f"{folder}: the digest of {name} is {_short(found.get(name))}, expected "
                f"{_short(expected.get(name))}: the bundle was damaged or changed after it was "
                "made and won't be served. Push it again, or roll back."
            )
    return manifest


def sealed(folder: Path) -> dict[str, Any]:
    """The manifest of a folder; whether its files are what it says is for `verified` to find out.

    Raises:
        BundleError: there is no manifest, or it is not what was written.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        is_whole = manifest["seal"] == _seal(manifest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{folder} holds no bundle: expected a {MANIFEST} that lists its files, found "
            f"{error!r}. `recsys bundles list` names those that can be served."
        ) from None
    if not is_whole:
        raise BundleError(
            f"{folder}: the manifest was damaged or changed after it was made, and the bundle "
            "won't be served. Push it again, or roll back."
        )
    return manifest


def write_manifest(folder: Path, span: str, index_kind: str, lineage: list[dict[str, Any]]) -> str:
    """Seals a folder with its manifest; returns the version, which comes from the content."""
    files = digests(folder)
    version = version_of(span, files)
    manifest = {
        "version": version,
        "span": span,
        "index": index_kind,
        "files": files,
        "lineage": lineage,
    }
    sealed = {**manifest, "seal": _seal(manifest)}
    (folder / MANIFEST).write_text(json.dumps(sealed, indent=1) + "\n")
    return version


def digests(folder: Path, num_threads: int = 1) -> dict[str, str]:
    """SHA-256 by relative name of every file of the content. What a killed writer left beside it
    counts for nothing."""
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(STAGED)
    }
    content = {name: path for name, path in files.items() if name not in _BESIDE}
    with ThreadPoolExecutor(num_threads) as pool:
        return dict(zip(content, pool.map(digest_of_file, content.values()), strict=True))


def version_of(span: str, files: Mapping[str, str]) -> str:
    """The version of this content."""
    content = json.dumps(dict(sorted(files.items()))).encode()
    return f"{span}-{hashlib.sha256(content).hexdigest()[:12]}"


def _seal(manifest: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of all that a manifest says beside its seal."""
    said = {name: value for name, value in manifest.items() if name != "seal"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _short(digest: str | None) -> str:
    return "none (the file is missing)" if digest is None else f"{digest[:12]}..."
