"""Everything that the engine finds in one table, or in each of its slices.

A table of numbers and text takes three queries: rows and extremes, which engines may read from what
a file says of itself; one pass for all other scalar figures; counts of texts' values. A column of
lists takes one more for their lengths, and those of the table of its values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.types as ir

from recsys import config
from recsys.features.statistics import lists, numbers, query, sampling, texts
from recsys.features.statistics.columns import named
from recsys.features.statistics.lists import Lengths
from recsys.features.statistics.query import WHOLE, Figures, Found
from recsys.features.statistics.texts import Ranked


@dataclass(frozen=True)
class Frame:
    """What a whole table and its slices are measured with, so that they compare."""

    edges: Mapping[str, numbers.Edges]
    """Edges of a number's histogram."""
    sought: Mapping[str, Sequence[str]]
    """Values to count of columns that have too many to count each."""
    of_values: Mapping[str, Frame]
    """For the values of each column of lists."""


@dataclass(frozen=True)
class Part:
    """A table, or one slice of it."""

    num_rows: int
    figures: Mapping[str, Figures]
    """Of numbers and texts, by column."""
    ranked: Mapping[str, Ranked]
    """The most frequent values of texts, by column."""
    lengths: Mapping[str, Lengths]
    """Of lists, by column."""
    of_values: Mapping[str, Part]
    """What the values of all lists are like, by column."""


NOTHING = Part(0, {}, {}, {}, {})
"""What is found where there is no row."""


def whole(settings: config.Engine, table: ir.Table) -> tuple[Part, Frame]:
    """A table without slices, and what to measure its slices with."""
    num_rows, extremes = _extremes_of_whole(settings, table)
    edges = {name: numbers.edges(extremes[WHOLE][name]) for name, _ in named(table, "number")}
    figures = _figures(settings, table, edges, num_rows, extremes)
    sought = _sought(settings, table, num_rows, figures[WHOLE])
    of_lists = {
        name: whole(settings, lists.values(table, name)) for name, _ in named(table, "list")
    }
    frame = Frame(edges, sought, {name: frame for name, (_, frame) in of_lists.items()})
    of_values = {name: {WHOLE: part} for name, (part, _) in of_lists.items()}
    return _parts(settings, table, frame, num_rows, figures, of_values)[WHOLE], frame


def slices(settings: config.Engine, table: ir.Table, frame: Frame) -> dict[str, Part]:
    """Each slice of a table, by the value that its rows have in the column `SLICE`."""
    wanted = {name: numbers.extremes(column) for name, column in named(table, "number")}
    num_rows, extremes = query.scalars(settings, table, wanted)
    figures = _figures(settings, table, frame.edges, num_rows, extremes)
    of_values = {
        name: slices(settings, lists.values(table, name), frame.of_values[name])
        for name, _ in named(table, "list")
    }
    return _parts(settings, table, frame, num_rows, figures, of_values)


def _extremes_of_whole(settings: config.Engine, table: ir.Table) -> tuple[dict[str, int], Found]:
    """Rows, and the least and greatest finite value of each column of numbers."""
    columns = dict(named(table, "number"))
    # A file says nothing of truth values, and one column to read makes DuckDB read them all.
    reported = {
        name: numbers.reported_extremes(column)
        for name, column in columns.items()
        if not column.type().is_boolean()
    }
    num_rows, found = query.scalars(settings, table, reported)
    known = {name for name, figures in found[WHOLE].items() if None not in figures.values()}
    wanted = {name: numbers.extremes(columns[name]) for name in columns if name not in known}
    if wanted:
        found = query.merged(found, query.scalars(settings, table, wanted)[1])
    return num_rows, found


def _figures(
    settings: config.Engine,
    table: ir.Table,
    edges: Mapping[str, numbers.Edges],
    num_rows: Mapping[str, int],
    extremes: Found,
) -> Found:
    """All scalar figures of numbers and texts, by one pass over all rows."""
    rows, drawn = sampling.sampled(table, num_rows)
    wanted = {
        name: numbers.scalars(rows[name], edges[name], drawn) for name, _ in named(table, "number")
    }
    wanted |= {name: texts.scalars(rows[name]) for name, _ in named(table, "text")}
    return query.merged(extremes, query.scalars(settings, rows, wanted)[1])


def _sought(
    settings: config.Engine,
    table: ir.Table,
    num_rows: Mapping[str, int],
    figures: Mapping[str, Figures],
) -> dict[str, list[str]]:
    """The most frequent values of columns that have too many, as far as a sample shows them."""
    rows, drawn = sampling.sampled(table, num_rows)
    if drawn is None:
        return {}
    return {
        name: texts.most_frequent(settings, rows.filter(drawn), name)
        for name, _ in named(table, "text")
        if figures[name]["unique"] > sampling.MAX_COUNTED
    }


def _parts(
    settings: config.Engine,
    table: ir.Table,
    frame: Frame,
    num_rows: Mapping[str, int],
    figures: Found,
    of_values: Mapping[str, Mapping[str, Part]],
) -> dict[str, Part]:
    """Counts what is left to count, and puts together what was found of each slice."""
    of_texts = [name for name, _ in named(table, "text")]
    ranked = texts.ranked(settings, table, of_texts, frame.sought)
    lengths = lists.lengths(settings, table, list(of_values))
    return {
        name: Part(
            num_rows=num,
            figures=figures[name],
            ranked=ranked.get(name, {}),
            lengths=lengths.get(name, {}),
            of_values={column: parts.get(name, NOTHING) for column, parts in of_values.items()},
        )
        for name, num in num_rows.items()
    }
