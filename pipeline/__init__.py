"""TFX's components, each a function from typed artifacts to typed artifacts, and their graph."""

import recsys  # noqa: F401 - it chooses Keras 2, before a component imports TensorFlow
