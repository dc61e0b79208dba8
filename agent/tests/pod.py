"""An agent as in a pod, for the tests: two users in a network of their own, which stands for the pod's containers."""

import ctypes
import fcntl
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import uuid
from contextlib import contextmanager

import pytest
from client import MAIN, SECONDS, Client

from beamgate_agent.frames import WELCOME

PORT = 7100
AGENT_UID = 65534
# It may read the checkout and the virtual environment, wherever they lie.
AS_AGENT = ["setpriv", f"--reuid={AGENT_UID}", f"--regid={AGENT_UID}", "--clear-groups"] + [
    f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")
]
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


@contextmanager
def own_network():
    """Abstract sockets and ports of this thread, and of what it starts, are its own meanwhile"""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        if os.getuid() != 0 or libc.unshare(_CLONE_NEWNET) != 0:
            pytest.skip("a pod's two users and its network can be had by root alone")
        try:
            with socket.socket() as any_socket:
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _IFF_UP))
            yield
        finally:
            assert libc.setns(before.fileno(), 0) == 0


def certificate(folder, name):
    """@returns the spec's `tls`"""
    if not shutil.which("openssl"):
        pytest.skip("certificates are made by the openssl command")
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, "-subj", f"/CN={name}", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    return {"certificate": cert.read_text(), "key": key.read_text(), "files": (cert, key)}


class PodClient(Client):
    """`tls` is what it shows; None speaks in the clear."""

    def __init__(self, tls, trusted=None):
        super().__init__(None, sock=self._connect(tls, trusted or tls))

    @staticmethod
    def _connect(tls, trusted):
        plain = socket.create_connection(("127.0.0.1", PORT), SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return plain
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=trusted["certificate"])
        if tls["files"]:
            context.load_cert_chain(*tls["files"])
        return context.wrap_socket(plain)


class Pod:
    """The agent as a user that is nobody, and boot_pod as the tests' own; `boot` starts the second."""

    def __init__(self, folder, **changes):
        self.folder = folder
        self.tls = certificate(folder, "pod")
        self.spec = {
            "kernelId": str(uuid.uuid4()),
            "directory": "@beamgate",
            "socket": f"127.0.0.1:{PORT}",
            "record": "",
            "clientToken": "client-token",
            "controlToken": "control-token",
            "tls": {name: self.tls[name] for name in ("certificate", "key")},
            "kernel": {"kind": "pod", "python": sys.executable},
            "env": {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            "cwd": "",
            "limits": {"memoryBytes": None, "cpuMilli": None, "cgroups": False},
            "ringBytes": 64 << 20,
            "retentionSeconds": 3600,
            "unclaimedSeconds": 300,
            "orphanSeconds": 86400,
            "lingerSeconds": 60,
            **changes,
        }
        reader, writer = os.pipe()
        self.log = open(folder / "agent.log", "wb")  # noqa: SIM115
        start = ["bash", "-c", f'exec "$@" 3>&{writer}', "bash", *AS_AGENT, sys.executable, "-I", "-S", "-X", "utf8"]
        self.agent = subprocess.Popen(
            [*start, str(MAIN), "env:SPEC"],
            env={"PATH": os.environ["PATH"], "SPEC": json.dumps(self.spec)},
            pass_fds=(writer,),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            cwd="/",
        )
        os.close(writer)
        with os.fdopen(reader) as home_line:
            self.called_home = home_line.readline()
        assert self.called_home == "listening\n", (self.called_home, (folder / "agent.log").read_text())
        self.clients = []
        self.supervisor = None

    def boot(self, uid=AGENT_UID, prefix=()):
        """@param uid  whom it takes for the agent"""
        text = (MAIN.parent / "boot_pod.py").read_text()
        command = [*prefix, sys.executable, "-I", "-S", "-c", text, str(uid)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self.log, start_new_session=True)

    def connect(self, *tls):
        client = PodClient(*(tls or (self.tls,)))
        self.clients.append(client)
        return client

    def control(self):
        client = self.connect()
        assert client.hello(role="control", token="control-token", term=1).kind == WELCOME, client.messages
        return client

    def client(self):
        client = self.connect()
        assert client.hello(role="client", token="client-token", session=client.session).kind == WELCOME
        return client

    def claim(self, control):
        """Until it is ready"""
        result = control.call("claim", env={}, kernelId=self.spec["kernelId"], key=uuid.uuid4().hex)
        assert "pid" in result, result
        control.until_event("ready")

    def close(self):
        for client in self.clients:
            client.close()
        self.agent.kill()
        self.agent.wait()
        if self.supervisor:
            # It ends with the agent; its kernel, outside of a container, with the group.
            self.supervisor.wait(SECONDS)
        self.log.close()
