"""What the pipeline's components left in a workspace, read by the workspace's contract."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from recsys.workspace import Workspace


def artifact(workspace: Workspace, component: str, span: dt.date) -> tuple[Path, dict[str, Any]]:
    """The folder of a span's current artifact, and its record."""
    versions = workspace.artifacts / component / span.isoformat()
    folder = versions / (versions / "CURRENT").read_text().strip()
    return folder, json.loads((folder / "artifact.json").read_text())
