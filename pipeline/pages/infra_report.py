"""The page of a candidate model that no server bore: which checks failed, and what was measured.

It stands where the model's own page would, which the Evaluator never came to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.infra.checks import Check
from recsys.config import Infra
from recsys.reports import page
from recsys.reports.page import Headline

_MEASURED = (
    ("load_seconds", "seconds until it was ready", "max_load_seconds"),
    ("peak_memory_mib", "MiB of memory at most", "max_memory_mib"),
    ("p50_ms", "ms to a page, median", None),
    ("p99_ms", "ms to a page, 99th percentile", "max_p99_ms"),
    ("num_requests", "pages asked for", None),
)


def render(
    span: str, version: str, checks: Sequence[Check], measured: Mapping[str, Any], limits: Infra
) -> str:
    """The page, as HTML.

    Args:
        span: the day of the model.
        version: its bundle's.
        checks: what the server had to satisfy, in the order in which it was looked at.
        measured: `pipeline.infra.checks.figures`; empty where the server answered nothing.
        limits: what was allowed.
    """
    rows = [
        (words, measured[name], getattr(limits, limit) if limit else None)
        for name, words, limit in _MEASURED
        if name in measured
    ]
    failed = [check for check in checks if not check.passed]
    said = f"Refused: {len(failed)} of {len(checks)} checks of a server over it failed"
    return page.render(
        "infra.html",
        span=span,
        version=version,
        said=Headline.error(said),
        failed=failed,
        passed=[check for check in checks if check.passed],
        rows=rows,
    )
