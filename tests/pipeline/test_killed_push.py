"""A process that dies at any step of a push, a rollback or a prune leaves bundles that serve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import killed_push
import pytest

ROOT = Path(__file__).parents[2]


def served_after_each_kill(folder: Path, what: str) -> list[str]:
    """What served after each kill, in the order of the steps; the program checks all else."""
    command = [sys.executable, str(killed_push.__file__), str(folder), what]
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "fakes")])}
    # Forks want no threads, and NumPy would start some.
    environment = {**os.environ, **paths, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    served: list[str] = json.loads(done.stdout)
    return served


@pytest.mark.parametrize(
    ("what", "before", "after", "at_least"),
    [
        ("push", "old", "new", 100),
        ("rollback", "old", "older", 20),
        ("prune", "old", "old", 20),
    ],
)
def test_the_old_bundle_serves_until_the_new_one_does(
    what: str, before: str, after: str, at_least: int, tmp_path: Path
) -> None:
    served = served_after_each_kill(tmp_path, what)
    assert len(served) >= at_least
    assert (served[0], served[-1]) == (before, after)
    assert served == sorted(served, key=[before, after].index)
