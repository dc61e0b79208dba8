"""The listening side: connections that speak the agent stream, frame by frame."""

import os
import socket
import struct
import sys
import traceback
from collections import deque
from collections.abc import Callable
from itertools import islice

from .frames import (
    BYE,
    HEADER,
    HEADER_SIZE,
    HELLO,
    MAX_BODY,
    MAX_BODY_BEFORE_WELCOME,
    MAX_MESSAGE,
    MSG,
    BadFrame,
    json_frame,
)
from .loop import READ, WRITE, Loop
from .reading import CHUNK, Long, receive
from .tls import TlsSocket, server_context

_BATCH = 512
_FLUSH_BYTES = 1 << 22
_MAX_BACKLOG_FRAMES = 2048
_HELLO_SECONDS = 5


class Listener:
    """Accepts on a unix socket of mode 0600; only this user and root may speak."""

    def __init__(self, loop: Loop, path: str, on_connection: Callable[["Connection"], None]) -> None:
        self._loop = loop
        self._on_connection = on_connection
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self._sock.bind(path)
        finally:
            os.umask(mask)
        self._sock.listen(128)
        self._sock.setblocking(False)
        loop.watch(self._sock.fileno(), READ, self._accept)

    def _accept(self, _mask: int) -> None:
        sock, _ = self._sock.accept()
        _pid, uid, _gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid in (0, os.getuid()):
            self._on_connection(Connection(self._loop, sock))
        else:
            sock.close()

    def close(self) -> None:
        self._loop.unwatch(self._sock.fileno())
        self._sock.close()


class TlsListener:
    """Accepts on TCP who shows the pod's own certificate."""

    def __init__(self, loop: Loop, address: str, tls: dict, on_connection: Callable[["Connection"], None]) -> None:
        """@raises OSError when the port can't be bound or the certificate can't be used"""
        self._loop = loop
        self._on_connection = on_connection
        self._context = server_context(tls["certificate"], tls["key"])
        host, _, port = address.rpartition(":")
        self._sock = socket.create_server((host, int(port)), backlog=128)
        self._sock.setblocking(False)
        loop.watch(self._sock.fileno(), READ, self._accept)

    def _accept(self, _mask: int) -> None:
        sock, _ = self._sock.accept()
        self._on_connection(Connection(self._loop, TlsSocket(sock, self._context)))

    def close(self) -> None:
        self._loop.unwatch(self._sock.fileno())
        self._sock.close()


class Connection:
    """One peer. The owner sets the callbacks; after `on_close` none is called again.

    `on_frame(connection, kind, seq, body)` may raise BadFrame. `pull` gives more ring frames when all is written.
    """

    def __init__(self, loop: Loop, sock: socket.socket | TlsSocket) -> None:
        self._loop = loop
        self._sock = sock
        self._pending = getattr(sock, "pending", None)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.fd = sock.fileno()
        self.welcomed = False
        self.open = True
        self.throttled = False
        self.on_frame: Callable[[Connection, int, int, bytes], None] = lambda *_: None
        self.on_close: Callable[[Connection], None] = lambda _: None
        self.pull: Callable[[], list[bytes]] = list
        self._out: deque = deque()
        self._rest = b""
        self._long: Long | None = None
        self._long_head = (0, 0)
        self._hello = loop.later(_HELLO_SECONDS, lambda: self.bye("bad_frame", "no HELLO within 5 seconds"))
        loop.watch(self.fd, READ, self._ready)

    def send(self, data: bytes) -> None:
        self._out.append(data)

    def welcome(self, data: bytes) -> None:
        self._hello.cancel()
        self.welcomed = True
        self.send(data)

    def bye(self, code: str, reason: str) -> None:
        """Say why, as far as the socket takes it, and close."""
        if not self.open:
            return
        self.send(json_frame(BYE, 0, {"code": code, "reason": reason}))
        self.pull = list
        try:
            self._write()
        except OSError:
            pass
        self.close()

    def close(self) -> None:
        if self.open:
            self.open = False
            self._hello.cancel()
            self._loop.unwatch(self.fd)
            self._sock.close()
            self.on_close(self)

    @property
    def drained(self) -> bool:
        return not self._out

    def _ready(self, mask: int) -> None:
        try:
            if mask & ~WRITE:
                self._read()
                while self.open and self._pending and self._pending():
                    self._read()
        except BadFrame as error:
            self.bye(error.code, str(error))
        except BlockingIOError:
            pass
        except (OSError, EOFError):
            self.close()
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self.bye("bad_frame", "the frame could not be handled")

    def flush(self) -> None:
        """Write all that may be written now and watch for what remains."""
        if not self.open:
            return
        try:
            blocked = self._write()
        except OSError:
            self.close()
            return
        reading = READ if not self.throttled and len(self._out) < _MAX_BACKLOG_FRAMES else 0
        self._loop.want(self.fd, reading | (WRITE if blocked else 0))

    def _write(self) -> bool:
        """@returns True when the socket took less than there is"""
        out = self._out
        written = 0
        while written < _FLUSH_BYTES:
            if not out:
                out.extend(self.pull())
                if not out:
                    return False
            batch = list(islice(out, _BATCH))
            try:
                sent = self._sock.sendmsg(batch)
            except BlockingIOError:
                return True
            written += sent
            if sent == sum(map(len, batch)) and len(batch) == len(out):
                out.clear()
                continue
            for data in batch:
                if sent < len(data):
                    out[0] = memoryview(data)[sent:]
                    break
                sent -= len(data)
                out.popleft()
        return True

    def _read(self) -> None:
        if self._long is not None:
            self._fill_long()
            return
        data = receive(self._sock)
        if self._rest:
            data = self._rest + data
        self._rest = b""
        position = 0
        while self.open and position + HEADER_SIZE <= len(data):
            size, kind, _flags, _reserved, seq = HEADER.unpack_from(data, position)
            self._check(kind, size)
            start = position + HEADER_SIZE
            end = start + size
            if end > len(data):
                if size > CHUNK:
                    self._long = Long(size, data[start:])
                    self._long_head = (kind, seq)
                    return
                break
            self.on_frame(self, kind, seq, data[start:end])
            position = end
        self._rest = data[position:]

    def _fill_long(self) -> None:
        self._long.fill(self._sock)
        body, self._long = self._long.data, None
        self.on_frame(self, *self._long_head, body)

    def _check(self, kind: int, size: int) -> None:
        if not self.welcomed:
            if kind != HELLO:
                raise BadFrame("bad_frame", "the first frame must be HELLO")
            limit = MAX_BODY_BEFORE_WELCOME
        else:
            limit = MAX_MESSAGE if kind == MSG else MAX_BODY
        if size > limit:
            raise BadFrame("too_large", f"a body of {size} bytes is over the limit of {limit}")
