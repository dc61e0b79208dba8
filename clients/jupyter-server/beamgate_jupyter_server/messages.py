"""Messages that the add-on makes itself, as v1 frames, and a look into those of others."""

import json
import re
from datetime import datetime, timezone
from typing import NamedTuple
from uuid import uuid4

from .framing import Malformed, compact, join, parts_of

_SESSION = re.compile(rb'"session"\s*:\s*("(?:[^"\\]|\\.)*")')
_MSG_ID = re.compile(rb'"msg_id"\s*:\s*("(?:[^"\\]|\\.)*")')


class Peek(NamedTuple):
    """What the add-on looks at in a message; `header` are the bytes that an answer carries as its parent."""

    channel: str
    header: bytes
    parent_id: str
    content: bytes


def peek(frame: bytes) -> Peek:
    """@raises Malformed"""
    channel, header, parent, _, content = parts_of(frame)[:5]
    match = _MSG_ID.search(frame[parent])
    parent_id = json.loads(match[1]) if match else ""
    return Peek(frame[channel].decode("utf-8", "replace"), frame[header], parent_id, frame[content])


def header_of(seen: Peek) -> dict:
    """The header with `msg_id` and `msg_type` as texts. @raises Malformed"""
    try:
        header = json.loads(seen.header)
        if isinstance(header["msg_id"], str) and isinstance(header["msg_type"], str):
            return header
    except (ValueError, TypeError, KeyError):
        pass
    raise Malformed("the header has no msg_id or msg_type")


def session_of(seen: Peek) -> str:
    """In the header; empty where there is none."""
    match = _SESSION.search(seen.header)
    return json.loads(match[1]) if match else ""


def made(channel: str, kind: str, content: dict, session: str, parent: bytes = b"{}") -> bytes:
    """@param session  the kernel's own where it is known: JupyterLab drops what it has not handled when it changes"""
    header = {
        "msg_id": str(uuid4()),
        "msg_type": kind,
        "username": "beamgate",
        "session": session,
        "date": datetime.now(timezone.utc).isoformat(),
        "version": "5.4",
    }
    return join(channel, [compact(header), parent, b"{}", compact(content)])


def notice(text: str, session: str, parent: bytes = b"{}") -> bytes:
    """Prints to stderr, below the request whose header is `parent`."""
    return made("iopub", "stream", {"name": "stderr", "text": text}, session, parent)
