"""The framings on both sides: numbered towards Beamgate, v1 or legacy towards the browser.

Numbered (`v1.numbered.beamgate.org`): a u64 number, little endian, then one v1 message. See Beamgate's
docs/reference/channels.md.
"""

import json
import re
from datetime import datetime, timezone
from uuid import uuid4

from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)

NUMBERED = "v1.numbered.beamgate.org"
V1 = "v1.kernel.websocket.jupyter.org"
_MSG_ID = re.compile(rb'"msg_id"\s*:\s*"([^"]*)"')


def number_frame(number: int, frame: bytes) -> bytes:
    return number.to_bytes(8, "little") + frame


def unnumber(data: bytes) -> tuple[int, bytes]:
    """@raises ValueError for less than a number"""
    if len(data) < 8:
        raise ValueError("a numbered frame has 8 bytes at least")
    return int.from_bytes(data[:8], "little"), data[8:]


def _compact(value) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=str).encode()


def from_browser(data: str | bytes, v1: bool) -> bytes:
    """A v1 frame of what a browser sent in either framing. @raises ValueError, KeyError, TypeError when it is none"""
    if v1 and isinstance(data, bytes):
        return data
    message = deserialize_binary_message(data) if isinstance(data, bytes) else json.loads(data)
    parts = [_compact(message.get(part) or {}) for part in ("header", "parent_header", "metadata", "content")]
    buffers = message.get("buffers") or []
    return serialize_msg_to_ws_v1([*parts, *buffers], message.get("channel") or "shell")


def to_browser(frame: bytes, v1: bool) -> tuple[str | bytes, bool]:
    """What the browser is sent, and whether as a binary frame."""
    if v1:
        return frame, True
    channel, parts = deserialize_msg_from_ws_v1(frame)
    header, parent, metadata, content = (json.loads(part) for part in parts[:4])
    message = {
        "header": header,
        "msg_id": header.get("msg_id"),
        "msg_type": header.get("msg_type"),
        "parent_header": parent,
        "metadata": metadata,
        "content": content,
        "channel": channel,
        "buffers": parts[4:],
    }
    if parts[4:]:
        return serialize_binary_message(message), True
    return json.dumps(message), False


def message_id(frame: bytes) -> str:
    """Of a v1 frame; empty where there is none. @raises ValueError, IndexError for no v1 frame"""
    return _find(deserialize_msg_from_ws_v1(frame)[1][0])


def answered_id(frame: bytes) -> str:
    """Message that a v1 frame is the answer to, or the empty string."""
    return _find(deserialize_msg_from_ws_v1(frame)[1][1])


def _find(header: bytes) -> str:
    match = _MSG_ID.search(header)
    return match[1].decode("utf-8", "replace") if match else ""


def notice(text: str, parent: bytes = b"{}") -> bytes:
    """A v1 frame that prints `text` to stderr, below the request whose header is `parent`."""
    header = {
        "msg_id": uuid4().hex,
        "msg_type": "stream",
        "username": "beamgate",
        "session": uuid4().hex,
        "date": datetime.now(timezone.utc).isoformat(),
        "version": "5.3",
    }
    content = {"name": "stderr", "text": text}
    return serialize_msg_to_ws_v1([_compact(header), parent, b"{}", _compact(content)], "iopub")
