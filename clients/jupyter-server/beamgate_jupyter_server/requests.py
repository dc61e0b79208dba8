"""Requests of a browser that have no reply yet."""

import json

from .messages import Peek, made


class _Request:
    __slots__ = ("channel", "header", "kind", "silent")

    def __init__(self, channel: str, kind: str, header: bytes, silent: bool) -> None:
        self.channel, self.kind, self.header, self.silent = channel, kind, header, silent


class OpenRequests:
    """Oldest first. Kept to be answered with an error when the kernel can't answer any more."""

    def __init__(self) -> None:
        self._by_id: dict[str, _Request] = {}

    def __iter__(self):
        return iter(list(self._by_id))

    def __contains__(self, msg_id: str) -> bool:
        return msg_id in self._by_id

    def sent(self, msg_id: str, kind: str, seen: Peek) -> None:
        if seen.channel != "stdin" and kind.endswith("_request"):
            silent = kind != "execute_request" or _is_silent(seen.content)
            self._by_id[msg_id] = _Request(seen.channel, kind, seen.header, silent)

    def answered(self, msg_id: str) -> None:
        self._by_id.pop(msg_id, None)

    @property
    def running(self) -> bytes | None:
        """Header of the oldest execution under way, to print something below it."""
        executions = (one.header for one in self._by_id.values() if one.kind == "execute_request")
        return next(executions, None)

    def visible(self, msg_id: str) -> bytes | None:
        """Header of an execution whose output is shown."""
        request = self._by_id.get(msg_id)
        return request.header if request and not request.silent else None

    def fail(self, msg_id: str, ename: str, evalue: str, session: str) -> list[bytes]:
        """The frames that end it with an error; nothing when it has ended already."""
        request = self._by_id.pop(msg_id, None)
        if request is None:
            return []
        error = {"ename": ename, "evalue": evalue, "traceback": [f"{ename}: {evalue}"]}
        executes = request.kind == "execute_request"
        reply = {"status": "error", **error, **({"execution_count": None, "user_expressions": {}} if executes else {})}
        kind = request.kind.removesuffix("_request") + "_reply"
        return [
            *([made("iopub", "error", error, session, request.header)] if executes else []),
            made(request.channel, kind, reply, session, request.header),
            made("iopub", "status", {"execution_state": "idle"}, session, request.header),
        ]


def _is_silent(content: bytes) -> bool:
    try:
        return json.loads(content).get("silent") is True
    except (ValueError, AttributeError):
        return True
