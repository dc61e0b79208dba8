"""Boot: ipykernel in its own Python, initialised up to the point of reading messages, then waiting for its claim.

Run as `python boot.py <fd> <agent pid> <connection file>`. Over the descriptor it tells `initialised`, gets `claim`,
tells `claimed` or `error`, one JSON object per line, and then the descriptor is closed. What a user can see afterwards
is what `python -m ipykernel_launcher -f <connection file>` would show.
"""

import atexit
import ctypes
import importlib.util
import itertools
import json
import locale
import os
import signal
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress

_PR_SET_PDEATHSIG = 1


def die_with(agent: int) -> None:
    """The kernel must not outlive its agent. Setting another uid clears this: call again."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != agent:
        os._exit(1)


def look_like_launcher(connection_file: str) -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0]) == here:
        del sys.path[0]
    launcher = importlib.util.find_spec("ipykernel_launcher")
    sys.argv = [launcher.origin if launcher else "ipykernel_launcher.py", "-f", connection_file]
    os.environ.pop("JPY_PARENT_PID", None)
    os.environ.pop("JPY_INTERRUPT_EVENT", None)


def initialise():
    """The stock application, but for the user's start-up code, which belongs after the claim."""
    from ipykernel.kernelapp import IPKernelApp

    # 1 stands for "someone looks after this process": no polling thread, no hints about Ctrl-C on the terminal.
    app = IPKernelApp.instance(parent_handle=1)
    app.init_extensions = app.init_code = lambda: None
    app.initialize(sys.argv[1:])
    for extension in app.default_extensions:  # loaded after the claim; importing is the slow half
        importlib.import_module(f"IPython.extensions.{extension}")
    del app.init_extensions, app.init_code
    return app


def keep_output(app) -> None:
    """Of a module that user code can't see, like all that is ours."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot_output.py")
    spec = importlib.util.spec_from_file_location("boot_output", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.keep_output(app)


def warm_up(app) -> None:
    """Go once through what the first request goes through, while nobody waits: its pages are this process's own then.

    Random numbers are seeded here too, for each process serves one kernel.
    """
    import random

    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    session = app.session
    message = session.msg("kernel_info_reply", content=dict(app.kernel.kernel_info, status="ok"))
    wire = session.serialize(message)
    session.deserialize(session.feed_identities(wire)[1])
    session.message_count = 0
    session.digest_history.clear()


def apply(claim: dict, app, agent: int) -> None:
    take_identity(claim, agent)
    if "umask" in claim:
        os.umask(claim["umask"])
    if "cwd" in claim:
        os.chdir(claim["cwd"])
    apply_environment(claim)
    app.session.key = claim["key"].encode()
    renew(app)
    app.init_extensions()
    app.init_code()
    sys.stdout.flush()
    sys.stderr.flush()


def take_identity(claim: dict, agent: int) -> None:
    if "groups" in claim:
        os.setgroups(claim["groups"])
    if "gid" in claim:
        os.setresgid(claim["gid"], claim["gid"], claim["gid"])
    if "uid" in claim:
        os.setresuid(claim["uid"], claim["uid"], claim["uid"])
        die_with(agent)


def apply_environment(claim: dict) -> None:
    changed = {**dict.fromkeys(claim.get("unset", ())), **claim.get("env", {})}
    old_path = os.environ.get("PYTHONPATH", "")
    for name, value in changed.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if "TZ" in changed:
        time.tzset()
    if any(name == "LANG" or name.startswith("LC_") for name in changed):
        with suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, "")
    new_path = os.environ.get("PYTHONPATH", "")
    if new_path != old_path:
        old = [entry for entry in old_path.split(os.pathsep) if entry]
        kept = [entry for entry in sys.path if entry not in old]
        at = 1 if kept[:1] == [""] else 0
        sys.path[:] = kept[:at] + [entry for entry in new_path.split(os.pathsep) if entry] + kept[at:]


def renew(app) -> None:
    """What was derived from the old surroundings, or must differ between kernels."""
    from pathlib import Path

    renew_matplotlib()
    app.session.session = os.urandom(16).hex()
    app.session.username = os.environ.get("USER", "username")
    shell = app.shell
    if shell:
        shell.starting_dir = os.getcwd()
        shell.history_manager.dir_hist[:] = [Path.cwd()]
        if os.environ.get("JPY_SESSION_NAME"):
            shell.user_ns["__session__"] = os.environ["JPY_SESSION_NAME"]


def renew_matplotlib() -> None:
    """Where the template has imported it: a file of settings in the working directory is this kernel's own."""
    matplotlib = sys.modules.get("matplotlib")
    if not matplotlib:
        return
    with suppress(Exception):
        settings = matplotlib.matplotlib_fname()
        if settings != os.path.join(matplotlib.get_data_path(), "matplotlibrc"):
            matplotlib.rc_file(settings)


def run_forked(fd: int, agent: int, connection_file: str, env: dict[str, str]) -> None:
    """Boot in a child of the agent, in place of an interpreter of its own. Never returns."""
    ours = [sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "beamgate_agent"]
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [entry for entry in sys.path if entry != package]
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    with suppress(locale.Error):
        locale.setlocale(locale.LC_CTYPE, "")
    threading._counter = itertools.count(1).__next__
    # What an interpreter sets up when it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        run(fd, agent, connection_file)
        threading._shutdown()
        atexit._run_exitfuncs()
    finally:
        del ours
        os._exit(0)


def run(fd: int, agent: int, connection_file: str) -> None:
    agent_socket = socket.socket(fileno=fd)
    agent_socket.set_inheritable(False)

    def tell(message: dict) -> None:
        agent_socket.sendall(json.dumps(message).encode() + b"\n")

    try:
        die_with(agent)
        look_like_launcher(connection_file)
        app = initialise()
        keep_output(app)
        warm_up(app)
        welcomes = hasattr(app.iopub_thread, "_send_welcome_message")
        tell({"initialised": True, "welcomes": welcomes, "info": {"status": "ok", **app.kernel.kernel_info}})
        with agent_socket.makefile("rb") as lines:
            line = lines.readline()
        if not line:
            os._exit(0)
        message = json.loads(line)
        claim = message["claim"]
        if "connectionFile" in message:
            app.connection_file = sys.argv[2] = message["connectionFile"]
        elif not os.path.isdir(claim.get("cwd", "/")):
            # In a pod, a folder of the client's machine need not be in the image.
            del claim["cwd"]
        apply(claim, app, agent)
        tell({"claimed": True})
    except BaseException as error:
        traceback.print_exc(file=sys.__stderr__)
        text = traceback.format_exception_only(error)[-1].strip()
        tell({"error": f"the kernel could not be started: {text}"})
        os._exit(1)
    agent_socket.close()
    app.start()


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
