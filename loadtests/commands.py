"""`recsys demo` and `recsys bench ...`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.commands import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, print_json
from recsys.workspace import Workspace

if TYPE_CHECKING:
    from loadtests.subject import Subject

bench = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Measures, and writes what it measured to loadtests/results/.",
)


UntrainedOption = Annotated[
    bool,
    typer.Option("--untrained", help="Measure a store with untrained weights, made once."),
]
AppsOption = Annotated[
    int | None,
    typer.Option(min=1_000, help="Apps of the untrained store; a million if not given."),
]
UsersOption = Annotated[int, typer.Option(min=100, help="Users of the untrained store.")]


class Part(StrEnum):
    """What `recsys bench training` measures."""

    START = "start"
    STALENESS = "staleness"
    KINDS = "kinds"


@bench.callback()
def _bench() -> None: ...


def demo(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    preset: Annotated[str, typer.Option(help="The synthetic store's size.")] = "tiny",
) -> None:
    """Shows the whole system once: data, training, evaluation, serving, load."""
    from loadtests import demo

    demo.demo(workspace, preset)


@bench.command("ab")
def bench_ab(
    runs: Annotated[int, typer.Option(min=2, help="Experiments for each promise.")] = 1_000,
    as_json: JsonOption = False,
) -> None:
    """Whether the statistics of experiments keep their promises, where the truth is known."""
    from loadtests import ab_report, bench_ab, report

    figures = bench_ab.bench(runs)
    table = ab_report.table(figures)
    page = report.write("ab", bench_ab.COMMAND, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("movielens")
def bench_movielens(
    cache: Annotated[Path, typer.Option(help="Where the data set is kept.")] = Path(".cache"),
    as_json: JsonOption = False,
) -> None:
    """MovieLens-100K through import, training and serving, beside the most popular."""
    from loadtests import bench_movielens, report

    figures = bench_movielens.bench(cache)
    table = bench_movielens.table(figures)
    page = report.write("movielens", bench_movielens.COMMAND, {"protocols": figures}, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("generate")
def bench_generate(
    preset: Annotated[str, typer.Option(help="The synthetic store's size.")] = "small",
    as_json: JsonOption = False,
) -> None:
    """Rate and memory of generating the synthetic store for 7 and for 28 days."""
    from loadtests import bench_generate, report

    runs = bench_generate.bench(preset, (7, 28))
    table = bench_generate.table(runs)
    page = report.write("generate", bench_generate.COMMAND, {"runs": runs}, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json({"runs": runs})


@bench.command("faults")
def bench_faults(
    preset: Annotated[str, typer.Option(help="The synthetic store's size.")] = "tiny",
    as_json: JsonOption = False,
) -> None:
    """Which faults of the systems upstream the pipeline stops, and which clean days."""
    from rich.console import Console

    from loadtests import bench_faults, report

    figures = bench_faults.bench(preset)
    page = report.write("faults", bench_faults.COMMAND, figures, bench_faults.table(figures))
    Console(highlight=False).print(bench_faults.shown(figures))
    typer.echo(f"\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("models")
def bench_models(
    preset: Annotated[str, typer.Option(help="The synthetic store's size.")] = "tiny",
    as_json: JsonOption = False,
) -> None:
    """Which bad candidate models are refused, by which gate and why; and honest ones, blessed."""
    from rich.console import Console

    from loadtests import bench_models, report

    figures = bench_models.bench(preset)
    page = report.write("models", bench_models.COMMAND, figures, bench_models.table(figures))
    Console(highlight=False).print(bench_models.shown(figures))
    typer.echo(f"\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("feature-log")
def bench_feature_log(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    rounds: Annotated[int, typer.Option(min=2, help="Blocks that each server gets.")] = 12,
    requests: Annotated[int, typer.Option(min=100, help="Requests of a block.")] = 2_000,
    as_json: JsonOption = False,
) -> None:
    """What logging the features of every page costs a request, at p50 and at p99."""
    from loadtests import bench_feature_log, report

    figures = bench_feature_log.bench(Workspace(workspace), rounds, requests)
    table = bench_feature_log.table(figures)
    page = report.write("feature-log", bench_feature_log.COMMAND, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("request")
def bench_request(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    apps: Annotated[
        int | None,
        typer.Option(min=1_000, help="Measure an untrained bundle of so many apps instead."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Passes over all requests.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """A request's stages in microseconds, by the executor and by the saved model."""
    from loadtests import bench_request, bundles, report

    command = bench_request.COMMAND
    if apps is None:
        figures = bench_request.bench(bundles.live(Workspace(workspace)), rounds)
    else:
        command += f" --apps {apps}"
        with bundles.untrained(apps) as bundle:
            figures = bench_request.bench(bundle, rounds)
    table = bench_request.table(figures)
    page = report.write("request", command, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("index")
def bench_index(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    apps: Annotated[
        int | None,
        typer.Option(min=1_000, help="Measure an untrained bundle of so many apps instead."),
    ] = None,
    graph: Annotated[bool, typer.Option(help="Measure HNSW too: minutes at a million.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Kinds of index and their parameters: recall against brute force, time, memory."""
    from loadtests import bench_index, bundles, report
    from recsys.workspace import write_atomically

    command = bench_index.COMMAND + (f" --apps {apps}" if apps else "")
    folder = bundles.kept_untrained(apps) if apps else bundles.live(Workspace(workspace))
    figures = bench_index.bench(folder, graph)
    write_atomically(report.RESULTS / "index.svg", bench_index.plot(figures).encode())
    table = bench_index.table(figures)
    page = report.write("index", command, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("events")
def bench_events(
    events: Annotated[int, typer.Option(min=100, help="Events to acknowledge.")] = 100_000,
    kills: Annotated[int, typer.Option(min=0, help="Times the server is killed meanwhile.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Events acknowledged a second, and what is left of them when the server is killed."""
    from loadtests import bench_events, report

    figures = bench_events.bench(events, kills)
    table = bench_events.table(figures)
    page = report.write("events", bench_events.COMMAND, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("rollback")
def bench_rollback(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    rounds: Annotated[int, typer.Option(min=1, help="Rollbacks to each kind of target.")] = 20,
    rate: Annotated[float, typer.Option(min=1, help="Requests a second.")] = 50.0,
    as_json: JsonOption = False,
) -> None:
    """Seconds of a rollback, and what requests see of it."""
    from loadtests import bench_rollback, report

    figures = bench_rollback.bench(Workspace(workspace), rounds, rate)
    table = bench_rollback.table(figures)
    page = report.write("rollback", bench_rollback.COMMAND, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("swap")
def bench_swap(
    apps: Annotated[int, typer.Option(min=1_000, help="Size of the catalogue.")] = 1_000_000,
    seconds: Annotated[
        float, typer.Option(min=1, help="After so long no further swap begins.")
    ] = 120.0,
    as_json: JsonOption = False,
) -> None:
    """What requests see of a bundle's loading, and of one in the thread that answers them."""
    from loadtests import bench_swap, report

    figures = bench_swap.bench(apps, seconds)
    table = bench_swap.table(figures)
    command = f"{bench_swap.COMMAND} --apps {apps} --seconds {seconds:g}"
    page = report.write("swap", command, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("serve")
def bench_serve(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    untrained: UntrainedOption = False,
    apps: AppsOption = None,
    users: UsersOption = 1_000_000,
    plain: Annotated[bool, typer.Option("--plain", help="Measure the plain way too.")] = False,
    seconds: Annotated[
        float, typer.Option(min=3, max=600, help="Of requests at a constant rate.")
    ] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Requests a second and latency of a server over HTTP, beside an empty endpoint."""
    from loadtests import bench_serve, report, serve_report
    from recsys.workspace import write_atomically

    subject, command = _subject(bench_serve.COMMAND, workspace, untrained, apps, users)
    figures = bench_serve.bench(subject, seconds, plain)
    table = serve_report.table(figures)
    write_atomically(report.RESULTS / "serve.svg", serve_report.plot(figures).encode())
    page = report.write("serve", f"{command}{' --plain' * plain}", figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(bench_serve.summary(figures))


@bench.command("start")
def bench_start(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    untrained: UntrainedOption = False,
    apps: AppsOption = None,
    users: UsersOption = 1_000_000,
    as_json: JsonOption = False,
) -> None:
    """How soon a server answers after its start, and the memory of one worker and of a second."""
    from loadtests import bench_start, report

    subject, command = _subject(bench_start.COMMAND, workspace, untrained, apps, users)
    figures = bench_start.bench(subject)
    table = bench_start.table(figures)
    page = report.write("start", command, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("soak")
def bench_soak(
    minutes: Annotated[float, typer.Option(min=0.5, help="How long.")] = 20.0,
    apps: Annotated[int, typer.Option(min=1_000, help="Size of the catalogue.")] = 1_000_000,
    as_json: JsonOption = False,
) -> None:
    """Whether a server's memory grows or its answers slow down, in a while of load and swaps."""
    from loadtests import bench_soak, report
    from recsys.workspace import write_atomically

    figures = bench_soak.bench(apps, minutes)
    table = bench_soak.table(figures)
    command = f"{bench_soak.COMMAND} --minutes {minutes:g} --apps {apps}"
    page = report.write("soak", command, figures, table)
    write_atomically(report.RESULTS / "soak.svg", bench_soak.plot(figures).encode())
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json({name: value for name, value in figures.items() if name != "steps"})


@bench.command("overload")
def bench_overload(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    untrained: UntrainedOption = False,
    apps: AppsOption = None,
    users: UsersOption = 1_000_000,
    seconds: Annotated[float, typer.Option(min=1, max=300, help="Length of each load.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Three times the load that a server can bear, and what requests see of it."""
    from loadtests import bench_overload, report

    subject, command = _subject(bench_overload.COMMAND, workspace, untrained, apps, users)
    figures = bench_overload.bench(subject, seconds)
    table = bench_overload.table(figures)
    page = report.write("overload", command, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


def _subject(
    command: str, workspace: Path, is_untrained: bool, num_apps: int | None, num_users: int
) -> tuple[Subject, str]:
    """What is measured, and the command that measures it again."""
    from loadtests import untrained_store
    from loadtests.subject import Subject

    if not is_untrained and num_apps is None:
        return Subject.of(Workspace(workspace)), command
    num_apps = num_apps or untrained_store.NUM_APPS
    store = untrained_store.kept(num_apps, num_users)
    return Subject.made(store), f"{command} --untrained --apps {num_apps} --users {num_users}"


@bench.command("statistics")
def bench_statistics(
    rows: Annotated[int, typer.Option(min=1, help="Rows of the table.")] = 10_000_000,
    as_json: JsonOption = False,
) -> None:
    """Rate and memory of computing a large table's statistics, on DuckDB and on Spark."""
    from loadtests import bench_statistics, report

    figures = bench_statistics.bench(rows)
    table = bench_statistics.table(figures)
    page = report.write("statistics", bench_statistics.COMMAND, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)


@bench.command("training")
def bench_training(
    preset: Annotated[str, typer.Option(help="The synthetic store's size.")] = "small",
    part: Annotated[
        list[Part] | None, typer.Option(help="What to measure; everything if none is named.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Days that begin warm.")] = 7,
    cache: Annotated[Path, typer.Option(help="Where the workspace is kept.")] = Path(".cache"),
    as_json: JsonOption = False,
) -> None:
    """Warm against cold starts, bundles of some age, and kinds of rankers."""
    from loadtests import bench_training, report, training_report
    from recsys import quiet

    quiet.import_tensorflow()
    figures = bench_training.bench(preset, part or list(Part), cache, days)
    training_report.plots(figures, report.RESULTS)
    table = training_report.tables(figures)
    page = report.write("training", bench_training.COMMAND, figures, table)
    typer.echo(f"\n{table}\n\nwrote {page}")
    if as_json:
        print_json(figures)
