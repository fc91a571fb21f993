"""The chance that a candidate is in a training sample, which the logQ correction divides by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def mixed_sampling_probability(
    draws: Sequence[tuple[int, NDArray[np.int64]]],
) -> NDArray[np.float32]:
    """Each app's chance of being drawn into one place of a mixed batch, up to a common factor.

    A batch mixes draws from several distributions (Yang et al., WWW 2020, section 3.2). The window
    is at hand, so apps are counted rather than estimated from a stream (RecSys 2019, algorithm 2).
    A common factor cancels in the softmax; the largest chance is made 1, because the correction of
    TensorFlow Recommenders clips at 1e-6, which is where a million apps begin.

    Args:
        draws: how many places of a batch each distribution fills, and its counts `[num_apps]`.

    Returns:
        `[num_apps]`, in (0, 1]; an app that can't be drawn has the smallest chance of the others.
    """
    mixed = sum(places * counts / max(counts.sum(), 1) for places, counts in draws)
    floor = mixed[mixed > 0].min()
    probability: NDArray[np.float32] = (np.maximum(mixed, floor) / mixed.max()).astype(np.float32)
    return probability
