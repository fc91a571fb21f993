from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.artifacts import InfraBlessing
from pipeline.infra.checks import Check
from pipeline.pages import infra_report
from recsys.config import Infra

MEASURED = {
    "load_seconds": 2.5,
    "peak_memory_mib": 3_000,
    "p50_ms": 1.25,
    "p99_ms": 9.0,
    "num_requests": 400,
}
CHECKS = [
    Check(False, "the server took up to 3,000 MiB of memory; at most 1,100 MiB is allowed"),
    Check(True, "0 of 400 recorded requests failed; at most 0 % may"),
]


@pytest.fixture
def page() -> str:
    limits = Infra(max_memory_mib=1_100)
    return infra_report.render("2024-03-14", "2024-03-14-abc", CHECKS, MEASURED, limits)


def test_the_page_says_first_that_it_was_refused_and_why(page: str) -> None:
    assert page.index("1 of 2 checks") < page.index("3,000 MiB of memory") < page.index("1,100")
    assert "2024-03-14-abc" in page
    assert page.index("Why it was refused") < page.index("What it passed")


def test_only_what_exceeds_its_limit_is_marked(page: str) -> None:
    rows = [row for row in page.split("<tr") if "</th><td" in row]
    assert [("error" in row.split(">")[0]) for row in rows] == [False, True, False, False, False]


def test_a_server_that_answered_nothing_has_no_figures_to_show() -> None:
    failed = [Check(False, "the server refused the bundle: <b>digest</b>")]
    page = infra_report.render("2024-03-14", "v", failed, {}, Infra())
    assert "Measured" not in page and "What it passed" not in page
    assert "&lt;b&gt;digest" in page


def test_a_page_is_published_of_a_refused_bundle_alone(tmp_path: Path) -> None:
    said = '{{"bundle": "v1", "verdict": {{"blessed": {}, "reasons": []}}, "measured": {{}}}}'
    record = '{"component": "infra_validator", "span": "2024-03-14", "digest": "d", "inputs": [],'
    record += ' "config_digest": "", "code_digest": "", "created": "", "seconds": 0}'
    (tmp_path / "artifact.json").write_text(record)
    blessing = InfraBlessing.load(tmp_path)
    (tmp_path / blessing.file).write_text(said.format("false"))
    assert blessing.published_as == "models/v1.html"
    (tmp_path / blessing.file).write_text(said.format("true"))
    assert blessing.published_as == ""
