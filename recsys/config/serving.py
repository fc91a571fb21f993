"""The HTTP server."""

from __future__ import annotations

from pydantic import Field

from recsys.config.section import Section


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
    feature_log_capacity: int = Field(10_000, ge=1)
    """Pages that may wait to be logged; further ones are dropped and counted."""
    feature_log_seconds: float = Field(30.0, gt=0)
    """Longest time that a page waits for its way to the disk: what a killed server loses."""
