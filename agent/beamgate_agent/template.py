"""Template: has ipykernel imported once and forks agents, whose kernels are forked from it in turn.

Run as `python template.py MODULE…` by the Python of an environment. Reads a request per line, `{id, spec, log}`, and
writes a line per thing that happened: `{ready}` when it can fork, `{preloaded}` when the environment's modules are
imported too (one at a time, while nobody asks for anything), `{id, pid}` when an agent was forked, `{id, word}` with
what the agent would say on its call home, `{id, exited}`. Ends with its standard input; its agents live on.
"""

import gc
import importlib
import json
import os
import select
import signal
import sys
from contextlib import suppress

_HOME = 3
# What a stock kernel imports before it reads its first message; none of it starts a thread or opens a socket.
_PRELOAD = (
    "beamgate_agent.agent",
    "beamgate_agent.boot",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
    "tornado.queues",
)


def _be_found_as_package() -> None:
    """As a script it stands in the package's own folder, where its neighbours must not be found as modules."""
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tell(message: dict) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def preload(name: str) -> None:
    """Import a module that kernels want, as it would be imported in a kernel."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    try:
        importlib.import_module(name)
    except Exception as error:
        print(f"{name} is not preloaded: {error}", file=sys.stderr)
    del os.environ["MPLBACKEND"]


class Template:
    def __init__(self, modules: list[str], before: set[str]) -> None:
        """@param before  names of the variables that it was started with"""
        self._modules = modules
        self._before = before
        self._words: dict[int, tuple[str, bytes]] = {}
        self._agents: dict[int, str] = {}
        self._rest = b""
        self._children, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup)

    def serve(self) -> None:
        while True:
            patience = 0 if self._modules else None
            readable, _, _ = select.select([0, self._children, *self._words], [], [], patience)
            if not readable:
                self._preload()
            if self._children in readable:
                os.read(self._children, 4096)
                self._reap()
            for fd in [fd for fd in readable if fd in self._words]:
                self._hear(fd)
            if 0 in readable:
                data = os.read(0, 1 << 16)
                if not data:
                    return
                *lines, self._rest = (self._rest + data).split(b"\n")
                for line in lines:
                    self._fork(**json.loads(line))

    def _preload(self) -> None:
        preload(self._modules.pop(0))
        if not self._modules:
            gc.collect()
            gc.freeze()
            tell({"preloaded": True})

    def _fork(self, id: str, spec: str, log: str) -> None:
        word, home = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            _become_agent(spec, log, home, self._before)
        os.close(home)
        self._words[word] = (id, b"")
        self._agents[pid] = id
        tell({"id": id, "pid": pid})

    def _hear(self, fd: int) -> None:
        agent, heard = self._words[fd]
        data = os.read(fd, 4096)
        if data:
            self._words[fd] = (agent, heard + data)
            return
        del self._words[fd]
        os.close(fd)
        tell({"id": agent, "word": heard.decode(errors="replace").strip()})

    def _reap(self) -> None:
        while self._agents:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            tell({"id": self._agents.pop(pid), "exited": True})


def _become_agent(spec: str, log: str, home: int, before: set[str]) -> None:
    """In the child: what the launcher would have set up, then the agent. Never returns."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(home, _HOME)
        os.closerange(_HOME + 1, os.sysconf("SC_OPEN_MAX"))
        os.chdir("/")
        from beamgate_agent import launch
        from beamgate_agent.__main__ import run

        launch.set_by_imports = {name: value for name, value in os.environ.items() if name not in before}
        code = run(spec, forked=True)
    finally:
        os._exit(code)


def main() -> None:
    _be_found_as_package()
    before = set(os.environ)
    for name in _PRELOAD:
        with suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    template = Template(sys.argv[1:], before)
    gc.collect()
    gc.freeze()
    tell({"ready": os.getpid()})
    template.serve()


if __name__ == "__main__":
    main()
