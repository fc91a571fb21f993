from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from tiny_pipeline import TinyPipeline

from loadtests import training_curves, training_report
from loadtests.training_curves import Curve, Day, HeldOutDay
from recsys.features.spec import HISTORY

COLD = Curve([0, 400, 800], [0.0, 4.0, 8.0], [0.1, 0.3, 0.4])
WARM = Curve([0, 100, 200], [0.0, 1.5, 3.0], [0.35, 0.4, 0.42])


def test_a_curve_says_when_it_was_as_good_and_how_good_it_was_when() -> None:
    assert COLD.end == 0.4
    assert WARM.reaches(COLD.end) == (100, 1.5)
    assert WARM.reaches(0.3) == (0, 0.0)
    assert WARM.reaches(0.5) is None
    assert COLD.at(200) == pytest.approx(0.2)


def test_recall_leaves_out_what_the_user_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_curves, "K", 1)
    apps = np.eye(4, 2, dtype=np.float32)
    apps[2:] = [[0.9, 0.1], [0.1, 0.9]]
    # Rows 0 and 1 of the catalogue have the indices 1 and 2; rows 2 and 3 are strangers, both 3.
    catalogue: dict[str, NDArray[Any]] = {
        "app_id": np.array([1, 2, 3, 3], dtype=np.int32),
        "row": np.arange(4, dtype=np.int32),
    }
    history = np.array([[0, 0], [1, 0], [3, 0], [2, 0]], dtype=np.int32)
    day = HeldOutDay(
        query={HISTORY: history, "row": np.array([0, 0, 0, 1])},
        candidate={},
        catalogue=catalogue,
        query_row=np.array([0, 1, 2, 3, 0]),
        app_row=np.array([0, 2, 2, 2, -1]),
        installed=np.array([True, True, True, True, True]),
    )
    towers = SimpleNamespace(
        query_tower=lambda features: tf.gather(tf.eye(2), features["row"]),
        candidate_tower=lambda features: tf.gather(tf.constant(apps), features["row"]),
    )
    # The first finds app 0; the second has app 0, so app 2 is nearest; the third has a stranger,
    # and nobody knows which; the fourth looks the other way; the last left the catalogue.
    assert day.recall(towers) == 2 / 4  # type: ignore[arg-type]


def test_both_models_are_measured_before_and_while_they_are_trained(tiny: TinyPipeline) -> None:
    span = tiny.workspace.days("requests")[-1]
    day = Day(tiny.workspace, span)
    assert day.base("trainer_retrieval") is None
    found = training_curves.curves(day, warm=False, num_checkpoints=2)
    assert found.keys() == {"retrieval", "ranking"}
    examples = day.examples
    in_catalogue = examples.app_row >= 0
    for model, total in (
        ("retrieval", int((examples.installed & in_catalogue).sum())),
        ("ranking", int(in_catalogue.sum())),
    ):
        curve = found[model]
        assert curve.examples[0] == 0
        assert curve.examples[-1] == total
        assert len(curve.examples) == len(curve.seconds) == len(curve.quality) == 3
        assert curve.seconds == sorted(curve.seconds)
        assert all(0 <= quality <= 1 for quality in curve.quality)
    assert found["ranking"].quality[-1] > 0.55


def figures() -> dict[str, Any]:
    estimate = {"value": 0.25, "interval": [0.2, 0.3]}
    metrics = dict.fromkeys(training_report._STALE, estimate)
    curves = {"cold": COLD.to_json(), "warm": WARM.to_json()}
    slow = Curve([0, 100, 200], [0.0, 1.0, 2.0], [0.1, 0.2, 0.3])
    return {
        "start": [
            {"day": "2024-03-05", "retrieval": curves, "ranking": curves},
            {
                "day": "2024-03-06",
                "retrieval": curves,
                "ranking": curves | {"warm": slow.to_json()},
            },
        ],
        "staleness": [{"days_old": age, **metrics} for age in (0, 1)],
        "kinds": [{"kind": "wide_and_deep", "training_seconds": 3.2, "blessed": True, **metrics}],
    }


def test_the_report_has_a_table_a_part_and_says_where_warm_never_was_as_good() -> None:
    text = training_report.tables(figures())
    row = "0.4000 | 800 | 8.0 | 0.3500 | 0.4200 | 200 | 3.0 | 100 | 1.5 | 0.2000"
    assert f"| 2024-03-05 | {row} |" in text
    assert f"| mean | {row} |" in text
    row = "0.4000 | 800 | 8.0 | 0.1000 | 0.3000 | 200 | 2.0 | never | never | 0.2000"
    assert f"| 2024-03-06 | {row} |" in text
    row = "0.4000 | 800 | 8.0 | 0.2250 | 0.3600 | 200 | 2.5 | never | never | 0.2000"
    assert f"| mean | {row} |" in text
    assert "| 1 | 0.2500 [0.2000, 0.3000] |" in text
    assert "| wide and deep |" in text and "| 3 | blessed |" in text
    assert training_report.tables({"kinds": figures()["kinds"]}).count("##") == 1


def test_plots_are_written_of_what_was_measured(tmp_path: Path) -> None:
    training_report.plots(figures(), tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["training-staleness.svg", "training-start.svg"]
    for name in names:
        root = ElementTree.fromstring((tmp_path / name).read_text())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
    said = (tmp_path / "training-start.svg").read_text()
    assert "impressions gone over" in said
