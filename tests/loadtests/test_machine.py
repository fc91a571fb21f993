from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from loadtests import machine


def peak_of_self() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


def test_the_peak_includes_what_was_started_and_still_runs() -> None:
    # Whatever other tests have started counts as well, and may grow or end.
    assert machine.peak_mib() >= peak_of_self()
    code = "bytearray(64 << 20); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout and child.stdin
        child.stdout.readline()
        assert machine.peak_mib() >= peak_of_self() + 64
        child.stdin.write("\n")


def test_threads_that_end_while_it_looks_do_no_harm() -> None:
    stop = threading.Event()

    def restless() -> None:
        while not stop.is_set():
            threading.Thread(target=int).start()

    threads = [threading.Thread(target=restless) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert all(machine.peak_mib() > 0 for _ in range(100))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
