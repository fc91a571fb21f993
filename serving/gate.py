"""What a request must pass before anything is made of it: room in the queue, a body that isn't too
long, and of a kind that is understood.

Refusing must cost nearly nothing, since there is most of it when there is least to spare: these
checks read the request's head alone and answer with bytes made beforehand, before a body is parsed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics import Metrics
from serving.model_queue import ModelQueue

BUSY = "the server has as many requests as it can answer in time: come back in a second."
_MODEL_PATHS = ("/v1/recommend", "/v1/similar/")
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class Refusal:
    """An answer that is always the same, sent as it is."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str]) -> None:
        body = json.dumps({"detail": detail}).encode()
        every = {
            **headers,
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        encoded = [(name.encode(), value.encode()) for name, value in every.items()]
        self._start = {"type": "http.response.start", "status": status, "headers": encoded}
        self._body = {"type": "http.response.body", "body": body}

    async def send(self, send: Send) -> None:
        """Answers a request with it."""
        await send(self._start.copy())  # whoever passes it on may add headers
        await send(self._body)


class Gate:
    """ASGI middleware in front of everything that reads bodies."""

    def __init__(
        self, app: ASGIApp, queue: ModelQueue, metrics: Metrics, max_body_bytes: int
    ) -> None:
        self._app = app
        self._queue = queue
        self._shed = metrics.shed.labels("full")
        self._max_bytes = max_body_bytes
        self._busy = Refusal(503, BUSY, {"Retry-After": "1"})
        # The rest of such a body is not worth reading.
        self._too_long = Refusal(
            413,
            f"the body is longer than {max_body_bytes} bytes: send less at once.",
            {"Connection": "close"},
        )
        self._not_json = Refusal(
            415, "the body's kind is not known, expected `Content-Type: application/json`.", {}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it with a refusal."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal, is_chunked = self._judged(scope)
        if is_chunked and refusal is None:
            if (message := await self._read(receive)) is None:
                refusal = self._too_long
            else:
                receive = _replaying(message, receive)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.send(send)

    def _judged(self, scope: Scope) -> tuple[Refusal | None, bool]:
        """Why a request is refused at once, and whether the length of its body is unknown (else the
        HTTP parser holds the body to it)."""
        if scope["path"].startswith(_MODEL_PATHS) and not self._queue.admits():
            self._shed.inc()
            return self._busy, False
        if scope["method"] not in _BODY_METHODS:
            return None, False
        head = dict(scope["headers"])
        length = int(head.get(b"content-length", b"0"))
        is_chunked = b"transfer-encoding" in head
        if length > self._max_bytes:
            return self._too_long, is_chunked
        if (length or is_chunked) and not _is_json(head.get(b"content-type", b"")):
            return self._not_json, is_chunked
        return None, is_chunked

    async def _read(self, receive: Receive) -> Message | None:
        """A whole body whose length nobody said; None once it is too long."""
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                return None
            if message["type"] != "http.request" or not message.get("more_body", False):
                return {**message, "body": bytes(body)}


def _is_json(content_type: bytes) -> bool:
    if content_type == b"application/json":
        return True
    kind = content_type.split(b";", 1)[0].strip().lower()
    return kind == b"application/json" or (
        kind.startswith(b"application/") and kind.endswith(b"+json")
    )


def _replaying(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
