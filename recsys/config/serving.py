"""The HTTP server."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from recsys.config.section import Section


class Share(Section):
    """A bundle for a share of the users, chosen by a hash of their ids."""

    bundle: str = ""
    """Its version; empty for none."""
    share: float = Field(0.0, ge=0, le=1)
    """Of the users."""


class Serving(Section):
    """The HTTP server."""

    host: str = "127.0.0.1"
    """Address to bind; loopback unless told otherwise."""
    port: int = Field(8501, ge=0, le=65_535)
    """Port to bind; 0 takes a free one."""
    default_k: int = Field(20, ge=1)
    """Length of a page when a request doesn't say."""
    max_k: int = Field(1_000, ge=1)
    """Longest page that a request may ask for."""
    num_model_threads: int = Field(1, ge=1)
    """Threads of TensorFlow and FAISS for one request."""
    feature_log_share: float = Field(1.0, ge=0, le=1)
    """Share of the pages whose features are logged, by a stable hash of the request's id; 0 logs
    none."""
    feature_log_capacity: int = Field(20_000, ge=1)
    """Pages that may wait to be logged; further ones are dropped and counted."""
    feature_log_seconds: float = Field(30.0, gt=0)
    """Longest time that a page waits for its way to the disk: what a killed server loses."""
    max_queue: int = Field(128, ge=1)
    """Requests for the model that may wait or be computed at once; further ones are told at once
    to come back later (503)."""
    max_wait_ms: float = Field(100.0, gt=0)
    """Fewer may, where so many would take longer than this, by what a request takes now; and
    fewer still while more come than can be answered (`serving/places.py`)."""
    max_batch: int = Field(32, ge=1)
    """Most requests that are computed together; fewer when fewer wait."""
    late_ms: float = Field(150.0, gt=0)
    """A request without its ranked page by then gets the order of retrieval instead."""
    deadline_ms: float = Field(300.0, gt=0)
    """A request without an answer by then is told to come back later (503), and is not computed."""
    max_body_bytes: int = Field(1 << 20, ge=1)
    """Longest body of a request."""
    access_log_share: float = Field(0.01, ge=0, le=1)
    """Share of the requests that get a line in the log; failures of the server all do."""
    opentelemetry: bool = False
    """Traces, metrics and failures as OpenTelemetry, sent to where its own environment variables
    (`OTEL_EXPORTER_OTLP_ENDPOINT` and so on) say; needs the extra `opentelemetry`."""
    drain_seconds: float = Field(0.0, ge=0)
    """Time between the signal to stop, from which on `/readyz` says no, and the listener's end:
    what a balancer takes to notice."""
    swap: Literal["availability", "resources"] = "availability"
    """Whether the bundle that serves stays until the next one is loaded, so that two are in memory
    for a while, or goes first, so that requests meanwhile are told to come back later (503)."""
    canary: Share = Share()
    """The users outside of experiments whom another bundle serves."""
    shadow: Share = Share()
    """The users whose pages another bundle makes too: compared, and shown to nobody."""

    user_store: str = Field("", pattern="^(redis(s)?://.+)?$")
    """Where users and events are kept. Empty: LMDB in the workspace, for servers of one machine;
    `redis://HOST:PORT/DATABASE`: a Redis that servers of several machines share."""
    event_days: int = Field(7, ge=2)
    """Days that events stay in the store: so long an id counts once, and older events are
    refused."""
    day_grace_minutes: float = Field(60.0, ge=0)
    """How long after midnight (UTC) a day's requests and events are written to the logs; what comes
    later follows a day later."""

    @model_validator(mode="after")
    def _is_late_before_the_deadline(self) -> Serving:
        if self.late_ms > self.deadline_ms:
            raise ValueError(
                f"late_ms = {self.late_ms:g}, expected at most deadline_ms = {self.deadline_ms:g}"
            )
        return self
