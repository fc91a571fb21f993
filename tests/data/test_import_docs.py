"""What docs/data.md says is so: its tables, and its example, file by file."""

import re
from pathlib import Path

import pytest

from data.import_command import import_data
from recsys.tables import SCHEMAS, TABLES, Table

DOCUMENT = (Path(__file__).parents[2] / "docs" / "data.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("table", TABLES)
def test_columns_are_those_of_the_schema(table: Table) -> None:
    section = DOCUMENT.split(f"### {table}\n")[1].split("\n#")[0]
    documented = re.findall(r"^\| (\w+)(\*?) \| (.+?) \|", section, re.MULTILINE)[1:]
    assert documented == [
        (field.name, "" if field.nullable else "*", str(field.type).replace("element", "item"))
        for field in SCHEMAS[table]
    ]


def test_the_example_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    workspace = Path("workspace")
    workspace.mkdir()
    for name, text in zip(("sales", "customers", "products"), blocks("csv"), strict=True):
        (workspace / f"{name}.csv").write_text(text)
    [configuration] = blocks("toml")
    (workspace / "recsys.toml").write_text(configuration)
    import_data(workspace)
    [printed] = blocks("text")
    assert capsys.readouterr().out == printed
