"""Bundles for people to read: a list of them, one of them, and what changed between two."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table

from pipeline.commands.lineage import days, tree
from pipeline.commands.metric_tables import HEADLINES, figure, metrics, table
from pipeline.commands.registered import Registered, num_bytes
from recsys.pushes import Push
from recsys.registry.comparison import Change, Difference, MetricChange
from recsys.registry.entry import Entry
from recsys.registry.retention import Retention
from recsys.registry.servers import Server

_MOST_NAMED = 6


def listed(bundles: Sequence[Registered], servers: Sequence[Server]) -> Iterator[RenderableType]:
    """A row for each bundle, then why some were refused, and who serves."""
    rows = table("bundle")
    for name in ("verdict", "state"):
        rows.add_column(name)
    for name in HEADLINES.values():
        rows.add_column(name, justify="right")
    for one in bundles:
        found = (one.entry.metrics.get(name) for name in HEADLINES)
        cells = [figure(metric.found.candidate) if metric else "" for metric in found]
        rows.add_row(one.version, one.entry.verdict, one.state, *cells)
    yield rows
    for one in bundles:
        if reasons := one.entry.reasons:
            yield f"{one.version} was refused:"
            yield from _items(reasons)
        if one.state == "rolled back":
            yield f"{one.version}: {_told(one.pushes[-1], one.version)}"
    yield from (_served(server) for server in servers)


def shown(one: Registered, servers: Sequence[Server]) -> Iterator[RenderableType]:
    """All that is known of a bundle."""
    entry = one.entry
    yield f"bundle {one.version}, {mib(num_bytes(one.folder))}"
    for gate in entry.gates:
        yield f"{'blessed' if gate.blessed else 'refused'} by the {gate.component}:"
        yield from _items(gate.reasons)
    if entry.metrics:
        yield metrics({one.words: one.found for one in entry.metrics.values()})
    grid = Table.grid(padding=(0, 2))
    for name, said in _facts(one, servers):
        grid.add_row(name, said)
    yield grid
    yield tree({"version": one.version, "lineage": entry.lineage})


def _facts(one: Registered, servers: Sequence[Server]) -> Iterator[tuple[str, str]]:
    entry, made_of = one.entry, one.entry.made_of
    yield "state", one.state
    for push in one.pushes:
        yield "", _told(push, one.version)
    for server in servers:
        if one.version in server.holds:
            yield "served", _served(server)
    yield "trained on", days(made_of.train_days) or "not known"
    yield "tested on", days(made_of.test_days) or "not known"
    yield "compared with", entry.baseline or "no bundle"
    yield "began", _start(entry)
    yield "schema", (made_of.schema or "not known").replace("=", " ")
    yield "config", entry.config_digest[:12] or "not known"
    yield "code", entry.code or "not known"
    seconds = made_of.seconds
    ran = ", ".join(f"{name} {time:.1f}" for name, time in seconds.items())
    yield "seconds", f"{sum(seconds.values()):.1f}: {ran}"


def compared(found: Difference) -> Iterator[RenderableType]:
    """What changed, part by part; what did not is said in a word."""
    old, new = found.before, found.after
    yield f"from {old.version}\nto   {new.version}"
    grid = Table.grid(padding=(0, 2))
    for name, said in _changes(found):
        grid.add_row(name, said)
    yield grid
    if found.config:
        yield _settings(found.config)
    if found.metrics:
        yield _metrics(found.metrics)


def _changes(found: Difference) -> Iterator[tuple[str, str]]:
    old, new = found.before, found.after
    yield "trained on", _became(*(days(each) or "not known" for each in found.days.train))
    yield "tested on", _became(*(days(each) or "not known" for each in found.days.test))
    changed = found.days.changed_logs
    yield "their logs", _named(changed) if changed else "the same, where both saw a day"
    yield "began", _became(_start(old), _start(new))
    schemas = (each.made_of.schema or "not known" for each in (old, new))
    yield "schema", _became(*(each.replace("=", " ") for each in schemas))
    yield "code", _became(old.code or "not known", new.code or "not known")
    yield "", f"differs in {_named(found.code)}" if found.code else "the same in each component"
    yield "config", f"{_several(len(found.config), 'key')} changed" if found.config else "the same"
    apps = found.apps
    yield (
        "apps",
        f"{apps.num_after:,}: {apps.num_added:,} added, {apps.num_removed:,} removed",
    )


def _settings(changes: Sequence[Change]) -> Table:
    rows = table("key")
    for name in ("from", "to"):
        rows.add_column(name, overflow="fold")
    for change in changes:
        rows.add_row(change.name, _setting(change.before), _setting(change.after))
    return rows


def _setting(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _metrics(changes: Sequence[MetricChange]) -> Table:
    rows = table("metric, each on its own days", "from", "to")
    is_paired = any(change.paired for change in changes)
    if is_paired:
        rows.add_column("on the same users", justify="right")
    for one in changes:
        cells = [figure(one.before), figure(one.after)]
        rows.add_row(one.words, *cells, *([figure(one.paired, sign="+")] if is_paired else []))
    return rows


def pruned(
    done: Retention, sizes: Mapping[str, int], dry_run: bool, artifacts: Mapping[str, int]
) -> Iterator[RenderableType]:
    """What was deleted and what stays, each with its size; and what artifacts take, which nothing
    prunes.

    Args:
        done: what a prune did or would do.
        sizes: bytes of each version.
        dry_run: whether nothing was deleted.
        artifacts: bytes of what each component made.
    """
    rows = table("bundle", "size")
    rows.add_column("what becomes of it")
    for version, why in done.kept.items():
        rows.add_row(version, mib(sizes.get(version, 0)), f"kept: {why}")
    for version in done.removed:
        rows.add_row(version, mib(sizes.get(version, 0)), "would go" if dry_run else "deleted")
    if rows.row_count:
        yield rows
    freed = mib(sum(sizes.get(version, 0) for version in done.removed))
    num = _several(len(done.removed), "bundle")
    yield f"{num} {'would go' if dry_run else 'deleted'}, {freed}."
    largest = sorted(artifacts.items(), key=lambda item: -item[1])
    parts = ", ".join(f"{name} {mib(size)}" for name, size in largest[:_MOST_NAMED])
    yield f"Artifacts stay, {mib(sum(artifacts.values()))}: {parts or 'there are none'}."


def mib(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 2**20:,.1f} MiB"


def _several(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _start(entry: Entry) -> str:
    """What its models began as."""
    bases = entry.made_of.bases
    parents: Mapping[str, str | None] = entry.parents
    warm = [
        f"{trainer.removeprefix('trainer_')} as that of {parents.get(trainer) or base.span}"
        for trainer, base in bases.items()
    ]
    same = {parents.get(trainer) or base.span for trainer, base in bases.items()}
    if not warm:
        return "cold"
    is_all = len(same) == 1 and len(warm) == len(entry.made_of.trained)
    return f"warm, as {same.pop()}" if is_all else f"warm, {' and '.join(warm)}"


def _told(push: Push, version: str) -> str:
    """A change of what serves, to or from a version."""
    did = {"push": "pushed it", "rollback": "went back to it", "activation": "activated it"}
    became = did[push.kind] if push.version == version else f"went back from it to {push.version}"
    return f"{push.time} {push.who or 'someone'} {became}: {push.why}"


def _served(server: Server) -> str:
    where = server.url or f"a server on {server.host}"
    said = [f"serves {server.serving} since {server.since}"] if server.serving else []
    said += [f"tries {server.loading}"] if server.loading else []
    return f"{where} (pid {server.pid}) {' and '.join(said) or 'serves nothing yet'}"


def _items(reasons: Sequence[str]) -> Iterator[RenderableType]:
    yield from (Padding(f"- {reason}", (0, 0, 0, 2)) for reason in reasons)


def _became(before: str, after: str) -> str:
    return f"{after}, as before" if before == after else f"{after}; before: {before}"


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
