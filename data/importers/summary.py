"""What an import took, and what it left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.importers.judging import Judged
from recsys.config import Config


@dataclass(frozen=True)
class Imported:
    """Rows are by file: interactions, users, apps."""

    num_rows: Mapping[str, int]
    """Rows of each file."""
    num_kept: Mapping[str, int]
    """Those that were taken."""
    num_set_aside: Mapping[str, Mapping[str, int]]
    """Those in `logs/rejected/<file>.csv`, by reason."""
    num_below_min_value: int
    """Interactions that were left out as asked."""
    num_users: int
    """Users, those included that only interactions name."""
    num_apps: int
    """Apps, those included that only interactions name."""
    num_days: int
    """Days with interactions."""
    first_day: dt.date
    """The first of them, which is also the day of the snapshots."""
    last_day: dt.date
    """The last of them."""
    notes: Sequence[str]
    """What a person should know beside."""


def summary(
    judged: Mapping[str, Judged],
    num_users: int,
    num_apps: int,
    days: Sequence[dt.date],
    config: Config,
) -> Imported:
    """The summary of an import.

    Args:
        judged: the files by kind.
        num_users: users written.
        num_apps: apps written.
        days: those with interactions.
        config: the configuration.
    """
    return Imported(
        num_rows={name: file.num_rows for name, file in judged.items()},
        num_kept={name: file.num_kept for name, file in judged.items()},
        num_set_aside={name: file.num_bad for name, file in judged.items()},
        num_below_min_value=judged["interactions"].num_below_min_value,
        num_users=num_users,
        num_apps=num_apps,
        num_days=len(days),
        first_day=days[0],
        last_day=days[-1],
        notes=[
            *_unlisted(judged, "users", num_users),
            *_unlisted(judged, "apps", num_apps),
            *_timeless(judged, config),
        ],
    )


def _unlisted(judged: Mapping[str, Judged], name: str, num_written: int) -> Iterator[str]:
    num = num_written - judged[name].num_kept if name in judged else 0
    if num:
        yield (
            f"{num:,} {name} of the interactions are not in the file of {name}: nothing but their "
            "ids is known"
        )


def _timeless(judged: Mapping[str, Judged], config: Config) -> Iterator[str]:
    if "time" not in judged["interactions"].types and config.examples.split == "time":
        yield (
            f"time isn't mapped, so all happened on {config.import_.day}: only "
            'examples.split = "random" can tell training from test'
        )
