"""Bad rows: counted by reason, set aside where people can read them, and refused when many."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from data.importers.checks import DUPLICATE, REASON
from data.importers.columns import INTERACTIONS, Column
from data.importers.files import File
from data.importers.source import LINE, TEXT
from recsys import engine
from recsys.config import Engine
from recsys.errors import BadInput

_SHOWN_CHARACTERS = 120


def count(settings: Engine, judged: ir.Table) -> dict[str, int]:
    """Bad rows by reason, the most frequent first."""
    reasons = judged.filter(judged[REASON].notnull()).group_by(REASON).agg(num=ibis._.count())
    counted = engine.to_arrow(settings, reasons.order_by(ibis.desc("num"), REASON))
    return {row[REASON]: row["num"] for row in counted.to_pylist()}


def in_order(judged: ir.Table, raw: ir.Table) -> ir.Table:
    """The bad rows as they came, each with its reason, by line."""
    bad = judged.filter(judged[REASON].notnull()).select(LINE, REASON)
    return bad.inner_join(raw, LINE).order_by(LINE)


def write(bad: Iterable[pa.RecordBatch], columns: Sequence[Column], out: Path) -> None:
    """Writes bad rows as CSV, `line,reason,row`.

    `row` is a JSON object of the mapped columns under the file's own names, or the line's text
    where its fields can't be told apart.
    """
    out.parent.mkdir(exist_ok=True)
    with out.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["line", "reason", "row"])
        for batch in bad:
            for row in batch.to_pylist():
                fields = {column.source: row[column.name] for column in columns}
                as_json = json.dumps(fields, ensure_ascii=False, default=str)
                writer.writerow([row[LINE], row[REASON], row[TEXT] or as_json])


def refuse_too_many(
    file: File, num_rows: int, num_bad: Mapping[str, int], max_bad_share: float, written: Path
) -> None:
    """Refuses a file of whose rows too many are bad.

    An interaction that repeats an earlier one is set aside, but is no fault: people come back.

    Args:
        file: the file.
        num_rows: its rows.
        num_bad: the bad ones, by reason.
        max_bad_share: the share of `num_rows` that may be bad.
        written: what `write` wrote of them.

    Raises:
        BadInput: more are bad; says how many for each reason, and shows the first.
    """
    is_fault = {r: r != DUPLICATE or file.kind is not INTERACTIONS for r in num_bad}
    faults = {reason: num for reason, num in num_bad.items() if is_fault[reason]}
    total = sum(faults.values())
    if total <= max_bad_share * num_rows:
        return
    first = _first_of_each(written)
    reasons = "; ".join(
        f"{num:,} {reason} (first: {first[reason]})" for reason, num in faults.items()
    )
    raise BadInput(
        f"{file.source.path}: {total:,} of {num_rows:,} rows are bad, expected at most a share of "
        f"import.max_bad_share = {max_bad_share}; found {reasons}; nothing was imported: correct "
        f"the file or import.columns.{file.kind.name}."
    )


def _first_of_each(written: Path) -> dict[str, str]:
    first: dict[str, str] = {}
    with written.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            first.setdefault(row["reason"], f"line {row['line']}, {row['row'][:_SHOWN_CHARACTERS]}")
    return first
