"""The chance that a candidate is in a training sample, which the logQ correction divides by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mixed_sampling_probability(
    num_positives: NDArray[np.int64], batch_size: int, num_uniform: int
) -> NDArray[np.float32]:
    """Each app's chance of being drawn into one place of a mixed batch, up to a common factor.

    A batch's sample mixes `batch_size` draws from the positives' own distribution with
    `num_uniform` draws from the whole catalogue (Yang et al., WWW 2020, section 3.2). The window is
    at hand, so the positives are counted rather than estimated from a stream (RecSys 2019,
    algorithm 2). A common factor cancels in the softmax; the largest chance is made 1, because the
    correction of TensorFlow Recommenders clips at 1e-6, which is where a million apps begin.

    Args:
        num_positives: `[num_apps]`, positives of each app in the window.
        batch_size: positives in a batch.
        num_uniform: uniform negatives in a batch.

    Returns:
        `[num_apps]`, in (0, 1]; an app that can't be drawn has the smallest chance of the others.
    """
    unigram = num_positives / max(num_positives.sum(), 1)
    mixed = batch_size * unigram + num_uniform / len(num_positives)
    floor = mixed[mixed > 0].min()
    probability: NDArray[np.float32] = (np.maximum(mixed, floor) / mixed.max()).astype(np.float32)
    return probability
