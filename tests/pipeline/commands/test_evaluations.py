from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest
import simulated_days as days
from rich.console import Console
from simulated_days import day, most_popular, settings, system

from pipeline.commands import evaluations
from recsys.errors import BadInput
from recsys.evaluation.measure import measure
from recsys.evaluation.observed import Systems
from recsys.evaluation.saved import Evaluation
from recsys.evaluation.verdict import judge
from recsys.workspace import Workspace


def said(evaluation: Evaluation, folder: Path) -> str:
    evaluation.save(folder)
    values = json.loads((folder / "evaluation.json").read_text())
    console = Console(width=120)
    with console.capture() as capture:
        console.print(*evaluations.described(dt.date(2024, 3, 3), values), sep="\n")
    return capture.get()


@pytest.fixture(scope="module")
def refused() -> Evaluation:
    """A model that is broken in one country of three, beside one that works."""
    config, held_out = settings(), day(7)
    systems: Systems = {
        "candidate": system(held_out, 1, broken={"NO": 0.0}),
        "most_popular": most_popular(held_out, 3),
        "baseline": system(held_out, 2),
    }
    measured = measure(held_out, systems, days.apps(), config)
    return Evaluation("new", "old", measured, judge(measured, config.evaluation))


def test_a_refusal_shows_figures_the_worst_slice_first_and_why(
    refused: Evaluation, tmp_path: Path
) -> None:
    lines = said(refused, tmp_path).splitlines()
    recall = next(line for line in lines if "recall@10 of the page" in line)
    compared = refused.measured.metrics["page_recall"]
    assert compared.baseline and compared.most_popular and compared.change
    for value in (compared.candidate.value, compared.baseline.value, compared.most_popular.value):
        assert f"{value:.4f}" in recall
    assert f"{compared.change.value:+.4f}" in recall
    header = next(place for place, line in enumerate(lines) if "the worst first" in line)
    assert "country = NO" in lines[header + 2]
    reasons = lines[lines.index("refused:") + 1 :]
    assert reasons[0].startswith("- on country = NO, ")


def test_a_first_model_has_no_column_of_changes(refused: Evaluation, tmp_path: Path) -> None:
    held_out, config = day(7), settings(slices=[])
    systems: Systems = {
        "candidate": system(held_out, 1),
        "most_popular": most_popular(held_out, 3),
    }
    measured = measure(held_out, systems, days.apps(), config)
    first = Evaluation("new", None, measured, judge(measured, config.evaluation))
    text = said(first, tmp_path)
    assert "change" not in text and "baseline" not in text.split("blessed:")[0]
    assert "slice" not in text
    assert "no bundle serves yet, so there is no baseline to compare with" in text
    alone = replace(first, measured=replace(refused.measured, has_baseline=False))
    assert "country = NO" in said(alone, tmp_path)


def test_a_workspace_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "logs" / "requests" / "day=2024-03-01").mkdir(parents=True)
    with pytest.raises(BadInput, match="no model was evaluated yet: `recsys run` trains"):
        evaluations.newest(Workspace(tmp_path))


def test_an_evaluation_of_an_older_version_is_one_sentence() -> None:
    older = {"num_users": 5, "k": 10, "measured": {}, "verdict": {"blessed": True, "reasons": []}}
    with pytest.raises(BadInput, match=r"found one without 'bundle' as .* evaluates anew"):
        list(evaluations.described(dt.date(2024, 3, 3), older))
