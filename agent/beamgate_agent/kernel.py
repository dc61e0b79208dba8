"""One kernel process: started by fork and exec, watched by a pidfd, spoken to over an inherited socket by boot."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable

from . import proc
from .loop import READ, Loop

_HERE = os.path.dirname(os.path.abspath(__file__))
_CHUNK = 1 << 16
CLAIM_FD = "BEAMGATE_CLAIM_FD"

# Turns the forked child into a kernel; gets its descriptor of the boot socket and does not return.
Become = Callable[[int], None]


class KernelProcess:
    """`on_boot` gets what boot says, one dict each; `on_exit(code, signal)` comes once, after all of them."""

    def __init__(
        self,
        loop: Loop,
        become: Become,
        cwd: str,
        join: list[str],
    ) -> None:
        """@param become  makes the kernel of the child, given the child's descriptor of the boot socket
        @param join  cgroup.procs files that the child writes itself into before exec"""
        self._loop = loop
        self.on_boot: Callable[[dict], None] = lambda _: None
        self.on_boot_closed: Callable[[], None] = lambda: None
        self.on_exit: Callable[[int | None, int | None], None] = lambda *_: None
        self._rest = b""
        # Told by who watches the limits.
        self.out_of_memory = False
        ours, theirs = socket.socketpair()
        self._boot: socket.socket | None = ours
        self.pid = os.fork()
        if self.pid == 0:
            _leave(become, cwd, join, theirs.fileno())
        theirs.close()
        ours.setblocking(False)
        self._pidfd = os.pidfd_open(self.pid)
        loop.watch(ours.fileno(), READ, lambda _mask: self._read_boot())
        loop.watch(self._pidfd, READ, lambda _mask: self._reap())

    def say(self, message: dict) -> None:
        """A line to boot. It is waiting, so a blocking write is short."""
        if self._boot:
            self._boot.setblocking(True)
            try:
                self._boot.sendall(json.dumps(message).encode() + b"\n")
            except OSError:
                return
            self._boot.setblocking(False)

    def signal(self, signum: int, group: bool) -> None:
        """To the process or to its group; silently nothing when it is gone."""
        if self._pidfd < 0:
            return
        try:
            if group:
                os.killpg(self.pid, signum)
            else:
                signal.pidfd_send_signal(self._pidfd, signum)
        except ProcessLookupError:
            # Between fork and setsid there is no group yet.
            signal.pidfd_send_signal(self._pidfd, signum)

    def measure(self, answer: Callable[[dict], None]) -> None:
        """`answer` gets rssBytes and cpuSeconds."""
        answer({"rssBytes": proc.resident_bytes(self.pid), "cpuSeconds": proc.cpu_seconds(self.pid)})

    def kill(self) -> None:
        """Kill the group and wait for the process: afterwards nothing of it runs."""
        if self._pidfd >= 0:
            self.signal(signal.SIGKILL, True)
            os.waitpid(self.pid, 0)

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

    def _reap(self) -> None:
        self._read_boot()
        self._close_boot()
        _, status = os.waitpid(self.pid, 0)
        self._loop.unwatch(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        value = os.waitstatus_to_exitcode(status)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if value < 0:
            self.on_exit(None, -value)
        else:
            self.on_exit(value, None)


def exec_python(python: str, connection_file: str, env: dict[str, str]) -> Become:
    """Boot in the kernel's own Python. Frozen modules would hide breakpoints from the debugger."""
    parent = str(os.getpid())
    return lambda fd: _exec(
        [python, "-Xfrozen_modules=off", f"{_HERE}/boot.py", str(fd), parent, connection_file], env, fd
    )


def exec_generic(argv: list[str], identity: dict, env: dict[str, str], claimable: bool) -> Become:
    """@param identity  any of umask, uid, gid, groups
    @param claimable  the command speaks with the agent over the descriptor that BEAMGATE_CLAIM_FD names"""
    head = [sys.executable, "-I", "-S", f"{_HERE}/boot_generic.py"]
    arguments = [str(os.getpid()), json.dumps(identity), *argv]
    return lambda fd: _exec([*head, str(fd), *arguments], {**env, CLAIM_FD: str(fd)} if claimable else env, fd)


def fork_python(connection_file: str, env: dict[str, str]) -> Become:
    """Boot in this process, which was forked from a template that has imported ipykernel."""
    parent = os.getpid()

    def become(fd: int) -> None:
        from . import boot

        # The objects that hold these stay alive below us on the stack, so none is closed again.
        os.closerange(3, fd)
        os.closerange(fd + 1, os.sysconf("SC_OPEN_MAX"))
        boot.run_forked(fd, parent, connection_file, env)

    return become


def _exec(argv: list[str], env: dict[str, str], fd: int) -> None:
    os.set_inheritable(fd, True)
    os.execve(argv[0], argv, env)


def _leave(become: Become, cwd: str, join: list[str], fd: int) -> None:
    """In the child: leave the agent behind and become a kernel. Never returns."""
    try:
        os.setsid()
        for path in join:
            with open(path, "w") as file:
                file.write("0")
        signal.set_wakeup_fd(-1)
        for signum in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
            signal.signal(signum, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(cwd)
        become(fd)
    except BaseException as error:
        os.write(fd, json.dumps({"error": f"the kernel could not be started: {error}"}).encode() + b"\n")
    finally:
        os._exit(127)
