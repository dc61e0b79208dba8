"""What a peer may ask for by CALL. A handler answers once, at once or later."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import claim as claims
from . import proc
from .spec import SpecError, check_keys

if TYPE_CHECKING:
    from .agent import Agent

Answer = Callable[[dict], None]


class VerbError(Exception):
    """Becomes RESULT `{error, code}`."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def _checked(arguments: dict, keys: dict, optional: tuple[str, ...] = ()) -> dict:
    try:
        check_keys(arguments, keys, "the call", optional)
    except SpecError as error:
        raise VerbError("bad_call", str(error)) from error
    return arguments


def _checked_claim(claim: dict) -> dict:
    try:
        claims.check(claim)
    except SpecError as error:
        raise VerbError("bad_claim", str(error)) from error
    return claim


def _claim(agent: Agent, arguments: dict, answer: Answer) -> None:
    claim = _checked_claim(arguments)
    agent.move(claim.pop("place", None))
    agent.kernel.take(claim, answer)
    agent.update_record()
    agent.plan_survival()


def _signal(agent: Agent, arguments: dict, answer: Answer) -> None:
    _checked(arguments, {"signum": int, "group": bool}, ("group",))
    if not 0 < arguments["signum"] < signal.NSIG:
        raise VerbError("bad_call", f"there is no signal {arguments['signum']}")
    agent.kernel.signal(arguments["signum"], arguments.get("group", False))
    answer({})


def _shutdown(agent: Agent, arguments: dict, answer: Answer) -> None:
    _checked(arguments, {"graceMs": int})
    answer({})
    agent.kernel.shutdown(max(0, arguments["graceMs"]) / 1000)


def _restart(agent: Agent, arguments: dict, answer: Answer) -> None:
    _checked(arguments, {"claim": dict, "incarnation": int}, ("claim", "incarnation"))
    claim, kernel = arguments.get("claim"), agent.kernel
    incarnation = arguments.get("incarnation", kernel.incarnation + 1)
    if incarnation <= kernel.incarnation:
        answer({"pid": kernel.pid})
        return
    if claim is not None:
        _checked_claim(claim)
    elif kernel.claim is None:
        raise VerbError("unclaimed", "the kernel was never claimed")
    agent.relay.lose_requests()
    kernel.restart(claim, incarnation, answer)
    agent.on_state()
    agent.plan_survival()


def _stats(agent: Agent, arguments: dict, answer: Answer) -> None:
    _checked(arguments, {})
    kernel = agent.kernel

    def measured(usage: dict) -> None:
        answer(
            {
                "kernelId": (kernel.claim or {}).get("kernelId", agent.spec.kernel_id),
                "state": kernel.state,
                "pid": kernel.pid,
                "rssBytes": usage["rssBytes"],
                "cpuSeconds": usage["cpuSeconds"],
                "limits": agent.limits.way,
                "ringBytes": agent.ring.bytes,
                "ringEntries": len(agent.ring),
                "paused": agent.relay.paused,
                "heldBytes": kernel.held_bytes,
                "sessions": len(agent.sessions),
                "attached": len(agent.sessions.attached()),
                "quietSeconds": agent.quiet_seconds,
                "lastActivity": proc.moment(agent.last_activity),
                "kernelInfo": kernel.info,
            }
        )

    kernel.measure(measured)


def _ping(_agent: Agent, arguments: dict, answer: Answer) -> None:
    _checked(arguments, {})
    answer({})


def _exit(agent: Agent, arguments: dict, answer: Answer) -> None:
    _checked(arguments, {})
    answer({})
    agent.end()


def _interrupt(agent: Agent, arguments: dict, answer: Answer) -> None:
    _checked(arguments, {})
    agent.kernel.interrupt()
    answer({})


def _lookup(agent: Agent, arguments: dict, answer: Answer) -> None:
    _checked(arguments, {"msg_id": str})
    answer({"state": agent.relay.lookup(arguments["msg_id"])})


CLIENT_VERBS = {"interrupt": _interrupt, "lookup": _lookup}
CONTROL_VERBS = {
    **CLIENT_VERBS,
    "claim": _claim,
    "signal": _signal,
    "shutdown": _shutdown,
    "restart": _restart,
    "stats": _stats,
    "ping": _ping,
    "exit": _exit,
}
