"""What is known of an experiment's users, as arrays: their arm, since when, what they did on each
day of it, and what they did before it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.config import Experiment
from recsys.errors import BadInput

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Observed:
    """An experiment's users, each in one arm."""

    arms: tuple[str, ...]
    """The control first, those that interleave last."""
    arm: Integers
    """`[num_users]`, places among `arms`."""
    since: Integers
    """`[num_users]`, the day of the user's first exposure, counted from the experiment's first."""
    days: tuple[dt.date, ...]
    """Of the experiment, in order."""
    daily: Mapping[str, Floats]
    """Columns `[num_users, num_days]`; 0 before the user's first exposure."""
    before: Mapping[str, Floats]
    """Columns `[num_users]`, sums over the days before the experiment; NaN for a user who did
    nothing then."""
    dimensions: Mapping[str, NDArray[Any]]
    """Columns of texts `[num_users]`, to slice by."""
    num_in_two_arms: int = 0
    """Users left out since they were seen in more than one arm."""

    def __len__(self) -> int:
        return len(self.arm)

    def upto(self, day: int) -> Self:
        """The experiment as it looked at the end of its day of that number, 0 for the first."""
        days = {name: values[:, : day + 1] for name, values in self.daily.items()}
        return replace(self, days=self.days[: day + 1], daily=days).where(self.since <= day)

    def in_arms(self, arms: Sequence[str]) -> Self:
        """The users of the first arms alone."""
        num = len(arms)
        assert tuple(arms) == self.arms[:num]
        return replace(self.where(self.arm < num), arms=self.arms[:num])

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """Some of the users, `chosen` is `[num_users]`."""
        if chosen.all():
            return self
        return replace(
            self,
            arm=self.arm[chosen],
            since=self.since[chosen],
            daily={name: values[chosen] for name, values in self.daily.items()},
            before={name: values[chosen] for name, values in self.before.items()},
            dimensions={name: values[chosen] for name, values in self.dimensions.items()},
        )


def observed(
    name: str,
    experiment: Experiment,
    exposures: pa.Table,
    outcomes: pa.Table,
    users: pa.Table | None = None,
) -> Observed:
    """Reads an experiment's tables.

    The experiment begins on the day of its first exposure. What a user did counts from the day of
    the user's own first exposure on, up to the horizon or to the last day of the outcomes.

    Args:
        name: the experiment's.
        experiment: what it is.
        exposures: as `recsys.experiments.tables.EXPOSURES`, of any experiments.
        outcomes: as `OUTCOMES` there, of any users.
        users: has a `user_id` and the columns to slice by.

    Raises:
        BadInput: nobody was exposed, an arm is not the experiment's, or a column is missing.
    """
    mine = exposures.filter(pc.equal(exposures["experiment"], name))
    if not len(mine):
        raise BadInput(f"no user was exposed to experiment {name!r}: check its name and its log.")
    arms = (experiment.control, *experiment.treatments, *experiment.interleaving)
    if strange := set(pc.unique(mine["arm"]).to_pylist()) - set(arms):
        raise BadInput(
            f"experiment {name!r} has exposures of the arms {', '.join(sorted(strange))}, expected "
            f"only {', '.join(arms)}: analyse it with the configuration that it ran with."
        )
    seen = mine.group_by("user_id").aggregate(
        [("arm", "min"), ("arm", "max"), ("time", "min")]  # one arm where the first is the last
    )
    is_whole = pc.equal(seen["arm_min"], seen["arm_max"])
    whole = seen.filter(is_whole)
    first_days = _days(whole["time_min"])
    start = _days(seen["time_min"]).min()
    last = max(start, _days(outcomes["day"]).max(initial=start))
    num_days = int(min(last - start + 1, experiment.horizon_days))
    whole = whole.filter(pa.array(first_days < start + num_days))
    since = first_days[first_days < start + num_days] - start
    daily, before = _summed(whole["user_id"], since, outcomes, start, num_days, experiment)
    return Observed(
        arms=arms,
        arm=pc.index_in(whole["arm_min"], pa.array(arms)).to_numpy().astype(np.int64),
        since=since,
        days=tuple(_date(start + day) for day in range(num_days)),
        daily=daily,
        before=before,
        dimensions=_dimensions(experiment.slices, whole["user_id"], users),
        num_in_two_arms=len(seen) - int(pc.sum(is_whole).as_py()),
    )


def _summed(
    user_ids: Any,
    since: Integers,
    outcomes: pa.Table,
    start: int,
    num_days: int,
    experiment: Experiment,
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Every numeric column, by user and day of the experiment, and by user before it."""
    places = pc.index_in(outcomes["user_id"], user_ids.combine_chunks())
    users = pc.fill_null(places, -1).to_numpy().astype(np.int64)
    days = _days(outcomes["day"]) - start
    during = (users >= 0) & (days < num_days)
    during[during] = days[during] >= since[users[during]]
    earlier = (users >= 0) & (days < 0) & (days >= -experiment.covariate_days)
    size = len(user_ids)
    cells = users[during] * num_days + days[during]
    had_past = np.bincount(users[earlier], minlength=size) > 0
    daily: dict[str, Floats] = {}
    before: dict[str, Floats] = {}
    for name in _numeric(outcomes):
        values = pc.fill_null(outcomes[name], 0).to_numpy().astype(np.float64)
        sums = np.bincount(cells, values[during], size * num_days)
        daily[name] = sums.reshape(size, num_days).astype(np.float64)
        past = np.bincount(users[earlier], values[earlier], size)
        before[name] = np.where(had_past, past, np.nan)
    return daily, before


def _numeric(outcomes: pa.Table) -> list[str]:
    return [
        field.name
        for field in outcomes.schema
        if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
    ]


def _dimensions(
    columns: Sequence[str], user_ids: Any, users: pa.Table | None
) -> dict[str, NDArray[Any]]:
    if not columns:
        return {}
    known = set() if users is None else set(users.column_names)
    if missing := set(columns) - known:
        raise BadInput(
            f"slices by {', '.join(sorted(missing))} need a table of users with those columns, "
            f"found {', '.join(sorted(known)) or 'none'}: take them out of the experiment's slices "
            "or give the table."
        )
    assert users is not None
    rows = pc.index_in(user_ids, users["user_id"].combine_chunks())
    return {
        name: pc.fill_null(users[name].take(rows).cast(pa.string()), "unknown").to_numpy()
        for name in columns
    }


def _days(times: Any) -> Integers:
    """Days since 1970-01-01, UTC."""
    return times.cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)  # type: ignore[no-any-return]


def _date(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(day))
