"""Names of the array types that the world is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
"""Rows of apps or users, where -1 is none; indices of words of the lexicon; counts."""
Booleans = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint32]
Days = npt.NDArray[np.datetime64]
Times = npt.NDArray[np.int64]
"""Microseconds since a day began, UTC."""
