"""A server starts in a second and in little memory, since nothing that it runs is TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from recsys.bundle import Bundle

ANSWER = """
import datetime as dt, sys
from pathlib import Path
from recsys.bundle import Bundle
from recsys.query import Query
from recsys.recommender import Recommender

recommender = Recommender(Bundle.load(Path(sys.argv[1])))
[page] = recommender.recommend([Query("a", dt.datetime(2024, 3, 3, tzinfo=dt.UTC), seed_app="b")])
assert len(page.items) == 20
sys.exit("tensorflow" in sys.modules)
"""


def test_a_bundle_is_loaded_and_answers_without_tensorflow(tiny_bundle: Bundle) -> None:
    command = [sys.executable, "-c", ANSWER, str(tiny_bundle.path)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True)
