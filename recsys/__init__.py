"""The library of the two-stage recommender: it knows no HTTP and no orchestrator.

TensorFlow Recommenders builds on Keras 2, and TensorFlow decides which Keras it is the first time
that it is imported; so the choice is made here, before any module of ours can import TensorFlow.
"""

import os
import sys

_LEGACY_KERAS = "TF_USE_LEGACY_KERAS"

if "tensorflow" in sys.modules and os.environ.get(_LEGACY_KERAS) != "1":
    raise ImportError(
        "recsys needs Keras 2, but TensorFlow was imported before recsys and chose Keras 3: "
        f"import recsys first, or set {_LEGACY_KERAS}=1 in the environment."
    )
os.environ[_LEGACY_KERAS] = "1"
# TensorFlow logs, as an error, that a machine without a GPU has none; what fails raises as well.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
