"""ipykernel's output, made to wait instead of being dropped, and bounded in bytes. Boot loads it under no name.

Left to itself ipykernel gathers prints for 0.2 s however much that is, queues messages for its IOPub thread without a
bound, and libzmq drops what is over its high-water mark. Here whoever makes output waits for room. The kernel's own
few words about a request don't, so that an interrupted cell is told to have ended while its output still waits.
"""

import atexit
import os
import sys
import time
from collections import defaultdict, deque
from io import StringIO
from threading import Event, current_thread

import zmq

_QUEUED_MESSAGES = 1000
_QUEUED_BYTES = 4 << 20
_FLYING_BYTES = 4 << 20
# Counted in bytes; of smaller ones libzmq holds as many as its high-water mark says, 1000.
_LARGE_BYTES = 1 << 14
_TEXT_CHARACTERS = 1 << 16
# JSON makes six bytes of a control character: below 1 MB whatever the text.
_SLICE_CHARACTERS = 1 << 17
_ECHOED_CHARACTERS = 1 << 20
_HISTORY_CHARACTERS = 1 << 20
_HISTORY_SPARED_CHARACTERS = 1 << 18
_HISTORY_ENTRY_CHARACTERS = 200
_STUCK_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.03
_OWN_TOPICS = (b".status", b".error", b".execute_input", b".debug_event", b".shutdown")


def keep_output(app) -> None:
    output = Output(app.iopub_thread, getattr(app, "control_thread", None))
    history = History(app.shell)
    for stream in (sys.stdout, sys.stderr):
        Text(stream, output, history)
    app.shell and app.shell.events.register("post_run_cell", history.spare)
    # What is queued when the kernel ends by itself is owed too; who wants it gone sooner kills it.
    atexit.register(output.wait_until_sent)


class Output:
    """Takes the place of the queue of an IOPubThread: same order, bounded, and never full for the thread itself."""

    def __init__(self, iopub, control_thread) -> None:
        self._iopub = iopub
        self._really_send = iopub._really_send
        self._queue: deque = iopub._events
        self._flying: deque = deque()
        self._sending_since: float | None = None
        self._draining = False
        self._never_waits = (iopub.thread, control_thread)
        self.direct = False
        iopub.socket.copy_threshold = _LARGE_BYTES
        iopub.io_loop.add_callback(iopub.socket.setsockopt, zmq.XPUB_NODROP, 1)
        iopub.io_loop.add_callback(iopub.socket.setsockopt, zmq.LINGER, -1)
        iopub.schedule, iopub.send_multipart = self.schedule, self.send

    @property
    def alive(self) -> bool:
        """False in a forked child too."""
        return self._iopub.thread.is_alive()

    @property
    def stuck(self) -> bool:
        """Whether the agent lets the kernel wait."""
        since = self._sending_since
        return since is not None and time.monotonic() - since > _STUCK_SECONDS

    def may_wait(self) -> bool:
        """The control thread has to answer, and its own thread is what the others wait for."""
        return current_thread() not in self._never_waits

    def schedule(self, call) -> None:
        if self.alive:
            self._queue.append(call)
            self._iopub.io_loop.add_callback(self._drain)
        else:
            call()

    def send(self, parts, *args, **kwargs) -> None:
        message = _Message(self, parts, args, kwargs)
        if self.direct and current_thread() is self._iopub.thread:
            message()
            return
        own = bytes(parts[0]).endswith(_OWN_TOPICS)
        self.wait_for_room(message.size >= _LARGE_BYTES, 10 * _QUEUED_MESSAGES if own else _QUEUED_MESSAGES)
        self.schedule(message)

    def wait_for_room(self, large: bool, messages: int = _QUEUED_MESSAGES) -> None:
        """Returns when one more may be queued. SIGINT is heard here."""
        pause = 0.001
        while self._full(large, messages) and self.may_wait() and self.alive:
            time.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE_SECONDS)

    def _full(self, large: bool, messages: int) -> bool:
        if len(self._queue) > messages:
            return True
        try:
            # Added up anew: a counter would go wrong where an interrupt comes between it and the queue.
            return large and sum(getattr(call, "size", 0) for call in self._queue.copy()) > _QUEUED_BYTES
        except RuntimeError:  # the queue changed meanwhile
            return True

    def send_now(self, message: "_Message") -> None:
        """In the IOPub thread, which may wait here for the agent."""
        iopub = self._iopub
        if message.size < _LARGE_BYTES or not iopub._is_master_process() or iopub.closed:
            self._sending_since = time.monotonic()
            self._really_send(message.parts, *message.args, **message.kwargs)
        else:
            self._sending_since = time.monotonic()
            self._make_flight_room(message.size)
            parts = list(message.parts)
            largest = max(range(len(parts)), key=lambda index: _bytes_of(parts[index]))
            parts[largest] = frame = zmq.Frame(parts[largest], track=True, copy=False)
            iopub.socket.send_multipart(parts, copy=False)
            self._flying.append((frame.tracker, message.size))
        self._sending_since = None

    def _make_flight_room(self, size: int) -> None:
        """libzmq bounds the number of messages it holds, not their bytes."""
        flying = self._flying
        while flying and flying[0][0].done:
            flying.popleft()
        while flying and size + sum(held for _, held in flying) > _FLYING_BYTES:
            flying.popleft()[0].wait()

    def _drain(self) -> None:
        self._draining = True
        try:
            for _ in range(len(self._queue)):
                self._queue.popleft()()
        except BaseException:
            self._iopub.io_loop.add_callback(self._drain)
            raise
        finally:
            self._draining = False

    def wait_until_passed(self) -> None:
        """What is queued now went to libzmq when this returns, unless that is stuck."""
        if (self._queue or self._draining) and not self.stuck and self.may_wait() and self.alive:
            passed = Event()
            self.schedule(passed.set)
            while not passed.wait(_STUCK_SECONDS / 2) and not self.stuck and self.alive:
                pass

    def wait_until_sent(self) -> None:
        while (self._queue or self._draining) and self.alive:
            time.sleep(_LONGEST_PAUSE_SECONDS)


def _bytes_of(part) -> int:
    return part.nbytes if isinstance(part, memoryview) else len(part)


class _Message:
    __slots__ = ("_output", "args", "kwargs", "parts", "size")

    def __init__(self, output: Output, parts: list, args: tuple, kwargs: dict) -> None:
        self._output = output
        self.parts, self.args, self.kwargs = parts, args, kwargs
        self.size = sum(map(_bytes_of, parts))

    def __call__(self) -> None:
        self._output.send_now(self)


class _Gathered:
    """Text of one stream, by parent, in its place in the queue."""

    __slots__ = ("_by_parent", "_text", "size")

    def __init__(self, text: "Text", by_parent: dict, size: int) -> None:
        self._text, self._by_parent, self.size = text, by_parent, size

    def __call__(self) -> None:
        self._text.send(self._by_parent)


class Text:
    """Takes the place of write and flush of an OutStream."""

    def __init__(self, stream, output: Output, history: "History") -> None:
        self._stream = stream
        self._output = output
        self._history = history
        self._write = stream.write
        self._stock_flush, self._stock_buffers = stream._flush, stream._flush_buffers
        self._unsent = self._echoed = 0
        self._sending: list | None = None
        stream.write, stream.flush, stream._flush = self.write, self.flush, self._queue
        stream._flush_buffers = self._slices

    def write(self, text: str) -> int | None:
        if isinstance(text, str) and len(text) > _TEXT_CHARACTERS:
            for start in range(0, len(text), _TEXT_CHARACTERS):
                self.write(text[start : start + _TEXT_CHARACTERS])
            return len(text)
        # Here and not in a flush: that one, the kernel does itself before it tells the end of a cell.
        self._output.wait_for_room(isinstance(text, str) and len(text) >= _LARGE_BYTES)
        count = self._write(text)
        self._unsent += len(text)
        if self._unsent >= _TEXT_CHARACTERS:
            self._spare_log()
            self._history.grew(self._unsent)
            self._output.wait_for_room(True)
            self._queue()
        return count

    def flush(self) -> None:
        """Returns when all that was written went out, or when the agent lets the kernel wait."""
        self._queue()
        self._output.wait_until_passed()

    def _queue(self) -> None:
        """What was gathered takes its place among the messages. An interrupt at any point here loses nothing."""
        stream = self._stream
        if not self._output.alive:
            self._stock_flush()
            return
        stream._flush_pending = False
        with stream._buffer_lock:
            if not stream._buffers:
                return
            gathered, self._unsent = _Gathered(self, stream._buffers, self._unsent), 0
            self._output.schedule(gathered)
            stream._buffers = defaultdict(StringIO)

    def send(self, by_parent: dict) -> None:
        with self._stream._buffer_lock:
            self._sending = [(dict(parent), buffer.getvalue()) for parent, buffer in by_parent.items()]
            by_parent.clear()
        self._output.direct = True
        try:
            self._stock_flush()
        finally:
            self._output.direct = False

    def _slices(self):
        sending, self._sending = self._sending, None
        for parent, text in self._stock_buffers() if sending is None else sending:
            for start in range(0, len(text), _SLICE_CHARACTERS):
                yield parent, text[start : start + _SLICE_CHARACTERS]

    def _spare_log(self) -> None:
        """What child processes print, ipykernel repeats on the kernel's own stdout, which is a file here."""
        stream = self._stream
        if current_thread() is not getattr(stream, "watch_fd_thread", None) or self._echoed > _ECHOED_CHARACTERS:
            return
        self._echoed += self._unsent
        if self._echoed > _ECHOED_CHARACTERS:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream._original_stdstream_copy, inheritable=False)
            os.close(nowhere)


class History:
    """IPython keeps what each cell printed, for ever, for %notebook: the newest megabyte of a cell stays."""

    def __init__(self, shell) -> None:
        self._outputs = getattr(getattr(shell, "history_manager", None), "outputs", None)
        self._grown = 0

    def grew(self, characters: int) -> None:
        self._grown += characters
        if self._grown > _HISTORY_SPARED_CHARACTERS:
            self.spare()

    def spare(self, _result=None) -> None:
        self._grown = 0
        if not self._outputs:
            return
        cell = self._outputs[next(reversed(self._outputs))]
        room = _HISTORY_CHARACTERS
        kept = []
        for entry in reversed(cell):
            if entry.output_type.endswith("_stream"):
                if room <= 0:
                    continue
                text = "".join(entry.bundle["stream"])
                entry.bundle["stream"][:] = [text[-room:]]
                room -= len(text) + _HISTORY_ENTRY_CHARACTERS
            kept.append(entry)
        cell[:] = kept[::-1]
