"""Where each session of a browser stands with its kernel."""

from collections.abc import Callable
from uuid import uuid4

from .inbox import Inbox
from .outbox import Outbox
from .requests import OpenRequests

_MAX_LEFT = 200
_MAX_LEFT_BYTES = 128 * 1024 * 1024
_MAX_UNCONFIRMED_BYTES = 32 * 1024 * 1024


class Position:
    """Of one session on one kernel: what it saw of the kernel's ring (see docs/reference/channels.md of Beamgate), what
    it sent and the kernel may not have, what it asked and was not answered, what its browser may not have got.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.epoch: str | None = None
        self.seen = 0
        self.outbox = Outbox(limit_bytes)
        self.inbox = Inbox(_MAX_UNCONFIRMED_BYTES)
        self.requests = OpenRequests()
        # That of the kernel's own messages; ours until the first.
        self.kernel_session = str(uuid4())
        self.replace: Callable[[], None] | None = None

    @property
    def bytes(self) -> int:
        return self.outbox.bytes + self.inbox.bytes


class Positions:
    """Those of all sessions, for a while also of those whose browser went: it may come back."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], Position] = {}

    def take(self, kernel_id: str, session_id: str, limit_bytes: int, replace: Callable[[], None]) -> Position:
        """@param replace  called when a newer socket of the session takes it over"""
        key = kernel_id, session_id
        position = self._by_key.pop(key, None) or Position(limit_bytes)
        self._by_key[key] = position
        if position.replace:
            position.replace()
        position.replace = replace
        return position

    def leave(self, position: Position) -> None:
        """Its browser went. The oldest of those that were left make room."""
        position.replace = None
        left = [(key, one) for key, one in self._by_key.items() if one.replace is None]
        size = sum(one.bytes for _, one in left)
        while len(left) > _MAX_LEFT or size > _MAX_LEFT_BYTES:
            key, oldest = left.pop(0)
            size -= oldest.bytes
            del self._by_key[key]
