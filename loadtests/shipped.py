"""The experiments that ship: what each asks, the bundles that it needs, and the experiment itself,
as files of `recsys/presets/experiments/`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from recsys.config import Experiment
from recsys.config.section import Section
from recsys.config.text import sentence
from recsys.errors import BadInput

_FOLDER = resources.files("recsys") / "presets" / "experiments"


class Shipped(Section):
    """One experiment as it ships."""

    question: str
    """What it asks, in one sentence."""
    bundles: Mapping[str, Mapping[str, Any]]
    """Bundles by the names that arms have for them: what the configuration that one is trained with
    changes of the preset."""
    num_users: int = Field(ge=100)
    """Users of the store, in all arms together."""
    num_days: int = Field(ge=1)
    """How long it lasts."""
    experiment: Experiment
    """What is compared; an arm's `bundle` is a name of those above."""

    @model_validator(mode="after")
    def _names_its_bundles(self) -> Self:
        named = {arm.bundle for arm in self.experiment.arms.values() if arm.bundle}
        if unknown := named - set(self.bundles):
            raise ValueError(
                f"arms name the bundles {', '.join(sorted(unknown))}, expected some of "
                f"{', '.join(self.bundles)}"
            )
        return self


def names() -> list[str]:
    """All that ship."""
    files = (path.name for path in _FOLDER.iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def shipped(name: str) -> Shipped:
    """The experiment of that name.

    Raises:
        BadInput: there is no such experiment.
    """
    if name not in names():
        raise BadInput(f"experiment {name!r} does not ship, expected one of {', '.join(names())}.")
    values = tomllib.loads((_FOLDER / f"{name}.toml").read_text())
    try:
        return Shipped.model_validate(values)
    except ValidationError as error:
        raise BadInput(f"{name}.toml: {sentence(error, Shipped)}") from None
