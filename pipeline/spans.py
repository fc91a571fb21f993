"""Which days there are, and which of them a span trains on and is evaluated on."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from recsys.config import Examples
from recsys.errors import BadInput
from recsys.tables import EVENTS
from recsys.workspace import Workspace


class Window(NamedTuple):
    """The days of one span."""

    train: list[dt.date]
    test: list[dt.date]


def days_of_logs(workspace: Workspace) -> list[dt.date]:
    """The days that the logs hold something of that happened, in order.

    Raises:
        BadInput: they hold none.
    """
    # A day whose requests were not delivered is a day all the same: the gate shall say so.
    days = sorted({day for table in EVENTS for day in workspace.days(table)})
    if not days:
        raise BadInput(
            f"{workspace.logs} holds no day of requests: `recsys data generate` or `recsys data "
            "import` writes some."
        )
    return days


def window(workspace: Workspace, span: dt.date) -> Window:
    """The days up to `span` that a model is trained on, and the last ones, kept out of training.

    Splitting by time is what keeps the future out: every day trained on lies before every day
    tested on. A random split, which leaks it, takes one day for both.
    """
    settings = workspace.config.examples
    if settings.split == "random":
        return Window([span], [span])
    first, first_test = offsets(settings)
    days = [(day - span).days for day in days_of_logs(workspace) if day <= span]
    in_window = {offset: span + dt.timedelta(offset) for offset in days if offset >= first}
    return Window(
        train=[day for offset, day in in_window.items() if offset < first_test],
        test=[day for offset, day in in_window.items() if offset >= first_test],
    )


def offsets(settings: Examples) -> tuple[int, int]:
    """Days from the span to the first day trained on, and to the first tested on; 0 or less."""
    if settings.split == "random":
        return 0, 0
    return 1 - settings.window_days - settings.test_days, 1 - settings.test_days
