from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from data.comparison import Comparison, Estimate
from data.report import table
from recsys.config import Config, render


def recsys(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "recsys", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def workspace(toy_config: Config, tmp_path: Path) -> Path:
    (tmp_path / "recsys.toml").write_text(render(toy_config))
    return tmp_path


def test_generate_says_what_it_made(workspace: Path) -> None:
    done = recsys("data", "generate", "--workspace", str(workspace), "--days", "1", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert made["days"] == 1 and made["impressions"] > 1_000 and made["peak_mib"] > 0
    assert set(made) == {
        *("days", "requests", "impressions", "installs"),
        *("seconds", "impressions_per_s", "peak_mib"),
    }
    again = recsys("data", "generate", "--workspace", str(workspace), "--days", "1")
    assert again.returncode == 0 and again.stdout.startswith("0 days added to the 1 in")


def test_a_dry_run_says_what_would_be_generated_and_writes_nothing(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    where = "--workspace", str(workspace), "--dry-run"
    planned = recsys("data", "generate", *where, "--json")
    assert planned.returncode == 0, planned.stderr
    assert "3 days, 2024-03-01 to 2024-03-03, would be added to the 0 in" in planned.stdout
    assert json.loads(planned.stdout.splitlines()[-1]) == {"days": 3}
    assert [path.name for path in workspace.iterdir()] == ["recsys.toml"]
    nowhere = tmp_path_factory.mktemp("empty") / "place"
    planned = recsys("data", "generate", "--preset", "tiny", "--workspace", str(nowhere), where[-1])
    assert f"{nowhere}/recsys.toml would be written" in planned.stdout
    assert "14 days" in planned.stdout
    assert not nowhere.exists()


def test_faults_are_listed_and_one_is_applied_to_a_copy(workspace: Path) -> None:
    listed = recsys("data", "break")
    assert listed.returncode == 0 and "case-changed" in listed.stdout
    generated = recsys("data", "generate", "--workspace", str(workspace), "--days", "1")
    assert generated.returncode == 0, generated.stderr
    copy = workspace.parent / "broken"
    arguments = ["data", "break", "case-changed", "--workspace", str(workspace), "--to", str(copy)]
    planned = recsys(*arguments, "--dry-run")
    assert planned.returncode == 0 and not copy.exists()
    broken = recsys(*arguments, "--day", "2024-03-01")
    assert broken.returncode == 0, broken.stderr
    for answer in (planned, broken):
        assert "requests 2024-03-01 part-0.parquet: other values of country" in answer.stdout
    assert f"recsys run --workspace {copy}" in broken.stdout
    assert (copy / "logs" / "requests" / "day=2024-03-01" / "part-0.parquet").exists()
    unknown = recsys("data", "break", "nothing", "--workspace", str(workspace))
    assert unknown.returncode == 2 and "choose one of feature-missing" in unknown.stderr


def test_a_preset_that_contradicts_the_file_is_refused(workspace: Path) -> None:
    done = recsys("data", "generate", "--workspace", str(workspace), "--preset", "tiny")
    assert done.returncode == 2
    assert "differs from preset 'tiny'" in done.stderr
    assert not (workspace / "logs").exists()


def test_no_configuration_is_a_clear_error(tmp_path: Path) -> None:
    done = recsys("data", "generate", "--workspace", str(tmp_path))
    assert done.returncode == 2 and "recsys init" in done.stderr


def test_expected_installs_needs_logs(workspace: Path) -> None:
    done = recsys("ab", "expected-installs", "--workspace", str(workspace))
    assert done.returncode == 2 and "recsys data generate" in done.stderr


def test_the_table_shows_the_best_policy_first() -> None:
    comparison = Comparison(
        day=dt.date(2024, 3, 15),
        num_users=2_000,
        expected_installs={
            "most_popular": Estimate(1.0, 0.9, 1.1),
            "recommender": Estimate(2.5, 2.25, 2.75),
        },
        gains={"recommender": Estimate(1.5, 1.4, 1.6)},
    )
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table(comparison))
    shown = capture.get()
    assert "…" not in shown and "2024-03-15" in shown
    assert shown.index("recommender") < shown.index("│ most_popular")
    assert "[2.250, 2.750]" in shown and "+1.500" in shown and "[+1.400, +1.600]" in shown
