"""Reading a socket, into one buffer for all: a fresh one each time costs three system calls and its pages."""

import socket

CHUNK = 1 << 18

_FIRST_BYTES = 1 << 22

_buffer = bytearray(CHUNK)
_view = memoryview(_buffer)


def receive(sock: socket.socket) -> bytes:
    """What has come, at most a chunk. @raises BlockingIOError when there is nothing, EOFError at the end"""
    count = sock.recv_into(_buffer)
    if not count:
        raise EOFError
    return _view[:count].tobytes()


class Long:
    """A body that takes many reads. It grows as it comes: a length alone must not cost a gigabyte."""

    __slots__ = ("_filled", "_size", "data")

    def __init__(self, size: int, start: bytes) -> None:
        self._size = size
        self._filled = len(start)
        self.data = bytearray(min(size, max(_FIRST_BYTES, 2 * self._filled)))
        self.data[: self._filled] = start

    def fill(self, sock: socket.socket) -> None:
        """Until it is whole. @raises BlockingIOError when there is no more now, EOFError at the end"""
        while self._filled < self._size:
            if self._filled == len(self.data):
                self.data.extend(bytes(min(self._filled, self._size - self._filled)))
            with memoryview(self.data) as view, view[self._filled :] as room:
                count = sock.recv_into(room)
            if not count:
                raise EOFError
            self._filled += count
