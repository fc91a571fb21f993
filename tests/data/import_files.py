"""A person's files, made by hand, and what an import makes of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import Progress

from data.importers.importing import import_logs
from data.importers.summary import Imported
from recsys import config
from recsys.tables import Table
from recsys.workspace import Workspace

Row = dict[str, Any]

MINIMAL = {"user_id": "user", "app_id": "app"}
TIMED = {**MINIMAL, "time": "when"}


def make(
    root: Path,
    files: Mapping[str, str | bytes | pa.Table],
    columns: Mapping[str, Mapping[str, str]],
    features: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Workspace:
    """A workspace that is to import `files`, named interactions, users and apps."""
    for name, content in files.items():
        if isinstance(content, pa.Table):
            pq.write_table(content, root / name)
        else:
            (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    section = {"format": "csv", **{name: name for name in files}, "columns": columns, **settings}
    wanted = config.parse({"import": section, "features": features or {}}, "test")
    (root / config.FILE_NAME).write_text(config.render(wanted))
    return Workspace(root)


def run(workspace: Workspace) -> Imported:
    return import_logs(workspace, Progress(disable=True))


def rows(workspace: Workspace, table: Table, day: str) -> list[Row]:
    """One table's day, without the columns that are null throughout."""
    read = pq.ParquetFile(workspace.logs / table / f"day={day}" / "part-0.parquet").read()
    known = [name for name in read.column_names if read[name].null_count < read.num_rows]
    return list(read.select(known).to_pylist())


def rejected(workspace: Workspace, name: str) -> list[str]:
    return (workspace.logs / "rejected" / f"{name}.csv").read_text().splitlines()
