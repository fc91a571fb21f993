"""`evaluation.json`: what was measured of a candidate model, and the verdict on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from recsys.errors import BadInput
from recsys.evaluation.results import Measured
from recsys.evaluation.verdict import Verdict

EVALUATION = "evaluation.json"


@dataclass(frozen=True)
class Evaluation:
    """What the file holds, field by field; null stands where a figure is not a number."""

    bundle: str
    """Version of the bundle that was judged."""
    baseline: str | None
    """Version of the bundle that served then, if any."""
    measured: Measured
    verdict: Verdict

    @staticmethod
    def load(folder: Path) -> Evaluation:
        """Reads the file."""
        return _VALUES.validate_json((folder / EVALUATION).read_bytes())

    @staticmethod
    def of(values: Mapping[str, Any]) -> Evaluation:
        """From the file's JSON values.

        Raises:
            BadInput: they are not those of this version of the program.
        """
        try:
            return _VALUES.validate_python(values)
        except ValidationError as error:
            key = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise BadInput(
                f"expected an {EVALUATION} of this version of recsys, found one without {key!r} as "
                "it has it: `recsys run` evaluates anew."
            ) from None

    def values(self) -> dict[str, Any]:
        """What the file holds, as JSON values."""
        values: dict[str, Any] = json.loads(_VALUES.dump_json(self))
        return values

    def save(self, folder: Path) -> None:
        """Writes the file."""
        (folder / EVALUATION).write_bytes(_VALUES.dump_json(self, indent=1) + b"\n")


_VALUES = TypeAdapter(Evaluation)
