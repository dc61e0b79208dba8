"""The framings on both sides: numbered towards Beamgate; v1 or legacy towards browsers and other gateways.

Inside the add-on every message is one v1 frame. Numbered (`v1.numbered.beamgate.org`) is a u64 number, little endian,
before that frame; see Beamgate's docs/reference/channels.md.
"""

import json
import struct
from itertools import pairwise

from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1

NUMBERED = "v1.numbered.beamgate.org"
V1 = "v1.kernel.websocket.jupyter.org"
_NUMBER = struct.Struct("<Q")
_FIXED_PARTS = ("header", "parent_header", "metadata", "content")


class Malformed(ValueError):
    """What was received is no message of its framing."""


def number_frame(number: int, frame: bytes) -> bytes:
    return _NUMBER.pack(number) + frame


def unnumber(data: bytes) -> tuple[int, bytes]:
    """@raises Malformed for less than a number"""
    if len(data) < _NUMBER.size:
        raise Malformed("a numbered frame has 8 bytes at least")
    return _NUMBER.unpack_from(data)[0], data[_NUMBER.size :]


def parts_of(frame: bytes) -> list[slice]:
    """Where the parts of a v1 frame lie: channel, header, parent header, metadata, content, buffers …

    @raises Malformed
    """
    count = int.from_bytes(frame[:8], "little")
    # Checked before it is used: jupyter_server's own reader takes whatever number of parts is named.
    if not len(_FIXED_PARTS) + 2 <= count <= len(frame) // 8 - 1:
        raise Malformed("a v1 frame has a table of offsets, a channel and four parts at least")
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    if sorted(offsets) != list(offsets) or offsets[0] != 8 * (count + 1) or offsets[-1] != len(frame):
        raise Malformed("the offsets of a v1 frame are out of order or past its end")
    return [slice(start, end) for start, end in pairwise(offsets)]


def split(frame: bytes) -> tuple[str, list[bytes]]:
    """Channel, and header, parent header, metadata, content, buffers … of a v1 frame. @raises Malformed"""
    channel, *parts = (frame[part] for part in parts_of(frame))
    return channel.decode("utf-8", "replace"), parts


def join(channel: str, parts: list[bytes]) -> bytes:
    return serialize_msg_to_ws_v1(parts, channel)


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def read_legacy(data: str | bytes) -> bytes:
    """The v1 frame of a legacy one, JSON text or binary, told apart by the first byte. @raises Malformed"""
    try:
        text, *buffers = _legacy_parts(data) if isinstance(data, bytes) and data[:1] == b"\0" else [data]
        message = json.loads(text)
        parts = [compact(message.get(part) or {}) for part in _FIXED_PARTS]
        return join(message.get("channel") or "shell", [*parts, *buffers])
    except (ValueError, AttributeError, struct.error) as error:
        raise Malformed(f"no legacy message: {error}") from error


def _legacy_parts(data: bytes) -> list[bytes]:
    (count,) = struct.unpack_from("!I", data)
    offsets = struct.unpack_from(f"!{count}I", data, 4)
    return [data[start:end] for start, end in zip(offsets, [*offsets[1:], len(data)], strict=True)]


def write_legacy(frame: bytes) -> tuple[str | bytes, bool]:
    """The legacy frame of a v1 one, and whether it is binary: only a message with buffers is. @raises Malformed"""
    channel, parts = split(frame)
    try:
        header = json.loads(parts[0])
        ids = {"msg_id": header.get("msg_id"), "msg_type": header.get("msg_type")}
    except (ValueError, AttributeError) as error:
        raise Malformed(f"no header: {error}") from error
    # The parts pass as the kernel wrote them.
    members = [b'"%b":%b' % (name.encode(), part) for name, part in zip(_FIXED_PARTS, parts, strict=False)]
    end = compact({"channel": channel, "buffers": [], **ids})
    text = b"{" + b",".join(members) + b"," + end[1:]
    buffers = parts[len(_FIXED_PARTS) :]
    if not buffers:
        return text.decode("utf-8", "replace"), False
    parts = [text, *buffers]
    offsets = [4 * (len(parts) + 1)]
    for part in parts[:-1]:
        offsets.append(offsets[-1] + len(part))
    return b"".join([struct.pack(f"!{len(parts) + 1}I", len(parts), *offsets), *parts]), True
