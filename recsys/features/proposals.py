"""What to do about an anomaly: how the schema would change so that it is one no longer, once a
person agrees that the data is right, or what to mend upstream where no schema can make it right.

TFX (KDD 2017), section 3.3, gives two: an unseen value -> "add value to domain"; a feature gone ->
"deprecate feature". Nothing changes before a person agrees: a remedy only says what would, and
leaves every other expectation standing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import schema_pb2

from recsys.features import schema as schemas
from recsys.features import statistics
from recsys.features.inference import EXAMPLES, WITNESSES, num_examples, wholes
from recsys.features.schema import Expectations, Feature, Waiver
from recsys.features.statistics import DatasetFeatureStatisticsList

UPSTREAM = "mend upstream: "
"""How the text of a remedy begins that no schema offers."""
NUM_VALUES_SHOWN = 5
"""Values that a text lists."""


@dataclass(frozen=True)
class Remedy:
    """What would settle an anomaly."""

    text: str
    """In plain words."""
    apply: Callable[[Expectations], None] | None = None
    """Makes the change, in place; None where what is wrong must be mended upstream."""

    def along_with(self, other: Remedy) -> Remedy:
        """Both at once; what must be mended upstream still must."""
        first, second = self.apply, other.apply
        if first is None or second is None:
            return self

        def apply(expected: Expectations) -> None:
            first(expected)
            second(expected)

        return Remedy(f"{self.text}; {other.text}", apply)


def mend(what: str) -> Remedy:
    """No schema makes this right."""
    return Remedy(f"{UPSTREAM}{what}")


def let_pass(waiver: Waiver) -> Remedy:
    """Lets one day pass with what can't be mended any more, and no other."""

    def apply(expected: Expectations) -> None:
        expected.waived.append(waiver)

    return Remedy("let this day pass as it is", apply)


def accept(expected: Expectations, remedies: Collection[Remedy]) -> Expectations:
    """A copy of the expectations with the changes made."""
    changed = expected.copy()
    for remedy in remedies:
        if remedy.apply is not None:
            remedy.apply(changed)
    return changed


def listed(values: Sequence[str]) -> str:
    """A few values as text, each as Python writes it: odd spaces and line ends show."""
    more = len(values) - NUM_VALUES_SHOWN
    shown = ", ".join(repr(value) for value in values[:NUM_VALUES_SHOWN])
    return f"{shown} and {more:,} more" if more > 0 else shown


def add_feature(found: Feature, seen: DatasetFeatureStatisticsList) -> Remedy:
    """Expects a column that is new, as it was found; days before it, which lack it, still pass."""

    def apply(expected: Expectations) -> None:
        added = expected.schema.feature.add()
        added.CopyFrom(found)
        added.ClearField("presence")
        _refer_to(seen, found.name, expected.reference)

    return Remedy("add feature", apply)


def deprecate_feature(name: str) -> Remedy:
    """Expects a column no longer."""

    def apply(expected: Expectations) -> None:
        schemas.of(expected.schema, name).lifecycle_stage = schema_pb2.DEPRECATED

    return Remedy("deprecate feature", apply)


def expect_type(found: Feature, seen: DatasetFeatureStatisticsList) -> Remedy:
    """Expects the feature as it was found, of another type than before."""

    def apply(expected: Expectations) -> None:
        schemas.of(expected.schema, found.name).CopyFrom(found)
        _refer_to(seen, found.name, expected.reference)

    return Remedy(f"expect {schema_pb2.FeatureType.Name(found.type)} values", apply)


def expect_presence(name: str, min_fraction: float) -> Remedy:
    """Expects a value in fewer rows; none at all for a share of 0."""

    def apply(expected: Expectations) -> None:
        presence = schemas.of(expected.schema, name).presence
        presence.min_fraction = min_fraction
        presence.min_count = 1 if min_fraction else 0

    some = f"expect a value in at least {min_fraction:.1%} of rows"
    return Remedy(some if min_fraction else "let it be missing everywhere", apply)


def expect_num_values(name: str, least: int, most: int) -> Remedy:
    """Expects from `least` to `most` values a row."""

    def apply(expected: Expectations) -> None:
        counts = schemas.of(expected.schema, name).value_count
        counts.min, counts.max = least, most

    return Remedy(f"expect {least:,} to {most:,} values a row", apply)


def add_values(name: str, values: Sequence[str]) -> Remedy:
    """Adds values to a string domain."""

    def apply(expected: Expectations) -> None:
        domain = schemas.of(expected.schema, name).string_domain
        known = sorted({*domain.value, *values})
        del domain.value[:]
        domain.value.extend(known)

    plural = "s"[: len(values) > 1]
    return Remedy(f"add value{plural} to domain: {listed(values)}", apply)


def drop_domain(name: str) -> Remedy:
    """Expects any string."""

    def apply(expected: Expectations) -> None:
        feature = schemas.of(expected.schema, name)
        feature.ClearField("string_domain")
        feature.ClearField("distribution_constraints")

    return Remedy("expect any value: it has too many for a domain", apply)


def widen_range(name: str, least: float, most: float) -> Remedy:
    """Expects numbers as far as these, too."""

    def apply(expected: Expectations) -> None:
        feature = schemas.of(expected.schema, name)
        domain = getattr(feature, feature.WhichOneof("domain_info"))
        whole = int if feature.type == schema_pb2.INT else float
        if domain.HasField("min"):
            domain.min = min(domain.min, whole(least))
        if domain.HasField("max"):
            domain.max = max(domain.max, whole(most))

    return Remedy(f"widen range to [{least:g}, {most:g}]", apply)


def expect_examples(least: int) -> Remedy:
    """Expects fewer examples of every span."""

    def apply(expected: Expectations) -> None:
        expected.schema.dataset_constraints.min_examples_count = least

    return Remedy(f"expect at least {least:,} examples", apply)


def refer_to_day(name: str, seen: DatasetFeatureStatisticsList) -> Remedy:
    """Lets a feature be as on this day, too, from now on."""

    def apply(expected: Expectations) -> None:
        _refer_to(seen, name, expected.reference)

    return Remedy("take this day as a reference too", apply)


def expect_snapshot(name: str, age: str, seen: DatasetFeatureStatisticsList) -> Remedy:
    """Expects snapshots as old as the day's from now on; who would rather have a new one, delivers
    it."""

    def apply(expected: Expectations) -> None:
        _refer_to(seen, name, expected.reference)

    return Remedy(f"deliver the day's snapshot and run again, or expect one of {age}", apply)


def refer_to_volume(seen: DatasetFeatureStatisticsList) -> Remedy:
    """Lets a day have as many examples as this one, too, from now on."""

    def apply(expected: Expectations) -> None:
        expected.reference.datasets.add(name=EXAMPLES, num_examples=num_examples(seen))

    return Remedy("take this day's number of examples as a reference too", apply)


def _refer_to(
    seen: DatasetFeatureStatisticsList, name: str, reference: DatasetFeatureStatisticsList
) -> None:
    """Adds a day's statistics of one feature to the reference, and of the keys that say how many
    users (or apps) it was seen of."""
    for dataset in wholes(seen):
        found = statistics.features_of(dataset)
        if name in found:
            added = reference.datasets.add(name=dataset.name, num_examples=dataset.num_examples)
            kept = dict.fromkeys((*WITNESSES, name))
            added.features.extend(found[one] for one in kept if one in found)
