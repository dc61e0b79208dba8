"""The kernel of a pod, in the container beside: started and ended through boot_pod, which is that container's PID 1."""

import json
import os
import socket
import struct
from collections.abc import Callable

from .boot_pod import NAME, PACKET
from .loop import READ, Loop

_HERE = os.path.dirname(os.path.abspath(__file__))
_SENT_FILES = ("boot.py", "boot_output.py")
_MAX_DESCRIPTORS = 4
_CHUNK = 1 << 16
CONTAINER_ENDED = "the container of the kernel has ended"


def _boot_files() -> dict[str, str]:
    files = {}
    for name in _SENT_FILES:
        with open(os.path.join(_HERE, name), encoding="utf-8") as file:
            files[name] = file.read()
    return files


class Supervisor:
    """The other container's first process. The first that comes is taken, before any code of a user runs."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: list[dict] = []
        self._peer: socket.socket | None = None
        self.on_packet: Callable[[dict, list[int]], None] = lambda *_: None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(NAME)
        self._listener.listen(1)
        loop.watch(self._listener.fileno(), READ, self._accept)

    def send(self, kind: str, **fields) -> None:
        message = {"kind": kind, **fields}
        if self._peer is None:
            self._waiting.append(message)
            return
        self._peer.setblocking(True)
        try:
            self._peer.send(json.dumps(message).encode())
            self._peer.setblocking(False)
        except OSError:
            pass  # its end is read

    def _accept(self, _mask: int) -> None:
        peer, _ = self._listener.accept()
        _pid, uid, _gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid == os.getuid():
            # The kernel's container has a user of its own; ours has no business here.
            peer.close()
            return
        self._loop.unwatch(self._listener.fileno())
        self._listener.close()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PACKET)
        self._peer = peer
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self.send(message.pop("kind"), **message)
        peer.setblocking(False)
        self._loop.watch(peer.fileno(), READ, lambda _mask: self._read(peer))

    def _read(self, peer: socket.socket) -> None:
        try:
            packet, descriptors, _flags, _address = socket.recv_fds(peer, PACKET, _MAX_DESCRIPTORS)
        except BlockingIOError:
            return
        except OSError:
            packet, descriptors = b"", []
        if packet:
            self.on_packet(json.loads(packet), descriptors)
            return
        self._loop.unwatch(peer.fileno())
        # Nobody told whether for its memory: the pod's status does.
        self.on_packet({"kind": "exit", "code": None, "signal": 9, "outOfMemory": False, "error": CONTAINER_ENDED}, [])


class PodProcess:
    """One process of the kernel, with the hooks of KernelProcess."""

    def __init__(self, loop: Loop, supervisor: Supervisor, argv: list[str], env: dict[str, str], cwd: str, connection):
        """@param connection  name and text of the connection file"""
        self._loop = loop
        self._supervisor = supervisor
        self.on_boot: Callable[[dict], None] = lambda _: None
        self.on_boot_closed: Callable[[], None] = lambda: None
        self.on_exit: Callable[[int | None, int | None], None] = lambda *_: None
        self.pid: int | None = None
        self.out_of_memory = False
        self._boot: socket.socket | None = None
        self._rest = b""
        self._alive = True
        self._measuring: list[Callable[[dict], None]] = []
        supervisor.on_packet = self._on_packet
        files = {**_boot_files(), connection[0]: connection[1]}
        supervisor.send("start", files=files, argv=argv, env=env, cwd=cwd)

    def say(self, message: dict) -> None:
        if self._boot:
            self._boot.setblocking(True)
            try:
                self._boot.sendall(json.dumps(message).encode() + b"\n")
            except OSError:
                return
            self._boot.setblocking(False)

    def signal(self, signum: int, group: bool) -> None:
        if self._alive:
            self._supervisor.send("signal", signum=int(signum), group=group)

    def kill(self) -> None:
        """Its container's first process ends with ours, and all of it with that."""
        self.signal(9, True)

    def measure(self, answer: Callable[[dict], None]) -> None:
        """`answer` gets rssBytes and cpuSeconds."""
        self._measuring.append(answer)
        self._supervisor.send("measure")

    def _on_packet(self, message: dict, descriptors: list[int]) -> None:
        kind = message["kind"]
        if kind == "started":
            self.pid = message["pid"]
            self._boot = socket.socket(fileno=descriptors[0])
            self._boot.setblocking(False)
            self._loop.watch(self._boot.fileno(), READ, lambda _mask: self._read_boot())
        elif kind == "measured":
            waiting, self._measuring = self._measuring, []
            for answer in waiting:
                answer(message)
        elif kind == "exit" and self._alive:
            self._alive = False
            if "error" in message:
                self.on_boot({"error": message["error"]})
            self.out_of_memory = message["outOfMemory"]
            self._read_boot()
            self._close_boot()
            waiting, self._measuring = self._measuring, []
            for answer in waiting:
                answer({"rssBytes": 0, "cpuSeconds": 0})
            self.on_exit(message["code"], message["signal"])

    def _read_boot(self) -> None:
        while self._boot:
            try:
                data = self._boot.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._close_boot()
                self.on_boot_closed()
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self.on_boot(json.loads(line))

    def _close_boot(self) -> None:
        if self._boot:
            self._loop.unwatch(self._boot.fileno())
            self._boot.close()
            self._boot = None
