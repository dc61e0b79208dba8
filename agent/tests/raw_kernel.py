"""A kernel of plain sockets for the benchmark: answers kernel_info, floods iopub when asked to execute "count size".

Run by the agent as a generic kernel: `python raw_kernel.py {connection_file}`.
"""

import json
import socket
import sys

from beamgate_agent.zmtp import _GREETING, _command, _property, encode

PORTS = {"iopub": 2, "shell": 1, "control": 4, "stdin": 3}


class Peer:
    def __init__(self, path, kind):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.kind = kind
        self.data = b""

    def accept(self):
        self.sock, _ = self.listener.accept()
        self.sock.sendall(_GREETING + b"".join(_command(b"READY", _property(b"Socket-Type", self.kind))))
        self.read(64)
        while b"READY" not in self.frame()[1]:
            pass

    def read(self, count):
        while len(self.data) < count:
            data = self.sock.recv(65536)
            if not data:
                sys.exit(0)
            self.data += data
        out, self.data = self.data[:count], self.data[count:]
        return out

    def frame(self):
        flags = self.read(1)[0]
        size = int.from_bytes(self.read(8 if flags & 2 else 1), "big")
        return flags, self.read(size)

    def message(self):
        parts = []
        while True:
            flags, part = self.frame()
            parts.append(part)
            if not flags & 1:
                return parts

    def send(self, parts):
        self.sock.sendall(b"".join(encode(parts)))


def header(kind, number=0):
    return json.dumps({"msg_id": f"raw_{number}", "msg_type": kind, "session": "raw", "username": "u", "date": "2026-01-01T00:00:00.000000Z", "version": "5.3"}).encode()  # fmt: skip  # noqa: E501


def main():
    with open(sys.argv[1]) as file:
        ip = json.load(file)["ip"]
    peers = {name: Peer(f"{ip}-{port}", b"XPUB" if name == "iopub" else b"ROUTER") for name, port in PORTS.items()}
    for peer in peers.values():
        peer.accept()
    iopub, shell = peers["iopub"], peers["shell"]
    iopub.message()

    def publish(kind, parent, content, *buffers):
        iopub.send(
            [b"topic", b"<IDS|MSG>", b"0" * 64, header(kind), parent, b"{}", json.dumps(content).encode(), *buffers]
        )

    while True:
        tag, _, _, parent, _, _, content, *_ = shell.message()
        publish("status", parent, {"execution_state": "busy"})
        if b"kernel_info_request" in parent:
            shell.send([tag, b"<IDS|MSG>", b"", header("kernel_info_reply"), parent, b"{}", b"{}"])
        else:
            count, size = map(int, json.loads(content)["code"].split())
            text = json.dumps({"data": {"text/plain": "x" * (0 if size > 100_000 else size)}, "metadata": {}}).encode()
            buffers = [b"x" * size] if size > 100_000 else []
            one = encode([b"kernel.display_data", b"<IDS|MSG>", b"0" * 64, header("display_data"), parent, b"{}", text, *buffers])  # fmt: skip  # noqa: E501
            chunk = max(1, 262_144 // size)
            for start in range(0, count, chunk):
                iopub.sock.sendall(b"".join(one) * min(chunk, count - start))
            shell.send([tag, b"<IDS|MSG>", b"", header("execute_reply"), parent, b"{}", b"{}"])
        publish("status", parent, {"execution_state": "idle"})


if __name__ == "__main__":
    main()
