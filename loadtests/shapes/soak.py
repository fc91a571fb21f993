"""A constant rate for long, a tenth of whose pages is told of and clicked, as people do: whether
memory and latency stay as they are. (`recsys bench soak` measures both of a server of its own.)

    RECSYS_LOAD_RATE=200 RECSYS_LOAD_SECONDS=1200 \\
      locust -f loadtests/shapes/soak.py --headless -H URL
"""

from __future__ import annotations

from typing import ClassVar

from loadtests import locustfile
from loadtests.shapes import stages, steady


class Soak(stages.Stages):
    """All visitors, for twenty minutes where nobody says how long."""

    stages = (stages.Stage(1.0, 1.0),)
    seconds = 1_200.0


class Visitor(steady.Steady):
    """Asks at its share of the rate, and now and then tells what it saw."""

    tasks: ClassVar = [locustfile.visit]
