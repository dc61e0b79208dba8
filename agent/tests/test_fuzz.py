"""Malformed frames: 1,000 of each kind, 100,000 with BEAMGATE_FULL=1. BEAMGATE_SEED repeats a run."""

import os
import random
import re
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

import junk
import pytest
from client import AgentProcess
from flood import FULL

from beamgate_agent import zmtp
from beamgate_agent.frames import HEADER, HEADER_SIZE, HELLO, WELCOME, json_frame

COUNT = 100_000 if FULL else 1000
# Among them a few times what a body that only begins is given, 4 MB, which malloc does not hand back at once.
GROWTH_BYTES = 16 << 20
GREETED = json_frame(HELLO, 0, {"v": 1, "role": "client", "token": "client-token", "session": "f", "ephemeral": True})


@pytest.fixture
def rng():
    seed = int(os.environ.get("BEAMGATE_SEED") or random.SystemRandom().getrandbits(32))
    print(f" seed {seed}", end="")
    return random.Random(seed)


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Watch:
    """Memory and descriptors of an agent, before and after."""

    def __init__(self, agent):
        self.pid = agent.process.pid
        self.before = resident(self.pid), descriptors(self.pid)
        self.started = time.monotonic()

    def check(self, count):
        memory, files = resident(self.pid) - self.before[0], descriptors(self.pid) - self.before[1]
        print(f" {count} in {time.monotonic() - self.started:.0f} s, {memory >> 10:+} KB, {files:+} fds", end="")
        assert memory < GROWTH_BYTES
        assert files <= 0


def check_log(agent):
    """The kernel may complain of what it got; the agent has no errors but those it tells the client"""
    assert not re.search(r"beamgate_agent/(?!boot)", agent.log_path.read_text())


def attack(path, rng):
    """One connection, malformed at its greeting or after; @returns whether the agent took it or closed it in time"""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(path)
        try:
            if rng.randrange(4):
                sock.sendall(GREETED)
                size, kind, *_ = HEADER.unpack(sock.recv(HEADER_SIZE, socket.MSG_WAITALL))
                assert kind == WELCOME
                sock.recv(size, socket.MSG_WAITALL)
                sock.sendall(junk.agent_frame(rng))
            else:
                sock.sendall(junk.greeting(rng))
            if rng.randrange(2):  # else gone at once
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1 << 16):
                    pass
        except (BrokenPipeError, ConnectionResetError):
            pass


def test_malformed_frames_of_clients_harm_nobody_else(agent, rng):
    bystander = agent.client("bystander")
    # Interpreter caches and buffers are paid before the measuring.
    for _ in range(500):
        attack(agent.path, rng)
    bystander.run("x = 1")
    watch = Watch(agent)
    for n in range(COUNT):
        attack(agent.path, rng)
        if n % (COUNT // 10) == 0:
            assert bystander.run("print(x)")[1] == "1\n"
            bystander.messages.clear()
    while agent.launcher.call("stats")["attached"] > 1:
        pass
    watch.check(COUNT)
    check_log(agent)
    assert agent.launcher.call("stats")["sessions"] < 20


def test_malformed_messages_of_a_kernel_do_not_end_its_agent(start, rng):
    tests = Path(__file__).parent
    kernel = {
        "kind": "generic",
        "argv": [sys.executable, str(tests / "junk_kernel.py"), "{connection_file}"],
        "interruptMode": "signal",
        "resourceDir": "",
    }
    agent: AgentProcess = start(kernel=kernel, env={"PYTHONPATH": f"{tests.parent}:{tests}"})
    agent.ready()
    client = agent.client()
    client.next = lambda: raw_next(client)
    watch = None
    for count in (500, *[COUNT // 10] * 10):
        msg_id = client.execute(f"{rng.getrandbits(32)} {count}").encode()
        while msg_id not in (body := client.next()) or b"execute_reply" not in body:
            pass
        watch = watch or Watch(agent)
    watch.check(COUNT)
    check_log(agent)


def raw_next(client):
    """The next body, unparsed, acknowledged"""
    while True:
        if len(client.data) >= HEADER_SIZE:
            size, _kind, _, _, seq = HEADER.unpack_from(client.data)
            if len(client.data) >= HEADER_SIZE + size:
                body, client.data = client.data[HEADER_SIZE : HEADER_SIZE + size], client.data[HEADER_SIZE + size :]
                if seq:
                    client.raw(HEADER.pack(0, 2, 0, 0, seq))
                return body
        data = client.sock.recv(1 << 16)
        assert data
        client.data += data


def test_malformed_bytes_of_a_kernel_are_a_link_error_and_no_other(folder, rng):
    path = str(folder / "z")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    handshake = zmtp._GREETING + b"".join(zmtp._command(b"READY", zmtp._property(b"Socket-Type", b"ROUTER")))
    refused = taken = 0
    for _ in range(COUNT):
        message = b"".join(zmtp.encode(junk.kernel_parts(rng)))
        data = junk.mutate(rng, handshake + message) if rng.randrange(3) == 0 else handshake + junk.mutate(rng, message)
        link = zmtp.Link(path, "DEALER")
        peer, _ = listener.accept()
        peer.sendall(data)
        peer.close()
        try:
            while select.select([link.sock], [], [], 5)[0]:
                taken += len(link.receive())
        except zmtp.LinkError:
            refused += 1
        except (EOFError, BlockingIOError, ConnectionResetError):
            pass
        finally:
            link.close()
    listener.close()
    assert refused
    assert taken


def test_guided_by_coverage_nothing_but_the_stated_errors_comes_out(rng, tmp_path):
    pytest.importorskip("atheris")
    runs = COUNT
    command = [sys.executable, str(Path(__file__).with_name("fuzz_parsers.py")), f"-runs={runs}"]
    command += [f"-seed={rng.getrandbits(31)}", f"-artifact_prefix={tmp_path}/", "-max_len=600"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {runs} runs" in done.stderr
