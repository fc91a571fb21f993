"""Values that lie outside of what was expected."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import schema_pb2

from recsys.features import integrity, proposals, statistics
from recsys.features.anomalies.day import Column, Finding, Info
from recsys.features.inference import MAX_DOMAIN_VALUES
from recsys.features.proposals import Remedy
from recsys.tables import TABLES


def outside_domain(column: Column) -> Iterator[Finding]:
    """Strings that are not in the domain, where they are too many."""
    domain = set(column.expected.string_domain.value)
    num_values = statistics.common(column.seen).tot_num_values
    if not domain or not num_values:
        return
    counts = statistics.value_counts(column.seen)
    inside = sum(num for value, num in counts.items() if value in domain)
    mass, least = inside / num_values, column.expected.distribution_constraints.min_domain_mass
    if mass < least:
        strangers = [value for value in counts if value not in domain]
        is_small = column.seen.string_stats.unique <= MAX_DOMAIN_VALUES + len(domain)
        yield column.find(
            Info.ENUM_TYPE_UNEXPECTED_STRING_VALUES,
            "Unexpected values",
            f"{1 - mass:.1%} of values are outside the domain, expected at most {1 - least:.1%}: "
            + _counted(strangers, counts),
            proposals.add_values(column.name, strangers)
            if is_small
            else proposals.drop_domain(column.name),
        )


def _counted(values: list[str], counts: dict[str, int]) -> str:
    """Some values, each with how often it occurs."""
    shown = values[: proposals.NUM_VALUES_SHOWN]
    more = len(values) - len(shown)
    listed = ", ".join(f"{value!r} ({counts[value]:,})" for value in shown)
    return f"{listed} and {more:,} more" if more > 0 else listed


def out_of_range(column: Column) -> Iterator[Finding]:
    """Numbers that are too small or too big."""
    kind = column.expected.WhichOneof("domain_info")
    if kind not in ("int_domain", "float_domain") or not column.num_present:
        return
    domain, numbers = getattr(column.expected, kind), column.seen.num_stats
    is_int = column.expected.type == schema_pb2.INT
    small, big = (
        (Info.INT_TYPE_SMALL_INT, Info.INT_TYPE_BIG_INT)
        if is_int
        else (Info.FLOAT_TYPE_SMALL_FLOAT, Info.FLOAT_TYPE_BIG_FLOAT)
    )
    remedy = _range_remedy(column)
    if domain.HasField("min") and -math.inf < numbers.min < domain.min:
        yield column.find(
            small,
            "Values too small",
            f"values reach down to {numbers.min:,g}, expected at least {domain.min:,g}"
            + _outside(column),
            remedy,
        )
    if domain.HasField("max") and math.inf > numbers.max > domain.max:
        yield column.find(
            big,
            "Values too big",
            f"values reach up to {numbers.max:,g} (half of them {numbers.median:,g} or less), "
            f"expected at most {domain.max:,g}" + _outside(column),
            remedy,
        )


def _outside(column: Column) -> str:
    """What share of a table's times lies on another day."""
    share = statistics.custom(column.seen).get(integrity.OUTSIDE_SHARE)
    return f": {share:.1%} of rows are of another day" if share else ""


def _range_remedy(column: Column) -> Remedy:
    if column.dataset.name in TABLES:
        return proposals.mend(
            f"deliver the day's own {column.dataset.name}, with times in UTC, and no others"
        )
    numbers, room = column.seen.num_stats, column.day.inference.settings.range_room
    least = numbers.min * room if numbers.min < 0 else numbers.min
    return proposals.widen_range(column.name, least, numbers.max * room)


def not_finite(column: Column) -> Iterator[Finding]:
    """NaN and infinity."""
    if not column.expected.HasField("float_domain"):
        return
    domain = column.expected.float_domain
    num_nan = sum(histogram.num_nan for histogram in column.seen.num_stats.histograms[:1])
    num_infinite = statistics.custom(column.seen).get(statistics.NUM_INFINITE, 0)
    if domain.disallow_nan and num_nan:
        yield column.find(
            Info.FLOAT_TYPE_HAS_NAN,
            "NaN",
            f"{num_nan:,} values are NaN, expected none",
            proposals.mend("write null where there is no value"),
        )
    if domain.disallow_inf and num_infinite:
        yield column.find(
            Info.FLOAT_TYPE_HAS_INF,
            "Infinity",
            f"{num_infinite:,.0f} values are infinite, expected none",
            proposals.mend("write null where there is no value"),
        )
