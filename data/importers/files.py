"""The files that `recsys.toml` names, opened and matched with our columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data.importers.columnar import open_parquet
from data.importers.columns import APPS, INTERACTIONS, USERS, Column, Kind, plan
from data.importers.delimited import open_csv
from data.importers.recbole import open_recbole
from data.importers.source import Source
from recsys.config import Import
from recsys.errors import BadInput
from recsys.workspace import Workspace


@dataclass(frozen=True)
class File:
    """A file to import."""

    kind: Kind
    source: Source
    columns: list[Column]


def open_files(workspace: Workspace) -> list[File]:
    """The files to import, of interactions first.

    Raises:
        BadInput: a file is missing or not what it should be, or a mapping doesn't fit its file.
    """
    opened = [
        file for kind in (INTERACTIONS, USERS, APPS) if (file := _open(workspace, kind)) is not None
    ]
    _check_homes(opened)
    return opened


def _open(workspace: Workspace, kind: Kind) -> File | None:
    settings = workspace.config.import_
    name: str = getattr(settings, kind.name)
    mapping = getattr(settings.columns, kind.name)
    if not name:
        if kind is INTERACTIONS or mapping:
            raise BadInput(
                f"import.{kind.name} is empty, expected the file that import.columns.{kind.name} "
                f"is about: name it in {workspace.root}/recsys.toml."
            )
        return None
    path = workspace.root / name
    if not path.is_file():
        raise BadInput(
            f"{path} is not a file, expected the one that import.{kind.name} = {name!r} names: "
            "put it there, or correct the name (it is relative to the workspace)."
        )
    source = _source(path, settings)
    features = workspace.config.features
    return File(kind, source, plan(kind, mapping, source, features))


def _source(path: Path, settings: Import) -> Source:
    match settings.format:
        case "recbole":
            return open_recbole(path)
        case "csv":
            return open_csv(path, settings.delimiter)
        case "parquet":
            return open_parquet(path)


def _check_homes(files: list[File]) -> None:
    """A further column belongs to one table, or nobody could say which one a feature means."""
    home: dict[str, str] = {}
    for file in files:
        for column in file.columns:
            if column.name in file.kind.known:
                continue
            if column.name in home:
                raise BadInput(
                    f"import.columns maps {column.name} for {home[column.name]} and for "
                    f"{file.kind.name}, expected one of them: rename it in the other."
                )
            home[column.name] = file.kind.name
