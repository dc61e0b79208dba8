"""The connection between a browser's socket and its kernel behind Beamgate."""

import asyncio

from jupyter_server.services.kernels.connection.base import BaseKernelWebsocketConnection
from traitlets import Float, Integer

from .browser import Browser
from .conversation import Conversation
from .framing import Malformed, read_legacy
from .link import Link
from .positions import Position, Positions

_positions = Positions()
_NORMAL = 1000


class BeamgateWebSocketConnection(BaseKernelWebsocketConnection):
    """Speaks the numbered subprotocol: states what was seen whenever it connects again, and sends again what the kernel
    may not have. So nothing is lost or doubled either way, however long the gateway is away. For
    `ServerApp.kernel_websocket_connection_class`.
    """

    retry_first_seconds = Float(0.1, config=True, help="Until the first attempt to connect again, seconds, about.")
    retry_most_seconds = Float(5.0, config=True, help="Between two attempts at most, seconds, about.")
    notice_seconds = Float(3.0, config=True, help="A cell says that it waits for the gateway after so many seconds.")
    pending_bytes = Integer(
        64 * 1024 * 1024, config=True, help="Kept per notebook while the gateway is away, bytes; more is refused."
    )

    _browser: Browser | None = None
    _position: Position | None = None
    _conversation: Conversation | None = None
    _link: Link | None = None
    _running: asyncio.Task | None = None

    async def connect(self) -> None:
        """A browser's socket is open. The gateway is connected to in the background, when it is there."""
        self._position = _positions.take(self.kernel_id, self.session_id, self.pending_bytes, self._replaced)
        self._browser = Browser(self.websocket_handler, self._position.inbox)
        self._conversation = Conversation(self._position, self.session_id, self._browser, self.log, self.notice_seconds)
        retry = self.retry_first_seconds, self.retry_most_seconds
        self._link = Link(self.kernel_id, self._conversation, self.log, *retry)
        self._conversation.transmit = self._link.send
        self._running = asyncio.create_task(self._link.run())

    def disconnect(self) -> None:
        """The browser is gone; its position stays for when it comes back."""
        if self._link is not None and not self._link.closed:
            _positions.leave(self._position)
            self._end()

    def handle_incoming_message(self, incoming_msg: str | bytes) -> None:
        """From the browser."""
        if self._browser is None or self._conversation is None:
            return
        is_v1 = self._browser.v1 and isinstance(incoming_msg, bytes)
        try:
            self._conversation.asked(incoming_msg if is_v1 else read_legacy(incoming_msg))
        except Malformed as error:
            self.log.warning("Ignoring a message of a browser for kernel %s: %s", self.kernel_id, error)

    def handle_outgoing_message(self, stream: str, outgoing_msg: list) -> None:
        """Not used: the kernel's sockets are its agent's."""

    def _replaced(self) -> None:
        """A newer socket of the same session came: as any notebook server does, let the older go."""
        self._end()
        self.websocket_handler.close(_NORMAL, "replaced by a newer connection of this session")

    def _end(self) -> None:
        self._link.close()
        self._conversation.close()
        self._browser.closed()
