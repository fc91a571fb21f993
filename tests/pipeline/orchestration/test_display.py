import datetime as dt
import io

import pytest
from rich.console import Console
from rich.progress import Progress

from pipeline.orchestration import display
from pipeline.orchestration.display import Shown
from recsys.features.anomalies import Row

ROWS = [
    Row("price", "FLOAT_TYPE_BIG_FLOAT", "Values too big", "up to 999", "error", "widen range"),
    Row("a|b", "SCHEMA_NEW_COLUMN", "New column", "not in the schema", "warning", "add feature"),
]


@pytest.fixture
def written() -> io.StringIO:
    """What a person who waits for a run gets to see."""
    return io.StringIO()


@pytest.fixture
def shown(written: io.StringIO) -> Shown:
    return Shown(Progress(console=Console(file=written, width=40)))


def test_anomalies_for_the_terminal_stand_beside_what_would_settle_them() -> None:
    assert display.table(ROWS).splitlines() == [
        "  error    price  Values too big: up to 999",
        "                  -> widen range",
        "  warning  a|b    New column: not in the schema",
        "                  -> add feature",
    ]
    assert display.table([]) == ""


def test_anomalies_as_markdown() -> None:
    assert display.markdown(ROWS).splitlines() == [
        "| severity | feature | anomaly | found | proposed |",
        "| --- | --- | --- | --- | --- |",
        "| error | price | Values too big | up to 999 | widen range |",
        "| warning | a\\|b | New column | not in the schema | add feature |",
    ]


def test_a_days_data_is_one_line(shown: Shown, written: io.StringIO) -> None:
    components = ["example_gen", "statistics_gen", "schema_gen", "skew_gen", "example_validator"]
    for component in components:
        shown(component, "2024-03-02", "running", 0.0)
        shown(component, "2024-03-02", "done", 1.25)
    shown("transform", "2024-03-02", "reused", 3.0)
    [data, transform] = written.getvalue().splitlines()
    assert data.startswith("2024-03-02  example_gen 1.2 s, statistics_gen 1.2 s")
    assert transform.split() == ["2024-03-02", "transform", "reused"]


def test_warnings_are_shown_as_they_are(shown: Shown, written: io.StringIO) -> None:
    odd = Row("x", "UNKNOWN_TYPE", "Odd", "values such as '[red]'", "warning", "mend upstream: x")
    shown.warn(dt.date(2024, 3, 2), [odd])
    first, second, _ = written.getvalue().splitlines()
    assert first == "2024-03-02  passed, with warnings:"
    assert second == "  warning  x  Odd: values such as '[red]'"
