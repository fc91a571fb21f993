"""Properties of a span's page: what it says first, what stands above what, and that nothing in the
data, however named, can break it."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from daily_logs import DAY, NEXT, make_workspace, write_clean_day
from data_half import judge
from page_tags import Tags
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from pipeline.pages import span_report, span_tables
from pipeline.pages.span_report import Span
from pipeline.store import Store
from recsys import config
from recsys.features import anomalies, integrity, statistics
from recsys.features.skew import Difference, FeatureSkew, Skew

Info = anomalies_pb2.AnomalyInfo
Columns = Mapping[str, Sequence[Any]]

QUERIES: Columns = {"country": ["DE", "US"] * 50, "device": ["phone"] * 100}
EXAMPLES: Columns = {"price": [0.0, 1.5, 2.5, 9.0] * 25, "rating": [4.0, 3.5] * 50}
SCRIPT = '<script>alert("x")</script>'


def span(day: dt.date, queries: Columns = QUERIES, examples: Columns = EXAMPLES) -> Span:
    tables = {"queries": queries, "examples": examples}
    of_tables = {name: ibis.memtable(pa.table(dict(table))) for name, table in tables.items()}
    return Span(day, statistics.compute(config.Engine(), of_tables))


@pytest.fixture(scope="module")
def now() -> Span:
    return span(DAY)


@pytest.fixture(scope="module")
def before() -> Span:
    return span(DAY - dt.timedelta(days=1))


def found(*rows: tuple[str, str, str, str], **moved: float) -> Any:
    """Anomalies given as name, severity, description and remedy, and how far features moved."""
    listed = anomalies_pb2.Anomalies()
    for name, severity, description, remedy in rows:
        info = listed.anomaly_info[name]
        info.severity = Info.Severity.Value(severity)
        info.reason.add(short_description="Odd", description=f"{description}\n{remedy}")
    for name, distance in moved.items():
        drift = listed.drift_skew_info.add()
        drift.path.step.append(name)
        drift.drift_measurements.add(value=distance, threshold=1.0)
    return listed


def in_order(html: str, *texts: str) -> bool:
    places = [html.find(text) for text in texts]
    return -1 not in places and places == sorted(places)


def headings(html: str) -> list[str]:
    """The features' names, as the cards come."""
    return re.findall(r"<h3><code>(.*?)</code></h3>", html)


NAN = ("rating", "ERROR", "12 values are NaN, expected none", "mend upstream: divide by no zero")
LOWER = ("country", "ERROR", "100% of values are outside the domain: 'de'", "add value to domain")
NEW = ("device", "WARNING", "the column is not in the schema", "add feature")


def test_a_clean_span_says_so_first_and_lists_no_anomaly(now: Span, before: Span) -> None:
    html = span_report.render(now, before, found(), Skew())
    assert "Clean: 0 anomalies in 4 features over 100 examples" in html
    assert "What is wrong" not in html
    assert "recsys schema approve" not in html


def test_a_stopped_span_gives_the_verdict_then_anomalies_then_features(
    now: Span, before: Span
) -> None:
    html = span_report.render(now, before, found(NEW, NAN, LOWER), Skew())
    body = html[html.index("<body>") :]
    verdict = "Stopped: 2 errors, 1 warning among 4 features over 100 examples"
    assert in_order(body, verdict, "What is wrong", NAN[2], 'id="features"')
    assert in_order(body, LOWER[2].replace("'", "&#39;"), NAN[2], NEW[2])
    assert verdict in html[: html.index("</title>")]


def test_a_warning_stops_nothing(now: Span) -> None:
    html = span_report.render(now, None, found(NEW), Skew())
    assert "Passed, with 1 warning among 4 features" in html


def test_errors_come_first_then_warnings_then_what_moved_most(now: Span, before: Span) -> None:
    html = span_report.render(now, before, found(NEW, NAN, price=0.7, country=0.1), Skew())
    assert headings(html) == ["rating", "device", "price", "country"]
    assert "drift 70.0% of limit" in html


def test_only_what_a_person_may_approve_has_a_command(now: Span) -> None:
    html = span_report.render(now, None, found(NAN, LOWER), Skew())
    assert re.findall(r"recsys schema approve (.*?) <", html) == ["country"]


def test_anomalies_of_one_feature_stand_together_with_one_command(now: Span) -> None:
    listed = found(LOWER)
    info = listed.anomaly_info["country"]
    info.reason.add(short_description="Drift", description="it moved\ntake this day as reference")
    info.reason.add(short_description="Keys", description="they repeat\nmend upstream: once each")
    html = span_report.render(now, None, listed, Skew())
    assert "Stopped: 3 errors" in html
    assert html.count("recsys schema approve country") == 1
    assert in_order(html, "add value to domain", "take this day", "schema approve", "mend upstream")


def test_a_feature_that_is_gone_keeps_its_card(now: Span) -> None:
    past = span(DAY - dt.timedelta(days=1), {**QUERIES, "network": ["wifi"] * 100})
    gone = ("network", "ERROR", "the column is not in the data", "deprecate feature")
    html = span_report.render(now, past, found(gone), Skew())
    assert headings(html)[0] == "network"
    assert "not in the data" in html
    assert "network" not in span_report.render(now, past, found(), Skew())


def test_a_feature_of_another_type_is_not_compared(now: Span) -> None:
    past = span(DAY - dt.timedelta(days=1), QUERIES, {**EXAMPLES, "price": ["free"] * 100})
    assert "price" in headings(span_report.render(now, past, found(), Skew()))


def test_log_tables_say_what_is_wrong_with_their_keys(now: Span, before: Span) -> None:
    seen = statistics_pb2.DatasetFeatureStatisticsList()
    seen.CopyFrom(now.statistics)
    shown = seen.datasets.add(name="impressions", num_examples=12_345)
    app_id = shown.features.add()
    app_id.path.step.extend(["impressions", "app_id"])
    app_id.custom_stats.add(name=integrity.NUM_DUPLICATES, num=1_234)
    app_id.custom_stats.add(name=integrity.UNLINKED_SHARE, num=0.05)
    seen.datasets.add(name="apps", num_examples=2_000)
    html = span_report.render(Span(DAY, seen), before, found(), Skew())
    assert "12,345" in html
    assert "<code>app_id</code>: 1,234 duplicates, 5.0% lead nowhere" in html
    assert "in order" in html
    assert "app_id" not in headings(html)


def test_log_tables_say_what_no_figure_of_their_own_shows(now: Span) -> None:
    seen, past = (statistics_pb2.DatasetFeatureStatisticsList() for _ in range(2))
    seen.CopyFrom(now.statistics)
    past.datasets.add(name="outcomes", num_examples=77)
    time = seen.datasets.add(name="requests", num_examples=300).features.add()
    time.path.step.extend(["requests", "time"])
    late = found(("outcomes", "ERROR", "no rows", "mend upstream: wait"))
    half = late.anomaly_info["requests.time"].reason.add(short_description="Hours without rows")
    half.description = "12 hours have no requests\nmend upstream: wait"
    of_outcomes, of_requests = sorted(span_tables.log_rows(seen, past, anomalies.rows(late)))
    assert of_outcomes == ("outcomes", 0, 77, {"outcomes": "Odd"})
    assert of_requests == ("requests", 300, None, {"time": "Hours without rows"})


def test_pairs_show_correlation_and_the_ends_of_the_lifts() -> None:
    columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.0]}
    labels = {"kind": ["a", "a", "b", "b"], "installed": [True, True, True, False]}
    table = ibis.memtable(pa.table(columns | labels))
    settings = config.Statistics(pairs=(("x", "y"), ("installed", "kind")))
    seen = statistics.compute(config.Engine(), {"examples": table}, settings)
    assert list(span_tables.pair_rows(seen)) == [
        (("x", "y"), 4, "correlation 1"),
        (("kind", "installed"), 4, "a 1.33, b 0.667"),
    ]
    assert "correlation 1" in span_report.render(Span(DAY, seen), None, found(), Skew())


def test_requests_are_shown_by_hour(now: Span) -> None:
    seen = statistics_pb2.DatasetFeatureStatisticsList()
    seen.CopyFrom(now.statistics)
    assert "Requests by hour" not in span_report.render(now, None, found(), Skew())
    time = seen.datasets.add(name="requests", num_examples=300).features.add()
    time.path.step.extend(["requests", "time"])
    hours = time.num_stats.histograms.add()
    for hour in range(24):
        low, high = hour * 3_600, (hour + 1) * 3_600
        hours.buckets.add(low_value=low, high_value=high, sample_count=hour)
    html = span_report.render(Span(DAY, seen), None, found(), Skew())
    assert "The top is 23 requests an hour" in html


def test_skew_is_shown_only_where_served_pages_were_joined(now: Span) -> None:
    same = FeatureSkew(200, 200, 200, 0, 0, 0)
    never_served = FeatureSkew(
        200, 0, 200, 200, 200, 0, (Difference("r1", None, None, ["DE", "US"]),)
    )
    features = {"country": never_served, "device": same}
    html = span_report.render(now, None, found(), Skew(250, 200, features))
    assert "200 of 250 served pages" in html
    assert "served nothing, trained [&#34;DE&#34;, &#34;US&#34;]" in html
    alike = span_report.render(now, None, found(), Skew(250, 200, {"device": same}))
    assert "the same on both sides" in alike
    assert "served pages" not in span_report.render(now, None, found(), Skew())


def test_slices_are_listed_apart_and_are_no_features(now: Span) -> None:
    seen = statistics_pb2.DatasetFeatureStatisticsList()
    seen.CopyFrom(now.statistics)
    part = seen.datasets.add(name="examples[country=DE]", num_examples=25)
    installed = part.features.add()
    installed.path.step.append("installed")
    installed.num_stats.mean = 0.0712
    html = span_report.render(Span(DAY, seen), None, found(), Skew())
    assert "in 4 features over 100 examples" in html
    listed = html[html.index('id="slices"') :]
    assert in_order(listed, "examples[country=DE]", "25.0%", "7.1%")


def test_whatever_the_data_holds_is_shown_and_never_run() -> None:
    nasty = {SCRIPT: [SCRIPT, '"><img src=x onerror=alert(1)>'] * 50, "a\u202eb": ["\x00 \n"] * 100}
    seen = span(DAY, nasty, {"price": [1.0] * 100})
    difference = Difference(SCRIPT, SCRIPT, SCRIPT, None)
    skew = Skew(1, 1, {SCRIPT: FeatureSkew(1, 1, 0, 1, 0, 1, (difference,))})
    html = span_report.render(seen, seen, found((SCRIPT, "ERROR", SCRIPT, SCRIPT)), skew)
    tags = Tags.of(html)
    assert not tags & {"script", "img"}
    assert "&lt;script&gt;alert" in html
    assert "default-src 'none'" in html


def test_a_page_needs_nothing_but_itself(now: Span, before: Span) -> None:
    html = span_report.render(now, before, found(NAN, NEW), Skew())
    assert not re.search(r"https?:|//[a-z]|@import|url\(|src=", html)


def test_a_page_of_thirty_features_stays_small() -> None:
    long = [f"{'value' * 40} {i}" for i in range(1_000)] * 2
    words = {f"word{i}": long for i in range(15)}
    numbers = {f"number{i}": [float(j % 97) for j in range(2_000)] for i in range(15)}
    seen = span(DAY, words, numbers)
    html = span_report.render(seen, seen, found(*[(n, *NAN[1:]) for n in words]), Skew())
    assert len(headings(html)) == 30
    assert len(html.encode()) < 250_000


def test_tags_are_closed_and_ids_are_unique(now: Span, before: Span) -> None:
    skewed = FeatureSkew(9, 9, 9, 1, 0, 0, (Difference("r1", "a1", 1, 2),))
    html = span_report.render(now, before, found(NAN, NEW), Skew(9, 9, {"price": skewed}))
    Tags.of(html)
    ids = re.findall(r'\bid="(.*?)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="(.*?)"', html)) <= set(ids)
    assert all("aria-label=" in svg for svg in re.findall(r"<svg[^>]*>", html))


def test_the_page_of_the_artifact_that_counts_is_where_people_look(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    write_clean_day(store.workspace, DAY)
    write_clean_day(store.workspace, NEXT)
    published = [store.workspace.reports / "data" / f"{day}.html" for day in (DAY, NEXT)]
    assert judge(store, DAY) == judge(store, NEXT) == []
    first, clean = (page.read_text() for page in published)
    assert "Clean: 0 anomalies" in first and "Clean: 0 anomalies" in clean
    assert f"{DAY}, the last that passed" in clean
    assert "the last that passed" not in first

    [file] = store.workspace.files("requests", NEXT)
    whole = file.read_bytes()
    pq.write_table(pq.read_table(file).drop_columns("device"), file)
    assert [row.name for row in judge(store, NEXT)] == ["device"]
    assert "Stopped: 1 error" in published[1].read_text()
    file.write_bytes(whole)
    assert judge(store, NEXT) == []
    assert published[1].read_text() == clean
