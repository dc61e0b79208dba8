"""The specification file that the launcher writes: what to start, where, and with which limits."""

import json
import os


class SpecError(ValueError):
    """The specification can't be used; the text says which key and why."""


_NUMBER = (int, float)
_KEYS = {
    "kernelId": str,
    "directory": str,
    "socket": str,
    "record": str,
    "clientToken": str,
    "controlToken": str,
    "kernel": dict,
    "env": dict,
    "cwd": str,
    "limits": dict,
    "ringBytes": int,
    "retentionSeconds": _NUMBER,
    "unclaimedSeconds": _NUMBER,
    "orphanSeconds": _NUMBER,
    "lingerSeconds": _NUMBER,
    "tls": dict,
}
# Only in a pod: the agent listens on TCP, and `socket` is its address.
_OPTIONAL = ("tls",)
_TLS_KEYS = {"certificate": str, "key": str}
_KERNEL_KEYS = {
    "python": {"kind": str, "python": str},
    # In the container beside.
    "pod": {"kind": str, "python": str},
    "generic": {"kind": str, "argv": list, "interruptMode": str, "resourceDir": str, "claimable": bool},
}
_LIMIT_KEYS = {"memoryBytes": (int, type(None)), "cpuMilli": (int, type(None)), "cgroups": bool}
_MAX_SOCKET_PATH = 100


def check_keys(value: dict, keys: dict, where: str, optional: tuple[str, ...] = ()) -> None:
    """@raises SpecError naming the first key that is unknown, missing or of the wrong type"""
    for key in value:
        if key not in keys:
            raise SpecError(f"unknown key {key!r} in {where}")
    for key, kind in keys.items():
        if key not in value:
            if key not in optional:
                raise SpecError(f"key {key!r} is missing in {where}")
        elif not isinstance(value[key], kind) or (isinstance(value[key], bool) and kind is not bool):
            raise SpecError(f"key {key!r} in {where} has the wrong type")


def check_strings(value, what: str) -> None:
    items = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    if not all(isinstance(item, str) and "\0" not in item for item in items):
        raise SpecError(f"{what} may hold strings only")


class Spec:
    """The parsed file; attributes are its keys in snake case."""

    def __init__(self, value: dict) -> None:
        check_keys(value, _KEYS, "the specification", _OPTIONAL)
        kernel = value["kernel"]
        if kernel.get("kind") not in _KERNEL_KEYS:
            raise SpecError("key 'kind' in kernel must be 'python', 'pod' or 'generic'")
        check_keys(kernel, _KERNEL_KEYS[kernel["kind"]], "kernel", ("claimable",))
        check_keys(value["limits"], _LIMIT_KEYS, "limits")
        check_strings(value["env"], "env")
        self.kernel_id: str = value["kernelId"]
        self.directory: str = value["directory"]
        self.socket: str = value["socket"]
        self.record: str = value["record"]
        self.client_token: str = value["clientToken"]
        self.control_token: str = value["controlToken"]
        self.tls: dict | None = value.get("tls")
        if self.tls:
            check_keys(self.tls, _TLS_KEYS, "tls")
        self.supervised = kernel["kind"] == "pod"
        self.env: dict[str, str] = value["env"]
        self.cwd: str = value["cwd"]
        self.memory_bytes: int | None = value["limits"]["memoryBytes"]
        self.cpu_milli: int | None = value["limits"]["cpuMilli"]
        self.cgroups: bool = value["limits"]["cgroups"]
        self.ring_bytes: int = value["ringBytes"]
        self.retention_seconds: float = value["retentionSeconds"]
        self.unclaimed_seconds: float = value["unclaimedSeconds"]
        self.orphan_seconds: float = value["orphanSeconds"]
        self.linger_seconds: float = value["lingerSeconds"]
        self.python: str | None = kernel.get("python")
        self.argv: list[str] = kernel.get("argv", [])
        # Whether its process starts before its claim, and is told it then.
        self.claimable: bool = bool(self.python) or kernel.get("claimable", False)
        self.interrupt_by_message = kernel.get("interruptMode") == "message"
        self.resource_dir: str = kernel.get("resourceDir", "")
        if not self.python:
            self._check_generic(kernel)
        if not self.client_token or not self.control_token:
            raise SpecError("clientToken and controlToken must not be empty")
        if not self.tls and max(len(self.socket), len(self.directory) + 16) > _MAX_SOCKET_PATH:
            raise SpecError("directory or socket: the path is too long for a unix socket")

    @classmethod
    def read(cls, path: str) -> "Spec":
        """@param path  of the file, or `env:NAME` for a variable that holds its text"""
        try:
            if path.startswith("env:"):
                value = json.loads(os.environ.pop(path[4:], ""))
            else:
                with open(path, encoding="utf-8") as file:
                    value = json.load(file)
        except (OSError, ValueError) as error:
            raise SpecError(f"the specification can't be read: {error}") from error
        if not isinstance(value, dict):
            raise SpecError("the specification must be an object")
        return cls(value)

    def _check_generic(self, kernel: dict) -> None:
        check_strings(self.argv, "argv")
        if not self.argv:
            raise SpecError("argv must not be empty")
        for template in ("{response_address}", "{port_range}", "{public_key}"):
            if any(template in argument for argument in self.argv):
                raise SpecError(f"argv asks for {template}, which is not supported")
        if kernel["interruptMode"] not in ("signal", "message"):
            raise SpecError("interruptMode must be 'signal' or 'message'")
