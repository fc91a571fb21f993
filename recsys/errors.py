"""The two ways in which a command ends early on purpose."""


class BadInput(ValueError):
    """What a person gave can't be used: one sentence says what was expected, what was found and
    what to do. Commands print it and exit with 2."""


class GateStopped(Exception):
    """A gate did its work: data or a model was refused, and what served before serves on.
    Commands print the reasons and exit with 1."""
