"""Who is in which experiment, and in which arm: by hashes of the user's id alone, so that every
server, every simulation and every later reader of the logs comes to the same answer.

Three hashes, each with a salt of its own and so independent of the others:

- the layer's cuts its users into buckets, of which an experiment owns a range. Experiments of one
  layer share no user; two layers cut the users each in its own way;
- the ramp's says who is among the first: to raise the ramp adds users and takes none away;
- the experiment's deals the arms. It doesn't look at the ramp, so nobody ever moves between arms.

This is the layered design of Tang et al. (Overlapping Experiment Infrastructure, KDD 2010).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.config import Experiment
from recsys.config.experiments import NUM_BUCKETS

Floats = NDArray[np.float64]

NO_ARM = -1
"""In place of an arm's place, for users who aren't in the experiment."""

_BITS = 53
"""Of a hash that are used: as many as a double keeps, so that no place rounds up to 1."""


def fraction(salt: str, unit: str) -> float:
    """A unit's place in [0, 1): the first 53 bits of SHA-256 of `salt/unit`, over 2^53."""
    digest = hashlib.sha256(f"{salt}/{unit}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> (64 - _BITS)) / 2.0**_BITS


def fractions(salt: str, units: Sequence[str]) -> Floats:
    """The same of many units, `[num_units]`."""
    salted = hashlib.sha256(f"{salt}/".encode())
    digests = []
    for unit in units:
        whole = salted.copy()
        whole.update(unit.encode())
        digests.append(whole.digest()[:8])
    hashes = np.frombuffer(b"".join(digests), ">u8") >> np.uint64(64 - _BITS)
    return hashes.astype(np.float64) / 2.0**_BITS


def arm_of(
    name: str,
    experiment: Experiment,
    user_id: str,
    features: Mapping[str, Any],
    is_known: bool,
) -> str | None:
    """The arm whose page a request gets, None where the user isn't in the experiment.

    Args:
        name: the experiment's.
        experiment: what it is.
        user_id: who asks.
        features: columns of the users and requests tables, as in `recsys.query.Query`.
        is_known: whether the store knew the user before the request.
    """
    if experiment.users != "all" and is_known != (experiment.users == "known"):
        return None
    if any(features.get(column) not in values for column, values in experiment.eligible.items()):
        return None
    low, high = experiment.buckets
    if not low <= fraction(_layer(experiment), user_id) * NUM_BUCKETS < high:
        return None
    if fraction(_ramp(name, experiment), user_id) >= experiment.ramp:
        return None
    place = fraction(_deal(name, experiment), user_id)
    return tuple(experiment.arms)[int(np.searchsorted(_bounds(experiment), place, "right"))]


def arms_of(
    name: str,
    experiment: Experiment,
    user_ids: Sequence[str],
    features: Mapping[str, Sequence[Any]],
    is_known: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """The same of many users: places among `experiment.arms`, `NO_ARM` for who isn't in it.

    Args:
        name: the experiment's.
        experiment: what it is.
        user_ids: `[num_users]`.
        features: columns by name, each `[num_users]`; a missing column is a missing value.
        is_known: `[num_users]`, whether the store knew the user before.
    """
    size = len(user_ids)
    inside = np.ones(size, bool)
    if experiment.users != "all":
        inside &= is_known == (experiment.users == "known")
    for column, values in experiment.eligible.items():
        allowed = frozenset(values)
        given = features.get(column, [None] * size)
        inside &= np.fromiter((value in allowed for value in given), bool, size)
    low, high = experiment.buckets
    buckets = fractions(_layer(experiment), user_ids) * NUM_BUCKETS
    inside &= (low <= buckets) & (buckets < high)
    inside &= fractions(_ramp(name, experiment), user_ids) < experiment.ramp
    dealt = fractions(_deal(name, experiment), user_ids)
    return np.where(inside, np.searchsorted(_bounds(experiment), dealt, "right"), NO_ARM)


def _layer(experiment: Experiment) -> str:
    return f"layer/{experiment.layer}"


def _ramp(name: str, experiment: Experiment) -> str:
    return f"ramp/{experiment.salt or name}"


def _deal(name: str, experiment: Experiment) -> str:
    return f"arm/{experiment.salt or name}"


def _bounds(experiment: Experiment) -> list[float]:
    """Where each arm but the last ends in [0, 1): the last has the rest."""
    return list(accumulate(arm.share for arm in experiment.arms.values()))[:-1]
