"""Properties of a candidate model's page, of real evaluations: what it says first, that nothing
that was judged is missing, and that no name can break it."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from page_tags import Tags
from tiny_pipeline import TinyPipeline

from pipeline.artifacts import REPORT, ModelEvaluation, TrainedRanking
from pipeline.pages import model_report
from pipeline.pages.model_charts import Training
from pipeline.store import Store
from recsys.config import Config
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.results import Comparison, Estimate, Measured
from recsys.evaluation.saved import Evaluation
from recsys.evaluation.verdict import judge
from recsys.registry.comparison import Apps, Change, Days, Difference
from recsys.registry.entry import Entry
from recsys.reports import figures

NAN = float("nan")
SCRIPT = '<script>alert("x")</script>'
MIN_SIZE = 20
LENIENT: Mapping[str, Any] = {
    "min_recall_over_popular": 0.0,
    "min_ranking_auc": 0.0,
    "max_normalised_entropy": 10.0,
    "max_miscalibration": 1_000.0,
}


@pytest.fixture(scope="module")
def measured(evaluation_folder: Path) -> Measured:
    return Evaluation.load(evaluation_folder).measured


@pytest.fixture(scope="module")
def trainings(tiny: TinyPipeline) -> list[Training]:
    return [Training.of(tiny.retrieval, tiny.retrieval), Training.of(tiny.ranking, None)]


class Page:
    """A page of the verdict that some thresholds give."""

    def __init__(
        self,
        measured: Measured,
        config: Config,
        trainings: Sequence[Training] = (),
        difference: Difference | None = None,
        **thresholds: Any,
    ) -> None:
        held_to = config.evaluation.model_copy(update={**LENIENT, **thresholds})
        baseline = "2024-03-02-aaaa" if measured.has_baseline else None
        verdict = judge(measured, held_to)
        self.evaluation = Evaluation("2024-03-03-bbbb", baseline, measured, verdict)
        self.html = model_report.render(
            "2024-03-03", self.evaluation, trainings, difference, MIN_SIZE
        )
        self.text = html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", "", self.html, flags=re.S))

    def section(self, name: str) -> str:
        """The HTML under the heading of that id."""
        return self.html.split(f'<section aria-labelledby="{name}">')[1].split("</section>")[0]


def rows(part: str) -> dict[str, str]:
    """The rows of tables, as text, by what stands at their head."""
    found = re.findall(
        r'<tr[^>]*>\n?<th scope="row">(.*?)(?:<span class="aside">.*?)?</th>(.*?)</tr>',
        part,
        re.DOTALL,
    )
    return {html.unescape(name.strip()): html.unescape(row) for name, row in found}


def on_slice(measured: Measured, name: str, metric: str, compared: Comparison) -> Measured:
    """The same, but for one metric of one slice."""
    slices = [
        replace(one, metrics={**one.metrics, metric: compared}) if one.name == name else one
        for one in measured.slices
    ]
    return replace(measured, slices=slices)


def worse(by: float) -> Comparison:
    """An AUC that fell, surely."""
    mine, theirs = 0.8 - by, 0.8
    return Comparison(
        candidate=Estimate(mine, (mine - 0.01, mine + 0.01)),
        baseline=Estimate(theirs, (theirs - 0.01, theirs + 0.01)),
        change=Estimate(-by, (-by - 0.01, 0.01 - by)),
        covariance=((1e-6, 0.0), (0.0, 1e-6)),
    )


def in_order(text: str, *parts: str) -> bool:
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def test_a_blessed_model_says_so_first(
    measured: Measured, evaluation_config: Config, trainings: list[Training]
) -> None:
    page = Page(measured, evaluation_config, trainings)
    num_checks = len(page.evaluation.verdict.checks)
    assert page.evaluation.verdict.blessed
    assert f"Blessed: all {num_checks} checks passed" in page.text
    assert f"Blessed: all {num_checks}" in page.html[: page.html.index("</title>")]
    assert "Why it was refused" not in page.text
    assert "✕" not in page.text
    assert all(reason in page.text for reason in page.evaluation.verdict.reasons)


def test_a_refused_model_says_why_before_anything_else(
    measured: Measured, evaluation_config: Config
) -> None:
    page = Page(measured, evaluation_config, min_ranking_auc=0.99, max_ranking_auc=0.01)
    reasons = page.evaluation.verdict.reasons
    assert len(reasons) == 2
    num_checks = len(page.evaluation.verdict.checks)
    assert f"Refused: 2 of {num_checks} checks failed" in page.text
    assert in_order(page.text, "Refused", "Why it was refused", *reasons, "Most popular apps")
    assert page.section("metrics").count('<tr class="error">') == 1
    assert page.section("metrics").count("✕") == 2


def test_a_model_broken_on_a_slice_has_that_slice_on_top(
    measured: Measured, evaluation_config: Config
) -> None:
    slices = [one.name for one in measured.slices if "ranking_auc" in one.metrics]
    broken = on_slice(measured, slices[-1], "ranking_auc", worse(0.2))
    page = Page(broken, evaluation_config)
    assert "checks failed, 1 of them on slices" in page.text
    first = html.unescape(page.section("slices").split("</tbody>")[0])
    assert in_order(first, "The ranker's AUC", "1 failed", slices[-1])
    assert next(iter(rows(first))) == slices[-1]
    assert first.count('<tr class="error">') == 1
    assert "a change of -0.2000 [-0.2100, -0.1900], -0.0200 is tolerated" in first


def test_every_slice_that_is_judged_is_in_a_plot_of_every_metric(
    measured: Measured, evaluation_config: Config
) -> None:
    page = Page(measured, evaluation_config)
    boards = page.section("slices").split('<h3 class="above">')[1:]
    shown = {html.unescape(board.split("<")[0].strip()): board for board in boards}
    plots = {name: rows(board.split("too small to judge")[0]) for name, board in shown.items()}
    for name, metric in METRICS.items():
        slices = {one.name for one in measured.slices if name in one.metrics}
        if slices and metric.better != "neither":
            assert plots.pop(figures.sentence(measured.words(name))).keys() == slices, name
    assert not plots


def test_slices_that_are_too_small_are_said_to_be(
    measured: Measured, evaluation_config: Config
) -> None:
    page = Page(measured, evaluation_config)
    small = [one for one in measured.slices if not one.metrics]
    assert small
    listed = rows(page.section("slices").split("too small to judge")[1])
    for one in small:
        assert "pages and ranking" in listed[one.name]
    assert f"Fewer than {MIN_SIZE} users" in page.text


def test_without_a_baseline_there_is_nothing_to_compare_with(
    measured: Measured, evaluation_config: Config
) -> None:
    def alone(metrics: Mapping[str, Comparison]) -> dict[str, Comparison]:
        return {
            name: replace(one, baseline=None, change=None, covariance=None)
            for name, one in metrics.items()
        }

    first = replace(
        measured,
        has_baseline=False,
        metrics=alone(measured.metrics),
        slices=[replace(one, metrics=alone(one.metrics)) for one in measured.slices],
        calibration={"candidate": measured.calibration["candidate"]},
    )
    page = Page(first, evaluation_config)
    assert "checks passed, with no baseline to compare with" in page.text
    assert "Nothing served then, so there is no baseline" in page.text
    assert "no bundle serves yet, so there is no baseline to compare with" in page.text
    assert "What changed" not in page.text
    for absent in (">Baseline</th>", ">Change</th>", ">change<", 'class="beside"'):
        assert absent not in page.html


def test_metrics_stand_beside_the_baseline_with_intervals_and_what_was_required(
    measured: Measured, evaluation_config: Config
) -> None:
    page = Page(measured, evaluation_config, min_ranking_auc=0.125)
    listed = rows(page.section("metrics"))
    assert len(listed) == len(measured.metrics)
    for name, compared in measured.metrics.items():
        row = listed[figures.sentence(measured.words(name))]
        for one, sign in (
            (compared.candidate, ""),
            (compared.baseline, ""),
            (compared.most_popular, ""),
            (compared.change, "+"),
        ):
            if one is not None:
                assert f">{figures.metric(one.value, sign)}" in row
                assert figures.interval(one.interval, sign) in row
    assert "at least 0.125" in listed["The ranker's AUC"]
    assert page.section("metrics").count("against the baseline") == 5


def test_calibration_has_a_point_and_a_count_for_each_bucket(
    measured: Measured, evaluation_config: Config
) -> None:
    section = Page(measured, evaluation_config).section("calibration")
    buckets = measured.calibration["candidate"]
    assert section.count('class="whisker"') == len(buckets)
    [dots] = re.findall(r'class="now-dots" d="(.*?)"', section)
    assert dots.count("M") == len(buckets)
    for bucket in buckets:
        assert f"<td>{bucket.num_impressions:,}</td>" in section


def test_a_model_whose_scores_are_no_numbers_still_has_a_page(
    measured: Measured, evaluation_config: Config
) -> None:
    ranking = {
        name: Comparison(Estimate(NAN, (NAN, NAN)), one.baseline)
        for name, one in measured.metrics.items()
        if name.startswith("ranking")
    }
    broken = replace(
        measured,
        metrics={**measured.metrics, **ranking},
        slices=[
            replace(one, metrics={**one.metrics, "ranking_auc": ranking["ranking_auc"]})
            for one in measured.slices
        ],
        calibration={**measured.calibration, "candidate": []},
    )
    page = Page(broken, evaluation_config)
    assert "NaN" in page.section("metrics")
    assert "Some scores are not numbers" in page.section("calibration")
    assert not re.search(r'd="[^"]*nan', page.html)


def test_training_shows_both_models_and_how_they_began(
    measured: Measured, evaluation_config: Config, trainings: list[Training], tiny: TinyPipeline
) -> None:
    section = Page(measured, evaluation_config, trainings).section("training")
    assert in_order(section, "<h3>Retrieval</h3>", "<h3>Ranking</h3>")
    assert section.count("A cold start: a test begins cold.") == 2
    retrieval, ranking = section.split("</article>")[:2]
    for card, artifact, has_before in (
        (retrieval, tiny.retrieval, True),
        (ranking, tiny.ranking, False),
    ):
        [line] = re.findall(r'class="now-line" d="(.*?)"', card)
        assert line.count("M") + line.count("L") == len(artifact.history["curve"])
        assert ('class="before"' in card) == has_before
        assert f"<td>{artifact.history['num_examples']:,}</td>" in card
    assert "tensorboard --logdir artifacts" in Page(measured, evaluation_config).text


def test_a_training_without_a_number_says_so(
    measured: Measured, evaluation_config: Config, tiny: TinyPipeline, tmp_path: Path
) -> None:
    history = tiny.ranking.history | {"curve": [[1, NAN], [2, math.inf]], "loss": [NAN]}
    (tmp_path / TrainedRanking.history_file).write_text(json.dumps(history))
    exploded = Training.of(TrainedRanking(tmp_path, tiny.ranking.record), None)
    section = Page(measured, evaluation_config, [exploded]).section("training")
    assert "No loss was a number" in section
    assert "<td>NaN</td>" in section


def test_what_changed_is_named_key_by_key(measured: Measured, evaluation_config: Config) -> None:
    page = Page(measured, evaluation_config, difference=changed())
    section = page.section("changes")
    text = html.unescape(re.sub(r"<[^>]*>", " ", section))
    assert "2: 2024-03-01 to 2024-03-02" in text
    assert "1: 2024-03-01 to 2024-03-01" in text
    assert "302: 5 new, 3 gone" in text
    assert re.search(r"logs, users of 2024-03-01\s+rewritten since", text)
    assert re.search(r"ranking.num_epochs\s+1\s+nothing", text)
    assert re.search(r"transform\s+changed", text)


def test_what_is_the_same_is_said_to_be(evaluation_folder: Path) -> None:
    page = (evaluation_folder / REPORT).read_text(encoding="utf-8")
    assert "Configuration: the same" in page
    assert "Code: the same" in page


def changed(name: str = "ranking.num_epochs") -> Difference:
    def entry(version: str, days: list[str]) -> Entry:
        read = [{"component": "example_gen", "span": day, "digest": ""} for day in days]
        transform = {"component": "transform", "span": days[-1], "digest": "", "inputs": read}
        return Entry(version, days[-1], "", [transform | {"code_digest": "", "seconds": 1.0}])

    before, after = ["2024-03-01"], ["2024-03-01", "2024-03-02"]
    return Difference(
        before=entry("a", before),
        after=entry("b", after),
        days=Days((before, after), ([], []), ["users of 2024-03-01"]),
        config=[Change(name, 1, None)],
        code=["transform"],
        metrics=[],
        apps=Apps(300, 302, 5, 3),
    )


def test_whatever_the_data_holds_is_shown_and_never_run(
    measured: Measured, evaluation_config: Config, trainings: list[Training]
) -> None:
    hostile = replace(
        measured, slices=[replace(one, values={SCRIPT: SCRIPT}) for one in measured.slices]
    )
    hostile = on_slice(hostile, hostile.slices[0].name, "ranking_auc", worse(0.3))
    histories = {name: {**of, "why": SCRIPT} for name, of in trainings[0].histories.items()}
    named = [replace(trainings[0], histories=histories)]
    page = Page(hostile, evaluation_config, named, changed(SCRIPT))
    assert any(SCRIPT in reason for reason in page.evaluation.verdict.reasons)
    assert not Tags.of(page.html) & {"script", "img"}
    assert "&lt;script&gt;alert" in page.html
    assert "default-src 'none'" in page.html


def test_the_page_that_the_evaluator_wrote_is_whole_and_needs_nothing_else(
    evaluation_folder: Path,
) -> None:
    page = (evaluation_folder / REPORT).read_text(encoding="utf-8")
    evaluation = Evaluation.load(evaluation_folder)
    text = html.unescape(page)
    assert all(reason in text for reason in evaluation.verdict.reasons)
    assert evaluation.bundle in page
    Tags.of(page)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|src=", page)
    ids = re.findall(r'\bid="(.*?)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="(.*?)"', page)) <= set(ids)
    assert len(re.findall(r"<svg[^>]*role=\"img\"[^>]*><title>[^<]", page)) == page.count("<svg")
    assert not re.findall(r"<th(?! scope=)(?![a-z])", page)
    assert len(page.encode()) < 400_000


def test_the_page_is_where_people_look(
    tiny: TinyPipeline, evaluation_config: Config, evaluation_folder: Path, tmp_path: Path
) -> None:
    def copied(out: Path) -> None:
        for file in evaluation_folder.iterdir():
            (out / file.name).write_bytes(file.read_bytes())

    (tmp_path / "recsys.toml").write_bytes(tiny.workspace.config_file.read_bytes())
    store = Store(type(tiny.workspace)(tmp_path))
    day = tiny.workspace.days("requests")[-1]
    artifact, _ = store.run(ModelEvaluation, partial(copied), day)
    version = Evaluation.load(evaluation_folder).bundle
    assert artifact.published_as == f"models/{version}.html"
    published = store.workspace.reports / artifact.published_as
    assert published.read_bytes() == (evaluation_folder / REPORT).read_bytes()
