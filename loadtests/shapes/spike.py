"""A quiet server, then ten times the visitors at once, then the few again: whether those wait
longer afterwards than before.

    locust -f loadtests/shapes/spike.py --headless -H URL
"""

from __future__ import annotations

from loadtests import locustfile
from loadtests.shapes import stages


class Spike(stages.Stages):
    """A tenth of the visitors, all of them for a fifth of the time, and a tenth again."""

    stages = (stages.Stage(0.4, 0.1), stages.Stage(0.2, 1.0), stages.Stage(0.4, 0.1))


class Visitor(locustfile.Visitor):
    """Opens one page after another."""
