"""What the feature log costs a request: the same requests to two servers at a time, of which one
logs every page and the other none.

Two servers of one bundle run beside each other, and one visitor asks them in turn, a block of
requests each, in an order that is turned round every time: what else the machine does falls on
both alike. Between blocks it waits until the log is on the disk, so that no server writes on the
other's time. The log is flushed six times as often as it is by default, so that a block is long
enough to have its flush: a percentile of a shorter one would be the flush's own time.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from loadtests import report
from loadtests.steps import server
from recsys import config
from recsys.errors import BadInput
from recsys.workspace import Workspace

COMMAND = "recsys bench feature-log"
BAR = 1.05
"""How many times as long a request may take with the log."""
FLUSH_SECONDS = 5.0
"""How often the log is written here."""

_LOGGED_SHARES = {"without": 0.0, "with": 1.0}
_PERCENTILES = (50, 90, 99)
_NUM_USERS = 1_000
_NUM_RESAMPLES = 1_000
_SURFACES = ("home", "home", "home", "search")
_PATIENCE_MS = 10_000.0
"""A page that is late has no features to log: none shall be, however busy the machine is."""
_SETTLE_SECONDS = FLUSH_SECONDS + 0.5

Latencies = NDArray[np.float64]
"""Milliseconds, `[num_rounds, num_requests]`."""


def bench(workspace: Workspace, num_rounds: int, num_requests: int) -> dict[str, Any]:
    """Measures a workspace's live bundle.

    Args:
        workspace: has users and a bundle that serves.
        num_rounds: blocks that each server gets.
        num_requests: requests of a block.

    Raises:
        BadInput: no bundle serves there.
    """
    if not workspace.current_bundle.exists():
        raise BadInput(f"no bundle serves in {workspace.root}: `recsys run` makes one.")
    with contextlib.ExitStack() as running:
        scratch = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="recsys-log-")))
        urls = {
            name: running.enter_context(server(_configured(workspace, scratch / name, share)))
            for name, share in _LOGGED_SHARES.items()
        }
        bodies = _bodies(urls["without"], num_requests)
        measured = _measured(urls, bodies, num_rounds)
        num_logged = _metric(urls["with"], "recsys_feature_log_pages_total")
    num_asked = (1 + num_rounds) * num_requests  # the first block warms both up
    return {
        "num_rounds": num_rounds,
        "num_requests": num_requests,
        "flush_seconds": FLUSH_SECONDS,
        "num_asked": num_asked,
        "num_logged": int(num_logged),
        "percentiles": {f"p{p}": ratio(measured, p) for p in _PERCENTILES},
    }


def ratio(measured: Mapping[str, Latencies], percentile: float) -> dict[str, Any]:
    """A percentile of each block, and what the log makes of it: medians over rounds.

    The ratio is that of a round's two blocks, so that whatever slowed both down is in neither; its
    interval (95 %) is a bootstrap's over rounds.
    """
    without, with_log = (
        np.percentile(measured[name], percentile, axis=1) for name in ("without", "with")
    )
    ratios = with_log / without
    drawn = np.random.default_rng(0).integers(0, len(ratios), (_NUM_RESAMPLES, len(ratios)))
    interval = np.percentile(np.median(ratios[drawn], axis=1), [2.5, 97.5])
    return {
        "without_ms": float(np.median(without)),
        "with_ms": float(np.median(with_log)),
        "ratio": float(np.median(ratios)),
        "ratio_interval": interval.tolist(),
    }


def table(figures: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    header = ["latency", "without the log, ms", "with it, ms", "ratio", "95 %"]
    rows = [
        [
            name,
            f"{one['without_ms']:.3f}",
            f"{one['with_ms']:.3f}",
            f"{one['ratio']:.3f}",
            "{:.3f} to {:.3f}".format(*one["ratio_interval"]),
        ]
        for name, one in figures["percentiles"].items()
    ]
    num_asked = figures["num_rounds"] * figures["num_requests"]
    return (
        f"{report.markdown(header, rows)}\n\n{num_asked:,} requests to each of two servers, in "
        f"{figures['num_rounds']} alternating blocks, one visitor at a time over loopback; "
        f"{figures['num_logged']:,} of {figures['num_asked']:,} pages logged, flushed every "
        f"{figures['flush_seconds']:.0f} s. Figures are medians over the blocks. The bar is a "
        f"ratio of {BAR} at p50 and at p99."
    )


def _configured(workspace: Workspace, root: Path, share: float) -> Path:
    """A workspace over the same logs and bundles, whose server logs a share of its pages."""
    root.mkdir()
    for name in (workspace.logs.name, workspace.bundles.name):
        (root / name).symlink_to((workspace.root / name).resolve(), target_is_directory=True)
    log = {"feature_log_share": share, "feature_log_seconds": FLUSH_SECONDS}
    patience = {"late_ms": _PATIENCE_MS, "deadline_ms": _PATIENCE_MS}
    serving = workspace.config.serving.model_copy(update=log | patience)
    changed = workspace.config.model_copy(update={"serving": serving})
    (root / config.FILE_NAME).write_text(config.render(changed))
    return root


def _bodies(url: str, count: int) -> list[bytes]:
    """Requests of the store's users, as they are sent."""
    found = httpx.get(f"{url}/v1/users", params={"limit": _NUM_USERS}).raise_for_status().json()
    users = itertools.cycle(user["user_id"] for user in found["users"])
    surfaces = itertools.cycle(_SURFACES)
    return [
        json.dumps({"user_id": user, "context": {"surface": surface}}).encode()
        for user, surface, _ in zip(users, surfaces, range(count), strict=False)
    ]


def _measured(
    urls: Mapping[str, str], bodies: Sequence[bytes], num_rounds: int
) -> dict[str, Latencies]:
    blocks: dict[str, list[list[float]]] = {name: [] for name in urls}
    for url in urls.values():
        _block(url, bodies)
    for number in track(range(num_rounds), "rounds", console=Console(stderr=True)):
        for name in sorted(urls, reverse=bool(number % 2)):
            time.sleep(_SETTLE_SECONDS)
            blocks[name].append(_block(urls[name], bodies))
    time.sleep(_SETTLE_SECONDS)
    return {name: np.array(latencies) for name, latencies in blocks.items()}


def _block(url: str, bodies: Sequence[bytes]) -> list[float]:
    """Milliseconds that each request took, over one connection; a plain client costs less than half
    of httpx's time."""
    address = urlsplit(url)
    visitor = http.client.HTTPConnection(str(address.hostname), address.port)
    with contextlib.closing(visitor):
        return [_asked(visitor, body) for body in bodies]


def _asked(visitor: http.client.HTTPConnection, body: bytes) -> float:
    began = time.perf_counter()
    visitor.request("POST", "/v1/recommend", body, {"Content-Type": "application/json"})
    answer = visitor.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    return 1_000 * (time.perf_counter() - began)


def _metric(url: str, name: str) -> float:
    text = httpx.get(f"{url}/metrics").raise_for_status().text
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))
