"""A kernel that answers at once, to measure what lies in front of it.

It speaks ZMTP 3.0 (https://rfc.zeromq.org/spec/23/) by hand over plain blocking sockets, standard library only, so that
its own cost is some tens of microseconds a request and a flood leaves it at the speed of `sendall`. Code it knows:

- `prepare stream N SIZE`    makes N stream messages of SIZE bytes of text each, numbered `#00000000` on
- `prepare buffers N SIZE`   makes N display_data messages with one binary buffer of SIZE bytes each
- `blast`                    sends what was prepared, then replies; its clients see every message or one was dropped
- anything else              is answered with an empty reply

Beamgate may start it ahead and tell it later whose it is (docs/reference/claimable-kernels.md).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import selectors
import signal
import socket
import sys
import uuid
from datetime import UTC, datetime

DELIMITER = b"<IDS|MSG>"
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
SOCKET_TYPES = {"shell": b"ROUTER", "control": b"ROUTER", "stdin": b"ROUTER", "iopub": b"PUB", "hb": b"REP"}


def frame(part: bytes, more: bool) -> bytes:
    """One ZMTP message frame, header and body."""
    return frame_header(len(part), more) + part


def frame_header(size: int, more: bool) -> bytes:
    if size < 256:
        return bytes((1 if more else 0, size))
    return bytes((3 if more else 2,)) + size.to_bytes(8, "big")


def ready(socket_type: bytes) -> bytes:
    body = b"\x05READY" + b"\x0bSocket-Type" + len(socket_type).to_bytes(4, "big") + socket_type
    return bytes((4, len(body))) + body


class Peer:
    """One accepted connection: collects bytes, yields whole multipart messages."""

    def __init__(self, connection: socket.socket, channel: str) -> None:
        self.connection = connection
        self.channel = channel
        self.subscribed = False
        self._input = bytearray()
        self._parts: list[bytes] = []
        self._greeted = False
        connection.sendall(GREETING + ready(SOCKET_TYPES[channel]))

    def read(self) -> list[list[bytes]] | None:
        """Messages that are complete now; None once the peer has gone."""
        try:
            chunk = self.connection.recv(1 << 20)
        except OSError:
            return None
        if not chunk:
            return None
        self._input += chunk
        if not self._greeted:
            if len(self._input) < 64:
                return []
            del self._input[:64]
            self._greeted = True
        messages = []
        while (taken := self._frame()) is not None:
            flags, body = taken
            if flags & 4:  # a command: READY, or a PING that nobody here asks for
                continue
            self._parts.append(body)
            if not flags & 1:
                messages.append(self._parts)
                self._parts = []
        return messages

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._input
        if len(data) < 2:
            return None
        start = 9 if data[0] & 2 else 2
        if len(data) < start:
            return None
        size = int.from_bytes(data[1:9], "big") if data[0] & 2 else data[1]
        if len(data) < start + size:
            return None
        flags, body = data[0], bytes(data[start : start + size])
        del data[: start + size]
        return flags, body


class NullKernel:
    def __init__(self, connection_file: str) -> None:
        self._read(connection_file)
        self.session = uuid.uuid4().hex
        self.count = 0
        self.prepared: list[list[bytes]] = []
        self.selector = selectors.DefaultSelector()
        self.iopub: list[Peer] = []
        for channel in SOCKET_TYPES:
            self.selector.register(self._listen(channel), selectors.EVENT_READ, channel)

    def _read(self, connection_file: str) -> None:
        with open(connection_file) as file:
            self.where = json.load(file)
        self.key = self.where.get("key", "").encode()

    def expect_claim(self, agent: socket.socket) -> None:
        agent.sendall(b'{"initialised":true,"welcomes":true}\n')
        self.selector.register(agent, selectors.EVENT_READ, self._take)

    def _take(self, agent: socket.socket) -> None:
        self.selector.unregister(agent)
        with agent, agent.makefile("rw") as lines:
            told = json.loads(lines.readline())
            claim = told["claim"]
            for name in claim.get("unset", []):
                os.environ.pop(name, None)
            os.environ.update(claim["env"])
            os.umask(claim.get("umask", os.umask(0o22)))
            os.chdir(claim["cwd"])
            self._read(told["connectionFile"])
            lines.write('{"claimed":true}\n')

    def _listen(self, channel: str) -> socket.socket:
        port = self.where[f"{channel}_port"]
        if self.where["transport"] == "ipc":
            listener = socket.socket(socket.AF_UNIX)
            path = f"{self.where['ip']}-{port}"
            if os.path.exists(path):
                os.unlink(path)
            listener.bind("\0" + path[1:] if path.startswith("@") else path)
        else:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.where["ip"], port))
        listener.listen()
        return listener

    def run(self) -> None:
        while True:
            for key, _ in self.selector.select():
                if isinstance(key.data, str):
                    self._accept(key.fileobj, key.data)  # type: ignore[arg-type]
                elif callable(key.data):
                    key.data(key.fileobj)
                else:
                    self._serve(key.data)

    def _accept(self, listener: socket.socket, channel: str) -> None:
        connection, _ = listener.accept()
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(connection, channel)
        self.selector.register(connection, selectors.EVENT_READ, peer)

    def _serve(self, peer: Peer) -> None:
        messages = peer.read()
        if messages is None:
            self.selector.unregister(peer.connection)
            peer.connection.close()
            if peer in self.iopub:
                self.iopub.remove(peer)
            return
        for parts in messages:
            if peer.channel == "iopub":
                if parts[0][:1] == b"\x01" and peer not in self.iopub:
                    self.iopub.append(peer)
                    peer.connection.sendall(self._join([b"", *self._message("iopub_welcome", b"{}", b"{}")]))
            elif peer.channel == "hb":
                peer.connection.sendall(self._join(parts))
            elif peer.channel != "stdin":
                self._request(peer, parts)

    @staticmethod
    def _join(parts: list[bytes]) -> bytes:
        return b"".join(frame(part, index + 1 < len(parts)) for index, part in enumerate(parts))

    def _message(self, kind: str, parent: bytes, content: bytes, extra: tuple[bytes, ...] = ()) -> list[bytes]:
        """Delimiter, signature, header, parent, metadata, content, buffers: as the messaging protocol orders them."""
        self.count += 1
        header = (
            f'{{"msg_id":"{self.session}_{self.count}","msg_type":"{kind}","username":"","session":"{self.session}",'
            f'"date":"{datetime.now(UTC).isoformat()}","version":"5.3"}}'
        ).encode()
        signed = [header, parent, b"{}", content]
        signature = hmac.new(self.key, b"".join(signed), hashlib.sha256).hexdigest().encode() if self.key else b""
        return [DELIMITER, signature, *signed, *extra]

    def _publish(self, kind: str, parent: bytes, content: bytes) -> None:
        data = self._join([kind.encode(), *self._message(kind, parent, content)])
        for peer in self.iopub:
            peer.connection.sendall(data)

    def _request(self, peer: Peer, parts: list[bytes]) -> None:
        at = parts.index(DELIMITER)
        header, content = parts[at + 2], parts[at + 5]
        kind = json.loads(header)["msg_type"]
        if kind.startswith("comm") and kind != "comm_info_request":
            return
        self._publish("status", header, b'{"execution_state":"busy"}')
        reply = self._answer(kind, header, content)
        answer = self._message(kind.replace("_request", "_reply"), header, reply)
        peer.connection.sendall(self._join([*parts[:at], *answer]))
        self._publish("status", header, b'{"execution_state":"idle"}')
        if kind == "shutdown_request":
            sys.exit(0)

    def _answer(self, kind: str, header: bytes, content: bytes) -> bytes:
        if kind == "kernel_info_request":
            return (
                b'{"status":"ok","protocol_version":"5.3","implementation":"null","implementation_version":"1",'
                b'"language_info":{"name":"null","version":"1","mimetype":"text/plain","file_extension":".txt"},'
                b'"banner":"","help_links":[],"debugger":false}'
            )
        if kind == "shutdown_request":
            return b'{"status":"ok","restart":false}'
        if kind == "comm_info_request":
            return b'{"status":"ok","comms":{}}'
        if kind == "execute_request":
            self._execute(json.loads(content)["code"].split(), header)
            return b'{"status":"ok","execution_count":1,"user_expressions":{},"payload":[]}'
        return b'{"status":"ok"}'

    def _execute(self, words: list[str], header: bytes) -> None:
        if words[:1] == ["prepare"]:
            self.prepared = list(self._prepare(words[1], int(words[2]), int(words[3]), header))
        elif words[:1] == ["blast"]:
            for peer in self.iopub:
                for pieces in self.prepared:
                    for piece in pieces:
                        peer.connection.sendall(piece)

    def _prepare(self, what: str, count: int, size: int, header: bytes):
        if what == "buffers":
            buffer = os.urandom(size)
            for number in range(count):
                content = b'{"data":{"text/plain":"#%08d"},"metadata":{},"transient":{}}' % number
                message = [b"display_data", *self._message("display_data", header, content)]
                head = b"".join(frame(part, True) for part in message)
                yield [head + frame_header(size, False), buffer]
            return
        text = b"x" * (size - 9)
        batch = bytearray()
        for number in range(count):
            content = b'{"name":"stdout","text":"#%08d%s"}' % (number, text)
            batch += self._join([b"stream", *self._message("stream", header, content)])
            if len(batch) > 1 << 20 or number == count - 1:
                yield [bytes(batch)]
                batch.clear()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kernel = NullKernel(sys.argv[1])
    if (descriptor := os.environ.pop("BEAMGATE_CLAIM_FD", None)) is not None:
        kernel.expect_claim(socket.socket(fileno=int(descriptor)))
    kernel.run()
