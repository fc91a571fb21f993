"""The only configuration: one `recsys.toml`, parsed into frozen sections that refuse unknown keys.

Presets are such files too (`recsys/presets/`). A file may begin with `extends = "tiny"` and then
say only what differs from that preset.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from recsys.config_text import render as render
from recsys.config_text import sentence
from recsys.errors import BadInput

FILE_NAME = "recsys.toml"


class ConfigError(BadInput):
    """A configuration that can't be used; the message says key, value and what was expected."""


class Section(BaseModel):
    """What every section of the file has in common: frozen, and unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True
    )


class World(Section):
    """The synthetic Play store that `recsys data generate` simulates."""

    num_apps: int = Field(2_000, ge=100)
    """Apps in the store on the first day."""
    num_users: int = Field(5_000, ge=10)
    """Users in the population."""
    num_days: int = Field(14, ge=1)
    """Days to simulate."""
    first_day: dt.date = dt.date(2024, 3, 1)
    """The first simulated day."""
    requests_per_user: float = Field(0.8, gt=0, le=50)
    """Mean requests that a user of mean activity makes in a day."""
    page_size: int = Field(10, ge=1, le=100)
    """Apps shown on a page."""
    exploration: float = Field(0.2, ge=0, le=1)
    """Share of the logging policy that shows apps uniformly rather than by popularity."""
    new_apps_per_day: float = Field(0.002, ge=0, le=0.5)
    """Apps released each day, as a share of `num_apps`."""


class ImportColumns(Section):
    """For each of our columns, the column of the file that holds it. Further names are kept as
    they are and can be declared as features."""

    interactions: Mapping[str, str] = {}
    """Must map `user_id` and `app_id`; may map `time`, `value` (a rating, say), and whatever is
    known of the request (`country`, `device`, ...)."""
    users: Mapping[str, str] = {}
    """Must map `user_id` where there is a file of users."""
    apps: Mapping[str, str] = {}
    """Must map `app_id` where there is a file of apps."""


class Import(Section):
    """Where a person's own data lies, and which of its columns mean what."""

    format: Literal["recbole", "csv", "parquet"] = "recbole"
    """The files' format: RecBole atomic files, CSV with a header, or Parquet."""
    delimiter: str = Field(",", min_length=1, max_length=1)
    """What stands between the fields of a CSV file."""
    sequence_separator: str = Field(" ", min_length=1)
    """What stands between the values of a list in one field of text."""
    interactions: str = ""
    """File of interactions: who took which app, and when. Relative to the workspace."""
    users: str = ""
    """File of users; empty when there is none."""
    apps: str = ""
    """File of apps; empty when there is none."""
    time_unit: Literal["s", "ms", "us"] = "s"
    """Unit of times that are numbers: since 1970, UTC."""
    day: dt.date = dt.date(2024, 1, 1)
    """Day of every interaction when `time` isn't mapped."""
    min_value: float = Field(-math.inf, allow_inf_nan=True)
    """Interactions whose `value` is less are left out; -inf takes every one for a positive."""
    max_bad_share: float = Field(0.05, ge=0, le=1)
    """Share of bad rows in a file beyond which nothing is imported."""
    columns: ImportColumns = ImportColumns()
    """Our columns, and the files' names for them."""

    @model_validator(mode="after")
    def _has_what_it_filters_by(self) -> Self:
        if self.min_value > -math.inf and "value" not in self.columns.interactions:
            raise ValueError(
                f"columns.interactions to map `value`, which min_value = {self.min_value} is "
                "compared with: map it, or leave min_value out"
            )
        return self


class Engine(Section):
    """Where tables are computed."""

    kind: Literal["duckdb"] = "duckdb"
    """The engine behind Ibis."""
    num_threads: int = Field(2, ge=1)
    """Threads the engine may use."""
    memory_limit_mib: int = Field(8_192, ge=256)
    """Memory the engine may use before it spills to disk."""


ModelPart = Literal["retrieval", "wide", "deep"]


class Feature(Section):
    """One feature: where it comes from, what it is, and which parts of the models use it."""

    table: Literal["requests", "users", "apps"]
    """Table that holds it. Features of requests and users describe the query; those of apps, the
    candidate."""
    kind: Literal["category", "categories", "number", "hour", "weekday"]
    """A string, a list of strings, a number, or the hour or weekday of a timestamp."""
    models: tuple[ModelPart, ...]
    """Which parts use it: the retrieval towers, the ranker's wide part, its deep part."""
    column: str = ""
    """Column of the table; empty means the feature's own name."""
    vocabulary: str = ""
    """Another feature whose vocabulary and embeddings it shares; empty means its own."""
    min_count: int = Field(1, ge=1)
    """Values seen less often than this go to the out-of-vocabulary buckets."""
    num_oov_buckets: int = Field(1, ge=1)
    """Buckets for values outside the vocabulary."""
    max_length: int = Field(50, ge=1)
    """For `categories`: how many of a list's last values are used."""
    num_quantiles: int = Field(100, ge=2)
    """For `number`: the n_q of the quantile CDF, (i - 1) / (n_q - 1)."""
    embedding_dim: int = Field(16, ge=1)
    """Width of its embedding."""

    @property
    def owns_vocabulary(self) -> bool:
        """Whether its values make a vocabulary of its own."""
        return self.kind in ("category", "categories") and not self.vocabulary


class Cross(Section):
    """A cross of a query feature with a candidate feature in the ranker's wide part."""

    query: str
    """A `category` or `categories` feature of the query."""
    candidate: str
    """A `category` or `categories` feature of the candidate."""
    num_buckets: int = Field(2**18, ge=16)
    """Hash buckets that the pairs share."""


class Examples(Section):
    """How logs become training and evaluation examples."""

    split: Literal["time", "random"] = "time"
    """`time`: train on past days, evaluate on the days after. `random`: 80/10/10 of each user's
    interactions, which leaks the future and is here only to compare with published figures."""
    window_days: int = Field(28, ge=1)
    """Days of examples that a model is trained on."""
    test_days: int = Field(1, ge=1)
    """Last days of a span, kept out of training and evaluated on."""


Width = Annotated[int, Field(ge=1)]


class Retrieval(Section):
    """The two-tower retrieval model."""

    embedding_dim: int = Field(64, ge=2)
    """Width of the towers' output, a unit vector."""
    hidden_units: tuple[Width, ...] = (128,)
    """Widths of each tower's hidden layers."""
    id_embedding_dim: int = Field(64, ge=1)
    """Width of the embedding of app ids, as candidate and as history."""
    temperature: float = Field(0.2, gt=0)
    """Divides the dot products before the softmax."""
    sampling_correction: bool = True
    """Subtract log q(app) from the logits of sampled negatives (RecSys 2019)."""
    num_uniform_negatives: int = Field(256, ge=0)
    """Negatives drawn from the whole catalogue beside the batch's own (WWW 2020)."""
    num_hidden_apps: int = Field(1_024, ge=0)
    """Apps hidden from histories and foretold, beside a batch's own positives."""
    batch_size: int = Field(512, ge=2)
    """Positives in a batch."""
    num_epochs: int = Field(4, ge=1)
    """Passes over the window."""
    learning_rate: float = Field(0.002, gt=0)
    """Learning rate of Adam."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Share of a history's apps that is hidden from the tower in training."""


class Ranking(Section):
    """The wide-and-deep ranking model."""

    kind: Literal["linear", "deep", "wide_and_deep"] = "wide_and_deep"
    """Which parts it has."""
    hidden_units: tuple[Width, ...] = Field((256, 128, 64), min_length=1)
    """Widths of the deep part's layers."""
    crosses: tuple[Cross, ...] = ()
    """Crosses of the wide part."""
    negatives_per_positive: int = Field(0, ge=0)
    """Sampled negatives beside each positive; what data without impressions needs."""
    batch_size: int = Field(1_024, ge=1)
    """Impressions in a batch."""
    num_epochs: int = Field(1, ge=1)
    """Passes over the window."""
    wide_learning_rate: float = Field(0.05, gt=0)
    """Learning rate of FTRL, which trains the wide part."""
    wide_l1: float = Field(0.0005, ge=0)
    """L1 strength of FTRL."""
    deep_learning_rate: float = Field(0.05, gt=0)
    """Learning rate of AdaGrad, which trains the deep part."""


class Index(Section):
    """The ANN index over the candidate embeddings."""

    kind: Literal["auto", "brute_force", "ivf"] = "auto"
    """`auto` takes brute force up to `brute_force_max_apps` apps and IVF beyond."""
    brute_force_max_apps: int = Field(50_000, ge=0)
    """Largest catalogue that is searched exactly under `auto`."""
    num_lists: int = Field(4_096, ge=1)
    """Lists of the IVF index."""
    num_probes: int = Field(64, ge=1)
    """Lists that a search visits."""


class Recommender(Section):
    """The request path."""

    num_retrieved: int = Field(150, ge=1)
    """Candidates from the two-tower index."""
    num_popular: int = Field(50, ge=0)
    """Candidates that are popular in the query's country."""
    num_new: int = Field(20, ge=0)
    """Candidates that were released last."""
    num_similar: int = Field(50, ge=0)
    """Candidates similar to the seed app, where a request names one."""


class Evaluation(Section):
    """What a candidate model must reach to be blessed."""

    k: int = Field(10, ge=1)
    """Length of the page that recall and nDCG are measured on."""
    max_users: int = Field(20_000, ge=1)
    """Users evaluated; more are sampled down, by a stable hash of their id."""
    min_ranking_auc: float = Field(0.5, ge=0, le=1)
    """The ranker's AUC on the days kept out of training."""
    min_recall_over_popular: float = Field(1.0, ge=0)
    """The served path's recall over that of the most popular apps."""
    max_recall_drop: float = Field(0.1, ge=0, le=1)
    """Share of the baseline's recall that a candidate model may lose."""


class Serving(Section):
    """The HTTP server."""

    host: str = "127.0.0.1"
    """Address to bind; loopback unless told otherwise."""
    port: int = Field(8501, ge=0, le=65_535)
    """Port to bind; 0 takes a free one."""
    default_k: int = Field(20, ge=1)
    """Length of a page when a request doesn't say."""
    max_k: int = Field(1_000, ge=1)
    """Longest page that a request may ask for."""
    num_model_threads: int = Field(1, ge=1)
    """Threads of TensorFlow and FAISS for one request."""


class Config(Section):
    """The whole of `recsys.toml`."""

    seed: int = Field(2017, ge=0)
    """Seed of every named random stream."""
    world: World = World()
    import_: Import = Field(Import(), alias="import")
    engine: Engine = Engine()
    features: Mapping[str, Feature] = {}
    examples: Examples = Examples()
    retrieval: Retrieval = Retrieval()
    ranking: Ranking = Ranking()
    index: Index = Index()
    recommender: Recommender = Recommender()
    evaluation: Evaluation = Evaluation()
    serving: Serving = Serving()

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
