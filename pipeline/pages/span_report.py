"""The page of a span's data, for someone who has ten seconds: a verdict, what is wrong and what
would settle it, then what the data looks like beside the span before, worst first."""

from __future__ import annotations

import datetime as dt
import itertools
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.pages.span_tables import log_rows, pair_rows, slice_rows
from recsys.features import anomalies, integrity, proposals, statistics
from recsys.features.anomalies import Anomalies, Row
from recsys.features.skew import FeatureSkew, Skew
from recsys.features.statistics import DatasetFeatureStatistics, DatasetFeatureStatisticsList
from recsys.reports import cards, page, plots
from recsys.reports.cards import Card, Seen
from recsys.reports.page import Headline

EXAMPLES = "examples"
FEATURES_OF = ("queries", EXAMPLES)
"""The datasets whose features models may read."""


class Span(NamedTuple):
    """A day, and what its data looks like."""

    day: dt.date
    statistics: DatasetFeatureStatisticsList

    @property
    def label(self) -> str:
        """Its name where there is little room."""
        return f"{self.day.day} {self.day:%b}"

    def datasets(self) -> dict[str, DatasetFeatureStatistics]:
        """The datasets by name."""
        return {dataset.name: dataset for dataset in self.statistics.datasets}

    def features(self) -> dict[str, Seen]:
        """What models may read, by name."""
        return {
            statistics.name(feature): Seen(self.label, feature, dataset.num_examples)
            for dataset in self.statistics.datasets
            if dataset.name in FEATURES_OF
            for feature in dataset.features
        }


class Wrong(NamedTuple):
    """All that is wrong with one feature, table, or the dataset."""

    name: str
    severity: str
    rows: list[Row]
    approvable: Row | None
    """The last of them for which a change of the schema is proposed."""

    @property
    def argument(self) -> str:
        """The name as a shell takes it."""
        return shlex.quote(self.name)


def render(span: Span, before: Span | None, found: Anomalies, skew: Skew) -> str:
    """The page, as HTML.

    Args:
        span: the day that the page is of.
        before: the last day before it that passed; None on the first.
        found: what is wrong with the span, and how far its features have moved.
        skew: its served features against its training examples.
    """
    rows, distances = anomalies.rows(found), anomalies.distances(found)
    wrong = list(_by_name(rows))
    return page.render(
        "span.html",
        span=span,
        before=before,
        verdict=verdict(span, rows),
        wrong=wrong,
        by_hour=plots.steps(_by_hour(span), before and _by_hour(before)),
        logs=list(log_rows(span.statistics, before and before.statistics, rows)),
        features=_worst_first(span, before, wrong, distances),
        distances=distances,
        skew=skew,
        differing=_differing(skew),
        slices=list(slice_rows(span.statistics)),
        pairs=list(pair_rows(span.statistics)),
    )


def verdict(span: Span, rows: Sequence[Row]) -> Headline:
    """Whether the span passed, in one sentence."""
    num_examples = span.datasets()[EXAMPLES].num_examples
    over = f"{len(span.features())} features over {num_examples:,} examples"
    if not rows:
        return Headline.good(f"Clean: 0 anomalies in {over}")
    found = [_counted(rows, severity) for severity in ("error", "warning")]
    listed = ", ".join(text for text in found if text)
    if found[0]:
        return Headline.error(f"Stopped: {listed} among {over}")
    return Headline.warning(f"Passed, with {listed} among {over}")


def _counted(rows: Sequence[Row], severity: str) -> str:
    num = sum(row.severity == severity for row in rows)
    return f"{num} {severity}{'s'[: num > 1]}" if num else ""


def _by_name(rows: Sequence[Row]) -> Iterator[Wrong]:
    """Anomalies of one name stand together: a person approves them together."""
    for name, found in itertools.groupby(rows, key=lambda row: row.name):
        of_name = list(found)
        approvable = [row for row in of_name if not row.remedy.startswith(proposals.UPSTREAM)]
        yield Wrong(name, of_name[0].severity, of_name, approvable[-1] if approvable else None)


def _worst_first(
    span: Span, before: Span | None, wrong: Sequence[Wrong], distances: Mapping[str, float]
) -> list[tuple[Card, Wrong | None]]:
    """Every feature with what is wrong with it, in the order of the anomalies; then the others, the
    one that moved the furthest first."""
    now, past = span.features(), before.features() if before else {}
    of_name = {one.name: one for one in wrong}
    gone = [name for name in past if name in of_name and name not in now]
    places = {name: place for place, name in enumerate(of_name)}
    in_order = sorted(
        [*now, *gone], key=lambda name: (places.get(name, len(places)), -distances.get(name, 0.0))
    )
    return [(cards.card(now.get(name), past.get(name)), of_name.get(name)) for name in in_order]


def _by_hour(span: Span) -> plots.Buckets | None:
    of_requests = span.datasets().get("requests")
    times = of_requests and statistics.features_of(of_requests).get(f"requests.{integrity.TIME}")
    histogram = times and statistics.histogram(times)
    return plots.Buckets(histogram.edges, histogram.counts) if histogram else None


def _differing(skew: Skew) -> list[tuple[str, FeatureSkew]]:
    """The features that are served other than they are trained, the worst first."""
    found = [(name, feature) for name, feature in skew.features.items() if feature.num_differing]
    return sorted(found, key=lambda one: -one[1].differing_share)
