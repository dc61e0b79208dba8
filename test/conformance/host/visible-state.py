"""Run in a kernel: prints as JSON what its user can see of it, with what must differ between kernels taken out."""

import asyncio
import gc
import json
import locale
import os
import re
import resource
import signal
import sys
import threading
import warnings

import h5py  # noqa: F401
import matplotlib
import matplotlib.pyplot as plt
import numpy
import pandas

shell = get_ipython()  # noqa: F821
_own = os.path.dirname(sys.argv[2])


def plain(value):
    """Without the numbers and names that every process has of its own."""
    text = re.sub(r"/\S+/logs/kernels/\S+", "LOG", str(value).replace(_own, "OWN"))
    return re.sub(r"0x[0-9a-f]+|\d{4,}|[0-9a-f-]{36}", "#", text)


def descriptors():
    kinds = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            kinds.append(re.sub(r"[\d\[\]]+", "", plain(os.readlink(f"/proc/self/fd/{fd}"))))
        except FileNotFoundError:
            pass
    return sorted(kinds)


numpy.ones((400, 400)) @ numpy.ones((400, 400))
figure = plt.figure()
mask = os.umask(0)
os.umask(mask)
print(
    json.dumps(
        {
            "environment": {name: plain(value) for name, value in os.environ.items() if name != "KERNEL_ID"},
            "workingDirectory": os.getcwd(),
            "umask": mask,
            "path": sys.path,
            "arguments": [plain(argument) for argument in sys.argv],
            "flags": str(sys.flags),
            "executable": sys.executable,
            "names": sorted(name for name in shell.user_ns if not name.startswith("_")),
            "executionCount": shell.execution_count,
            "history": [list(shell.user_ns["In"]), dict(shell.user_ns["Out"]), str(shell.history_manager.hist_file)],
            "extensions": sorted(shell.extension_manager.loaded),
            "startingDirectory": shell.starting_dir,
            "connectionFile": plain(shell.kernel.parent.connection_file if shell.kernel.parent else ""),
            "signals": {number.name: plain(signal.getsignal(number)) for number in signal.Signals},
            "threads": sorted(plain(thread.name) for thread in threading.enumerate()),
            "tasks": len(os.listdir("/proc/self/task")),
            "limits": {
                name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT")
            },
            "priority": os.getpriority(os.PRIO_PROCESS, 0),
            "descriptors": descriptors(),
            "locale": [locale.setlocale(locale.LC_ALL), sys.stdout.encoding, sys.getfilesystemencoding()],
            "ownSession": os.getsid(0) == os.getpid(),
            "identity": [os.getuid(), os.getgid(), os.getgroups()],
            "garbage": gc.get_threshold(),
            "hooks": [plain(sys.excepthook), plain(sys.displayhook), sys.gettrace() is None],
            "loop": plain(type(asyncio.get_event_loop())),
            "warnings": len(warnings.filters),
            "matplotlib": [matplotlib.get_backend(), matplotlib.rcParams["savefig.dpi"], matplotlib.get_configdir()],
            "pandas": str(pandas.get_option("display.max_rows")),
            "started": shell.user_ns.get("from_startup_file"),
            "debugger": "debugpy" in sys.modules,
        }
    )
)
