"""Where each session of a browser stands with its kernel: what it saw, and what the kernel may not have yet."""

from collections import deque

MAX_PENDING_BYTES = 64 * 1024 * 1024
_MAX_SENT = 1000
_MAX_POSITIONS = 1000


class Full(Exception):
    """More is waiting for the gateway than may be kept."""


class _Input:
    __slots__ = ("frame", "id", "number", "sent")

    def __init__(self, number: int, id: str, frame: bytes) -> None:
        self.number, self.id, self.frame, self.sent = number, id, frame, False


class Position:
    """Of one session on one kernel. Numbers are those of the numbered framing."""

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.seen = 0
        self.owner: object | None = None
        self._last = 0
        self._inputs: deque[_Input] = deque()
        self._bytes = 0

    def add(self, id: str, frame: bytes) -> None:
        """Number a message of the browser and keep it until the kernel is known to have it.

        @raises Full when too much is kept that could not be sent yet
        """
        if self._bytes + len(frame) > MAX_PENDING_BYTES and not all(entry.sent for entry in self._inputs):
            raise Full
        self._last += 1
        self._inputs.append(_Input(self._last, id, frame))
        self._bytes += len(frame)
        while len(self._inputs) > _MAX_SENT or self._bytes > MAX_PENDING_BYTES:
            if not self._inputs[0].sent:
                break
            self._forget()

    def take_unsent(self) -> list[tuple[int, bytes]]:
        """What is to be sent now, in order; it counts as sent."""
        unsent = [entry for entry in self._inputs if not entry.sent]
        for entry in unsent:
            entry.sent = True
        return [(entry.number, entry.frame) for entry in unsent]

    def welcome(self, epoch: str, input_last: int) -> None:
        """The way to the kernel is open again: what it has is forgotten, the rest is to be sent.

        Another epoch is another agent: what the old one was sent is gone with it, and its numbers start anew.
        """
        if self.epoch is not None and self.epoch != epoch:
            self.seen = 0
            unsent = [entry for entry in self._inputs if not entry.sent]
            self._inputs.clear()
            self._bytes = self._last = 0
            for entry in unsent:
                self.add(entry.id, entry.frame)
        self.epoch = epoch
        self._last = max(self._last, input_last)
        while self._inputs and self._inputs[0].number <= input_last:
            self._forget()
        for entry in self._inputs:
            entry.sent = False

    def answered(self, id: str) -> None:
        """The kernel answered this message, so it has all before it."""
        if any(entry.id == id for entry in self._inputs):
            while self._inputs[0].id != id:
                self._forget()
            self._forget()

    def _forget(self) -> None:
        self._bytes -= len(self._inputs.popleft().frame)


class Positions:
    """The positions of all sessions, also of those whose browser is gone for the moment."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], Position] = {}

    def take(self, kernel_id: str, session_id: str, owner: object) -> Position:
        """For its newest connection; the one that had it before has to notice and stop."""
        position = self._by_key.pop((kernel_id, session_id), None) or Position()
        self._by_key[kernel_id, session_id] = position
        position.owner = owner
        if len(self._by_key) > _MAX_POSITIONS:
            del self._by_key[next(iter(self._by_key))]
        return position
