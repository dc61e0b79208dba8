"""What a browser was sent and has not confirmed: it goes again to the next socket of its session."""

from collections import deque
from collections.abc import Callable, Iterator

_MESSAGES_PER_PING = 32
# A browser that comes back within so long of a message upon which it connects anew does so because it took it.
_REACTION_SECONDS = 3.0


class Inbox:
    """A browser answers each WebSocket ping by itself, with its payload, after it took what came before: a count of the
    messages. A laptop that slept thus loses nothing that was written to its dead connection.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._frames: deque[bytes] = deque()
        self._first = 0
        self._asked = 0
        # Number and time of the last message upon which a browser connects anew.
        self._parting: tuple[int, float] | None = None
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter([frame for frame in self._frames if frame])

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: bytes, ping: Callable[[bytes], None]) -> None:
        self._frames.append(frame)
        self.bytes += len(frame)
        while self.bytes > self._limit_bytes and len(self._frames) > 1:
            self._pop()
        if self._last - max(self._asked, self._first) >= _MESSAGES_PER_PING:
            self.ask(ping)

    def parting(self, now: float) -> None:
        """Upon what was added last the browser connects anew. @param now  seconds"""
        self._parting = self._last, now

    def ask(self, ping: Callable[[bytes], None]) -> None:
        """Ask for a confirmation of all that is in doubt and was not asked for."""
        if self._frames and self._asked < self._last:
            self._asked = self._last
            ping(str(self._last).encode())

    def reopen(self, now: float) -> None:
        """Another socket: nothing was asked on it. @param now  seconds"""
        self._asked = self._first
        number, at = self._parting or (0, 0)
        if number > self._first and now - at < _REACTION_SECONDS:
            # Told again it would part again, and forget what it asked meanwhile.
            self.bytes -= len(self._frames[number - self._first - 1])
            self._frames[number - self._first - 1] = b""
        self._parting = None

    def pong(self, payload: bytes) -> None:
        """A payload that was not asked for is ignored."""
        count = int(payload) if payload.isdigit() and len(payload) < 20 else 0
        while self._first < min(count, self._asked):
            self._pop()

    @property
    def _last(self) -> int:
        return self._first + len(self._frames)

    def _pop(self) -> None:
        self.bytes -= len(self._frames.popleft())
        self._first += 1
