"""Memory and CPU limits of the kernel: by a cgroup of its own where one can be made, else by watching.

Out of memory is told by signal 9 together with a risen `oom_kill` counter, or by our own kill when watching.
"""

import os
import sys
import time

from . import proc

_CPU_PERIOD_MICROSECONDS = 100_000
WATCH_SECONDS = 0.2


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def own_cgroups(mountinfo: str, cgroup: str) -> dict[str, str]:
    """Folder of this process's cgroup by controller; "" is the unified hierarchy (v2).

    @param mountinfo  text of /proc/self/mountinfo
    @param cgroup     text of /proc/self/cgroup
    """
    mounts: dict[str, tuple[str, str]] = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        root, point = fields[3], fields[4]
        if kind[0] == "cgroup2":
            mounts[""] = (root, point)
        elif kind[0] == "cgroup":
            for name in kind[2].split(","):
                mounts[name] = (root, point)
    folders: dict[str, str] = {}
    for line in cgroup.splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            root, point = mounts.get(name, ("", ""))
            if point:
                inner = path if root == "/" else path.removeprefix(root)
                folders[name] = (point + inner).rstrip("/")
    return folders


class Limits:
    """`way` says how the limits are kept: cgroup-v1, cgroup-v2, watched or none."""

    def __init__(self, kernel_id: str, memory_bytes: int | None, cpu_milli: int | None, cgroups: bool) -> None:
        self.way = "none"
        self.memory_bytes = memory_bytes
        self.join: list[str] = []
        self._folders: list[str] = []
        self._events = ""
        self._kills_before = 0
        self.killed_by_us = False
        if cgroups and (memory_bytes or cpu_milli):
            self._make(f"beamgate-{kernel_id}", cpu_milli)
        if self.way == "none" and memory_bytes:
            self.way = "watched"

    def _make(self, name: str, cpu_milli: int | None) -> None:
        try:
            with open("/proc/self/mountinfo") as mounts, open("/proc/self/cgroup") as groups:
                own = own_cgroups(mounts.read(), groups.read())
            if "memory" in own or "cpu" in own:
                self._make_v1(own, name, cpu_milli)
            elif "" in own:
                self._make_v2(own[""], name, cpu_milli)
        except OSError as error:
            print(f"no cgroup for the kernel: {error}", file=sys.stderr)
            self.close()
            self.way, self.join, self._events = "none", [], ""

    def _folder(self, parent: str, name: str) -> str:
        folder = f"{parent}/{name}"
        if not os.path.isdir(folder):
            os.mkdir(folder)
        self._folders.append(folder)
        return folder

    def _make_v1(self, own: dict[str, str], name: str, cpu_milli: int | None) -> None:
        if self.memory_bytes:
            folder = self._folder(own["memory"], name) if "memory" in own else ""
            if not folder:
                raise OSError("the memory controller is not mounted")
            _write(f"{folder}/memory.limit_in_bytes", str(self.memory_bytes))
            try:
                _write(f"{folder}/memory.memsw.limit_in_bytes", str(self.memory_bytes))
            except OSError:
                pass  # swap accounting is off
            self._events = f"{folder}/memory.oom_control"
        if cpu_milli and "cpu" in own:
            folder = self._folder(own["cpu"], name)
            _write(f"{folder}/cpu.cfs_period_us", str(_CPU_PERIOD_MICROSECONDS))
            _write(f"{folder}/cpu.cfs_quota_us", str(cpu_milli * _CPU_PERIOD_MICROSECONDS // 1000))
        self._joined("cgroup-v1")

    def _make_v2(self, own: str, name: str, cpu_milli: int | None) -> None:
        """Below our own group, or beside it: a group that has processes can't hand controllers down."""
        failure: OSError | None = None
        for parent in (own, os.path.dirname(own)):
            try:
                with open(f"{parent}/cgroup.subtree_control") as file:
                    handed_down = file.read().split()
                wanted = ["memory"] * bool(self.memory_bytes) + ["cpu"] * bool(cpu_milli)
                missing = [f"+{controller}" for controller in wanted if controller not in handed_down]
                if missing:
                    _write(f"{parent}/cgroup.subtree_control", " ".join(missing))
                folder = self._folder(parent, name)
                if self.memory_bytes:
                    _write(f"{folder}/memory.max", str(self.memory_bytes))
                    self._events = f"{folder}/memory.events"
                if cpu_milli:
                    quota = cpu_milli * _CPU_PERIOD_MICROSECONDS // 1000
                    _write(f"{folder}/cpu.max", f"{quota} {_CPU_PERIOD_MICROSECONDS}")
                self._joined("cgroup-v2")
                return
            except OSError as error:
                failure = error
        raise failure or OSError("no cgroup found")

    def _joined(self, way: str) -> None:
        if not self._folders:
            return
        self.join = [f"{folder}/cgroup.procs" for folder in self._folders]
        self.way = way
        self._kills_before = self._kills()

    def _kills(self) -> int:
        if not self._events:
            return 0
        with open(self._events, encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)

    def exceeded(self, pid: int) -> bool:
        """Whether the tree is over its limit; only to be asked when `way` is watched."""
        over = proc.resident_bytes(pid) > self.memory_bytes and proc.proportional_bytes(pid) > self.memory_bytes
        self.killed_by_us = self.killed_by_us or over
        return over

    def out_of_memory(self, signum: int | None) -> bool:
        """Whether the process that just ended by `signum` ended for lack of memory; asked once per end."""
        kills = self._kills()
        killed = signum == 9 and (kills > self._kills_before or self.killed_by_us)
        self._kills_before, self.killed_by_us = kills, False
        return killed

    def members(self) -> list[int]:
        """Processes still in the kernel's own cgroup."""
        pids: set[int] = set()
        for path in self.join:
            try:
                with open(path, encoding="ascii") as file:
                    pids.update(map(int, file.read().split()))
            except OSError:
                continue
        return list(pids)

    def close(self) -> None:
        """Remove the cgroups; a process that was killed needs a moment to leave."""
        for folder in self._folders:
            for _ in range(100):
                try:
                    os.rmdir(folder)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)
        self._folders = []
