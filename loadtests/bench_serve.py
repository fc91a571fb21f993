"""A server over HTTP: how many requests a core bears, how long one takes below that, where its time
goes, and how this compares with an empty endpoint and with the plain way.

The server has one core and whoever asks it another. Every request is of another user, so nothing
that is asked for was answered before. Saturation is a closed loop: each connection asks again when
it is answered. Latency is at 70 % of that, of requests that come at a constant rate; it counts from
when a request was due. A second generator, and locust, look at the same server.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from loadtests import inside, latency
from loadtests.measured_server import measured, second_opinions, served
from loadtests.subject import Subject, body

COMMAND = "recsys bench serve"
ECHO, PLAIN = ("loadtests.echo_server",), ("loadtests.plain_server",)

_PLAIN_CONNECTIONS = 4
_PLAIN_USERS = 2_000


def bench(subject: Subject, seconds: float, has_plain: bool) -> dict[str, Any]:
    """Measures a workspace's server.

    Args:
        subject: what is measured.
        seconds: how long requests come at a constant rate; the other parts take shares of it.
        has_plain: whether to measure the plain way too.

    Raises:
        BadInput: what is needed is not there.
        GateStopped: the server answered none of the requests.
    """
    user_ids = subject.user_ids()
    bodies = [body(user_id) for user_id in user_ids]
    with tempfile.TemporaryDirectory(prefix="recsys-serve-") as scratch:
        workspace = subject.beside(Path(scratch) / "workspace")
        connections = 2 * workspace.config.serving.max_batch  # one batch waits for the other
        users_file, page_file = Path(scratch) / "users", Path(scratch) / "page"
        users_file.write_text("\n".join(user_ids))
        with served(workspace) as url:
            page_file.write_bytes(_page(url, bodies[0]))
            ours = measured(url, bodies, seconds, connections)
            others = second_opinions(
                url, bodies, users_file, seconds / 3, ours["rate_per_s"], connections
            )
        with served(workspace, ECHO, str(page_file)) as url:
            echo = measured(url, bodies, seconds / 3, connections, ours["rate_per_s"])
        plain = None
        if has_plain:
            users_file.write_text("\n".join(user_ids[:_PLAIN_USERS]))
            with served(workspace, PLAIN, str(users_file)) as url:
                plain = measured(url, bodies[:_PLAIN_USERS], seconds / 3, _PLAIN_CONNECTIONS)
        page_bytes = page_file.stat().st_size
    engine = inside.measured(subject)
    return {
        **engine,
        "num_users": len(user_ids),
        "seconds": seconds,
        "page_bytes": page_bytes,
        "server": ours,
        "other_generators": others,
        "echo": echo,
        "plain": plain,
        "stages_us": ours["stages_us"],
        "apps_scored_per_s": engine["candidates_per_request"] * ours["requests_per_s"],
        "requests_per_s_per_core": ours["requests_per_s"],
        "echo_requests_per_s_per_core": echo["requests_per_s"],
        "echo_ratio": ours["requests_per_s"] / echo["requests_per_s"],
        **{f"{name}_at_70pct": ours["at_rate"][name] for name in latency.QUANTILES},
    }


def summary(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that the command promises."""
    names = ("num_apps", "trained", "requests_per_s_per_core", "echo_requests_per_s_per_core")
    further = (*(f"{name}_at_70pct" for name in latency.QUANTILES), "ann_recall_at_200")
    return {name: figures[name] for name in (*names, "echo_ratio", *further, "stages_us")}


def _page(url: str, request: bytes) -> bytes:
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{url}/v1/recommend", content=request, headers=headers, timeout=30)
    return answer.raise_for_status().content
