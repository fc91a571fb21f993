from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from loadtests.bench_faults import Run, judge, shown, table
from recsys.features.anomalies import Row

CENTS = {"name": "unit-changed", "touches": ["price"]}


def row(name: str, severity: Any = "error") -> Row:
    return Row(name, "KIND", f"{name} is odd", f"{name} is much too odd", severity, f"mend {name}")


def run(*rows: Row, **changes: Any) -> Run:
    stopped: dict[str, Any] = {
        "exit_code": 1,
        "last_words": "recsys: stopped",
        "stopped_at": "example_validator",
        "is_as_before": True,
    }
    return Run(rows=rows, **(stopped | changes))


def test_a_fault_is_caught_by_an_error_that_names_what_it_touched() -> None:
    verdict = judge(CENTS, run(row("age"), row("price", "warning"), row("price"), row("dataset")))
    assert verdict.caught
    assert verdict.anomaly == "price: price is much too odd"
    assert (verdict.severity, verdict.proposed_fix) == ("error", "mend price")
    assert sorted(verdict.also) == [
        "age: age is odd",
        "dataset: dataset is odd",
        "price: price is odd",
    ]


@pytest.mark.parametrize(
    "missed",
    [
        run(row("rating")),  # something else is named
        run(row("price", "warning")),  # the name alone stops nothing
        run(row("price"), is_as_before=False),  # something was trained
        run(row("price"), exit_code=0),  # the run went on
        run(row("price"), exit_code=2),  # it was no gate that stopped it
        run(),
    ],
)
def test_anything_less_is_not_caught(missed: Run) -> None:
    assert not judge(CENTS, missed).caught


def test_without_an_anomaly_the_runs_last_words_are_told() -> None:
    verdict = judge(CENTS, run(exit_code=2, stopped_at="example_gen"))
    assert verdict.anomaly == "recsys: stopped"
    assert (verdict.severity, verdict.proposed_fix, verdict.stopped_at) == ("", "", "example_gen")


def test_the_table_says_what_was_caught_and_which_alarms_were_false() -> None:
    caught = judge(CENTS, run(row("price")))
    missed = judge(CENTS, run(exit_code=0, stopped_at="", last_words="1 day ran."))
    figures = {
        "faults": [vars(caught), vars(missed)],
        "clean_days": 12,
        "false_alarms": 1,
        "alarms": ["2024-03-05 rating: it is odd"],
    }
    text = table(figures)
    assert "| unit-changed | yes | price: price is much too odd | error | mend price |" in text
    assert "| unit-changed | **no** | 1 day ran. |  |  | nowhere |" in text
    assert text.endswith("2024-03-05 rating: it is odd")
    console = Console(width=100)
    with console.capture() as capture:
        console.print(shown(figures))
    for way in (text, capture.get()):
        assert "1 of 2 faults caught before training. False alarms on 12 clean days: 1." in way
    assert "yes, error" in capture.get() and "-> mend price" in capture.get()
