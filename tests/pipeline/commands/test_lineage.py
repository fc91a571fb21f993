from __future__ import annotations

from rich.tree import Tree

from pipeline.commands.lineage import days, tree

DAY = "2024-03-02"


def record(component: str, *inputs: tuple[str, str], span: str = DAY) -> dict[str, object]:
    read = [{"component": one, "span": at, "digest": "d"} for one, at in inputs]
    name = {"component": component, "span": span, "digest": "d", "inputs": read}
    made = {"created": f"{span}T01:02:03+00:00", "seconds": 1.5}
    return name | made | {"code_digest": "c0de", "config_digest": ""}


def grown(*records: dict[str, object]) -> Tree:
    return tree({"version": "v", "lineage": records})


def labels(parent: Tree) -> list[str]:
    return [str(child.label) for child in parent.children]


def test_each_artifact_is_shown_once_below_what_read_it() -> None:
    [ranking] = grown(
        record("trainer_ranking", ("transform", DAY), ("trainer_retrieval", DAY)),
        record("transform", ("example_gen", DAY)),
        record("trainer_retrieval", ("transform", DAY)),
        record("example_gen", ("logs/apps", DAY), ("logs/users", DAY)),
    ).children
    transform, retrieval = ranking.children
    [examples] = transform.children
    assert str(transform.label) == f"transform {DAY} d  [dim]{DAY} 01:02, 1.5 s[/dim]"
    assert labels(examples) == [f"logs/apps, logs/users {DAY}"]
    assert labels(retrieval) == [f"transform {DAY} d (above)"]


def test_the_days_of_a_window_share_a_line() -> None:
    spans = ["2024-03-01", "2024-03-02", "2024-03-04"]
    [bundle] = grown(
        record("bundle_gen", ("transform", DAY), *(("example_gen", span) for span in spans)),
        record("transform", ("example_gen", spans[0]), ("example_gen", spans[1])),
        *(record("example_gen", ("logs/apps", span), span=span) for span in spans),
    ).children
    transform, rest, *others = bundle.children
    first = "2024-03-01 to 2024-03-02 (2 days)"
    assert [str(transform.children[0].label)] == [
        f"example_gen {first}  [dim]2024-03-02 01:02, 3.0 s[/dim]"
    ]
    assert labels(transform.children[0]) == [f"logs/apps {first}"]
    assert str(rest.label) == f"example_gen {first} (above)"
    assert [str(one.label) for one in others] == [
        "example_gen 2024-03-04 d  [dim]2024-03-04 01:02, 1.5 s[/dim]"
    ]


def test_what_builds_on_an_earlier_one_of_its_kind_ends_there() -> None:
    [ranking] = grown(record("trainer_ranking", ("trainer_ranking", "2024-03-01"))).children
    assert labels(ranking) == ["builds on that of 2024-03-01, d"]


def test_days_are_told_as_ranges() -> None:
    assert days([]) == ""
    assert days(["2024-02-28"]) == "2024-02-28"
    leap = ["2024-03-01", "2024-02-28", "2024-02-29"]
    assert days(leap) == "2024-02-28 to 2024-03-01 (3 days)"
    assert days([*leap, "2024-03-05"]) == "2024-02-28 to 2024-03-01, 2024-03-05 (4 days)"
    assert days(["version=1"]) == "version=1"
