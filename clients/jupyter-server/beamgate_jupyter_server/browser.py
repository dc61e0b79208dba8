"""The socket of a browser: frames out, confirmed, and not faster than it reads."""

import asyncio
from contextlib import suppress

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .framing import V1, Malformed, write_legacy
from .inbox import Inbox

_CONGESTED_BYTES = 8 * 1024 * 1024
_QUIET_SECONDS = 0.02


class Browser:
    """What an earlier socket of the session was sent and did not confirm is sent again first."""

    def __init__(self, handler: WebSocketHandler, inbox: Inbox) -> None:
        self.v1 = handler.selected_subprotocol == V1
        self._handler = handler
        self._inbox = inbox
        self._unwritten = 0
        self._newest: asyncio.Future | None = None
        self._quiet: asyncio.TimerHandle | None = None
        # The handler's own check of liveness listens to pongs too.
        self._other_on_pong = handler.on_pong
        handler.on_pong = self._on_pong
        inbox.reopen(asyncio.get_running_loop().time())
        for frame in inbox:
            with suppress(Malformed):
                self._write(*self._encode(frame))
        self._ask_when_quiet()

    def send(self, frame: bytes, parting: bool = False) -> None:
        """A browser that is gone gets it when it comes back.

        @param parting  upon it a browser connects anew
        @raises Malformed
        """
        encoded = self._encode(frame)
        self._inbox.add(frame, self._ping)
        if parting:
            self._inbox.parting(asyncio.get_running_loop().time())
        self._write(*encoded)
        self._ask_when_quiet()

    async def relief(self) -> None:
        """Until the browser has read on: what is not read from the gateway meanwhile slows the kernel down."""
        while self._unwritten > _CONGESTED_BYTES and self._newest:
            await asyncio.wait([self._newest])

    def closed(self) -> None:
        if self._quiet:
            self._quiet.cancel()
            self._quiet = None

    def _encode(self, frame: bytes) -> tuple[str | bytes, bool]:
        return (frame, True) if self.v1 else write_legacy(frame)

    def _write(self, data: str | bytes, binary: bool) -> None:
        try:
            self._newest = asyncio.ensure_future(self._handler.write_message(data, binary=binary))
        except WebSocketClosedError:
            return
        self._unwritten += len(data)
        self._newest.add_done_callback(lambda done: self._written(done, len(data)))

    def _written(self, done: asyncio.Future, size: int) -> None:
        self._unwritten -= size
        if not done.cancelled():
            done.exception()  # a browser that went meanwhile is no news

    def _ask_when_quiet(self) -> None:
        if self._quiet is None:
            self._quiet = asyncio.get_running_loop().call_later(_QUIET_SECONDS, self._ask)

    def _ask(self) -> None:
        self._quiet = None
        self._inbox.ask(self._ping)

    def _ping(self, payload: bytes) -> None:
        with suppress(WebSocketClosedError):
            self._handler.ping(payload)

    def _on_pong(self, payload: bytes) -> None:
        self._inbox.pong(payload)
        self._other_on_pong(payload)
