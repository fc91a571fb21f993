from __future__ import annotations

import subprocess
import sys

import pytest

_OWN = """
import threading
import numpy as np
from serving import heap

def own_mib():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

def in_a_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""

_LARGE = """
heap.hold_thresholds()
# From here on glibc would keep what is smaller than this, if it were left to itself.
np.ones(24 << 20, np.uint8)
before = own_mib()
in_a_thread(lambda: [np.ones(8 << 20, np.uint8) for _ in range(8)])
assert own_mib() < before + 16, (before, own_mib())
"""

_SMALL = """
before = own_mib()
kept = []

def work():
    blocks = [bytes(2_000) for _ in range(20_000)]
    kept.append(blocks[-1])  # the end of the thread's heap is taken

in_a_thread(work)
assert own_mib() > before + 30, (before, own_mib())
heap.give_back()
assert own_mib() < before + 10, (before, own_mib())
"""


@pytest.mark.parametrize("program", [_LARGE, _SMALL], ids=["large blocks", "small blocks"])
def test_what_was_freed_is_given_back(program: str) -> None:
    subprocess.run([sys.executable, "-c", _OWN + program], check=True)
