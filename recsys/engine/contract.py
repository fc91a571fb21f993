"""What an engine must do. The modules `duckdb` and `spark` each do it, and give equal tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import ibis.expr.types as ir

from recsys import config


class Engine(Protocol):
    """Computes Ibis expressions, which mean the same whichever engine computes them:

    - times with a zone are UTC, to the microsecond; strings sort by their bytes;
    - NaN is a number that is not a number, and no missing value;
    - a cast or a sum that can't be represented is an error, never null.
    """

    def connect(self, settings: config.Engine, /) -> Any:
        """This process's one Ibis backend for these settings.

        Raises:
            BadInput: the engine can't be had here; says what to install or to start.
        """

    def read_parquet(self, settings: config.Engine, files: Sequence[Path], /) -> ir.Table:
        """One table over Parquet files, as `recsys.engine.read_parquet` says."""

    def write_parquet(self, settings: config.Engine, expression: ir.Table, path: Path, /) -> None:
        """Computes a table into one Parquet file, its rows in the expression's order."""
