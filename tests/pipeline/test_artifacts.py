import os
from functools import partial
from pathlib import Path

import pytest
from daily_logs import DAY, make_workspace, request, write_log
from daily_logs import at as hour

from pipeline.artifacts import Artifact, Examples, ExampleStatistics, Reference, Schema
from pipeline.code import code_digest, sources_of
from pipeline.logs import references
from pipeline.store import Store
from recsys.errors import BadInput

LOG = Reference("logs/requests", DAY.isoformat(), "0123")


def write_word(word: str, out: Path) -> None:
    (out / "word.txt").write_text(word)


def read_words(words: list[Artifact], out: Path) -> None:
    (out / "word.txt").write_text("".join((one.path / "word.txt").read_text() for one in words))


def fail_halfway(out: Path) -> None:
    (out / "half.txt").write_text("half")
    raise RuntimeError("stopped halfway")


def test_an_artifact_whose_makers_did_not_change_is_found_rather_than_made(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    first, reused = store.run(Examples, partial(write_word, "one"), DAY, ["examples"], [LOG])
    assert not reused
    again, reused = store.run(Examples, partial(write_word, "two"), DAY, ["examples"], [LOG])
    assert reused
    assert again == first
    assert (again.path / "word.txt").read_text() == "one"
    assert first.path.parent == tmp_path / "artifacts" / "example_gen" / DAY.isoformat()
    assert store.current(Examples, DAY) == first


def test_a_changed_input_or_section_makes_another_artifact(tmp_path: Path) -> None:
    component = partial(write_word, "one")
    store = Store(make_workspace(tmp_path))
    first, _ = store.run(Examples, component, DAY, ["examples"], [LOG])
    other = LOG._replace(digest="4567")
    by_input, reused = store.run(Examples, component, DAY, ["examples"], [other])
    assert not reused

    changed = Store(make_workspace(tmp_path, examples={"test_days": 2}, serving={"port": 1}))
    by_config, reused = changed.run(Examples, component, DAY, ["examples"], [LOG])
    assert not reused
    _, reused = changed.run(Examples, component, DAY, ["features"], [LOG])
    assert not reused
    assert len({first.path, by_input.path, by_config.path}) == 3

    elsewhere = Store(make_workspace(tmp_path, serving={"port": 2}))
    _, reused = elsewhere.run(Examples, component, DAY, ["examples"], [LOG])
    assert reused


def test_a_component_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    with pytest.raises(RuntimeError, match="halfway"):
        store.run(Examples, partial(fail_halfway), DAY, reads=[LOG])
    assert not store.has(Examples, DAY)
    assert [path.name for path in tmp_path.glob("artifacts/**/*") if path.is_file()] == [".lock"]
    with pytest.raises(BadInput, match="example_gen has not run for 2024-03-02"):
        store.current(Examples, DAY)


def test_lineage_names_every_ancestor_once_the_nearest_first(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    examples, _ = store.run(Examples, partial(write_word, "e"), DAY, ["examples"], [LOG])
    statistics, _ = store.run(ExampleStatistics, partial(read_words, [examples]), DAY)
    schema, _ = store.run(Schema, partial(read_words, [statistics, examples]), DAY)
    lineage = store.lineage(schema)
    assert lineage == [schema.record, statistics.record, examples.record]
    assert lineage[-1].inputs == (LOG,)
    assert Examples.load(examples.path) == examples


def test_what_killed_components_left_is_swept_unless_one_is_at_work(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    left = tmp_path / "artifacts" / "example_gen" / ".staged-left"
    left.mkdir(parents=True)

    def sweep_meanwhile(out: Path) -> None:
        Store(store.workspace).sweep()

    store.run(Examples, partial(sweep_meanwhile), DAY)
    assert left.exists()
    store.sweep()
    assert not left.exists()


def test_code_digest_follows_imports_and_stays_in_the_rooms_of_training() -> None:
    sources = sources_of("pipeline.example_gen")
    assert {"pipeline", "pipeline.history", "recsys.engine", "recsys.tables"} <= set(sources)
    assert {name.split(".")[0] for name in sources} == {"pipeline", "recsys"}
    assert "pipeline.transform" not in sources
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
