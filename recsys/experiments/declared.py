"""An experiment by its name, as `recsys.toml` declares it."""

from __future__ import annotations

from recsys.config import Config, Experiment
from recsys.errors import BadInput


def declared(config: Config, name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        BadInput: there is none.
    """
    if name in config.experiments:
        return config.experiments[name]
    known = f"one of {', '.join(config.experiments)}" if config.experiments else "a declared one"
    raise BadInput(
        f"experiment {name!r} is not in recsys.toml, expected {known}: declare it as "
        f"[experiments.{name}] with its arms."
    )
