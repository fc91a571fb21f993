"""What data is expected to look like, as tensorflow-metadata's `Schema`, and its versions.

A schema is inferred once, from a first span, and generously: it shall stop what is broken and let
pass what is new. From then on people change it, each version with who approved it and why:

```
schema/version=1/schema.pbtxt      a text `Schema`
schema/version=1/approval.json     who, why, when
```
"""

from __future__ import annotations

import datetime as dt
import getpass
import json
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from recsys.errors import BadInput
from recsys.features import statistics
from recsys.workspace import Workspace, digest_of_file, staged_folder

Schema = Any
Feature = Any

SCHEMA = "schema.pbtxt"
APPROVAL = "approval.json"

MAX_DOMAIN_VALUES = 100
"""A string feature with more values than this has no domain."""
MIN_WITNESSES_PER_VALUE = 20
"""A domain needs so many different users (or apps) for each of its values: one busy user who
repeats a value proves little."""
MIN_DOMAIN_MASS = 0.99
"""Share of a feature's values that must lie in its domain; a rare new value stops nothing."""
PRESENCE_SLACK = 0.01
"""How much below the first span's presence a feature may fall."""
MIN_EXAMPLES_SHARE = 0.2
"""Share of the first span's examples that each span must have."""

_TYPES = {
    statistics_pb2.FeatureNameStatistics.INT: schema_pb2.INT,
    statistics_pb2.FeatureNameStatistics.FLOAT: schema_pb2.FLOAT,
    statistics_pb2.FeatureNameStatistics.STRING: schema_pb2.BYTES,
}


def infer(seen: statistics.DatasetFeatureStatisticsList) -> Schema:
    """A schema that the data it was inferred from satisfies, and most days like it.

    - type: as found; unknown where a feature was never present;
    - presence: at least once, in nearly the share of examples that it was found in;
    - valency: exactly one value, but for lists;
    - domain: strings of few values that many users or apps share; ids get none;
    - numbers: no NaN and no infinity, where there was none.
    """
    schema = schema_pb2.Schema()
    for dataset in seen.datasets:
        witnesses = num_witnesses(dataset)
        for feature in dataset.features:
            schema.feature.append(infer_feature(feature, dataset.num_examples, witnesses))
    return schema


def num_witnesses(dataset: Any) -> int:
    """How many different users a dataset of queries shows, or apps one of examples."""
    keys = ("user_id", "app_id")
    return max(
        (f.string_stats.unique for f in dataset.features if f.path.step[0] in keys), default=0
    )


def infer_feature(seen: statistics.FeatureNameStatistics, num_examples: int, witnesses: int) -> Any:
    """The schema of one feature; see `infer`."""
    feature = schema_pb2.Feature(name=seen.path.step[0], lifecycle_stage=schema_pb2.PRODUCTION)
    common = statistics.common(seen)
    if not common.num_non_missing:
        return feature
    feature.type = type_of(seen)
    feature.presence.min_count = 1
    feature.presence.min_fraction = presence_floor(common.num_non_missing / num_examples)
    if common.min_num_values == common.max_num_values == 1:
        feature.value_count.min = feature.value_count.max = 1
    if feature.type == schema_pb2.FLOAT:
        feature.float_domain.disallow_nan = not seen.num_stats.histograms[0].num_nan
        feature.float_domain.disallow_inf = not statistics.custom(seen)[statistics.NUM_INFINITE]
    unique = seen.string_stats.unique
    if 0 < unique <= min(MAX_DOMAIN_VALUES, witnesses // MIN_WITNESSES_PER_VALUE):
        feature.string_domain.value.extend(sorted(statistics.value_counts(seen)))
        feature.distribution_constraints.min_domain_mass = MIN_DOMAIN_MASS
    return feature


def type_of(seen: statistics.FeatureNameStatistics) -> int:
    """The schema's type for a feature of statistics."""
    found: int = _TYPES[seen.type]
    return found


def presence_floor(fraction: float) -> float:
    """The least presence to expect of a feature that was found in this share of examples."""
    return max(0.0, round(fraction - PRESENCE_SLACK, 3))


def require_examples(schema: Schema, num_examples: int) -> None:
    """Expects at least a good share of so many examples of every span."""
    least = max(1, int(num_examples * MIN_EXAMPLES_SHARE))
    schema.dataset_constraints.min_examples_count = least


def versions(workspace: Workspace) -> list[int]:
    """The versions that were approved, in order."""
    names = (path.parent.name for path in workspace.schema.glob(f"version=*/{SCHEMA}"))
    return sorted(int(name.removeprefix("version=")) for name in names)


def latest(workspace: Workspace) -> int | None:
    """The version that counts; None before the first."""
    return max(versions(workspace), default=None)


def path_of(workspace: Workspace, version: int) -> Path:
    """The file of one version."""
    return workspace.schema / f"version={version}" / SCHEMA


def load(path: Path) -> Schema:
    """Reads a text `Schema`.

    Raises:
        BadInput: it does not parse, as after an edit by hand.
    """
    try:
        return text_format.Parse(path.read_text(), schema_pb2.Schema())
    except text_format.ParseError as error:
        raise BadInput(f"{path} is not a text Schema: {error}. Mend that line.") from None


def approve(workspace: Workspace, schema: Schema, why: str) -> int:
    """Makes a schema the next version, and records who approved it and why; gives the version."""
    version = (latest(workspace) or 0) + 1
    with staged_folder(path_of(workspace, version).parent) as out:
        (out / SCHEMA).write_text(text_format.MessageToString(schema))
        approval = {
            "version": version,
            "who": getpass.getuser(),
            "why": why,
            "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }
        (out / APPROVAL).write_text(json.dumps(approval, indent=1) + "\n")
    return version


def approval(workspace: Workspace, version: int) -> dict[str, Any]:
    """Who approved a version, why and when."""
    values: dict[str, Any] = json.loads((path_of(workspace, version).parent / APPROVAL).read_text())
    return values


def digest(workspace: Workspace, version: int) -> str:
    """SHA-256 (hex) of a version's schema."""
    return digest_of_file(path_of(workspace, version))
