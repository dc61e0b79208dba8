"""What /proc tells about the kernel's processes (Linux)."""

import os
from datetime import UTC, datetime

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def moment(seconds: float) -> str:
    """A moment since the epoch as it goes onto the wire: ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the third on (the second, the name, may hold anything)."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def start_time(pid: int) -> int:
    """Clock ticks after boot: field 22, which with the pid and the boot id names a process for ever."""
    return int(_stat(pid)[19])


def boot_id() -> str:
    return _read("/proc/sys/kernel/random/boot_id").strip()


def tree(pid: int) -> list[int]:
    """`pid` and its descendants, as far as they live."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                found.extend(map(int, _read(f"/proc/{parent}/task/{task}/children").split()))
        except OSError:
            continue
    return found


def resident_bytes(pid: int) -> int:
    """Sum over the tree; pages that processes share count once for each."""
    total = 0
    for member in tree(pid):
        try:
            total += int(_read(f"/proc/{member}/statm").split()[1]) * _PAGE
        except OSError:
            continue
    return total


def proportional_bytes(pid: int) -> int:
    """Sum over the tree with shared pages divided among those who share them. Slower than `resident_bytes`."""
    total = 0
    for member in tree(pid):
        try:
            for line in _read(f"/proc/{member}/smaps_rollup").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree and of its children that were waited for."""
    total = 0
    for member in tree(pid):
        try:
            total += sum(map(int, _stat(member)[11:15]))
        except OSError:
            continue
    return total / _TICKS
