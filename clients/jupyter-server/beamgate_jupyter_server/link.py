"""The way to the gateway: one WebSocket after another, for as long as it is wanted."""

import asyncio
import json
import random
from logging import Logger
from typing import Protocol
from urllib.parse import quote, urlencode

from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.utils import url_path_join
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from .framing import NUMBERED, V1

_MAX_MESSAGE_BYTES = 1 << 30
_PING_SECONDS = 15


class Listener(Protocol):
    """Who uses a link."""

    def query(self) -> dict[str, str]:
        """Of the next attempt."""

    def opened(self, protocol: str | None) -> None: ...

    async def received(self, data: str | bytes) -> None: ...

    def away(self, why: str) -> None:
        """It is lost, or an attempt failed."""

    def gone(self, why: str) -> None:
        """The gateway answers that the kernel does not exist, or not any more."""


class Link:
    """Tries for ever, ever more slowly, until `close`."""

    def __init__(self, kernel_id: str, listener: Listener, log: Logger, first_seconds: float, most_seconds: float):
        self._kernel_id = kernel_id
        self._listener = listener
        self._log = log
        self._first_seconds, self._most_seconds = first_seconds, most_seconds
        self._wait_seconds = first_seconds
        self._ws: WebSocketClientConnection | None = None
        self._closed = asyncio.Event()
        self._failed = False

    def send(self, data: str | bytes) -> bool:
        """@returns whether there was a connection to write to; that it arrives is another matter"""
        if self._ws is None:
            return False
        try:
            self._ws.write_message(data, binary=isinstance(data, bytes))
        except WebSocketClosedError:
            return False
        return True

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def close(self) -> None:
        """An attempt under way is let end by itself: a connection that nobody knows of would be kept for ever."""
        self._closed.set()
        if self._ws is not None:
            self._ws.close()

    async def run(self) -> None:
        while not self.closed:
            try:
                await self._once()
            except HTTPClientError as error:
                self._judge(error)
            except Exception as error:
                self._fail(f"it can't be reached ({str(error) or type(error).__name__})")
            # Apart from each other, so that the notebooks of a server don't come back all at once.
            pause = self._wait_seconds * (0.5 + random.random())
            self._wait_seconds = min(2 * self._wait_seconds, self._most_seconds)
            try:
                await asyncio.wait_for(self._closed.wait(), pause)
            except asyncio.TimeoutError:
                pass

    async def _once(self) -> None:
        client = GatewayClient.instance()
        url = url_path_join(client.ws_url or "", client.kernels_endpoint, quote(self._kernel_id, safe=""), "channels")
        request = HTTPRequest(f"{url}?{urlencode(self._listener.query())}", **client.load_connection_args())
        ws = await websocket_connect(
            request,
            subprotocols=[NUMBERED, V1],
            max_message_size=_MAX_MESSAGE_BYTES,
            ping_interval=_PING_SECONDS,
        )
        if self.closed:
            ws.close()
            return
        self._log.info("Connected to the gateway for kernel %s%s", self._kernel_id, " again" if self._failed else "")
        self._failed = False
        self._ws = ws
        try:
            self._listener.opened(ws.selected_subprotocol)
            while (data := await ws.read_message()) is not None and not self.closed:
                self._wait_seconds = self._first_seconds
                await self._listener.received(data)
        finally:
            self._ws = None
            ws.close()
        if not self.closed:
            self._fail(f"the connection was lost ({ws.close_reason or ws.close_code or 'no reason given'})")

    def _judge(self, error: HTTPClientError) -> None:
        told = _reason(error)
        if error.code == 404 and told:
            self._wait_seconds = self._most_seconds
            self._listener.gone(told)
        else:
            self._fail(f"it answered {error.code} {told or error.message or ''}".rstrip())

    def _fail(self, why: str) -> None:
        # An outage may be long and the notebooks many: one line each.
        log = self._log.debug if self._failed else self._log.warning
        log("No connection to the gateway for kernel %s: %s", self._kernel_id, why)
        self._failed = True
        self._listener.away(why)


def _reason(error: HTTPClientError) -> str:
    """What a gateway says in JSON; empty when something else answered, a proxy say."""
    try:
        told = json.loads(error.response.body)
        return str(told.get("message") or told.get("reason") or "")
    except (AttributeError, TypeError, ValueError):
        return ""
