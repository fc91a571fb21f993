from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from loadtests import bench_index, filtered_requests
from recsys.bundle import Bundle
from recsys.recommender import Recommender


@pytest.fixture(scope="module")
def figures(tiny_bundle: Bundle) -> dict[str, Any]:
    return bench_index.bench(tiny_bundle.path, with_graph=True)


def test_every_kind_is_measured_and_more_effort_finds_more(figures: dict[str, Any]) -> None:
    by_index: dict[str, list[dict[str, Any]]] = {}
    for point in figures["points"]:
        by_index.setdefault(point["index"], []).append(point)
        assert 0 < point["p50_us"] <= point["p99_us"]
        assert point["memory_mib"] > 0
    assert {name.split(",")[-1] for name in by_index} == {"Flat", "SQ8"}
    assert any(name.startswith("HNSW") for name in by_index)
    for points in by_index.values():
        for sample in ("recall_queries", "recall_apps"):
            recalls = [point[sample] for point in points]
            assert recalls == sorted(recalls)
            assert recalls[-1] > 0.9


def test_the_bundles_own_index_and_its_pages_are_held_against_exact_search(
    figures: dict[str, Any],
) -> None:
    assert figures["chosen"]["recall_queries"] == 1.0, "a small catalogue is searched exactly"
    assert figures["page_overlap"] == 1.0
    assert figures["chosen"]["point"]["kind"] == "brute_force"
    assert figures["trained"] is True


def test_pages_are_full_whatever_filters_them(figures: dict[str, Any]) -> None:
    names = [one["filter"] for one in figures["filters"]]
    assert names == ["plain", "1,000 exclusions", "tight country", "both"]
    assert {one["full_pages"] for one in figures["filters"]} == {1.0}


def test_few_apps_are_sold_in_the_tight_country(tiny_bundle: Bundle) -> None:
    bundle = filtered_requests.TightBundle(tiny_bundle.path, tiny_bundle.manifest)
    catalogue = bundle.catalogue()
    sold = catalogue.countries.may_see_all(filtered_requests.TIGHT)
    assert 0 < sold.sum() < 0.01 * len(catalogue)
    before = tiny_bundle.catalogue().countries
    for value in (None, "nowhere", *before.values):
        assert (catalogue.countries.may_see_all(value) == before.may_see_all(value)).all()
    asked = filtered_requests.filtered(Recommender(bundle))
    most = min(filtered_requests.NUM_EXCLUDED, len(catalogue))
    assert {len(query.exclude) for query in asked["both"]} == {most}


def test_the_report_is_a_table_a_plot_and_json(figures: dict[str, Any]) -> None:
    assert json.loads(json.dumps(figures)) == figures
    table = bench_index.table(figures)
    for point in figures["points"]:
        assert f"| {point['index']} | {point['parameter']} |" in table
    drawn = ElementTree.fromstring(bench_index.plot(figures))
    assert drawn.tag.endswith("svg")
