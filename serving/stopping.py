"""A server that stops without dropping anybody.

At the signal `/readyz` says no. After `drain_seconds`, in which balancers notice and requests are
still answered, the listener closes, and what was accepted is finished.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from serving.accepting import Accepting
from serving.state import ServerState

_SECONDS_TO_FINISH = 20
"""Then clients that send half a request and wait are given up."""

_SECONDS_AT_REST = 75
"""A connection may rest longer than balancers let it (60 s is usual), so that it is they who close
it: a request that meets a connection just being closed is lost."""


class Server(uvicorn.Server):
    """uvicorn over an application of `serving.app`, which is told that the end comes."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                proxy_headers=False,  # nobody asks where a client is
                timeout_graceful_shutdown=_SECONDS_TO_FINISH,
                timeout_keep_alive=_SECONDS_AT_REST,
            )
        )
        self._state: ServerState = app.state.server
        self._accepting = contextlib.ExitStack()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        if sockets and not self.should_exit:
            self._accepting.enter_context(Accepting(sockets, self._protocol).running())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more, and finishes what was accepted."""
        self._accepting.close()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        make = cast(type[Any], self.config.http_protocol_class)
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Obeys a signal; a second one ends the draining."""
        delay = 0.0 if self._state.is_stopping else self._state.config.serving.drain_seconds
        self._state.is_stopping = True
        if delay:
            draining = threading.Timer(delay, super().handle_exit, (sig, frame))
            draining.daemon = True
            draining.start()
        else:
            super().handle_exit(sig, frame)
