from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import gc, weakref
from serving import pauses

class Thing:
    pass

before, cycle = Thing(), Thing()
cycle.itself = cycle
pauses.forestall()
assert gc.get_freeze_count() > 0
gone = weakref.ref(before)
del before
assert gone() is None  # what nobody holds is gone at once, as ever
later = Thing()
later.itself = later
gone = weakref.ref(later)
del later
gc.collect()
assert gone() is None  # and new circles are found, as ever
"""


def test_what_is_there_is_set_aside_and_what_comes_later_is_collected() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
