"""The latency table and its plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from loadtests import inside, latency, report
from loadtests.measured_server import SHARE
from recsys.reports.charts import Plane, Point, Shape
from recsys.reports.drawing import Panel, drawing

_SERVERS = {"server": "recsys serve", "echo": "empty endpoint", "plain": "the plain way"}
_SHAPES = {"server": "now-line", "echo": "before"}
_FINEST = 1e-4
"""The plot ends at the slowest of 10,000 requests."""


def table(figures: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    plotted = "![How many requests take how long](serve.svg)"
    return "\n\n".join(
        [_servers(figures), _words(figures), plotted, _generators(figures), _stages(figures)]
    )


def plot(figures: Mapping[str, Any]) -> str:
    """How large a share of the requests took longer, as an SVG file."""
    lines = {name: slower(figures[name]["at_rate"]["histogram"]) for name in _SHAPES}
    plane = Plane.over([point for line in lines.values() for point in line])
    shapes = [Shape(_SHAPES[name], plane.line(line)) for name, line in lines.items()]
    key = {_SHAPES[name]: name for name in lines}
    axis = "requests that took longer: one in 10 to this power"
    return drawing([Panel("latency at a constant rate, ms", plane.chart(shapes), axis, key)])


def slower(histogram: Sequence[tuple[float, int]]) -> list[Point]:
    """Milliseconds over how rare it is that a request takes longer, in powers of ten."""
    total = sum(count for _, count in histogram)
    below = accumulate(count for _, count in histogram)
    longer = [(ms, 1 - taken / total) for (ms, _), taken in zip(histogram, below, strict=True)]
    return [(float(-np.log10(share)), ms) for ms, share in longer if share >= _FINEST]


def _servers(figures: Mapping[str, Any]) -> str:
    header = ["server, on one core", "requests/s at saturation", "processor, us a request"]
    header += [f"{name[:-3].replace('p999', 'p99.9')}, ms" for name in latency.QUANTILES]
    header += ["at requests/s"]
    rows = [
        [
            words,
            f"{one['requests_per_s']:,.0f}",
            f"{one['cpu_us']:,.0f}",
            *(f"{one['at_rate'][name]:.2f}" for name in latency.QUANTILES),
            f"{one['rate_per_s']:,.0f}",
        ]
        for name, words in _SERVERS.items()
        if (one := figures[name])
    ]
    return report.markdown(header, rows)


def _words(figures: Mapping[str, Any]) -> str:
    ours, plain = figures["server"], figures["plain"]
    weights = "trained" if figures["trained"] else "untrained"
    ratio = ours["requests_per_s"] / plain["requests_per_s"] if plain else None
    beside = f" The plain way bears 1/{ratio:.0f} of the requests." if ratio else ""
    lost = ours["saturated"]["num_not_answered"] + ours["at_rate"]["num_not_answered"]
    return (
        f"{figures['num_apps']:,} apps, {weights}; {figures['num_users']:,} users, each asks once "
        f"a part; {figures['candidates_per_request']:.0f} candidates ranked a request, "
        f"{figures['num_installed']} installed apps crossed with each; pages of "
        f"{figures['page_bytes']:,} bytes. ann_recall@{inside.RECALL_AT} is "
        f"{figures[f'ann_recall_at_{inside.RECALL_AT}']:.3f} ({figures['index']}). The server had "
        f"one core, and used {ours['core_share']:.0%} of it at saturation, by "
        f"{ours['num_connections']} connections that ask when they are answered, in batches of "
        f"{ours['batch_size']:.1f}; the generator had another core. Latency is of constant "
        f"arrivals at {SHARE:.0%} of saturation for {figures['seconds']:g} s, from when a request "
        f"was due; the empty endpoint's at the same rate. {lost} requests of ours had no page. "
        f"{figures['apps_scored_per_s']:,.0f} apps were scored a second. The server bears "
        f"{figures['echo_ratio']:.3f} of what the empty endpoint does.{beside}"
    )


def _generators(figures: Mapping[str, Any]) -> str:
    ours, others = figures["server"], figures["other_generators"]
    shown = ("p50_ms", "p95_ms", "p99_ms")
    header = ["generator", "load", "requests/s", *(f"{name[:-3]}, ms" for name in shown)]
    measured = [
        ("`loadtests/arrivals.py`", "constant arrivals", ours["rate_per_s"], ours["at_rate"]),
        ("locust", "constant throughput", None, others["locust"]),
        ("`loadtests/arrivals.py`", "saturation", ours["requests_per_s"], ours["saturated"]),
        ("wrk", "saturation", None, others["wrk"]),
    ]
    rows = [
        [
            generator,
            load,
            f"{rate or one['requests_per_s']:,.0f}",
            *(f"{one[name]:.2f}" for name in shown),
        ]
        for generator, load, rate, one in measured
        if one is not None
    ]
    absent = "" if others["wrk"] else "\n\nwrk is not installed here."
    return report.markdown(header, rows) + absent


def _stages(figures: Mapping[str, Any]) -> str:
    stages, whole = figures["stages_us"], figures["server"]["cpu_us"]
    rest = whole - sum(stages.values())
    rows = [[name, f"{us:.0f}", f"{us / whole:.0%}"] for name, us in stages.items()]
    rows.append(["HTTP, user record, logs, metrics", f"{rest:.0f}", f"{rest / whole:.0%}"])
    rows.append(["**all**", f"**{whole:.0f}**", ""])
    return report.markdown(["stage, at saturation", "us a request", "share"], rows)
