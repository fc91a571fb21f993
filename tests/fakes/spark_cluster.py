"""A real Spark cluster on loopback: a master and two workers, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pyspark

from recsys.engine import spark_session

NUM_WORKERS = 2
CORES_A_WORKER = 1
MEMORY_MIB = 512
"""Memory of each worker, all of which one executor may take."""

_HOME = Path(pyspark.__file__).parent
_ENVIRONMENT = {
    "SPARK_HOME": str(_HOME),
    "SPARK_LOCAL_IP": "127.0.0.1",
    "SPARK_DAEMON_MEMORY": "256m",
    # Tests end before the second compiler's code would pay.
    "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Runs the cluster; gives the master's address. This process's session ends before it does.

    Args:
        folder: for the logs and what workers keep on disk.
    """
    anywhere = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
    bounds = ["--cores", str(CORES_A_WORKER), "--memory", f"{MEMORY_MIB}m"]
    with contextlib.ExitStack() as stack:
        log = folder / "master.log"
        stack.enter_context(_daemon("master.Master", *anywhere, log=log))
        master = _awaited(log, r"Starting Spark master at (spark://\S+)")
        logs = [folder / f"worker-{number}.log" for number in range(NUM_WORKERS)]
        for log in logs:
            place = ["--work-dir", str(log.with_suffix(""))]
            stack.enter_context(
                _daemon("worker.Worker", *anywhere, *bounds, *place, master, log=log)
            )
        for log in logs:
            _awaited(log, r"(Successfully registered with master)")
        stack.callback(spark_session.stop)
        with mock.patch.dict(os.environ, JDK_JAVA_OPTIONS=_ENVIRONMENT["JDK_JAVA_OPTIONS"]):
            yield master


@contextlib.contextmanager
def _daemon(name: str, *arguments: str, log: Path) -> Iterator[None]:
    command = [str(_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
    environment = {**os.environ, **_ENVIRONMENT, "SPARK_LOCAL_DIRS": str(log.parent / "local")}
    with log.open("wb") as output:
        # The script replaces itself by Java, so that this is Java's own process.
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield
    finally:
        # It keeps nothing that is worth a shutdown, which may hang where the master went before.
        process.kill()
        process.wait()


def _awaited(log: Path, pattern: str, seconds: float = 60) -> str:
    """The first group of a pattern, once the log has a line that matches."""
    deadline = time.monotonic() + seconds
    while not (found := re.search(pattern, log.read_text(errors="replace"))):
        assert time.monotonic() < deadline, f"{pattern!r} is not in {log}: {log.read_text()}"
        time.sleep(0.05)
    return found[1]
