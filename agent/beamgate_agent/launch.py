"""Starting a kernel's process. Imports little, for the first one starts before the rest of the agent is loaded."""

import json
import os

from . import claim as claims
from .kernel import Become, KernelProcess, exec_generic, exec_python, fork_python
from .limits import Limits
from .loop import Loop
from .spec import Spec

# Whether this process was forked from a template of the kernel's own Python.
forking = False
# Variables that modules set when they were imported into it.
set_by_imports: dict[str, str] = {}
# In a pod: what starts kernels in the container beside.
supervisor = None
PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}


def ip(spec: Spec, generation: int) -> str:
    """For ipc; the socket of a channel is at `<ip>-<port>`. Each process of the agent has sockets of its own."""
    return f"{spec.directory}/k{generation}"


def connection_file(spec: Spec, generation: int) -> str:
    return f"{spec.directory}/kernel-{generation}.json"


def write_connection_file(spec: Spec, generation: int, key: str) -> None:
    text = _connection(spec, generation, key)
    if spec.supervised:
        supervisor.send("write", name=f"kernel-{generation}.json", text=text)
        return
    path = connection_file(spec, generation)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _connection(spec: Spec, generation: int, key: str) -> str:
    ports = {f"{channel}_port": port for channel, port in PORTS.items()}
    info = {"transport": "ipc", "ip": ip(spec, generation), "key": key, "signature_scheme": "hmac-sha256", **ports}
    return json.dumps(info)


def start(spec: Spec, loop: Loop, limits: Limits, generation: int, claim: dict | None) -> KernelProcess:
    """@param claim  for kernels that start with it; None for one that is initialised before"""
    if spec.supervised:
        return _start_beside(spec, loop, generation, claim)
    write_connection_file(spec, generation, claim["key"] if claim else os.urandom(16).hex())
    env = claims.merged(spec.env, claim) if claim else spec.env
    return KernelProcess(loop, _become(spec, generation, claim, env), (claim or {}).get("cwd", spec.cwd), limits.join)


def _start_beside(spec: Spec, loop: Loop, generation: int, claim: dict | None):
    from .pod import PodProcess, Supervisor

    global supervisor
    supervisor = supervisor or Supervisor(loop)
    name = f"kernel-{generation}.json"
    argv = [spec.python, "-Xfrozen_modules=off", "{folder}/boot.py", "{fd}", "{agent}", f"{{folder}}/{name}"]
    env = claims.merged(spec.env, claim) if claim else spec.env
    text = _connection(spec, generation, os.urandom(16).hex())
    return PodProcess(loop, supervisor, argv, env, (claim or {}).get("cwd", spec.cwd), (name, text))


def _become(spec: Spec, generation: int, claim: dict | None, env: dict[str, str]) -> Become:
    if not spec.python:
        argv = _fill_in(spec, generation, claim["kernelId"] if claim else spec.kernel_id)
        return exec_generic(argv, claims.identity(claim or {}), env, spec.claimable)
    if forking and not claims.needs_new_interpreter(dict(os.environ), env):
        return fork_python(connection_file(spec, generation), {**set_by_imports, **env})
    return exec_python(spec.python, connection_file(spec, generation), env)


def _fill_in(spec: Spec, generation: int, kernel_id: str) -> list[str]:
    values = {
        "{connection_file}": connection_file(spec, generation),
        "{kernel_id}": kernel_id,
        "{resource_dir}": spec.resource_dir,
    }
    argv = []
    for argument in spec.argv:
        for template, value in values.items():
            argument = argument.replace(template, value)
        argv.append(argument)
    return argv
