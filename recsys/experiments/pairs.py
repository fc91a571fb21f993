"""Arms that the same users lived in, with the same luck: what differs is what the arms did.

No real experiment can do that. In a simulation it tells the difference that an experiment of users
dealt to arms has to find, far more sharply than that experiment could.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from recsys.experiments.estimates import Estimate

Floats = NDArray[np.float64]


def paired(control: Floats, treatment: Floats, level: float = 0.95) -> Estimate:
    """The difference of means over pairs; that of the lift by the delta method.

    Args:
        control: `[num_users]`, two or more.
        treatment: the same users', in the same order.
        level: of the intervals.
    """
    assert len(control) == len(treatment) >= 2
    normal, num = NormalDist(), len(control)
    reach = normal.inv_cdf((1 + level) / 2) / math.sqrt(num)
    difference = treatment - control
    mean, spread = float(difference.mean()), reach * float(difference.std(ddof=1))
    base = float(control.mean())
    lift = mean / base if base else math.nan
    lift_spread = (
        reach * float((treatment - (1 + lift) * control).std(ddof=1)) / base if base else math.nan
    )
    z = mean / (spread / reach / math.sqrt(num)) if spread else math.nan if mean else 0.0
    return Estimate(
        control=base,
        treatment=float(treatment.mean()),
        difference=mean,
        difference_interval=(mean - spread, mean + spread),
        lift=lift,
        lift_interval=(lift - lift_spread, lift + lift_spread),
        p_value=2 * normal.cdf(-abs(z)),
    )
