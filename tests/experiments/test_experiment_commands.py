"""`recsys ab analyze` and `recsys ab plan`, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import made_experiment
import pytest
from daily_logs import make_workspace
from typer.testing import CliRunner, Result

from recsys.__main__ import cli
from recsys.errors import BadInput, GateStopped
from recsys.experiments.stored import Simulated

ARMS = {"control": {"share": 0.5}, "treatment": {"share": 0.5}}


def called(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["ab", *map(str, arguments)])


def made(root: Path, **values: Any) -> Path:
    held = {"latency_ms_p95_of_users": 0.1}
    declared = {"arms": ARMS, "horizon_days": 3, "covariate_days": 3, "guardrails": held}
    workspace = make_workspace(root, experiments={"x": declared})
    made_experiment.write(
        Simulated.of(workspace, "x").folder, "x", num_days=3, num_days_before=3, **values
    )
    return root


def test_analyze_says_the_verdict_and_where_its_page_is(tmp_path: Path) -> None:
    home = made(tmp_path, num_users=3_000, lift=0.5)
    answer = called("analyze", "x", "--workspace", home, "--json")
    assert answer.exit_code == 0, answer.output
    assert "Ship treatment: installs per user" in answer.stdout
    last = json.loads(answer.stdout.splitlines()[-1])
    assert last["withheld"] == ""
    assert last["verdicts"][0]["decision"] == "better"
    assert last["comparisons"][0]["cuped"]["lift"] > 0.3
    page = Path(last["page"])
    assert page == home / "reports" / "experiments" / "x.html"
    assert page.read_text().startswith("<!doctype html>")
    assert page.with_suffix(".json").exists()


def test_what_is_withheld_ends_with_1_and_tells_no_lift(tmp_path: Path) -> None:
    home = made(tmp_path, lost=0.3)
    page = tmp_path / "there" / "page.html"
    answer = called("analyze", "x", "--workspace", home, "--html", page, "--json")
    assert isinstance(answer.exception, GateStopped)
    assert "lift" not in answer.stdout
    last = json.loads(answer.stdout.splitlines()[-1])
    assert last["withheld"].startswith("Results are withheld: ")
    assert last["comparisons"] == []
    assert "Why there are no results" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("analyze", "y"), "experiment 'y' is not in recsys.toml, expected one of x"),
        (("analyze", "x"), "does not exist, expected the exposures of experiment 'x'"),
        (("analyze", "x", "--html", "page.pdf"), r"a file that ends in \.html"),
        (("plan", "x"), "has no requests, expected days to plan by"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    make_workspace(tmp_path, experiments={"x": {"arms": ARMS}})
    answer = called(*arguments, "--workspace", tmp_path)
    assert isinstance(answer.exception, BadInput)
    with pytest.raises(BadInput, match=said):
        raise answer.exception
