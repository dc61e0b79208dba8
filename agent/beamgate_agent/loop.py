"""The event loop: epoll, timers, and one hook after each round. One thread."""

import heapq
import select
import sys
import time
import traceback
from collections.abc import Callable

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
# Going to sleep and being woken costs more than a kernel's shortest answers take.
_AWAKE_SECONDS = 0.0002


class Timer:
    """A call that is due at a moment; `cancel` may be called at any time, also after it ran."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None

    def __lt__(self, other: "Timer") -> bool:
        return self.due < other.due


class Loop:
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._masks: dict[int, int] = {}
        self._timers: list[Timer] = []
        self._stopped = False
        self._expecting = 0
        self.after_round: Callable[[], None] = lambda: None

    def watch(self, fd: int, mask: int, handler: Callable[[int], None]) -> None:
        self._epoll.register(fd, mask)
        self._handlers[fd] = handler
        self._masks[fd] = mask

    def want(self, fd: int, mask: int) -> None:
        """Change what `fd` is watched for; 0 leaves hang-ups only."""
        if self._masks.get(fd, mask) != mask:
            self._epoll.modify(fd, mask)
            self._masks[fd] = mask

    def unwatch(self, fd: int) -> None:
        if self._handlers.pop(fd, None):
            del self._masks[fd]
            self._epoll.unregister(fd)

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(time.monotonic() + seconds, call)
        heapq.heappush(self._timers, timer)
        return timer

    def expect(self, answers: int) -> None:
        """Something was asked that may be answered at once: look for each answer for a moment before going to sleep."""
        self._expecting = answers

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        while not self._stopped:
            self._handle(self._poll())
            # What came meanwhile goes out together with it: each write wakes a process on the other side.
            self._handle(self._epoll.poll(0))
            while self._timers and self._timers[0].due <= time.monotonic():
                call = heapq.heappop(self._timers).call
                if call:
                    self._guard(call)
            self._guard(self.after_round)

    def _handle(self, ready: list[tuple[int, int]]) -> None:
        for fd, mask in ready:
            handler = self._handlers.get(fd)
            if handler:
                self._guard(handler, mask)

    def _poll(self) -> list[tuple[int, int]]:
        if self._expecting:
            end = time.monotonic() + _AWAKE_SECONDS
            while time.monotonic() < end:
                ready = self._epoll.poll(0)
                if ready:
                    self._expecting -= 1
                    return ready
            self._expecting = 0
        while self._timers and not self._timers[0].call:
            heapq.heappop(self._timers)
        wait = max(0.0, self._timers[0].due - time.monotonic()) if self._timers else -1
        return self._epoll.poll(wait)

    @staticmethod
    def _guard(call: Callable, *arguments: int) -> None:
        """A bug in one handler must not end the kernel: it is logged, and the loop goes on."""
        try:
            call(*arguments)
        except Exception:
            traceback.print_exc(file=sys.stderr)
