from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loadtests import bundles
from recsys import pushes
from recsys.bundle import Bundle
from recsys.errors import BadInput
from recsys.workspace import Workspace


def test_the_live_bundle_is_the_one_that_serves(tiny_bundle: Bundle, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(BadInput, match="no bundle serves"):
        bundles.live(workspace)
    shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
    pushes.make_current(workspace, tiny_bundle.version, "a test measures it")
    assert Bundle.load(bundles.live(workspace)).version == tiny_bundle.version
