"""The two ways in which a command ends early on purpose."""

from __future__ import annotations

from collections.abc import Sequence


class BadInput(ValueError):
    """What a person gave can't be used: one sentence says what was expected, what was found and
    what to do. Commands print it and exit with 2."""


class GateStopped(Exception):
    """A gate did its work: data or a model was refused, and what served before serves on.
    Commands print the message and exit with 1."""

    def __init__(self, message: str, reasons: Sequence[str] = ()) -> None:
        """`reasons` are those that the message tells, one by one, for whoever reads no prose."""
        super().__init__(message)
        self.reasons = tuple(reasons) or (message,)


class ModelRefused(GateStopped):
    """A candidate model was refused. The days after it need not stop: they begin as the model that
    serves."""
