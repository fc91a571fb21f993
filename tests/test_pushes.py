import json
import shutil
from pathlib import Path

import pytest
from daily_logs import make_workspace

from recsys import pushes
from recsys.errors import BadInput
from recsys.manifest import BundleError, write_manifest
from recsys.workspace import Workspace


def push(workspace: Workspace, span: str, word: str) -> str:
    """Pushes a bundle that holds one word."""
    made = workspace.bundles / "made"
    made.mkdir(parents=True)
    (made / "word.txt").write_text(word)
    version = write_manifest(made, span, "brute_force", [])
    made.rename(workspace.bundles / version)
    pushes.make_current(workspace, version, "blessed")
    return version


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


def test_before_the_first_push_nothing_serves(workspace: Workspace) -> None:
    assert pushes.current(workspace) is None
    assert pushes.versions(workspace) == []
    assert pushes.served_before(workspace, "any") is None
    assert pushes.serving(workspace) == "No bundle serves yet."
    for act in (lambda: pushes.manifest(workspace, None), lambda: back(workspace)):
        with pytest.raises(BadInput, match="no bundle was pushed yet"):
            act()


def back(workspace: Workspace, version: str | None = None) -> pushes.Push:
    return pushes.roll_back(workspace, version, "a bad day")


def test_going_back_serves_what_served_before_and_is_recorded(workspace: Workspace) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    assert back(workspace).version == first
    assert pushes.current(workspace) == first
    assert pushes.serving(workspace) == f"Bundle {first} serves on."
    why = [(entry.version, entry.previous, entry.why) for entry in pushes.history(workspace)]
    assert why == [
        (first, None, "blessed"),
        (second, first, "blessed"),
        (first, second, "a bad day"),
    ]
    assert back(workspace, second).version == second


def test_there_is_nothing_before_the_first(workspace: Workspace) -> None:
    only = push(workspace, "2024-03-02", "one")
    with pytest.raises(BadInput, match=f"none to go back to: name one of {only}"):
        back(workspace)


def test_a_damaged_bundle_is_not_gone_back_to(workspace: Workspace) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    (workspace.bundles / first / "word.txt").write_text("One")
    with pytest.raises(BundleError, match=r"the digest of word\.txt"):
        back(workspace)
    assert pushes.current(workspace) == second


def test_a_pushed_version_is_compared_with_what_served_before_it(workspace: Workspace) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    assert pushes.served_before(workspace, first) is None
    assert pushes.served_before(workspace, second) == first
    assert pushes.served_before(workspace, "not pushed yet") == second
    back(workspace)
    assert pushes.served_before(workspace, second) == first


def change(workspace: Workspace, record: dict[str, object]) -> None:
    """Records a change of what serves that was killed before it was made."""
    with (workspace.bundles / pushes.HISTORY).open("a") as file:
        file.write(json.dumps(record | {"time": "2024-03-04T00:00:00+00:00", "why": "cut"}) + "\n")


def test_a_change_that_was_killed_before_it_was_made_never_was(workspace: Workspace) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    change(workspace, {"version": first, "previous": second})
    assert [entry.version for entry in pushes.history(workspace)] == [first, second]
    third = push(workspace, "2024-03-04", "three")
    assert [entry.version for entry in pushes.history(workspace)] == [first, second, third]
    assert back(workspace).version == second


def test_a_killed_push_that_is_made_again_counts_once(workspace: Workspace) -> None:
    first = push(workspace, "2024-03-02", "one")
    (workspace.bundles / "2024-03-03-new").mkdir()
    change(workspace, {"version": "2024-03-03-new", "previous": first})
    assert pushes.served_before(workspace, "2024-03-03-new") == first
    pushes.make_current(workspace, "2024-03-03-new", "blessed")
    whys = [(entry.version, entry.why) for entry in pushes.history(workspace)]
    assert whys == [(first, "blessed"), ("2024-03-03-new", "blessed")]


def test_a_torn_last_line_is_cut_off_wherever_it_tore(workspace: Workspace) -> None:
    first = push(workspace, "2024-03-02", "one")
    path = workspace.bundles / pushes.HISTORY
    whole = path.read_bytes()
    torn = whole.replace(b"2024-03-02", b"2024-03-03")
    for end in range(1, len(torn)):
        path.write_bytes(whole + torn[:end])
        assert [entry.version for entry in pushes.history(workspace)] == [first]
    second = push(workspace, "2024-03-03", "two")
    assert [entry.version for entry in pushes.history(workspace)] == [first, second]
    assert path.read_bytes().startswith(whole)


def test_what_serves_already_is_no_change(workspace: Workspace) -> None:
    only = push(workspace, "2024-03-02", "one")
    assert pushes.make_current(workspace, only, "again").why == "blessed"
    assert len(pushes.history(workspace)) == 1


def test_who_changed_it_is_recorded(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    push(workspace, "2024-03-02", "one")
    [entry] = pushes.history(workspace)
    assert (entry.who, entry.kind) == ("ada", "push")


def test_lines_of_an_older_program_are_read(workspace: Workspace) -> None:
    first = push(workspace, "2024-03-02", "one")
    record = {"version": first, "previous": None, "time": "2024-03-03T01:00:00+00:00", "why": "old"}
    (workspace.bundles / pushes.HISTORY).write_text(json.dumps(record) + "\n")
    [entry] = pushes.history(workspace)
    assert (entry.why, entry.who, entry.kind) == ("old", "", "push")


def test_the_beginning_of_a_version_is_enough_where_it_is_the_only_one(
    workspace: Workspace,
) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    assert pushes.known(workspace, "2024-03-02") == first
    assert pushes.manifest(workspace, second[:-1])["version"] == second
    both = f"2024-03, as 2 of them begin: name one of {first}, {second}"
    with pytest.raises(BadInput, match=both):
        pushes.known(workspace, "2024-03")
    with pytest.raises(BadInput, match="found 2023: name one of"):
        pushes.known(workspace, "2023")
    assert back(workspace, "2024-03-02").version == first


def test_an_error_names_the_newest_of_many(workspace: Workspace) -> None:
    many = [f"2024-03-{day:02}-x" for day in range(1, 12)]
    with pytest.raises(BadInput) as error:
        pushes.one_of(many, "2023")
    assert str(error.value).endswith("2024-03-10-x, 2024-03-11-x, or an older one.")
    assert "2024-03-03-x" not in str(error.value)


def test_what_was_pruned_is_passed_over_on_the_way_back(workspace: Workspace) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    third = push(workspace, "2024-03-04", "three")
    shutil.rmtree(workspace.bundles / second)
    assert pushes.served_before(workspace, third) == first
    assert pushes.earlier(workspace) == first
    with pytest.raises(BadInput, match=f"found {second}, which is kept no longer"):
        back(workspace, second)
    shutil.rmtree(workspace.bundles / first)
    with pytest.raises(BadInput, match="none to go back to"):
        back(workspace)


def test_what_a_person_went_back_from_is_withdrawn_until_it_is_chosen_again(
    workspace: Workspace,
) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    assert pushes.withdrawn(pushes.history(workspace), first) is None
    went_back = back(workspace)
    assert pushes.withdrawn(pushes.history(workspace), second) == went_back
    third = push(workspace, "2024-03-04", "three")
    assert pushes.withdrawn(pushes.history(workspace), second) == went_back
    assert pushes.withdrawn(pushes.history(workspace), first) is None
    back(workspace, second)
    assert pushes.withdrawn(pushes.history(workspace), second) is None
    assert pushes.withdrawn(pushes.history(workspace), third) is not None


def test_what_is_being_written_is_no_version(workspace: Workspace) -> None:
    only = push(workspace, "2024-03-02", "one")
    shutil.copytree(workspace.bundles / only, workspace.bundles / f".staged-{only}-x")
    assert pushes.versions(workspace) == [only]


def test_a_bundle_that_is_not_there_never_serves(workspace: Workspace) -> None:
    only = push(workspace, "2024-03-02", "one")
    with pytest.raises(BadInput, match="expected a bundle 2024-03-03-x in"):
        pushes.make_current(workspace, "2024-03-03-x", "blessed")
    assert pushes.current(workspace) == only


def test_a_mistyped_workspace_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no bundle was pushed yet"):
        back(Workspace(tmp_path / "typo"))
    assert not (tmp_path / "typo").exists()
