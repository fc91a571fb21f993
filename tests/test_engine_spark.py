"""What Spark alone must do: run on its workers, keep quiet, and say what it lacks."""

import socket
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys import config, engine
from recsys.engine import spark_session
from recsys.errors import BadInput

LOCAL = config.Engine(kind="spark")


def test_the_work_is_done_by_both_workers(spark_engine: config.Engine) -> None:
    context = spark_session.start(spark_engine).sparkContext
    assert context.master == spark_engine.master
    hosts = context._jsc.sc().getExecutorMemoryStatus().size()
    assert hosts == 1 + 2, "expected the driver and two workers"
    assert context.defaultParallelism == 2


def test_the_session_is_on_loopback_without_a_page(spark_engine: config.Engine) -> None:
    session = spark_session.start(spark_engine)
    assert session.conf.get("spark.driver.host") == "127.0.0.1"
    assert session.sparkContext.uiWebUrl is None
    assert session.conf.get("spark.sql.session.timeZone") == "UTC"


def test_a_type_that_spark_lacks_is_one_sentence(
    spark_engine: config.Engine, tmp_path: Path
) -> None:
    times = pa.table({"time": pa.array([0], pa.timestamp("ns", "UTC"))})
    pq.write_table(times, tmp_path / "ns.parquet")
    with pytest.raises(BadInput, match=r"Spark can't read these files .*TIMESTAMP\(NANOS"):
        engine.read_parquet(spark_engine, [tmp_path / "ns.parquet"])


def test_without_java_one_sentence_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="needs Java 17 or later, found none: install it"):
        engine.connect(LOCAL)


def test_an_old_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BadInput, match="needs Java 17 or later, found 8"):
        engine.connect(LOCAL)


def test_without_pyspark_one_sentence_names_the_extra() -> None:
    code = """
import sys
sys.modules["pyspark"] = None
from recsys import config, engine
engine.connect(config.Engine(kind="spark"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert 'BadInput: engine.kind = "spark" needs PySpark, found none: install it' in last


def test_a_master_of_another_kind_is_one_sentence() -> None:
    with pytest.raises(BadInput, match=r"master = 'yarn', expected \"local\", or \"spark://HOST:"):
        config.parse({"engine": {"kind": "spark", "master": "yarn"}}, "test")


def test_a_master_that_is_not_there_is_one_sentence_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(BadInput, match=f"expected a Spark master at spark://127.0.0.1:{port}"):
        engine.connect(config.Engine(kind="spark", master=f"spark://127.0.0.1:{port}"))


def test_a_cluster_without_room_is_one_sentence_in_bounded_time(
    spark_engine: config.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = spark_engine.model_copy(update={"memory_limit_mib": 2 * spark_engine.memory_limit_mib})
    with monkeypatch.context() as patch:
        patch.setattr(spark_session, "WORKER_SECONDS", 1)
        with pytest.raises(BadInput, match="gave no worker within 1 s, expected one with 1024 MiB"):
            engine.connect(more)
    assert engine.connect(spark_engine).raw_sql("select 1").collect() == [(1,)]
