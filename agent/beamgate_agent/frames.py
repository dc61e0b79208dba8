"""Frames of the agent stream (version 1) and the Jupyter message that a MSG frame carries.

A frame is a 16-byte header and a body; integers are little endian. The body of a MSG frame is one message of the
``v1.kernel.websocket.jupyter.org`` subprotocol: u64 count of offsets, the offsets, then channel name, header, parent
header, metadata, content and buffers back to back; the last offset is the end of the body.
"""

import json
from itertools import accumulate, pairwise
from struct import Struct, unpack_from

HEADER = Struct("<IBBHQ")
HEADER_SIZE = HEADER.size
MSG, ACK, HELLO, WELCOME, CALL, RESULT, EVENT, BYE = range(1, 9)

MAX_MESSAGE = 1 << 30
MAX_BODY = 1 << 20
MAX_BODY_BEFORE_WELCOME = 4096
MAX_PARTS = 4096

_U64 = Struct("<Q")
_HEAD_OF_FOUR = Struct("<IBBHQ7Q")
_message_heads: dict[int, Struct] = {}


class BadFrame(Exception):
    """The peer broke the protocol; ``code`` and the text go into the BYE frame that ends its connection."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def frame(kind: int, seq: int, body: bytes = b"") -> bytes:
    return HEADER.pack(len(body), kind, 0, 0, seq) + body


def json_frame(kind: int, seq: int, value: dict) -> bytes:
    return frame(kind, seq, json.dumps(value, separators=(",", ":")).encode())


def message_frame(seq: int, channel: bytes, parts: list) -> bytes:
    """A whole MSG frame; ``parts`` are header, parent header, metadata, content and any buffers."""
    if len(parts) == 4:
        header, parent, metadata, content = parts
        at_header = 56 + len(channel)
        at_parent = at_header + len(header)
        at_metadata = at_parent + len(parent)
        at_content = at_metadata + len(metadata)
        end = at_content + len(content)
        head = _HEAD_OF_FOUR.pack(end, MSG, 0, 0, seq, 6, 56, at_header, at_parent, at_metadata, at_content, end)
        return b"".join((head, channel, header, parent, metadata, content))
    count = len(parts) + 2
    start = 8 * (count + 1)
    ends = list(accumulate(map(len, parts), initial=start + len(channel)))
    head = _message_heads.get(count)
    if head is None:
        head = Struct(f"<IBBHQ{count + 1}Q")
        if count < 64:
            _message_heads[count] = head
    return b"".join((head.pack(ends[-1], MSG, 0, 0, seq, count, start, *ends), channel, *parts))


def unpack_message(body) -> tuple[str, list]:
    """Channel and parts of a MSG body.

    @raises BadFrame when the offsets do not describe the body
    """
    size = len(body)
    if size < 8:
        raise BadFrame("bad_frame", "a message needs its table of offsets")
    (count,) = _U64.unpack_from(body)
    if not 6 <= count <= MAX_PARTS or 8 * (count + 1) > size:
        raise BadFrame("bad_frame", f"a message can't have {count} offsets")
    offsets = unpack_from(f"<{count}Q", body, 8)
    if offsets[0] != 8 * (count + 1) or offsets[-1] != size or list(offsets) != sorted(offsets):
        raise BadFrame("bad_frame", "the offsets of a message do not fit its body")
    channel, *parts = [body[a:b] for a, b in pairwise(offsets)]
    return channel.decode("ascii", "replace"), parts


def parse_object(body: bytes) -> dict:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise BadFrame("bad_frame", "the body is not JSON") from error
    if not isinstance(value, dict):
        raise BadFrame("bad_frame", "the body must be an object")
    return value
