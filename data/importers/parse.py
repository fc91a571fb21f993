"""Values as they came, of any format, to values of our types: expressions of Ibis."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from data.importers.columns import NUMBERS, STRINGS
from recsys.config import Import
from recsys.tables import TIME

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Times outside are no times: numbers of another unit, most likely."""

_UNITS_A_SECOND: Mapping[str, int] = {"s": 1, "ms": 1_000, "us": 1_000_000}
_END_SECONDS = 7_258_118_400  # when the year 2200 begins


def is_blank(raw: ir.Value) -> ir.BooleanValue:
    """Whether there is no value: null, NaN, or only white space."""
    if raw.type().is_string():
        return raw.isnull() | (raw.strip() == "")
    if raw.type().is_floating():
        return raw.isnull() | raw.isnan()
    return raw.isnull()


def parsed(raw: ir.Value, wanted: pa.DataType, settings: Import) -> ir.Value:
    """The value of the type wanted, null where it is blank or isn't one. Times are UTC, without a
    zone."""
    if wanted == TIME:
        return _time(raw, settings.time_unit)
    if wanted == pa.date32():
        return _finite_year(raw.try_cast("date"))
    if wanted == pa.float32():
        number = raw.try_cast("float32")
        return (number.isnan() | number.isinf()).ifelse(ibis.null("float32"), number)
    if wanted in (STRINGS, NUMBERS):
        return _list(raw, wanted, settings.sequence_separator)
    return is_blank(raw).ifelse(ibis.null("string"), raw.cast("string"))


def _time(raw: ir.Value, unit: str) -> ir.Value:
    if raw.type().is_numeric():
        return _counted(raw.cast("float64"), unit)
    # By way of UTC: a text without a zone is UTC, and one with a zone is converted.
    written = _finite_year(raw.try_cast("timestamp('UTC')").cast("timestamp"))
    if raw.type().is_temporal():
        return written
    return ibis.coalesce(_counted(raw.try_cast("float64"), unit), written)


def _counted(number: ir.Value, unit: str) -> ir.Value:
    """The time that is so many units after 1970 began."""
    seconds = number / _UNITS_A_SECOND[unit]
    in_range = (seconds >= 0) & (seconds < _END_SECONDS)
    micros = (in_range.ifelse(seconds, ibis.null("float64")) * 1_000_000).round().cast("int64")
    return ibis.timestamp("1970-01-01") + micros.as_interval("us")


def _finite_year(time: ir.Value) -> ir.Value:
    """Null outside the years allowed; the engine reads "infinity" as a time."""
    return time.year().between(FIRST_YEAR, LAST_YEAR).ifelse(time, ibis.null(time.type()))


def _list(raw: ir.Value, wanted: pa.DataType, separator: str) -> ir.Value:
    values = raw
    if raw.type().is_string():
        values = raw.split(separator).filter(lambda value: value.strip() != "")
    if wanted == STRINGS:
        return values.cast("array<string>")
    numbers = values.try_cast("array<float32>")
    strangers = numbers.filter(lambda number: number.isnull())
    return (strangers.length() > 0).ifelse(ibis.null("array<float32>"), numbers)
