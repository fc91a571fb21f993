"""Starts Spark. What it needs is checked first: Spark itself waits, or prints a stack trace."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from recsys import config
from recsys.errors import BadInput

MIN_JAVA = 17
"""The oldest Java that Spark 4 runs on."""
CONNECT_SECONDS = 5
"""How long a master may take to accept a connection."""
WORKER_SECONDS = 30
"""How long the first worker may take to accept the work."""

_OR_ELSE = 'or set engine.kind to "duckdb"'


_running: dict[config.Engine, SparkSession] = {}
"""The session by its settings; a process has one at most."""


def start(settings: config.Engine) -> SparkSession:
    """This process's one Spark session; one with other settings is stopped before.

    Raises:
        BadInput: there is no Java that Spark runs on, nothing answers at the master's address, or
            no worker takes the work in time.
    """
    if settings not in _running:
        _check_java()
        if settings.master != "local":
            _check_answers(settings.master)
        stop()
        context = _context(settings)
        if settings.master != "local":
            _await_worker(context, settings)
        _running[settings] = SparkSession(context)
    return _running[settings]


def stop() -> None:
    """Stops this process's session, if it has one, and gives its workers back."""
    while _running:
        _running.popitem()[1].stop()


def _context(settings: config.Engine) -> SparkContext:
    conf = SparkConf().setAll(list(_properties(settings).items()))
    with tempfile.TemporaryFile() as output:
        try:
            context = SparkContext(conf=conf, gateway=_java(conf, output))
        except (Py4JError, PySparkException) as error:
            reason = _last_line(output) or str(error).splitlines()[0]
            raise BadInput(f"Spark did not start ({reason}): mend that, {_OR_ELSE}.") from error
    context.setLogLevel("OFF")  # what goes wrong comes back as an exception
    return context


def _java(conf: SparkConf, output: IO[bytes]) -> Any:
    """The process's one Java, which ends with it; PySpark keeps the first that it is given."""
    running = SparkContext._gateway
    return running or launch_gateway(conf, {"stdout": output, "stderr": output})


def _properties(settings: config.Engine) -> dict[str, str]:
    is_local = settings.master == "local"
    memory = f"{settings.memory_limit_mib}m"
    properties = {
        "spark.app.name": "recsys",
        "spark.master": f"local[{settings.num_threads}]" if is_local else settings.master,
        "spark.cores.max": str(settings.num_threads),
        "spark.driver.memory" if is_local else "spark.executor.memory": memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Most days are small, and Spark spills those that are not.
        "spark.sql.shuffle.partitions": str(2 * settings.num_threads),
        # What can't be represented is an error, as in DuckDB; without ANSI it is null.
        "spark.sql.ansi.enabled": "true",
        "spark.sql.caseSensitive": "true",
        "spark.sql.session.timeZone": "UTC",
        # Spark's own choice is a type of 96 bits that Parquet gave up.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    }
    if is_local or _is_loopback(_address(settings.master)[0]):
        properties |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return properties


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(Path(home, "bin", "java") if home else "java")
    found = _java_version(java) if java else None
    if found is None or found < MIN_JAVA:
        raise BadInput(
            f'engine.kind = "spark" needs Java {MIN_JAVA} or later, found {found or "none"}: '
            f"install it (on Debian `apt-get install openjdk-{MIN_JAVA}-jre-headless`; JAVA_HOME "
            f"comes before PATH), {_OR_ELSE}."
        )


def _java_version(java: str) -> int | None:
    """The major version; the Javas before 9 call theirs 1.8 and so on."""
    printed = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', printed)
    return int(version[1]) if version else None


def _check_answers(master: str) -> None:
    try:
        socket.create_connection(_address(master), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise BadInput(
            f"engine.master: expected a Spark master at {master}, found none ({error}): start it, "
            f'mend the address, set it to "local", {_OR_ELSE}.'
        ) from None


def _await_worker(context: SparkContext, settings: config.Engine) -> None:
    deadline = time.monotonic() + WORKER_SECONDS
    while not _has_worker(context):
        if time.monotonic() > deadline:
            context.stop()
            raise BadInput(
                f"engine.master: {settings.master} gave no worker within {WORKER_SECONDS} s, "
                f"expected one with {settings.memory_limit_mib} MiB free: start a worker, lower "
                f"engine.memory_limit_mib, {_OR_ELSE}."
            )
        time.sleep(0.1)


def _has_worker(context: SparkContext) -> bool:
    """Whether any process but this one computes; not when the master has thrown us out."""
    spark = context._jsc.sc()
    return not spark.isStopped() and bool(spark.getExecutorMemoryStatus().size() > 1)


def _address(master: str) -> tuple[str, int]:
    host, port = master.removeprefix("spark://").rsplit(":", 1)
    return host, int(port)


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _last_line(output: IO[bytes]) -> str:
    output.seek(0)
    lines = output.read().decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "").strip()
