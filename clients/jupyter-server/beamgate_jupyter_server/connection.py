"""The connection between a notebook's socket and its kernel behind Beamgate."""

import asyncio
import json
import random
from urllib.parse import quote, urlencode

from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.services.kernels.connection.base import BaseKernelWebsocketConnection
from jupyter_server.utils import url_path_join
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect
from traitlets import Float

from . import framing
from .positions import Full, Positions

_positions = Positions()
_MAX_MESSAGE_BYTES = 1 << 30
_GONE = (403, 404)


class BeamgateWebSocketConnection(BaseKernelWebsocketConnection):
    """Speaks the numbered subprotocol: states what was seen whenever it connects again, and sends again what
    the kernel may not have. So nothing is lost or doubled either way, however long the gateway is away.
    """

    retry_first_seconds = Float(0.1, config=True, help="Until the first attempt to connect again, seconds.")
    retry_most_seconds = Float(5.0, config=True, help="Between two attempts at most, seconds.")

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self._ws: WebSocketClientConnection | None = None
        self._welcomed = False
        self._closed = False
        self._task: asyncio.Task | None = None
        self._position = None

    @property
    def _v1(self) -> bool:
        return self.websocket_handler.selected_subprotocol == framing.V1

    async def connect(self):
        self._position = _positions.take(self.kernel_id, self.session_id, self)
        self._task = asyncio.create_task(self._run())

    def disconnect(self):
        """The browser is gone; its position stays for when it comes back."""
        self._closed = True
        if self._ws is not None:
            self._ws.close()
        if self._task is not None:
            self._task.cancel()

    def handle_incoming_message(self, incoming_msg):
        """From the browser."""
        try:
            frame = framing.from_browser(incoming_msg, self._v1)
            msg_id = framing.message_id(frame)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            self.log.warning("Ignoring a message of the browser that can't be read: %s", error)
            return
        try:
            self._position.add(msg_id, frame)
        except Full:
            text = "Beamgate can't be reached, and too much waits for it already: this was not sent.\n"
            self._tell(framing.notice(text, framing.deserialize_msg_from_ws_v1(frame)[1][0]))
            return
        self._send()

    def handle_outgoing_message(self, stream, outgoing_msg):
        """Not used: the kernel's sockets are the gateway's."""

    async def _run(self) -> None:
        wait = self.retry_first_seconds
        while not self._closed and self._position.owner is self:
            try:
                self._ws = await self._open()
            except HTTPClientError as error:
                if error.code in _GONE:
                    self.log.warning("The gateway does not know kernel %s any more: %s", self.kernel_id, error)
                    self.websocket_handler.close(1011, "the kernel is gone")
                    return
                self.log.warning("The gateway refused the channels of kernel %s: %s", self.kernel_id, error)
            except Exception as error:
                self.log.warning("The gateway can't be reached for kernel %s: %s", self.kernel_id, error)
            else:
                wait = self.retry_first_seconds
                await self._relay(self._ws)
            # Apart from each other, so that the notebooks of a server don't come back all at once.
            await asyncio.sleep(wait * (1 + random.random() / 2))
            wait = min(2 * wait, self.retry_most_seconds)

    async def _open(self) -> WebSocketClientConnection:
        client = GatewayClient.instance()
        url = url_path_join(client.ws_url or "", client.kernels_endpoint, quote(self.kernel_id, safe=""), "channels")
        query = {"session_id": self.session_id}
        if self._position.epoch is not None:
            query |= {"epoch": self._position.epoch, "seen": str(self._position.seen)}
        request = HTTPRequest(f"{url}?{urlencode(query)}", **client.load_connection_args())
        ws = await websocket_connect(
            request, subprotocols=[framing.NUMBERED], max_message_size=_MAX_MESSAGE_BYTES, ping_interval=30
        )
        if ws.selected_subprotocol != framing.NUMBERED:
            ws.close()
            raise RuntimeError("it does not speak Beamgate's subprotocol; is it another gateway?")
        return ws

    async def _relay(self, ws: WebSocketClientConnection) -> None:
        while not self._closed:
            data = await ws.read_message()
            if data is None:
                break
            try:
                self._take(data)
            except WebSocketClosedError:
                break
            except (ValueError, KeyError, IndexError) as error:
                self.log.warning("Ignoring a message of the gateway that can't be read: %s", error)
        self._welcomed = False
        self._ws = None
        if not self._closed and self._position.owner is self:
            self.log.warning("Lost the connection to the gateway for kernel %s", self.kernel_id)

    def _take(self, data: str | bytes) -> None:
        if isinstance(data, str):
            self._take_news(json.loads(data))
            return
        number, frame = framing.unnumber(data)
        self._tell(frame)
        if number:
            self._position.seen = number
        self._position.answered(framing.answered_id(frame))

    def _take_news(self, news: dict) -> None:
        if "welcome" in news:
            welcome = news["welcome"]
            self._position.welcome(welcome["epoch"], welcome["inputLast"])
            self._welcomed = True
            self._send()
            return
        if news.get("event") == "dropped":
            text = f"{news['messages']} messages ({news['bytes']} bytes) of output were dropped here"
            self._tell(framing.notice(f"Beamgate: {text}, because nobody was connected to take them.\n"))
        if "seq" in news:
            self._position.seen = news["seq"]

    def _send(self) -> None:
        """What could not be sent yet, once the gateway has said what the kernel has."""
        if not self._welcomed or self._ws is None:
            return
        for number, frame in self._position.take_unsent():
            try:
                self._ws.write_message(framing.number_frame(number, frame), binary=True)
            except WebSocketClosedError:
                return

    def _tell(self, frame: bytes) -> None:
        """@raises WebSocketClosedError when the browser is gone"""
        data, binary = framing.to_browser(frame, self._v1)
        self.websocket_handler.write_message(data, binary=binary)
