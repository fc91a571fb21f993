"""Every file or mapping that can't be imported is refused with one sentence that says so."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from import_files import MINIMAL, make, run

from recsys import config
from recsys.__main__ import main
from recsys.errors import BadInput
from recsys.workspace import Workspace

GOOD = "user,app\nu,a\n"


def refusal(workspace: Workspace) -> str:
    """The sentence, without the folder's name."""
    with pytest.raises(BadInput) as error:
        run(workspace)
    assert not workspace.logs.exists()
    return str(error.value).replace(f"{workspace.root}/", "")


def mapped(**changes: str) -> dict[str, dict[str, str]]:
    return {"interactions": MINIMAL | changes}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "interactions is empty, expected a header that names its columns: fill it."),
        ("user,app\n", "interactions has columns but no rows: give a file that has some."),
        ("user,app", "interactions has columns but no rows: give a file that has some."),
        (
            "user,app,app\nu,a,b\n",
            "interactions names the column 'app' twice: rename one of them.",
        ),
        (
            "user;app\nu;a\n",
            "interactions has no column 'user', which import.columns.interactions maps to user_id: "
            "its columns are user;app; correct the mapping.",
        ),
        (
            "user,app\nu,caf\u00e9\n".encode("latin-1"),
            "interactions is not UTF-8 (In CSV column #1: Row #2: CSV conversion error to string: "
            "invalid UTF8 data): convert it, for example with `iconv -f latin1 -t utf-8`.",
        ),
        (
            "user,app,caf\u00e9\nu,a,b\n".encode("latin-1"),
            "interactions is not UTF-8 (byte 12 of its header): convert it, for example with "
            "`iconv -f latin1 -t utf-8`; or set import.format, if it isn't text at all.",
        ),
    ],
)
def test_csv(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    assert refusal(make(tmp_path, {"interactions": content}, mapped())) == sentence


def test_a_quote_that_is_never_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.importers.delimited._BLOCK_BYTES", 256)
    content = 'user,app\nu,"a\n' + "u,b\n" * 1_000
    sentence = refusal(make(tmp_path, {"interactions": content}, mapped()))
    assert sentence.startswith("interactions can't be read as text with one row a line (")
    assert "look for a quote that isn't closed" in sentence


@pytest.mark.parametrize(
    ("header", "field"), [("user_id:token\titem", "'item'"), ("user_id:int", "'user_id:int'")]
)
def test_atomic_header(tmp_path: Path, header: str, field: str) -> None:
    workspace = make(tmp_path, {"interactions": f"{header}\nu\n"}, mapped(), format="recbole")
    assert refusal(workspace) == (
        f"interactions: its header has {field}, expected tab-separated fields of name:type with a "
        "type of token, token_seq, float, float_seq; set import.format, if it is another kind of "
        "file."
    )


def test_what_is_not_parquet(tmp_path: Path) -> None:
    sentence = refusal(make(tmp_path, {"interactions": GOOD}, mapped(), format="parquet"))
    assert sentence.startswith("interactions is not a Parquet file (")
    assert sentence.endswith("give one, or set import.format to what it is.")


def test_damaged_parquet(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {"interactions": pa.table({"user": ["u"] * 1_000, "app": [str(i) for i in range(1_000)]})},
        mapped(),
        format="parquet",
    )
    path = tmp_path / "interactions"
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    sentence = refusal(workspace)
    assert sentence.startswith("interactions is damaged (") and sentence.endswith("write it anew.")


def test_a_parquet_file_without_rows(tmp_path: Path) -> None:
    empty = pa.table({"user": pa.array([], pa.string()), "app": pa.array([], pa.string())})
    workspace = make(tmp_path, {"interactions": empty}, mapped(), format="parquet")
    assert refusal(workspace) == (
        "interactions has columns but no rows: give a file that has some."
    )


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            {"interactions": {"user_id": "user"}},
            "import.columns.interactions doesn't map app_id, which it must: name one of the "
            "columns of interactions, which are user, app.",
        ),
        (
            mapped(time="when"),
            "interactions has no column 'when', which import.columns.interactions maps to time: "
            "its columns are user, app; correct the mapping.",
        ),
        (
            mapped(request_id="user"),
            "import.columns.interactions maps request_id, which the import makes itself: leave it "
            "out.",
        ),
        (
            mapped(Stars="app"),
            "import.columns.interactions maps 'Stars', expected a name of lower-case letters, "
            "digits and underscores: rename it.",
        ),
        (
            mapped() | {"users": {"user_id": "user"}},
            "import.users is empty, expected the file that import.columns.users is about: name it "
            "in recsys.toml.",
        ),
    ],
)
def test_mapping(tmp_path: Path, columns: dict[str, dict[str, str]], sentence: str) -> None:
    assert refusal(make(tmp_path, {"interactions": GOOD}, columns)) == sentence


def test_a_further_column_in_two_tables(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {"interactions": "user,app,mood\nu,a,x\n", "users": "user,mood\nu,y\n"},
        {
            "interactions": {**MINIMAL, "mood": "mood"},
            "users": {"user_id": "user", "mood": "mood"},
        },
    )
    assert refusal(workspace) == (
        "import.columns maps mood for interactions and for users, expected one of them: rename it "
        "in the other."
    )


def test_a_missing_file(tmp_path: Path) -> None:
    workspace = make(tmp_path, {}, mapped(), interactions="ratings.csv")
    assert refusal(workspace) == (
        "ratings.csv is not a file, expected the one that import.interactions = 'ratings.csv' "
        "names: put it there, or correct the name (it is relative to the workspace)."
    )


def test_nothing_to_import(tmp_path: Path) -> None:
    assert refusal(make(tmp_path, {}, {})) == (
        "import.interactions is empty, expected the file that import.columns.interactions is "
        "about: name it in recsys.toml."
    )


def test_none_left(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {"interactions": "user,app,stars\nu,a,1\n"},
        mapped(value="stars"),
        min_value=math.inf,
    )
    assert refusal(workspace) == (
        "interactions: of 1 interactions 1 are below import.min_value and 0 are bad, expected some "
        "that are left: lower min_value, or correct the file."
    )


@pytest.mark.parametrize(
    ("ours", "found", "words"),
    [
        ("price", pa.array([["x"]]), "lists, expected numbers"),
        ("price", pa.array([{"x": 1}]), "nested or binary values, expected numbers"),
        ("title", pa.array([["x"]]), "lists, expected texts"),
        ("countries", pa.array([1]), "numbers, expected lists of texts"),
        ("release_day", pa.array([2020]), "numbers, expected days"),
        ("at", pa.array([True]), "booleans, expected times"),
    ],
)
def test_a_wrong_type(tmp_path: Path, ours: str, found: Any, words: str) -> None:
    workspace = make(
        tmp_path,
        {
            "interactions": pa.table({"user": ["u"], "app": ["a"]}),
            "apps": pa.table({"app": ["a"], "x": found}),
        },
        {"interactions": MINIMAL, "apps": {"app_id": "app", ours: "x"}},
        {"at": {"table": "apps", "kind": "hour", "models": ["deep"]}},
        format="parquet",
    )
    assert refusal(workspace) == (
        f"apps: column 'x' holds {words} since import.columns.apps maps it to {ours}: map another "
        "column."
    )


def test_a_least_value_without_values() -> None:
    with pytest.raises(BadInput, match=r"expected columns\.interactions to map `value`, which"):
        config.parse({"import": {"min_value": 4}}, "recsys.toml")


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `recsys data import`."""
    monkeypatch.setattr("sys.argv", ["recsys", "data", "import", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_command_reports_replaces_only_by_force_and_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path, {"interactions": "user,app\nu,a\nu,a\n"}, mapped())
    at = ["--workspace", str(tmp_path)]

    assert command(monkeypatch, *at, "--json") == 0
    *report, last = capsys.readouterr().out.splitlines()
    assert report[0] == "interactions: 2 rows, 1 kept"
    assert report[1].strip() == "1 set aside: duplicate"
    assert json.loads(last)["num_set_aside"] == {"interactions": {"duplicate": 1}}

    assert command(monkeypatch, *at) == 2
    assert capsys.readouterr().err == (
        f"recsys: {tmp_path}/logs holds logs already, expected none: choose another --workspace, "
        "or replace them with --force.\n"
    )
    (tmp_path / "interactions").write_text("user,app\nu,a\nv,b\nv,c\n")
    assert command(monkeypatch, *at, "--force") == 0
    assert "interactions: 3 rows, 3 kept" in capsys.readouterr().out
    assert not (tmp_path / "logs" / "rejected").exists()
