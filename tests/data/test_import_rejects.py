import json
from pathlib import Path

import pyarrow as pa
import pytest
from import_files import MINIMAL, TIMED, make, rejected, rows, run

from recsys.errors import BadInput


def test_bad_rows_are_counted_and_set_aside_with_reason_and_line(tmp_path: Path) -> None:
    text = (
        "user,app,when,stars\n"
        "u,a,1,5\n"  # line 2
        ",b,1,5\n"
        "u,  ,1,5\n"
        "u,c,,5\n"
        "u,d,yesterday,5\n"
        "u,e,2024-02-30,5\n"
        "u,f,1709287200000,5\n"  # milliseconds
        "u,g,-1,5\n"
        "u,h,1,many\n"  # line 10
        "u,i,1,inf\n"
        "u,j,1\n"
        'u,k,1,5,"six, or\n'
        'so"\n'
        "\n"
        "v,a,2,5\n"
    )
    workspace = make(
        tmp_path,
        {"interactions": text},
        {"interactions": {**TIMED, "value": "stars"}},
        max_bad_share=1,
    )
    imported = run(workspace)

    assert imported.num_set_aside["interactions"] == {
        "time is not a time from 1970 to 2199": 4,
        "user_id is empty": 2,
        "value is not a number": 2,
        "wrong number of fields": 2,
        "app_id is empty": 1,
        "time is empty": 1,
    }
    assert imported.num_rows == {"interactions": 14}
    assert imported.num_kept == {"interactions": 2}
    assert [row["user_id"] for row in rows(workspace, "requests", "1970-01-01")] == ["u", "v"]
    header, *lines = rejected(workspace, "interactions")
    assert header == "line,reason,row"
    assert lines[0] == (
        '3,user_id is empty,"{""user"": null, ""app"": ""b"", ""when"": ""1"", ""stars"": ""5""}"'
    )
    assert [line.split(",")[0] for line in lines[1:9]] == [str(n) for n in range(4, 12)]
    assert lines[9] == '12,wrong number of fields,"u,j,1"'
    assert lines[10].startswith("13,wrong number of fields,")


def test_lines_are_told_right_across_blocks_with_bad_rows_in_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.importers.delimited._BLOCK_BYTES", 64)
    lines = ["user,app"]
    expected = []
    for line in range(2, 400):
        kind = "torn" if line % 7 in (0, 1) else "empty" if line % 11 == 0 else "good"
        lines.append({"torn": f"torn{line}", "empty": f",a{line}", "good": f"u,a{line}"}[kind])
        if kind == "torn":
            expected.append(f"{line},wrong number of fields,torn{line}")
        if kind == "empty":
            row = json.dumps({"user": None, "app": f"a{line}"}).replace('"', '""')
            expected.append(f'{line},user_id is empty,"{row}"')
    text = "\n".join(lines)
    workspace = make(tmp_path, {"interactions": text}, {"interactions": MINIMAL}, max_bad_share=1)
    run(workspace)
    assert rejected(workspace, "interactions")[1:] == expected


def test_of_repeated_interactions_the_first_by_time_is_kept_and_repeating_is_no_fault(
    tmp_path: Path,
) -> None:
    text = "user,app,when\nu,a,300\nu,a,100\nu,a,200\nu,a,100\n"
    workspace = make(tmp_path, {"interactions": text}, {"interactions": TIMED}, max_bad_share=0)
    imported = run(workspace)
    assert imported.num_set_aside["interactions"] == {"duplicate": 3}
    [row] = rows(workspace, "requests", "1970-01-01")
    assert row["time"].timestamp() == 100
    assert [line.split(",")[0] for line in rejected(workspace, "interactions")[1:]] == [
        "2",
        "4",
        "5",
    ]


def test_interactions_below_the_least_value_are_left_out_before_repeats_are_judged(
    tmp_path: Path,
) -> None:
    text = "user,app,when,stars\nu,a,1,0.6\nu,a,2,0.7\nu,b,1,0.5\nv,a,1,0.7\n"
    workspace = make(
        tmp_path,
        {"interactions": text},
        {"interactions": {**TIMED, "value": "stars"}},
        min_value=0.7,
    )
    imported = run(workspace)
    assert imported.num_below_min_value == 2
    assert imported.num_set_aside["interactions"] == {}
    kept = rows(workspace, "outcomes", "1970-01-01")
    assert [(r["user_id"], r["app_id"], r["time"].timestamp()) for r in kept] == [
        ("v", "a", 1),
        ("u", "a", 2),
    ]
    assert not (workspace.logs / "rejected").exists()


def test_bad_apps_and_users_are_set_aside_and_known_by_their_ids_alone(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {
            "interactions": "user,app\nu,a\nu,b\n",
            "apps": "app,price,released,at\na,cheap,2020-01-01,1 x\nb,1,someday,1\nb,2,,\nb,3,,\n",
            "users": "user\nu\n",
        },
        {
            "interactions": MINIMAL,
            "users": {"user_id": "user"},
            "apps": {"app_id": "app", "price": "price", "release_day": "released"},
        },
        max_bad_share=0.75,
    )
    imported = run(workspace)
    assert imported.num_set_aside["apps"] == {
        "duplicate": 1,
        "price is not a number": 1,
        "release_day is not a day from 1970 to 2199": 1,
    }
    assert rows(workspace, "apps", "2024-01-01") == [
        {"app_id": "b", "price": 2.0},
        {"app_id": "a", "price": None},
    ]


def test_lists_of_numbers_with_a_stranger_are_bad(tmp_path: Path) -> None:
    apps = "item:token\tplace:float_seq\na\t1 2\nb\t1 x\n"
    workspace = make(
        tmp_path,
        {"interactions": "user:token\tapp:token\nu\ta\n", "apps": apps},
        {"interactions": MINIMAL, "apps": {"app_id": "item", "place": "place"}},
        format="recbole",
        max_bad_share=0.5,
    )
    assert run(workspace).num_set_aside["apps"] == {"place is not a list of numbers": 1}


def test_rows_of_parquet_are_counted_from_one(tmp_path: Path) -> None:
    table = pa.table({"user": ["u", None, "v"], "app": [1.5, 2.0, float("nan")]})
    workspace = make(
        tmp_path,
        {"interactions": table},
        {"interactions": MINIMAL},
        format="parquet",
        max_bad_share=0.7,
    )
    run(workspace)
    lines = rejected(workspace, "interactions")[1:]
    assert [line.split(",")[:2] for line in lines] == [
        ["2", "user_id is empty"],
        ["3", "app_id is empty"],
    ]


def test_more_bad_rows_than_allowed_refuse_the_file_and_leave_nothing(tmp_path: Path) -> None:
    good = "".join(f"u{i},a\n" for i in range(18))
    text = f"user,app\n{good},a\n,b\n"
    workspace = make(
        tmp_path, {"interactions": text}, {"interactions": MINIMAL}, max_bad_share=0.05
    )
    with pytest.raises(BadInput) as refusal:
        run(workspace)
    assert str(refusal.value) == (
        f"{tmp_path}/interactions: 2 of 20 rows are bad, expected at most a share of "
        'import.max_bad_share = 0.05; found 2 user_id is empty (first: line 20, {"user": null, '
        '"app": "a"}); nothing was imported: correct the file or import.columns.interactions.'
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["interactions", "recsys.toml"]

    tolerant = make(tmp_path, {"interactions": text}, {"interactions": MINIMAL}, max_bad_share=0.1)
    assert run(tolerant).num_kept == {"interactions": 18}


def test_repeated_apps_are_a_fault(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {"interactions": "user,app\nu,a\n", "apps": "app,genre\na,x\nb,x\nc,y\n"},
        {"interactions": MINIMAL, "apps": {"app_id": "genre"}},
    )
    with pytest.raises(BadInput, match=r"1 of 3 rows are bad.* 1 duplicate"):
        run(workspace)
