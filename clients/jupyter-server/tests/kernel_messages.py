"""Messages for the tests, as browsers and kernels write them."""

import json
from itertools import count

from beamgate_jupyter_server.framing import join, split

_ids = count(1)


def message(channel: str, kind: str, content: dict, msg_id: str = "", parent_id: str = "", buffers=()) -> bytes:
    header = {"msg_id": msg_id or f"m{next(_ids)}", "msg_type": kind, "session": "kernel-session", "username": "u"}
    parent = {"msg_id": parent_id, "msg_type": "any"} if parent_id else {}
    parts = [json.dumps(part).encode() for part in (header, parent, {}, content)]
    return join(channel, [*parts, *buffers])


def execute(msg_id: str, code: str = "1", silent: bool = False) -> bytes:
    return message("shell", "execute_request", {"code": code, "silent": silent}, msg_id)


def printed(text: str, parent_id: str = "") -> bytes:
    return message("iopub", "stream", {"name": "stdout", "text": text}, parent_id=parent_id)


def reply(parent_id: str) -> bytes:
    return message("shell", "execute_reply", {"status": "ok"}, parent_id=parent_id)


def read(frame: bytes) -> dict:
    """Channel, type, parent's id and content of a v1 frame."""
    channel, parts = split(frame)
    header, parent, _, content = (json.loads(part) for part in parts[:4])
    return {"channel": channel, "type": header["msg_type"], "parent": parent.get("msg_id", ""), "content": content}
