"""Boot of a kernel of any language: become the kernelspec's command, tied to the agent's life.

Run as `python boot_generic.py <fd> <agent pid> <identity> <argv…>`. Success is told by the descriptor closing at exec,
or, where the command can be claimed, by the command itself.
"""

import ctypes
import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def take(identity: dict) -> None:
    if "umask" in identity:
        os.umask(identity["umask"])
    if "groups" in identity:
        os.setgroups(identity["groups"])
    if "gid" in identity:
        os.setresgid(identity["gid"], identity["gid"], identity["gid"])
    if "uid" in identity:
        os.setresuid(identity["uid"], identity["uid"], identity["uid"])


def main() -> None:
    fd, agent, identity, argv = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4:]
    os.set_inheritable(fd, "BEAMGATE_CLAIM_FD" in os.environ)
    # CPython ignores SIGPIPE for itself, and what is ignored stays so over exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        take(identity)
        # After the identity, whose change clears it; exec keeps it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != agent:
            os._exit(1)
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(fd, json.dumps({"error": f"{argv[0]} can't be run: {error.strerror}"}).encode() + b"\n")
        os._exit(127)


main()
