"""What a session sends to its kernel: numbered, and kept until the kernel's agent is known to have it."""

import time
from collections import OrderedDict

_NEVER = 0


class Full(Exception):
    """More waits for the gateway than may be kept."""


class _Input:
    """`sent`: the connection that it went out on, counted from 1."""

    __slots__ = ("frame", "number", "sent")

    def __init__(self, number: int, frame: bytes) -> None:
        self.number, self.frame, self.sent = number, frame, _NEVER


class Outbox:
    """Numbers only ever grow, also past a restart of this server: they begin with the time, in microseconds. So input
    can be sent before the agent has said what it took, and the agent ignores what it had.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self._inputs: OrderedDict[str, _Input] = OrderedDict()
        self._last = time.time_ns() // 1000
        self._connection = 1

    def __contains__(self, msg_id: str) -> bool:
        return msg_id in self._inputs

    def __len__(self) -> int:
        return len(self._inputs)

    def add(self, msg_id: str, frame: bytes) -> None:
        """@raises Full when others wait already and this one would be too much"""
        if msg_id in self._inputs:
            return  # the kernel takes an id once
        if self._inputs and self.bytes + len(frame) > self.limit_bytes:
            raise Full
        self._last += 1
        self._inputs[msg_id] = _Input(self._last, frame)
        self.bytes += len(frame)

    def reopen(self) -> None:
        """Another connection: what the agent is not known to have is to go again."""
        self._connection += 1

    @property
    def doubtful(self) -> bool:
        """Whether something went out on an earlier connection: an agent may have it, and that agent may be gone."""
        return any(entry.sent not in (_NEVER, self._connection) for entry in self._inputs.values())

    def take_unsent(self) -> list[tuple[int, bytes]]:
        """Numbers and frames to be sent on this connection now, in order; they count as sent."""
        unsent = [entry for entry in self._inputs.values() if entry.sent != self._connection]
        for entry in unsent:
            entry.sent = self._connection
        return [(entry.number, entry.frame) for entry in unsent]

    def welcome(self, input_last: int) -> None:
        """The agent says what it took of this session. Numbers that it can't have from here, because a clock was set
        back, are passed by.
        """
        if input_last <= self._last:
            self.confirm(input_last)
            return
        self._last = input_last
        for entry in self._inputs.values():
            self._last += 1
            entry.number = self._last
        self.reopen()

    def drop_doubtful(self) -> None:
        """Another agent: what an earlier one was sent is gone with it, and must not run on a kernel that lost its
        variables.
        """
        for msg_id, entry in list(self._inputs.items()):
            if entry.sent not in (_NEVER, self._connection):
                self.remove(msg_id)

    def confirm(self, number: int) -> None:
        """The agent has everything up to this number."""
        while self._inputs and next(iter(self._inputs.values())).number <= number:
            self.bytes -= len(self._inputs.popitem(last=False)[1].frame)

    def answered(self, msg_id: str) -> None:
        """The kernel itself answered this message; its agent takes input in order, so it has all before it."""
        if msg_id in self._inputs:
            self.confirm(self._inputs[msg_id].number)

    def clear(self) -> None:
        self._inputs.clear()
        self.bytes = 0

    def remove(self, msg_id: str) -> None:
        """It is not to be sent again."""
        entry = self._inputs.pop(msg_id, None)
        if entry:
            self.bytes -= len(entry.frame)
