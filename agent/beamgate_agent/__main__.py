"""Entry point: `python -I -S -X utf8 …/beamgate_agent/__main__.py SPEC.json`.

Descriptor 3, where open, is the call home: "listening" or "error: <sentence>" is written there once.
"""

import os
import signal
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from beamgate_agent import launch
from beamgate_agent.limits import Limits
from beamgate_agent.loop import READ, Loop
from beamgate_agent.spec import Spec, SpecError

_HOME = 3
_SIGTERM_GRACE_SECONDS = 5


def call_home(line: str) -> None:
    try:
        mode = os.fstat(_HOME).st_mode
    except OSError:
        return
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return
    try:
        os.write(_HOME, line.encode() + b"\n")
    except OSError:
        pass  # nobody listens any more
    os.close(_HOME)


def keep_home_from_kernel() -> None:
    try:
        os.set_inheritable(_HOME, False)
    except OSError:
        pass


def on_terminate(loop: Loop, agent) -> None:
    """SIGTERM ends the kernel in good order; a lost terminal or Ctrl-C is none of our business."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def terminate(_mask: int) -> None:
        os.read(reader, 64)
        agent.kernel.shutdown(_SIGTERM_GRACE_SECONDS)

    loop.watch(reader, READ, terminate)


def run(spec_file: str, forked: bool = False) -> int:
    """@param forked  this process has the kernel's modules, and kernels may be forked from it"""
    keep_home_from_kernel()
    try:
        spec = Spec.read(spec_file)
        launch.forking = forked
        loop = Loop()
        limits = Limits(spec.kernel_id, spec.memory_bytes, spec.cpu_milli, spec.cgroups)
        # A Python kernel initialises while the rest of the agent is loaded.
        first = launch.start(spec, loop, limits, 1, None) if spec.python else None
        from beamgate_agent.agent import Agent

        agent = Agent(spec, loop, limits, first)
        agent.kernel.start()
        on_terminate(loop, agent)
        agent.listen()
    except (SpecError, OSError) as error:
        call_home(f"error: {error}")
        print(error, file=sys.stderr)
        return 1
    call_home("listening")
    loop.run()
    return 0


if __name__ == "__main__":
    # What whoever started the service left open is no business of a kernel.
    os.closerange(_HOME + 1, os.sysconf("SC_OPEN_MAX"))
    sys.exit(run(sys.argv[1]))
