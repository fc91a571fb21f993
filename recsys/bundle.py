"""What ships: transform and models, index, apps and their features, and a manifest of digests.

A bundle is a folder that stands for itself; nothing outside it is read to answer a query.

```
manifest.json        version, digests of all other files, lineage, and a seal over them
config.json          the configuration that it was built with
model/               the SavedModel of recsys/models/export.py
index.faiss          the ANN index over the apps' unit vectors
apps.parquet         the catalogue, a row an app
app_features/*.npy   the apps' transformed features and unit vectors, in the same order
popular.parquet      the apps installed most, by country
```
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from recsys import index
from recsys.catalogue import Catalogue
from recsys.config import Config, parse
from recsys.errors import BadInput
from recsys.features.transformed import Arrays, load_arrays
from recsys.index.contract import Index
from recsys.workspace import digest_of_file

if TYPE_CHECKING:
    from recsys.models.export import LoadedModel

MANIFEST = "manifest.json"
CONFIG = "config.json"
MODEL = "model"
INDEX = "index.faiss"
APPS = "apps.parquet"
APP_FEATURES = "app_features"
POPULAR = "popular.parquet"

POPULAR_SCHEMA = pa.schema(
    [("country", pa.string()), ("app_id", pa.string()), ("num_installs", pa.int64())]
)
"""Installs in the training window; country is null for all countries together."""


class BundleError(BadInput):
    """A bundle that must not be served: a file is missing, unknown or not what was pushed."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose every byte was checked."""

    path: Path
    manifest: Mapping[str, Any]

    @staticmethod
    def load(path: Path) -> Bundle:
        """Checks a folder against its manifest.

        Raises:
            BundleError: there is no manifest, it is not what was written, or a file's digest
                differs from it.
        """
        try:
            manifest = json.loads((path / MANIFEST).read_text())
            is_whole = manifest["seal"] == _seal(manifest)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(
                f"{path} holds no bundle: expected a {MANIFEST} that lists its files, found "
                f"{error!r}. `recsys bundles list` names those that can be served."
            ) from None
        if not is_whole:
            raise BundleError(
                f"{path}: the manifest was damaged or changed after it was made, and the bundle "
                "won't be served. Push it again, or roll back."
            )
        expected: dict[str, str] = manifest["files"]
        found = digests(path)
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                raise BundleError(
                    f"{path}: the digest of {name} is {_short(found.get(name))}, expected "
                    f"{_short(expected.get(name))}: the bundle was damaged or changed after it was "
                    "made and won't be served. Push it again, or roll back."
                )
        return Bundle(path, manifest)

    @property
    def version(self) -> str:
        """The span and what the content is, e.g. `2024-03-14-3f9a1c0b7d52`."""
        return str(self.manifest["version"])

    @cached_property
    def config(self) -> Config:
        """The configuration that it was built with."""
        return parse(json.loads((self.path / CONFIG).read_text()), origin=str(self.path / CONFIG))

    def model(self) -> LoadedModel:
        """The functions of `recsys.models.export.TwoStageModel`."""
        from recsys.models import export  # TensorFlow takes seconds to import

        return export.load(self.path / MODEL)

    def index(self) -> Index:
        """The ANN index over the apps' unit vectors."""
        return index.load(str(self.manifest["index"]), self.path / INDEX)

    def catalogue(self) -> Catalogue:
        """The apps."""
        return Catalogue(pq.read_table(self.path / APPS))

    def app_features(self) -> Arrays:
        """The apps' transformed features, and their unit vectors as `embedding`."""
        return load_arrays(self.path / APP_FEATURES)

    def popular(self) -> pa.Table:
        """Installs of the training window by country and app, the most first."""
        return pq.read_table(self.path / POPULAR)


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


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 by relative name of every file but the manifest and a component's record."""
    return {
        path.relative_to(folder).as_posix(): digest_of_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (MANIFEST, "artifact.json")
    }


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
