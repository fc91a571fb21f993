"""What ships: transform and models, index, apps and their features, and a manifest of digests.

A bundle is a folder that stands for itself; nothing outside it is read to answer a query.

```
manifest.json        version, digests of all other files, lineage, and a seal over them
config.json          the configuration that it was built with
model/               the SavedModel of recsys/models/export.py
executor/            the same models as a server computes them: recsys/models/folding.py
index.faiss          the ANN index over the apps' unit vectors
index.json           how it is searched and its recall: recsys/index/tuning.py
apps.parquet         the catalogue, a row an app
catalogue/           the same as a server maps it: recsys/catalogue.py
app_features/*.npy   the apps' transformed features and unit vectors, in the same order
popular.parquet      the apps installed most, by country
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from recsys import index, manifest
from recsys.catalogue import Catalogue
from recsys.config import Config, parse
from recsys.executor.contract import Models
from recsys.executor.model import Executor
from recsys.features.transformed import Arrays, load_arrays
from recsys.index.contract import Index
from recsys.manifest import MANIFEST as MANIFEST
from recsys.manifest import BundleError as BundleError
from recsys.manifest import write_manifest as write_manifest

if TYPE_CHECKING:
    from recsys.models.export import LoadedModel, SavedModels

CONFIG = "config.json"
MODEL = "model"
EXECUTOR = "executor"
INDEX = "index.faiss"
INDEX_POINT = "index.json"
APPS = "apps.parquet"
CATALOGUE = "catalogue"
APP_FEATURES = "app_features"
POPULAR = "popular.parquet"

POPULAR_SCHEMA = pa.schema(
    [("country", pa.string()), ("app_id", pa.string()), ("num_installs", pa.int64())]
)
"""Installs in the training window; country is null for all countries together."""


@dataclass(frozen=True)
class Bundle:
    """A bundle that may be served."""

    path: Path
    manifest: Mapping[str, Any]

    @staticmethod
    def load(path: Path, num_threads: int = 1) -> Bundle:
        """Checks every byte of a folder against its manifest.

        Args:
            path: the folder.
            num_threads: files that are read at once.

        Raises:
            BundleError: there is no manifest, it is not what was written, or a file's digest
                differs from it.
        """
        return Bundle(path, manifest.verified(path, num_threads))

    @staticmethod
    def opened(path: Path) -> Bundle:
        """A bundle whose files another process of this machine has just checked.

        Raises:
            BundleError: there is no manifest, or it is not what was written.
        """
        return Bundle(path, manifest.sealed(path))

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

    def models(self, catalogue: Catalogue) -> Models:
        """What answers requests: the executor, or the saved model of a bundle that was made before
        there were executors."""
        is_old = not (self.path / EXECUTOR).is_dir()
        return self.saved_models(catalogue) if is_old else self.executor(catalogue)

    def executor(self, catalogue: Catalogue) -> Executor:
        """The models as a server computes them.

        Args:
            catalogue: the apps of this bundle.
        """
        folder, features = self.path / EXECUTOR, self.app_features()
        return Executor.load(folder, self.config, catalogue, features)

    def saved_models(self, catalogue: Catalogue) -> SavedModels:
        """The saved model in the executor's place: `Recommender(bundle, Bundle.saved_models)`. It
        has no need of the catalogue."""
        from recsys.models import export

        return export.SavedModels(self.model(), self.app_features())

    def index(self) -> Index:
        """The ANN index over the apps' unit vectors."""
        return index.load(str(self.manifest["index"]), self.path / INDEX)

    def catalogue(self) -> Catalogue:
        """The apps; read, where the bundle was made before there were catalogues to map."""
        folder = self.path / CATALOGUE
        is_old = not folder.is_dir()
        return Catalogue(pq.read_table(self.path / APPS)) if is_old else Catalogue.load(folder)

    def app_features(self) -> Arrays:
        """The apps' transformed features, and their unit vectors as `embedding`."""
        return load_arrays(self.path / APP_FEATURES)

    def popular(self) -> pa.Table:
        """Installs of the training window by country and app, the most first."""
        return pq.read_table(self.path / POPULAR)
