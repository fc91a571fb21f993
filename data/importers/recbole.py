"""RecBole's atomic files: tab-separated text whose header says `name:type`.

Source: https://recbole.io/docs/user_guide/data/atomic_files.html
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from data.importers.columns import NUMBERS, STRINGS
from data.importers.delimited import DelimitedSource, by_name, header
from recsys.errors import BadInput

_TYPES = {
    "token": pa.string(),
    "token_seq": STRINGS,
    "float": pa.float32(),
    "float_seq": NUMBERS,
}


def open_recbole(path: Path) -> DelimitedSource:
    """Opens an atomic file; its columns are named without their types.

    Raises:
        BadInput: it is empty, isn't UTF-8, or its header isn't of names and types.
    """
    fields = [field.rpartition(":") for field in header(path).split("\t")]
    for name, colon, kind in fields:
        if kind not in _TYPES or not name:
            raise BadInput(
                f"{path}: its header has {name + colon + kind!r}, expected tab-separated fields "
                f"of name:type with a type of {', '.join(_TYPES)}; set import.format, if it is "
                "another kind of file."
            )
    types = by_name(path, [name for name, _, _ in fields], [_TYPES[kind] for _, _, kind in fields])
    return DelimitedSource(path, types, "\t", is_quoted=False)
