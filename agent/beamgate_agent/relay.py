"""Messages on their way: the kernel's output into the ring, the sessions' input to the kernel, and back-pressure."""

from collections.abc import Callable

from . import peek
from .frames import BadFrame, unpack_message
from .lifecycle import Kernel
from .ring import Hole, Ring
from .session import ANSWERED, QUEUED, RUNNING, SENT, Request, Requests, Session, Sessions

_CHANNELS = ("shell", "control", "stdin")
_CHANNEL_NAMES = {channel: channel.encode() for channel in _CHANNELS}
MAX_HELD_BYTES = 1 << 26
# What a client asks by itself whenever it connects: no use of the kernel.
_ASKING = (b"kernel_info_request", b"comm_info_request")


class Relay:
    """Hooks: `on_event(fields)` what is told in order with the output, `on_state()` idle or busy changed, `on_use()` an
    idle kernel put something out."""

    def __init__(self, kernel: Kernel, ring: Ring, sessions: Sessions) -> None:
        self._kernel = kernel
        self._ring = ring
        self._sessions = sessions
        self._requests = Requests()
        self.paused = False
        self.on_event: Callable[[dict], None] = lambda _: None
        self.on_dropped: Callable[[Hole], None] = lambda _: None
        self.on_state: Callable[[], None] = lambda: None
        self.on_use: Callable[[], None] = lambda: None
        kernel.on_iopub = self._on_iopub
        kernel.on_reply = self._on_reply
        kernel.on_restarting = self._on_restarting
        kernel.on_accepting = self._requests.mark_sent

    def _on_iopub(self, messages: list[list]) -> None:
        append = self._ring.append_message
        find_type = peek.MSG_TYPE.search
        used = False
        for parts in messages:
            match = find_type(parts[0])
            if not match:
                continue
            kind = match[1]
            if kind == b"status":
                if self._is_hidden(parts):
                    continue
            elif kind == b"iopub_welcome":
                continue  # it answers the agent's own subscription
            elif self._kernel.state == "idle":
                used = True
            append(b"iopub", parts, 0, kind == b"stream")
        if used:
            self.on_use()
        if self._ring.overfull and messages and not self.paused:
            self._make_room()
            if self._ring.overfull:
                self._pause()

    def _is_hidden(self, parts: list) -> bool:
        """Note what a status says; True when it belongs to a request of the agent itself."""
        parent = peek.msg_id(parts[1])
        if self._kernel.is_own(parent):
            return True
        request = self._requests.get(parent)
        if (request is None or request.channel != "control") and peek.msg_type(parts[1]) not in _ASKING:
            busy = peek.execution_state(parts[3]) == b"busy"
            if request and busy and request.state == SENT:
                request.state = RUNNING
            if self._kernel.set_busy(busy):
                self.on_state()
        return False

    def _on_reply(self, channel: str, tag: int | None, parts: list) -> None:
        request = self._requests.get(peek.msg_id(parts[1]))
        if request and channel != "stdin":
            request.state = ANSWERED
        if tag is None and request:
            tag = request.tag  # a kernel that does not give the identity back
        if tag in self._sessions.by_tag:
            self._ring.append_message(_CHANNEL_NAMES[channel], parts, tag)

    def _on_restarting(self) -> None:
        """The new process must be heard to become ready, however full the ring is."""
        self._ring.append_message(b"iopub", self._kernel.make("status", {"execution_state": "restarting"}))
        if self.paused:
            self._resume()

    def lose_requests(self) -> None:
        """The kernel process that had them is being replaced."""
        self._requests.lose_unanswered()

    def take_input(self, session: Session, seq: int, body: bytes) -> None:
        """@raises BadFrame"""
        channel, parts = unpack_message(body)
        msg_id = peek.msg_id(parts[0])
        if channel not in _CHANNELS:
            raise BadFrame("bad_frame", f"no input is taken on channel {channel!r}")
        if not msg_id:
            raise BadFrame("bad_frame", "the header has no msg_id")
        if seq:
            if seq <= session.input_last:
                return
            session.input_last = seq
        if msg_id in self._requests:
            return
        if channel == "shell" and peek.msg_type(parts[0]) == b"execute_request" and not peek.is_silent(parts[3]):
            session.last_cell = bytes(parts[0])
        sent = self._kernel.send(channel, session.tag, parts)
        if self._kernel.state != "exited":
            self._requests.add(msg_id, Request(channel, session.tag, SENT if sent else QUEUED))

    def lookup(self, msg_id: str) -> str:
        request = self._requests.get(msg_id)
        return request.state if request else "unknown"

    @property
    def input_full(self) -> bool:
        return self._kernel.held_bytes > MAX_HELD_BYTES

    def _make_room(self) -> None:
        self._sessions.forget_the_late()
        dropped = self._ring.make_room()
        if dropped:
            self.on_dropped(dropped)

    def settle(self) -> None:
        """Read on when the ring has emptied to half, or when nobody but the absent has anything left to take."""
        if not self.paused:
            return
        if self._ring.bytes * 2 <= self._ring.limit_bytes:
            self._resume()
        elif self._sessions.attached() and self._ring.caught_up():
            self._resume_if_room()

    def on_detached(self) -> None:
        """With nobody attached, output that had to wait may be dropped."""
        if self.paused and not self._sessions.attached():
            self._resume_if_room()

    def _resume_if_room(self) -> None:
        self._make_room()
        if not self._ring.overfull:
            self._resume()

    def _pause(self) -> None:
        self._kernel.read_iopub(False)
        self.paused = True
        self._sessions.wait_for_the_first()
        self.on_event({"event": "paused"})

    def _resume(self) -> None:
        self.paused = False
        self.on_event({"event": "resumed"})
        self._kernel.read_iopub(True)
