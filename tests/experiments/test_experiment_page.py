"""Properties of an experiment's page: what it says first, that nothing is told of what is withheld,
and that no name can break it."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import made_experiment
import pytest
from daily_logs import make_workspace
from page_tags import Tags

from recsys.experiments import page, terminal
from recsys.experiments.report import Report, report
from recsys.experiments.stored import Simulated
from recsys.reports import figures
from recsys.workspace import Workspace

BUNDLE = "2025-03-02-bbbb"
ARMS = {"control": {"share": 0.5}, "treatment": {"share": 0.5, "bundle": BUNDLE}}
DECLARED = {
    "horizon_days": 4,
    "covariate_days": 3,
    "guardrails": {"uninstalls_per_install": 0.3, "latency_ms_p95_of_users": 0.1},
}
SCRIPT = '<script>alert("x")</script>'


class Page:
    """An experiment's page, of users made for it."""

    def __init__(self, root: Path, declared: dict[str, Any] | None = None, **made: Any) -> None:
        values = {"arms": ARMS, **DECLARED, **(declared or {})}
        self.workspace = make_workspace(root, experiments={"x": values})
        self.simulated = Simulated.of(self.workspace, "x")
        made_experiment.write(
            self.simulated.folder, "x", **{"num_days": 4, "num_days_before": 3, **made}
        )
        self.report: Report = report(self.workspace, "x")
        self.html = page.render(self.report)
        self.text = html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", "", self.html, flags=re.S))
        Tags.of(self.html)

    @property
    def sections(self) -> list[str]:
        """The ids of its headings, in order."""
        return re.findall(r'<section aria-labelledby="(\w+)">', self.html)

    def section(self, name: str) -> str:
        """The HTML under the heading of that id."""
        return self.html.split(f'<section aria-labelledby="{name}">')[1].split("</section>")[0]


@pytest.fixture(scope="module")
def better(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(tmp_path_factory.mktemp("better"), num_users=6_000, lift=0.4)


def said(made: Page) -> tuple[str, str]:
    """The tone and the sentence of the first thing that is said."""
    [found] = re.findall(r'<p class="verdict (\w+)">.*?</span>(.*?)</p>', made.html, re.S)
    return found[0], html.unescape(found[1])


def test_a_better_treatment_is_said_to_be_one(better: Page) -> None:
    tone, sentence = said(better)
    assert tone == "good"
    assert sentence == better.report.analysis.verdicts[0].sentence
    assert sentence.startswith("Ship treatment: installs per user +")
    expected = ["lift", "days", "guardrails", "metrics", "health", "population", "power", "reading"]
    assert better.sections == expected
    for one in better.report.analysis.comparisons:
        assert figures.change(one.sharper.lift) in better.section("metrics")


def test_each_way_of_estimating_has_its_interval(better: Page) -> None:
    part = better.section("lift")
    assert re.findall(r'<th scope="row">(.*?)</th>', part) == ["raw", "CUPED", "always-valid"]
    assert part.count('class="interval"') == 3
    [compared, *_] = better.report.analysis.comparisons
    low, high = compared.raw.lift_interval
    assert f"[{low:+.1%}, {high:+.1%}]" in part


def test_each_day_is_a_point_in_two_bands(better: Page) -> None:
    part = better.section("days")
    assert part.count('class="now-dots"') == 4
    assert part.count('class="band"') == part.count('<path class="inner"') == 1
    assert "2025-03-06, " in part


def test_guardrails_that_are_not_held_are_said_to_be(tmp_path: Path) -> None:
    made = Page(tmp_path, num_users=6_000, lift=0.4, slower=0.5)
    tone, sentence = said(made)
    assert (tone, sentence[:40]) == ("error", "Don't ship treatment: latency ms p95 of ")
    part = made.section("guardrails")
    first = re.findall(r'<tr class="(\w+)">\n<th scope="row">(.*?)</th>', part)[0]
    assert first == ("error", "latency ms p95 of users")
    assert "Latency ms p95 of users of treatment is worse: " in made.text


def test_withheld_results_are_nowhere_on_the_page(tmp_path: Path) -> None:
    made = Page(tmp_path, {"slices": []}, lift=0.4, lost=0.2)
    tone, sentence = said(made)
    assert tone == "error"
    assert sentence.startswith("Results are withheld: of ")
    assert made.sections == ["why", "health", "population"]
    assert "p &lt;0.001" in made.html
    for result in ("lift", "CUPED", "Ship", "interval"):
        assert result.lower() not in made.text.lower()


def test_before_the_end_it_says_to_wait(tmp_path: Path) -> None:
    made = Page(tmp_path, {"horizon_days": 9}, num_users=600)
    tone, sentence = said(made)
    assert (tone, sentence[:23]) == ("warning", "Keep treatment running:")
    assert "4 of 9 days" in made.text
    assert "only what may be looked at daily decides" in made.text
    assert "nan" not in made.text.lower().replace("finance", "")


def test_two_treatments_have_two_verdicts(tmp_path: Path) -> None:
    arms = {name: {"share": share} for name, share in (("control", 0.34), ("a", 0.33), ("b", 0.33))}
    made = Page(tmp_path, {"arms": arms}, arms=("control", "a", "b"), bundles=("v", "v", "v"))
    assert made.html.count('<p class="verdict ') == 2
    assert made.section("days").count("<h3>") == 2
    assert "a: always-valid" in made.section("lift")


def test_a_simulation_says_that_it_is_one(better: Page, tmp_path: Path) -> None:
    assert "simulation" not in better.html.split("<body>")[1]
    better.simulated.describe({"users": 6_000, "world": "tiny"})
    told = page.render(report(better.workspace, "x"))
    assert "What this simulation is, and what it is not" in told
    assert re.search(r'<th scope="row">world</th><td>tiny</td>', told)


def test_arms_alike_are_called_an_aa(tmp_path: Path) -> None:
    alike = {"control": {"share": 0.5}, "treatment": {"share": 0.5}}
    assert "any difference is chance" in Page(tmp_path, {"arms": alike}, num_users=500).text


def test_no_name_breaks_the_page(tmp_path: Path) -> None:
    arms = {"control": {"share": 0.5}, SCRIPT: {"share": 0.5}}
    made = Page(
        tmp_path, {"arms": arms}, num_users=500, arms=("control", SCRIPT), bundles=(SCRIPT, None)
    )
    assert "<script" not in made.html
    assert SCRIPT in made.text


def test_bundles_lead_to_their_pages_from_within_the_workspace_alone(better: Page) -> None:
    home: Workspace = better.workspace
    model = home.reports / "models" / f"{BUNDLE}.html"
    model.parent.mkdir(parents=True)
    model.write_text("a page")
    path = page.place(home, "x")
    page.publish(better.report, path, home)
    [link] = re.findall(r'<a href="(.*?)">', path.read_text())
    assert (path.parent / link).resolve() == model.resolve()
    outside = home.root.parent / "elsewhere.html"
    page.publish(better.report, outside, home)
    assert "<a " not in outside.read_text()


def test_the_json_beside_the_page_is_the_report(better: Page, tmp_path: Path) -> None:
    page.publish(better.report, tmp_path / "x.html", better.workspace)
    assert json.loads((tmp_path / "x.json").read_text()) == better.report.values()


def test_the_page_needs_nothing_else(better: Page) -> None:
    assert len(better.html) < 60_000
    assert not any(word in better.html for word in ("http://", "https://", "url(", "@import"))


def test_the_terminal_shows_the_same_figures(better: Page) -> None:
    rows = terminal.lifts(better.report)
    cells = [list(column.cells) for column in rows.columns]
    assert cells[0][:3] == ["installs per user", "  CUPED", "  always-valid"]
    verdict = better.report.analysis.verdicts[0]
    assert list(terminal.verdicts(better.report)) == [verdict.sentence]
    assert terminal.guardrails(better.report).row_count == 2
    assert "day 4 of 4" in terminal.health(better.report)
