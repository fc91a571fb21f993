"""New connections: all who wait, whatever the loop does between two looks."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import cast

import pytest
import uvloop

from serving import accepting
from serving.accepting import Accepting

NUM_CLIENTS = 40


class Greeting(asyncio.Protocol):
    def __init__(self, transports: list[asyncio.Transport]) -> None:
        self._transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        begun = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio's
        self._transports.append(begun)
        begun.write(b"hello")


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=100)


def clients_of(listener: socket.socket, stack: contextlib.ExitStack) -> list[socket.socket]:
    made = (socket.create_connection(listener.getsockname(), 5) for _ in range(NUM_CLIENTS))
    return [stack.enter_context(client) for client in made]


async def looked(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_all_who_wait_are_accepted_in_a_few_turns_of_the_loop(new_loop: object) -> None:
    async def scenario() -> None:
        transports: list[asyncio.Transport] = []
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(listening())
            server = await loop.create_server(lambda: Greeting(transports), sock=listener)
            stack.enter_context(Accepting([listener], lambda: Greeting(transports)).running())
            clients = clients_of(listener, stack)
            await looked(10)
            assert len(transports) == NUM_CLIENTS
            assert all(client.recv(5) == b"hello" for client in clients)
            for transport in transports:
                transport.abort()
            server.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:  # type: ignore[arg-type]
        runner.run(scenario())


def test_after_its_end_nobody_is_accepted() -> None:
    async def scenario() -> None:
        transports: list[asyncio.Transport] = []
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(listening())
            with Accepting([listener], lambda: Greeting(transports)).running():
                pass
            clients_of(listener, stack)
            await looked(10)
        assert not transports

    asyncio.run(scenario())


def test_a_failure_is_no_reason_to_look_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    num_tried = 0

    class Broken(socket.socket):
        def dup(self) -> Broken:
            return Broken(fileno=socket.dup(self.fileno()))

        def accept(self) -> tuple[socket.socket, object]:
            nonlocal num_tried
            num_tried += 1
            if num_tried == 1:
                raise OSError(24, "Too many open files")
            return super().accept()

    async def scenario() -> None:
        transports: list[asyncio.Transport] = []
        monkeypatch.setattr(accepting, "_SECONDS_TO_REST", 0.05)
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(listening())
            broken = stack.enter_context(Broken(fileno=socket.dup(listener.fileno())))
            stack.enter_context(Accepting([broken], lambda: Greeting(transports)).running())
            clients_of(listener, stack)
            await looked(10)
            assert (num_tried, len(transports)) == (1, 0)
            while len(transports) < NUM_CLIENTS:
                await asyncio.sleep(0.01)
            for transport in transports:
                transport.abort()

    asyncio.run(scenario())
