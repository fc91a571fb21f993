"""How each column of a table is to be measured. A table's slices are measured by the plan of the
whole, so that their histograms have the same buckets and they compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.types as ir

from recsys import config
from recsys.features.statistics import lists, numbers, query, sampling, texts
from recsys.features.statistics.columns import WHOLE, is_whole, named
from recsys.features.statistics.query import Figures

_LARGEST_COUNTED = 2**62
"""Whole numbers are counted as integers of 64 bits with a sign."""


@dataclass(frozen=True)
class Plan:
    """What to measure a table's columns with."""

    extremes: Mapping[str, Figures]
    """The least and the greatest finite value of numbers."""
    edges: Mapping[str, numbers.Edges]
    """Edges of numbers' histograms."""
    few: Sequence[str]
    """Numbers that are whole and of a small range."""
    sought: Mapping[str, Sequence[str]]
    """Of text that has too many values to count each: those to count."""
    of_values: Mapping[str, Plan]
    """For the values of each column of lists."""


def plan(settings: config.Engine, table: ir.Table) -> Plan:
    """The plan for a whole table."""
    num_rows = query.num_rows(settings, table)
    sample = sampling.sample(table, num_rows)
    return _plan(settings, table, sample, num_rows[WHOLE] / sampling.NUM_SAMPLED)


def _plan(settings: config.Engine, table: ir.Table, sample: ir.Table, ratio: float) -> Plan:
    """The plan for a table that is `ratio` times as large as its sample, if above 1."""
    extremes = _extremes(settings, table)
    edges = {name: numbers.edges(each["min"], each["max"]) for name, each in extremes.items()}
    few = [name for name, column in named(table, "number").items() if _is_few(column, edges[name])]
    sought = _sought(settings, sample, ratio) if ratio > 1 else {}
    of_values = {
        name: _plan(settings, lists.values(table, name), lists.values(sample, name), ratio)
        for name in named(table, "list")
    }
    return Plan(extremes, edges, few, sought, of_values)


def _extremes(settings: config.Engine, table: ir.Table) -> dict[str, Figures]:
    """The least and greatest finite value of each column of numbers."""
    columns = named(table, "number")
    # A file does not say those of truth values, and one column to read makes DuckDB read them all.
    truths = {name for name, column in columns.items() if column.type().is_boolean()}
    reported = {name: numbers.reported_extremes(columns[name]) for name in columns.keys() - truths}
    found = query.scalars(settings, table, reported).get(WHOLE, {})
    unknown = [name for name, each in found.items() if None in each.values()]
    wanted = {name: numbers.extremes(columns[name]) for name in unknown}
    found |= query.scalars(settings, table, wanted).get(WHOLE, {})
    return found | {name: {"min": 0, "max": 1} for name in truths}


def _is_few(column: ir.Column, edges: numbers.Edges) -> bool:
    if not is_whole(column.type()):
        return False
    if not edges:
        return True
    return edges[-1] - edges[0] < sampling.MAX_RANGE and edges[-1] < _LARGEST_COUNTED


def _sought(settings: config.Engine, sample: ir.Table, ratio: float) -> dict[str, list[str]]:
    """The values to count of text that may have too many to count each."""
    seen = texts.seen(settings, sample)
    return {
        name: each.often
        for name, each in seen.items()
        if sampling.most_distinct(each.num_distinct, each.num_once, ratio) > sampling.MAX_COUNTED
    }
