from recsys import config, engine


def test_duckdb_keeps_to_its_bounds_and_to_utc() -> None:
    settings = config.Engine(num_threads=1, memory_limit_mib=512)
    limits = engine.connect(settings).con.execute(
        "select current_setting('threads'), current_setting('memory_limit'), "
        "current_setting('TimeZone')"
    )
    assert limits.fetchone() == (1, "512.0 MiB", "UTC")
