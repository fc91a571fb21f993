"""Asks a candidate's server, one request after the other, and keeps what it answered."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from pipeline.infra.probes import Malformed, Plan, Probe
from pipeline.infra.server_process import ServerProcess
from recsys.config import Infra

_RECOMMEND = "/v1/recommend"
_MOST_ROUNDS = 5
"""A busy machine slows one round or another; a slow model slows all of them."""
_MOST_CHARS_SHOWN = 200


@dataclass(frozen=True)
class Answer:
    """What became of a request for a page."""

    probe: Probe
    asked: dt.datetime
    answered: dt.datetime
    latency_ms: float
    scores: dict[str, float]
    """Of the page's apps, the top first."""
    problem: str
    """What is wrong with the answer; empty where nothing is."""


@dataclass(frozen=True)
class Behaviour:
    """What a server did that became ready."""

    load_seconds: float
    peak_memory_mib: int
    odd: Sequence[Answer]
    problems_of_malformed: Sequence[str]
    """What is wrong with the answer to each malformed body; empty where nothing is."""
    complaint: str
    """The last that the server said of any of this; empty where it said nothing."""
    rounds: Sequence[Sequence[Answer]]
    """The recorded requests, again and again until they were answered in time."""

    @property
    def first_of_each(self) -> list[Answer]:
        """One answer to each request for a page."""
        return [*self.odd, *self.rounds[0]]

    @property
    def latencies_ms(self) -> Sequence[float]:
        """Of the round with the best 99th percentile."""
        return min(
            ([answer.latency_ms for answer in answers] for answers in self.rounds),
            key=lambda latencies: percentile(latencies, 99),
        )


def percentile(latencies: Sequence[float], percent: float) -> float:
    """The least latency that so many per cent of all don't exceed."""
    return float(np.percentile(latencies, percent, method="inverted_cdf"))


def question(server: ServerProcess, plan: Plan, limits: Infra) -> Behaviour:
    """Waits for a server, and asks it everything.

    Raises:
        Unfit: it didn't become ready, or ended.
    """
    load_seconds = server.wait_until_ready(limits)
    said_before = server.last_words
    odd = [_ask(server, probe) for probe in plan.odd]
    problems = [_problem_of_malformed(server, body) for body in plan.malformed]
    rounds = list(_rounds(server, plan.recorded, limits.max_p99_ms))
    server.require_alive("after the last request")
    complaint = server.last_words if server.last_words != said_before else ""
    return Behaviour(load_seconds, server.peak_memory_mib, odd, problems, complaint, rounds)


def _rounds(
    server: ServerProcess, probes: Sequence[Probe], max_p99_ms: float
) -> Iterator[list[Answer]]:
    """Rounds until one is fast enough; one ends where so many answers were late that it can't be
    any more."""
    may_be_late = len(probes) - math.ceil(0.99 * len(probes))
    for _ in range(_MOST_ROUNDS):
        answers: list[Answer] = []
        num_late = 0
        for probe in probes:
            answers.append(_ask(server, probe))
            num_late += answers[-1].latency_ms > max_p99_ms
            if num_late > may_be_late:
                break
        yield answers
        if num_late <= may_be_late:
            break


def _ask(server: ServerProcess, probe: Probe) -> Answer:
    asked, started = dt.datetime.now(dt.UTC), time.perf_counter()
    scores: dict[str, float] = {}
    try:
        answer = _post(server, json.dumps(probe.body).encode())
        latency_ms = 1_000 * (time.perf_counter() - started)
        scores, problem = _page(answer)
    except httpx.TransportError as error:
        latency_ms = 1_000 * (time.perf_counter() - started)
        server.require_alive(f"over {probe.name}")
        problem = f"was not answered ({error!r})"
    answered = dt.datetime.now(dt.UTC)
    problem = problem and f"{probe.name} {problem}"
    return Answer(probe, asked, answered, latency_ms, scores, problem)


def _page(answer: httpx.Response) -> tuple[dict[str, float], str]:
    """A page's scores by app, and what is wrong with it."""
    if answer.status_code != httpx.codes.OK:
        return {}, f"was answered {_shown(answer)}"
    page = answer.json()
    if page["degraded"]:
        return {}, f"was answered with a degraded page: {page['degraded']}"
    items: list[dict[str, Any]] = page["items"]
    scores = {item["app_id"]: item["score"] for item in items}
    if not all(isinstance(score, float) and math.isfinite(score) for score in scores.values()):
        return scores, "was answered with scores that are no numbers"
    if len(scores) < len(items):
        return scores, "was answered with a page that shows an app twice"
    return scores, ""


def _problem_of_malformed(server: ServerProcess, malformed: Malformed) -> str:
    """Empty where it was turned away as it should be."""
    try:
        answer = _post(server, malformed.content)
    except httpx.TransportError as error:
        server.require_alive(f"over {malformed.name}")
        return f"{malformed.name} was not answered ({error!r})"
    is_refused = 400 <= answer.status_code < 500
    if is_refused and "detail" in answer.json():
        return ""
    return f"{malformed.name} was answered {_shown(answer)}"


def _post(server: ServerProcess, content: bytes) -> httpx.Response:
    headers = {"content-type": "application/json"}
    return server.client.post(f"{server.address}{_RECOMMEND}", content=content, headers=headers)


def _shown(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.reason_phrase}: {answer.text[:_MOST_CHARS_SHOWN]}"
