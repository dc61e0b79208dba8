"""A blocking client of the agent stream, and a launcher of agents, for the tests."""

import fcntl
import json
import os
import select
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

from beamgate_agent.frames import (
    ACK,
    CALL,
    EVENT,
    HEADER,
    HEADER_SIZE,
    HELLO,
    MSG,
    RESULT,
    WELCOME,
    frame,
    json_frame,
    message_frame,
    unpack_message,
)

MAIN = Path(__file__).parents[1] / "beamgate_agent" / "__main__.py"
SECONDS = 60


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def wait_gone(pid):
    """A process that is nobody's child here ends; a pidfd tells"""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert gone(pid) or select.select([fd], [], [], SECONDS)[0], f"process {pid} lives"
    finally:
        os.close(fd)


class Message:
    """One MSG, EVENT or other frame, with its parts parsed."""

    def __init__(self, kind, seq, body):
        self.kind, self.seq = kind, seq
        self.channel = self.type = self.event = None
        if kind == MSG:
            self.channel, self.parts = unpack_message(body)
            self.header, self.parent, self.metadata, self.content = (json.loads(part) for part in self.parts[:4])
            self.buffers = self.parts[4:]
            self.type = self.header["msg_type"]
        else:
            self.value = json.loads(body) if body else {}
            self.event = self.value.get("event") if kind == EVENT else None

    def __repr__(self):
        return f"<{self.seq} {self.channel}:{self.type} {self.content}>" if self.type else f"<{self.seq} {self.value}>"


class Closed(Exception):
    pass


class Client:
    """`messages` is all that came, in order; `acknowledge` says whether to ack what comes."""

    def __init__(self, path, acknowledge=True, sock=None):
        """@param sock  connected already; `path` is then of no use"""
        self.sock = sock or socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        if not sock:
            self.sock.connect(str(path))
        self.acknowledge = acknowledge
        self.data = b""
        self.messages = []
        self.input = 0
        self.calls = 0
        self.session = uuid.uuid4().hex

    def close(self):
        self.sock.close()

    def raw(self, data):
        self.sock.sendall(data)

    def hello(self, **fields):
        self.raw(json_frame(HELLO, 0, {"v": 1, **fields}))
        message = self.next()
        if message.kind == WELCOME:
            self.welcome = message.value
            self.input = self.welcome["inputLast"]
        return message

    def next(self):
        while True:
            if len(self.data) >= HEADER_SIZE:
                size, kind, _, _, seq = HEADER.unpack_from(self.data)
                if len(self.data) >= HEADER_SIZE + size:
                    body = self.data[HEADER_SIZE : HEADER_SIZE + size]
                    self.data = self.data[HEADER_SIZE + size :]
                    message = Message(kind, seq, body)
                    self.messages.append(message)
                    if self.acknowledge and kind in (MSG, EVENT) and seq:
                        try:
                            self.raw(frame(ACK, seq))
                        except OSError:
                            pass
                    return message
            try:
                data = self.sock.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Closed
            self.data += data

    def until(self, want):
        """The next frame for which `want` holds; a socket timeout fails the test."""
        while True:
            message = self.next()
            if want(message):
                return message

    def until_event(self, name):
        return self.until(lambda m: m.event == name)

    def send(self, channel, msg_type, content, seq=None, msg_id=None, buffers=()):
        if seq is None:
            self.input += 1
            seq = self.input
        msg_id = msg_id or uuid.uuid4().hex
        header = {"msg_id": msg_id, "msg_type": msg_type, "session": self.session, "username": "", "version": "5.3"}
        header["date"] = "2026-01-01T00:00:00Z"
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        self.raw(message_frame(seq, channel.encode(), [*parts, *buffers]))
        return msg_id

    def execute(self, code, **options):
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": True, "stop_on_error": True}
        return self.send("shell", "execute_request", content, **options)

    def reply(self, msg_id):
        return self.until(lambda m: m.channel == "shell" and m.parent["msg_id"] == msg_id)

    def idle(self, msg_id):
        return self.until(
            lambda m: m.type == "status" and m.content["execution_state"] == "idle" and m.parent["msg_id"] == msg_id
        )

    def finish(self, msg_id):
        """Reply and idle of a request, in whatever order and also if they came before; @returns the reply"""

        def of_request(message):
            return bool(message.channel) and message.parent.get("msg_id") == msg_id

        def find():
            mine = [m for m in self.messages if of_request(m)]
            idle = any(m.type == "status" and m.content["execution_state"] == "idle" for m in mine)
            replies = [m for m in mine if m.channel == "shell"]
            return replies[0] if idle and replies else None

        while not find():
            self.until(of_request)
        return find()

    def run(self, code):
        """Execute and @returns (reply, text of stdout)"""
        start = len(self.messages)
        msg_id = self.execute(code)
        reply = self.finish(msg_id)
        output = [
            m.content["text"] for m in self.messages[start:] if m.type == "stream" and m.content["name"] == "stdout"
        ]
        return reply, "".join(output)

    def call(self, verb, **arguments):
        """RESULT of a call"""
        call = self.start_call(verb, **arguments)
        return self.until(lambda m: m.kind == RESULT and m.seq == call).value

    def start_call(self, verb, **arguments):
        self.calls += 1
        self.raw(json_frame(CALL, self.calls, {"verb": verb, **arguments}))
        return self.calls


class AgentProcess:
    """An agent as the launcher starts it."""

    def __init__(self, directory, kernel=None, limits=None, env=None, **changes):
        self.directory = Path(directory)
        self.kernel_id = str(uuid.uuid4())
        self.record_path = self.directory.parent / f"{self.kernel_id}.json"
        home = self.directory.parent / "home"
        home.mkdir(exist_ok=True)
        self.spec = {
            "kernelId": self.kernel_id,
            "directory": str(self.directory),
            "socket": str(self.directory / "agent.sock"),
            "record": str(self.record_path),
            "clientToken": "client-token",
            "controlToken": "control-token",
            "kernel": kernel or {"kind": "python", "python": sys.executable},
            "env": {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **(env or {})},
            "cwd": str(self.directory.parent),
            "limits": {"memoryBytes": None, "cpuMilli": None, "cgroups": True, **(limits or {})},
            "ringBytes": 64 << 20,
            "retentionSeconds": 3600,
            "unclaimedSeconds": 300,
            "orphanSeconds": 86400,
            "lingerSeconds": 60,
            **changes,
        }
        self.directory.mkdir(mode=0o700)
        spec_path = self.directory / "spec.json"
        spec_path.write_text(json.dumps(self.spec))
        reader, pipe_end = os.pipe()
        writer = fcntl.fcntl(pipe_end, fcntl.F_DUPFD, 10)
        os.close(pipe_end)
        self.started = time.perf_counter()
        self.log_path = self.directory.parent / f"{self.kernel_id}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", f'exec "$@" 3>&{writer} {writer}>&-', "bash", sys.executable, "-I", "-S", "-X", "utf8",
                 str(MAIN), str(spec_path)],
                pass_fds=(writer,), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
            )  # fmt: skip
        os.close(writer)
        with os.fdopen(reader) as home_line:
            self.called_home = home_line.readline()
        self.path = self.spec["socket"]
        self.clients = []

    def control(self, term=1):
        client = self.connect()
        assert client.hello(role="control", token="control-token", term=term).kind == WELCOME, client.messages
        return client

    def client(self, session=None, **fields):
        client = self.connect()
        client.session = session or uuid.uuid4().hex
        welcome = client.hello(role="client", token="client-token", session=client.session, **fields)
        assert welcome.kind == WELCOME, welcome
        return client

    def connect(self, **options):
        client = Client(self.path, **options)
        self.clients.append(client)
        return client

    def claim(self, **changes):
        return {"env": {"CLAIMED": "yes"}, "kernelId": self.kernel_id, "key": uuid.uuid4().hex, **changes}

    def ready(self, **changes):
        """A control connection on a kernel that was claimed and is ready"""
        control = self.control()
        result = control.call("claim", **self.claim(**changes))
        assert "pid" in result, result
        control.until_event("ready")
        return control

    def kernel_pid(self):
        return json.loads(self.record_path.read_text())["kernelPid"]

    def wait(self):
        return self.process.wait(SECONDS)

    def close(self):
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
