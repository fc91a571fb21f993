"""The only configuration: one `recsys.toml`, parsed into frozen sections that refuse unknown keys.

Presets are such files too (`recsys/presets/`). A file may begin with `extends = "tiny"` and then
say only what differs from that preset.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from recsys.config.bundles import Bundles as Bundles
from recsys.config.data import Engine as Engine
from recsys.config.data import Examples as Examples
from recsys.config.data import Import as Import
from recsys.config.data import ImportColumns as ImportColumns
from recsys.config.data import Statistics as Statistics
from recsys.config.data import World as World
from recsys.config.experiments import Arm as Arm
from recsys.config.experiments import Experiment as Experiment
from recsys.config.experiments import Metric as Metric
from recsys.config.experiments import problem as problem_of_experiments
from recsys.config.features import Cross as Cross
from recsys.config.features import Feature as Feature
from recsys.config.features import ModelPart as ModelPart
from recsys.config.gates import BUILT_IN_DIMENSIONS
from recsys.config.gates import Alerts as Alerts
from recsys.config.gates import Evaluation as Evaluation
from recsys.config.gates import Infra as Infra
from recsys.config.gates import Slice as Slice
from recsys.config.models import Index as Index
from recsys.config.models import Ranking as Ranking
from recsys.config.models import Recommender as Recommender
from recsys.config.models import Retrieval as Retrieval
from recsys.config.models import Training as Training
from recsys.config.section import Section as Section
from recsys.config.serving import Serving as Serving
from recsys.config.text import render as render
from recsys.config.text import sentence
from recsys.config.validation import Validation as Validation
from recsys.errors import BadInput

FILE_NAME = "recsys.toml"


class ConfigError(BadInput):
    """A configuration that can't be used; the message says key, value and what was expected."""


class Config(Section):
    """The whole of `recsys.toml`."""

    seed: int = Field(2017, ge=0)
    """Seed of every named random stream."""
    world: World = World()
    import_: Import = Field(Import(), alias="import")
    engine: Engine = Engine()
    features: Mapping[str, Feature] = {}
    examples: Examples = Examples()
    statistics: Statistics = Statistics()
    validation: Validation = Validation()
    training: Training = Training()
    retrieval: Retrieval = Retrieval()
    ranking: Ranking = Ranking()
    index: Index = Index()
    recommender: Recommender = Recommender()
    infra: Infra = Infra()
    evaluation: Evaluation = Evaluation()
    alerts: Alerts = Alerts()
    bundles: Bundles = Bundles()
    serving: Serving = Serving()
    metrics: Mapping[str, Metric] = {}
    experiments: Mapping[str, Experiment] = {}

    @model_validator(mode="after")
    def _features_fit_together(self) -> Self:
        for name, feature in self.features.items():
            owners = [owner for owner, f in self.features.items() if f.owns_vocabulary]
            if feature.vocabulary and feature.vocabulary not in owners:
                raise ValueError(
                    f"features.{name}.vocabulary names {feature.vocabulary!r}, expected one of "
                    f"the declared features that have their own: {', '.join(owners)}"
                )
        for cross in self.ranking.crosses:
            for side, name in (("query", cross.query), ("candidate", cross.candidate)):
                crossed = self.features.get(name)
                if crossed is None or crossed.kind not in ("category", "categories"):
                    raise ValueError(
                        f"ranking.crosses: {side} = {name!r}, expected a declared feature of kind "
                        "category or categories"
                    )
                if (crossed.table == "apps") != (side == "candidate"):
                    raise ValueError(
                        f"ranking.crosses: {side} = {name!r} is a feature of table "
                        f"{crossed.table!r}, expected one of the {side}'s"
                    )
        return self

    @model_validator(mode="after")
    def _slices_are_by_what_there_is(self) -> Self:
        categories = [name for name, f in self.features.items() if f.kind == "category"]
        for name in [name for slices in self.evaluation.slices for name in slices.by]:
            if name not in (*BUILT_IN_DIMENSIONS, *categories):
                raise ValueError(
                    f"evaluation.slices: by = {name!r}, expected a declared feature of kind "
                    f"category or one of {', '.join(BUILT_IN_DIMENSIONS)}"
                )
        return self

    @model_validator(mode="after")
    def _experiments_fit_together(self) -> Self:
        if problem := problem_of_experiments(self.experiments, self.metrics):
            raise ValueError(problem)
        return self

    def digest(self, *sections: str) -> str:
        """SHA-256 (hex) of the named sections' values; of all of them when none is named."""
        assert set(sections) <= set(type(self).model_fields), sections
        values = self.model_dump(mode="json", include=set(sections) or None)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def preset_names() -> list[str]:
    """Names of the presets that come with the package."""
    folder = resources.files("recsys") / "presets"
    return sorted(
        p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")
    )


def preset(name: str) -> Config:
    """The preset of that name.

    Raises:
        ConfigError: there is no such preset.
    """
    return parse({"extends": name}, origin=f"preset {name}")


def load(path: Path) -> Config:
    """Reads a `recsys.toml`.

    Raises:
        ConfigError: the file is missing, isn't TOML, has an unknown key or a value out of range.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist: `recsys init` writes one.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None
    return parse(values, origin=str(path))


def parse(values: Mapping[str, Any], origin: str) -> Config:
    """Checks a file's values; `origin` is named in errors.

    Raises:
        ConfigError: an unknown key, a value out of range, or an unknown preset to extend.
    """
    try:
        return Config.model_validate(_extended(values, origin))
    except ValidationError as error:
        raise ConfigError(f"{origin}: {sentence(error, Config)}") from None


def _extended(values: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """`values` over those of the preset that they extend, if any."""
    rest = {key: value for key, value in values.items() if key != "extends"}
    name = values.get("extends")
    if name is None:
        return rest
    if name not in preset_names():
        raise ConfigError(
            f"{origin}: extends = {name!r}, expected one of {', '.join(preset_names())}."
        )
    text = (resources.files("recsys") / "presets" / f"{name}.toml").read_text()
    return _merged(_extended(tomllib.loads(text), f"preset {name}"), rest)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        # A dataset declares its features whole: those of another catalogue mean nothing to it.
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if nested and key != "features" else value
    return merged
