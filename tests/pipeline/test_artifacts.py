import os
from functools import partial
from pathlib import Path

import pytest
from daily_logs import DAY, make_workspace, request, write_log
from daily_logs import at as hour

from pipeline.artifacts import Examples, ExampleStatistics, Reference, Schema, Store
from pipeline.code import code_digest
from pipeline.logs import references

LOG = Reference("logs/requests", DAY.isoformat(), "0123")


def write_word(word: str, out: Path) -> None:
    (out / "word.txt").write_text(word)


def fail_halfway(out: Path) -> None:
    (out / "half.txt").write_text("half")
    raise RuntimeError("stopped halfway")


def test_an_artifact_whose_makers_did_not_change_is_found_rather_than_made(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    first, reused = store.run(Examples, partial(write_word, "one"), DAY, [LOG], ["examples"])
    assert not reused
    again, reused = store.run(Examples, partial(write_word, "two"), DAY, [LOG], ["examples"])
    assert reused
    assert again == first
    assert (again.path / "word.txt").read_text() == "one"
    assert first.path.parent == tmp_path / "artifacts" / "write_word" / DAY.isoformat()


def test_a_changed_input_or_section_makes_another_artifact(tmp_path: Path) -> None:
    component = partial(write_word, "one")
    store = Store(make_workspace(tmp_path))
    first, _ = store.run(Examples, component, DAY, [LOG], ["examples"])
    other = LOG._replace(digest="4567")
    by_input, reused = store.run(Examples, component, DAY, [other], ["examples"])
    assert not reused

    changed = Store(make_workspace(tmp_path, examples={"test_days": 2}, serving={"port": 1}))
    by_config, reused = changed.run(Examples, component, DAY, [LOG], ["examples"])
    assert not reused
    _, reused = changed.run(Examples, component, DAY, [LOG], ["features"])
    assert not reused
    assert len({first.path, by_input.path, by_config.path}) == 3

    elsewhere = Store(make_workspace(tmp_path, serving={"port": 2}))
    _, reused = elsewhere.run(Examples, component, DAY, [LOG], ["examples"])
    assert reused


def test_a_component_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    with pytest.raises(RuntimeError, match="halfway"):
        store.run(Examples, partial(fail_halfway), DAY, [LOG], [])
    assert [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()] == []


def test_lineage_names_every_ancestor_once_the_nearest_first(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    examples, _ = store.run(Examples, partial(write_word, "e"), DAY, [LOG], ["examples"])
    statistics, _ = store.run(
        ExampleStatistics, partial(write_word, "s"), DAY, [examples.record.reference], []
    )
    both = [statistics.record.reference, examples.record.reference]
    schema, _ = store.run(Schema, partial(write_word, "v"), DAY, both, [])
    lineage = store.lineage(schema.record.reference)
    assert lineage == [schema.record, statistics.record, examples.record]
    assert lineage[-1].inputs == (LOG,)
    assert Examples.load(examples.path) == examples


def test_code_digest_follows_imports_and_stays_in_the_rooms_of_training() -> None:
    from pipeline import code

    closure = code._closure("pipeline.example_gen")
    assert {"pipeline", "pipeline.history", "recsys.engine", "recsys.tables"} <= set(closure)
    assert {name.split(".")[0] for name in closure} == {"pipeline", "recsys"}
    assert code_digest("pipeline.example_gen") != code_digest("pipeline.history")


def test_logs_are_named_by_their_content(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    file = write_log(workspace, "requests", DAY, [request("r", "u", hour(1))])
    first = references(workspace, {"requests": [DAY], "impressions": [DAY]})
    assert [name.component for name in first] == ["logs/requests", "logs/impressions"]
    os.utime(file, (1, 1))
    assert references(workspace, {"requests": [DAY], "impressions": [DAY]}) == first
    write_log(workspace, "requests", DAY, [request("r", "u", hour(2))])
    [changed] = references(workspace, {"requests": [DAY]})
    assert changed != first[0]
