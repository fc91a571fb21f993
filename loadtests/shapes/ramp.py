"""More and more visitors, each asking again when it is answered, in eight equal steps: shows from
where on more of them get no more pages.

    locust -f loadtests/shapes/ramp.py --headless -H URL
"""

from __future__ import annotations

from loadtests import locustfile
from loadtests.shapes import stages

_STEPS = 8


class Ramp(stages.Stages):
    """An eighth of the visitors more at each step."""

    stages = tuple(stages.Stage(1 / _STEPS, step / _STEPS) for step in range(1, _STEPS + 1))


class Visitor(locustfile.Visitor):
    """Opens one page after another."""
