"""Reading a socket, into one buffer for all: a fresh one each time costs three system calls and its pages."""

import socket

CHUNK = 1 << 18

_buffer = bytearray(CHUNK)
_view = memoryview(_buffer)


def receive(sock: socket.socket) -> bytes:
    """What has come, at most a chunk. @raises BlockingIOError when there is nothing, EOFError at the end"""
    count = sock.recv_into(_buffer)
    if not count:
        raise EOFError
    return _view[:count].tobytes()
