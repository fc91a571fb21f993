"""What `recsys ui` shows: the definitions of the workspace that `RECSYS_WORKSPACE` names."""

import os
from pathlib import Path

from pipeline.orchestration import jobs
from pipeline.store import Store
from recsys.workspace import Workspace

defs = jobs.definitions(Store(Workspace(Path(os.environ["RECSYS_WORKSPACE"]))))
