"""What a server over a candidate bundle must satisfy, one thing at a time.

A NaN is never good enough: each comparison is written so that it fails on one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.infra.questioning import Behaviour, percentile
from pipeline.infra.same_scores import Beside
from recsys.config import Infra

MAX_SCORE_DIFFERENCE = 1e-5
"""Largest difference between a score that the server gave and the same one computed offline."""
_MOST_TOLD = 2


@dataclass(frozen=True)
class Check:
    """One thing, and whether it is so."""

    passed: bool
    sentence: str


def figures(behaviour: Behaviour) -> dict[str, Any]:
    """What was measured, by name."""
    latencies = behaviour.latencies_ms
    return {
        "load_seconds": round(behaviour.load_seconds, 3),
        "peak_memory_mib": behaviour.peak_memory_mib,
        "p50_ms": round(percentile(latencies, 50), 3),
        "p99_ms": round(percentile(latencies, 99), 3),
        "num_requests": sum(map(len, behaviour.rounds)),
    }


def of_server(behaviour: Behaviour, limits: Infra) -> Iterator[Check]:
    """Errors, load time, memory, latency."""
    recorded = [answer.problem for answers in behaviour.rounds for answer in answers]
    failed = _failed(recorded)
    yield Check(
        len(failed) <= limits.max_error_share * len(recorded),
        f"{len(failed)} of {len(recorded)} recorded requests failed; at most "
        f"{100 * limits.max_error_share:g} % may{_told(failed, behaviour.complaint)}",
    )
    odd = [*(answer.problem for answer in behaviour.odd), *behaviour.problems_of_malformed]
    failed = _failed(odd)
    yield Check(
        not failed,
        f"{len(failed)} of {len(odd)} odd and malformed requests were answered wrongly"
        f"{_told(failed, behaviour.complaint)}",
    )
    seconds, peak_mib = behaviour.load_seconds, behaviour.peak_memory_mib
    yield Check(
        seconds <= limits.max_load_seconds,
        f"the server was ready after {seconds:.1f} s; at most {limits.max_load_seconds:g} s is "
        "allowed",
    )
    yield Check(
        peak_mib <= limits.max_memory_mib,
        f"the server took up to {peak_mib:,} MiB of memory; at most {limits.max_memory_mib:,} MiB "
        "is allowed",
    )
    latencies = behaviour.latencies_ms
    p99_ms = percentile(latencies, 99)
    yield Check(
        p99_ms <= limits.max_p99_ms,
        f"the 99th percentile of {len(latencies)} pages' latency, one after the other, is "
        f"{p99_ms:.1f} ms; at most {limits.max_p99_ms:g} ms is allowed",
    )


def of_scores(pages: Sequence[Beside]) -> Iterator[Check]:
    """Whether pages have the scores and the length that the same bundle gives them offline."""
    worst = max((page.difference for page in pages), default=0.0)
    differing = [page for page in pages if not page.difference <= MAX_SCORE_DIFFERENCE]
    yield Check(
        not differing,
        f"scores of {len(differing)} of {len(pages)} pages differ by more than "
        f"{MAX_SCORE_DIFFERENCE:g} from those computed offline, by {worst:.2g} at the most"
        f"{_told([page.answer.probe.name for page in differing])}",
    )
    uneven = [page for page in pages if page.num_missing]
    yield Check(
        not uneven,
        f"{len(uneven)} of {len(pages)} pages are shorter or longer than offline"
        f"{_told([page.answer.probe.name for page in uneven])}",
    )


def _failed(problems: Sequence[str]) -> list[str]:
    return [problem for problem in problems if problem]


def _told(problems: Sequence[str], complaint: str = "") -> str:
    """The first of them, behind a colon, and what the server said."""
    if not problems:
        return ""
    more = f" and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
    said = f"; the server said: {complaint}" if complaint else ""
    return f": {'; '.join(problems[:_MOST_TOLD])}{more}{said}"
