"""The kernel's four message channels, as the one client that the kernel has."""

import hmac
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime

from .launch import PORTS
from .loop import READ, WRITE, Loop
from .zmtp import Link, LinkError

_DELIMITER = b"<IDS|MSG>"
_DRAIN_ROUNDS = 100_000
# Busy, the reply and idle.
_ANSWERS = 3


def make_message(msg_type: str, content: dict, session: str, msg_id: str) -> list[bytes]:
    """Header, empty parent header and metadata, content."""
    header = {
        "msg_id": msg_id,
        "msg_type": msg_type,
        "username": "beamgate",
        "session": session,
        "date": datetime.now(UTC).isoformat(),
        "version": "5.4",
    }
    return [json.dumps(header).encode(), b"{}", b"{}", json.dumps(content).encode()]


def _body(message: list) -> list:
    """What follows the signature; of a malformed message an empty header and nothing else."""
    at = message.index(_DELIMITER) if _DELIMITER in message else len(message)
    parts = message[at + 2 :]
    return parts if len(parts) >= 4 else [b"", b"", b"", b""]


class Channels:
    """`on_iopub(messages)` gets lists of parts; `on_reply(channel, tag, parts)` what came on the other channels.

    Parts are header, parent header, metadata, content and buffers. `tag` is 0 for the agent's own requests and None
    where the kernel didn't give back the extra identity frame.
    """

    def __init__(self, loop: Loop, ip: str) -> None:
        self._loop = loop
        self._ip = ip
        self._signing: hmac.HMAC | None = None
        self._links: dict[str, Link] = {}
        self.reading_iopub = True
        self.on_iopub: Callable[[list[list]], None] = lambda _: None
        self.on_reply: Callable[[str, int | None, list], None] = lambda *_: None

    @property
    def connected(self) -> bool:
        return bool(self._links)

    @property
    def pending_bytes(self) -> int:
        return sum(link.pending_bytes for link in self._links.values())

    def connect(self) -> bool:
        """Connect all or none; False while the kernel has not bound its sockets."""
        links: dict[str, Link] = {}
        try:
            for channel in ("iopub", "shell", "control", "stdin"):
                kind = "SUB" if channel == "iopub" else "DEALER"
                links[channel] = Link(f"{self._ip}-{PORTS[channel]}", kind)
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            for link in links.values():
                link.close()
            return False
        self._links = links
        for channel, link in links.items():
            self._loop.watch(link.sock.fileno(), READ | WRITE, lambda mask, c=channel: self._ready(c, mask))
        return True

    def set_key(self, key: str) -> None:
        self._signing = hmac.new(key.encode(), digestmod="sha256") if key else None

    def send(self, channel: str, tag: int, parts: list) -> None:
        signature = b""
        if self._signing:
            signing = self._signing.copy()
            signing.update(b"".join(parts[:4]))
            signature = signing.hexdigest().encode()
        link = self._links[channel]
        link.send([tag.to_bytes(2, "little"), _DELIMITER, signature, *parts])
        self._flush(channel, link)
        self._loop.expect(_ANSWERS)

    def read_iopub(self, wanted: bool) -> None:
        """Back-pressure: while not wanted, the kernel's output stays in the kernel."""
        self.reading_iopub = wanted
        link = self._links.get("iopub")
        if link:
            self._want(link, "iopub")

    def drain(self) -> None:
        """After the kernel's end: take what it had written."""
        for channel in ("shell", "control", "stdin", "iopub"):
            for _ in range(_DRAIN_ROUNDS):
                if channel not in self._links or not self._receive(channel):
                    break

    def close(self) -> None:
        for channel in list(self._links):
            self._drop(channel)
        for port in PORTS.values():
            try:
                os.unlink(f"{self._ip}-{port}")
            except FileNotFoundError:
                pass

    def _ready(self, channel: str, mask: int) -> None:
        if mask & WRITE:
            self._flush(channel, self._links[channel])
        if mask & ~WRITE and channel in self._links:
            self._receive(channel)

    def _flush(self, channel: str, link: Link) -> None:
        try:
            link.flush()
        except OSError:
            self._drop(channel)
            return
        self._want(link, channel)

    def _want(self, link: Link, channel: str) -> None:
        reading = READ if channel != "iopub" or self.reading_iopub else 0
        self._loop.want(link.sock.fileno(), reading | (WRITE if link.out else 0))

    def _receive(self, channel: str) -> bool:
        """@returns False when there is nothing more to read now"""
        link = self._links[channel]
        try:
            messages = link.receive()
        except BlockingIOError:
            return False
        except (OSError, EOFError, LinkError):
            # The process's end, which its pidfd tells, is the only thing that closes these sockets in good order.
            self._drop(channel)
            return False
        if channel == "iopub":
            # The topic is one frame in every kernel known; anything else takes the slow way.
            self.on_iopub([m[3:] if len(m) > 6 and m[1] == _DELIMITER else _body(m) for m in messages])
        else:
            for message in messages:
                at = message.index(_DELIMITER) if _DELIMITER in message else len(message)
                if len(message) < at + 6:
                    continue
                tag = int.from_bytes(message[at - 1], "little") if at and len(message[at - 1]) == 2 else None
                self.on_reply(channel, tag, message[at + 2 :])
        if link.out and channel in self._links:
            self._flush(channel, link)
        return True

    def _drop(self, channel: str) -> None:
        link = self._links.pop(channel, None)
        if link:
            self._loop.unwatch(link.sock.fileno())
            link.close()
