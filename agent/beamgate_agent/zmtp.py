"""A ZMTP 3.0 client over a unix socket: DEALER or SUB, NULL mechanism, non-blocking.

Enough of https://rfc.zeromq.org/spec/23/ to talk to the sockets that a Jupyter kernel binds. We offer minor version 0,
so that a subscription is a plain message and no heartbeat is asked of us; a PING is answered all the same.
"""

import socket
from collections import deque
from itertools import islice
from struct import Struct

from .reading import CHUNK, Long, receive

_MORE, _LONG, _COMMAND = 1, 2, 4
_U64 = Struct(">Q")
_GREETING = b"\xff" + b"\0" * 8 + b"\x7f" + bytes((3, 0)) + b"NULL".ljust(20, b"\0") + b"\0" * 32
# A kernel sends an input_request over stdin to the identity that the execute_request had on shell: one for all.
_IDENTITY = b"beamgate"
_BATCH = 512
_MAX_FRAME = 1 << 30
_JOINED = 1 << 16


class LinkError(Exception):
    """The peer doesn't speak ZMTP 3 with the NULL mechanism, or refused us."""


def encode(parts: list) -> list:
    """Frames of one message as buffers to send one after the other; a small message is one."""
    out = []
    last = len(parts) - 1
    total = 0
    for index, part in enumerate(parts):
        size = len(part)
        total += size
        more = _MORE if index != last else 0
        out.append(bytes((more, size)) if size < 256 else bytes((more | _LONG,)) + _U64.pack(size))
        out.append(part)
    return [b"".join(out)] if total < _JOINED else out


def _command(name: bytes, data: bytes) -> list:
    body = bytes((len(name),)) + name + data
    return [bytes((_COMMAND, len(body))), body]


def _property(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + len(value).to_bytes(4, "big") + value


class Link:
    """One connected socket. `receive` and `flush` are called when the socket is ready; `send` only queues."""

    def __init__(self, path: str, kind: str) -> None:
        """@param path  of the socket, or @name of an abstract one
        @raises OSError when nobody listens there (yet)"""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.setblocking(False)
            self.sock.connect(f"\0{path[1:]}" if path[0] == "@" else path)
        except OSError:
            self.sock.close()
            raise
        ready = _property(b"Socket-Type", kind.encode()) + (
            _property(b"Identity", _IDENTITY) if kind == "DEALER" else b""
        )
        self.out: deque = deque((_GREETING, *_command(b"READY", ready)))
        self._until_ready: list | None = []  # libzmq refuses messages that come before its own READY is out
        self.pending_bytes = 0
        if kind == "SUB":
            self.send([b"\x01"])
        self._rest = b""
        self._parts: list = []
        self._greeted = False
        self._long: Long | None = None
        self._long_more = 0

    def send(self, parts: list) -> None:
        buffers = encode(parts)
        self.pending_bytes += sum(map(len, buffers))
        (self.out if self._until_ready is None else self._until_ready).extend(buffers)

    def flush(self) -> bool:
        """Write what the socket takes; True when nothing is left."""
        while self.out:
            batch = list(islice(self.out, _BATCH))
            try:
                sent = self.sock.sendmsg(batch)
            except BlockingIOError:
                return False
            self.pending_bytes = max(0, self.pending_bytes - sent)
            for buffer in batch:
                if sent < len(buffer):
                    self.out[0] = memoryview(buffer)[sent:]
                    break
                sent -= len(buffer)
                self.out.popleft()
        return True

    def receive(self) -> list[list]:
        """Read once and return the messages that became whole.

        @raises BlockingIOError when there is nothing to read, EOFError at the end, LinkError on foreign bytes
        """
        messages: list[list] = []
        if self._long is not None:
            if not self._fill_long(messages):
                return messages
            data = b""
        else:
            data = receive(self.sock)
        if self._rest:
            data = self._rest + data
        self._rest = self._parse(data, messages)
        return messages

    def _parse(self, data: bytes, messages: list[list]) -> bytes:
        position = 0
        if not self._greeted:
            if len(data) < 64:
                return data
            if data[0] != 0xFF or data[10] < 3 or data[12:32].rstrip(b"\0") != b"NULL":
                raise LinkError("the kernel's socket doesn't speak ZMTP 3 without encryption")
            self._greeted = True
            position = 64
        length = len(data)
        parts = self._parts
        part_done, message_done = parts.append, messages.append
        while position + 2 <= length:
            flags = data[position]
            if flags & _LONG:
                start = position + 9
                if start > length:
                    break
                (size,) = _U64.unpack_from(data, position + 1)
                if size > _MAX_FRAME:
                    raise LinkError(f"the kernel announced a frame of {size} bytes")
            else:
                start = position + 2
                size = data[position + 1]
            end = start + size
            if end > length:
                if size > CHUNK:
                    self._long = Long(size, data[start:])
                    self._long_more = flags & _MORE
                    return b""
                break
            if flags & _COMMAND:
                self._on_command(data[start:end])
            else:
                part_done(data[start:end])
                if not flags & _MORE:
                    message_done(parts)
                    parts = self._parts = []
                    part_done = parts.append
            position = end
        return data[position:]

    def _fill_long(self, messages: list[list]) -> bool:
        """Receive straight into the frame that is being filled; True when it is whole."""
        try:
            self._long.fill(self.sock)
        except BlockingIOError:
            return False
        self._parts.append(self._long.data)
        self._long = None
        if not self._long_more:
            messages.append(self._parts)
            self._parts = []
        return True

    def _on_command(self, body: bytes) -> None:
        if not body:
            raise LinkError("the kernel sent a command without a name")
        name, data = body[1 : 1 + body[0]], body[1 + body[0] :]
        if name == b"READY" and self._until_ready is not None:
            self.out.extend(self._until_ready)
            self._until_ready = None
        elif name == b"PING":
            self.out.extend(_command(b"PONG", data[2:]))
        elif name == b"ERROR":
            raise LinkError(f"the kernel refused the connection: {data[1:].decode('utf-8', 'replace')}")

    def close(self) -> None:
        self.sock.close()
