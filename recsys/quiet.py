"""TensorFlow without the lines that it writes to standard error while it is imported."""

import os
import sys
from pathlib import Path


def import_tensorflow() -> None:
    """Imports TensorFlow for a command that a person watches.

    Its C++ side says there, past any setting, which GPU libraries a machine lacks; a failure to
    import raises as ever.
    """
    sys.stderr.flush()
    shown = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(shown, 2)
            os.close(shown)
