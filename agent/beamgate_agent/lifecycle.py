"""The kernel as the rest of the agent sees it: claimed, ready, interrupted, restarted, ended.

States: starting, idle, busy, restarting, exited.
"""

import json
import os
import signal
from collections.abc import Callable

from . import claim as claims
from . import launch, peek
from .channels import Channels, make_message
from .kernel import KernelProcess
from .limits import WATCH_SECONDS, Limits
from .loop import Loop, Timer
from .spec import Spec

_CONNECT_SECONDS = 0.005
_FIRST_PROBE_SECONDS = 0.03
_PROBE_SECONDS = 0.5
_TERM_TO_KILL_SECONDS = 1.0

Answer = Callable[[dict], None]


class Kernel:
    """Hooks: `on_iopub(messages)`, `on_reply(channel, tag, parts)`, `on_event(fields)`, `on_restarting()` between the
    output of the old and the new process, `on_accepting()` when held input has been sent."""

    def __init__(self, spec: Spec, loop: Loop, limits: Limits, session: str, first: KernelProcess | None) -> None:
        self._spec = spec
        self._loop = loop
        self._limits = limits
        self._session = session
        self.on_iopub: Callable[[list[list]], None] = lambda _: None
        self.on_reply: Callable[[str, int | None, list], None] = lambda *_: None
        self.on_event: Callable[[dict], None] = lambda _: None
        self.on_restarting: Callable[[], None] = lambda: None
        self.on_accepting: Callable[[], None] = lambda: None
        self.state = "starting"
        self.incarnation = 0
        self.claim: dict | None = None
        self.initialised = False
        self.info: dict | None = None
        self.exit: dict | None = None
        self.pid: int | None = None
        self._first = first
        self._process: KernelProcess | None = None
        self._channels: Channels | None = None
        self._generation = 0
        self._messages_made = 0
        self._reading_iopub = True
        self._held: list[tuple[str, int, list]] = []
        self._held_bytes = 0
        self._after_exit = ""
        self._wanted_end = False
        self._answer: Answer | None = None
        self._timers: list[Timer] = []
        self._reset()
        if limits.way == "watched":
            loop.later(WATCH_SECONDS, self._watch_memory)

    def _reset(self) -> None:
        self.initialised = False
        self._welcomes = False
        self._heard = False
        self._offered = False
        self._accepting = False
        self._watched = False
        self._answered = False
        self._busy = False
        self._error: str | None = None

    # --- what others ask -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Kernels that can be told their claim are initialised before it; others start with it."""
        if self._spec.claimable:
            self._spawn()

    def take(self, claim: dict, answer: Answer) -> None:
        """Claim, once. `answer` gets `{pid}` or `{error, code}`."""
        if self.claim is not None:
            answer({"error": "the kernel is claimed already", "code": "claimed"})
            return
        if self.exit:
            answer({"error": self._error or "the kernel has ended", "code": "start_failed"})
            return
        self.claim, self._answer = claim, answer
        if not self._process:
            self._spawn()
        elif claims.needs_new_process(self._spec.env, claim) or (not self._spec.python and claims.identity(claim)):
            self._after_exit = "spawn"
            self._process.signal(signal.SIGKILL, True)
        else:
            self._offer_claim()

    def restart(self, claim: dict | None, incarnation: int, answer: Answer) -> None:
        """A new process. The incarnation numbers those of one kernel, so that one asked for twice is made once."""
        if claim is None and self.claim is None:
            answer({"error": "the kernel was never claimed", "code": "unclaimed"})
            return
        self._tell_answer({"error": "a later restart took its place", "code": "superseded"})
        self.incarnation = incarnation
        self.claim, self._answer = claim or self.claim, answer
        self.state, self.exit = "restarting", None
        self._accepting = False
        self._held, self._held_bytes = [], 0
        self._wanted_end = False
        self._cancel_timers()
        if self._process:
            self._after_exit = "restart"
            self._process.signal(signal.SIGKILL, True)
        else:
            self.on_restarting()
            self._spawn()

    def send(self, channel: str, tag: int, parts: list) -> bool:
        """@returns False when the message is held until the kernel is ready"""
        if self._accepting:
            self._channels.send(channel, tag, parts)
            return True
        if self.state != "exited":
            self._held.append((channel, tag, parts))
            self._held_bytes += sum(map(len, parts))
        return False

    @property
    def held_bytes(self) -> int:
        return self._held_bytes + (self._channels.pending_bytes if self._channels else 0)

    def is_own(self, msg_id: str) -> bool:
        """Whether a message answers one that the agent made."""
        return msg_id.startswith(self._session)

    def make(self, msg_type: str, content: dict) -> list[bytes]:
        self._messages_made += 1
        return make_message(msg_type, content, self._session, f"{self._session}_{self._messages_made}")

    def read_iopub(self, wanted: bool) -> None:
        self._reading_iopub = wanted
        if self._channels:
            self._channels.read_iopub(wanted)

    def set_busy(self, busy: bool) -> bool:
        """@returns whether that changed the state"""
        self._busy = busy
        before = self.state
        if before in ("idle", "busy"):
            self.state = "busy" if busy else "idle"
        return before != self.state

    def interrupt(self) -> None:
        """While it starts there is nothing to interrupt."""
        if not self._accepting:
            return
        if self._spec.interrupt_by_message:
            self._channels.send("control", 0, self.make("interrupt_request", {}))
        else:
            self._process.signal(signal.SIGINT, True)

    def signal(self, signum: int, group: bool) -> None:
        if self._process:
            self._process.signal(signum, group)

    def measure(self, answer: Answer) -> None:
        """`answer` gets rssBytes and cpuSeconds; zeros where nothing runs."""
        if self._process:
            self._process.measure(answer)
        else:
            answer({"rssBytes": 0, "cpuSeconds": 0})

    def kill(self) -> None:
        """At once, with no event; the agent is ending."""
        if self._process:
            self._process.kill()

    def shutdown(self, grace_seconds: float) -> None:
        """Ask, then SIGTERM after the grace, then SIGKILL."""
        self._wanted_end = True
        self._after_exit = ""
        if self.exit:
            self.exit["wanted"] = True
            return
        if not self._process:
            self._ended(0, None, False)
            return
        if self._accepting:
            self._channels.send("control", 0, self.make("shutdown_request", {"restart": False}))
        else:
            grace_seconds = 0
        self._later(grace_seconds, lambda: self.signal(signal.SIGTERM, True))
        self._later(grace_seconds + _TERM_TO_KILL_SECONDS, lambda: self.signal(signal.SIGKILL, True))

    # --- its process -----------------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        self._reset()
        self._generation += 1
        self._channels = channels = Channels(self._loop, launch.ip(self._spec, self._generation))
        channels.reading_iopub = self._reading_iopub
        channels.on_iopub = self._on_iopub
        channels.on_reply = self._on_reply
        first, self._first = self._first, None
        process = first or launch.start(self._spec, self._loop, self._limits, self._generation, self.claim)
        self._process = process
        self.pid = process.pid
        process.on_boot = self._on_boot
        process.on_boot_closed = self._on_boot_closed
        process.on_exit = self._on_exit

    def _on_boot(self, message: dict) -> None:
        if "error" in message:
            self._error = message["error"]
        elif "initialised" in message:
            self.pid = self._process.pid
            self._welcomes = message["welcomes"]
            self.info = message.get("info", self.info)
            self._connect()
            self.initialised = True
            self.on_event({"event": "initialised", "pid": self.pid})
            self._offer_claim()
        elif "claimed" in message:
            self._tell_answer({"pid": self.pid})
            waited_for = bool(self._held)
            self._open_if_heard()
            # Its next status shows as well as an answer that it serves, and costs less. Where somebody waits, that goes
            # first; else one that has not said what it is, is asked.
            self._watched = self._accepting and (waited_for or self.info is not None)
            if self._watched:
                self._later(_FIRST_PROBE_SECONDS, self._probe)
            else:
                self._probe()

    def _on_boot_closed(self) -> None:
        """A generic kernel's exec worked, unless an error was told before."""
        if not self._spec.claimable and self._error is None:
            self._channels.set_key(self.claim["key"])
            self.initialised = self._offered = True
            self._tell_answer({"pid": self.pid})
            self._connect()

    def _connect(self) -> None:
        if self._process and not self._channels.connected and not self._channels.connect():
            self._later(_CONNECT_SECONDS, self._connect)
        elif not self._spec.claimable:
            self._probe()

    def _offer_claim(self) -> None:
        """Not before the subscription works: what the user's start-up files print would be lost."""
        heard = self._heard or not self._welcomes
        if self.claim and self.initialised and heard and not self._offered:
            self._offered = True
            launch.write_connection_file(self._spec, self._generation, self.claim["key"])
            self._channels.set_key(self.claim["key"])
            place = {"connectionFile": launch.connection_file(self._spec, self._generation)}
            self._process.say({"claim": self.claim, **({} if self._spec.supervised else place)})

    def _probe(self, patience: float = _FIRST_PROBE_SECONDS) -> None:
        """Ask until it answers and its output is heard: what it tells before it knows of the subscription is lost."""
        if self._process and self._channels.connected and self.state in ("starting", "restarting"):
            self._channels.send("shell", 0, self.make("kernel_info_request", {}))
            self._later(patience, lambda: self._probe(min(2 * patience, _PROBE_SECONDS)))

    def _on_iopub(self, messages: list[list]) -> None:
        if not self._heard and messages:
            self._heard = True
            self._offer_claim()
            self._ready_if_complete()
        self.on_iopub(messages)
        if self._watched and not self._answered and any(peek.msg_type(parts[0]) == b"status" for parts in messages):
            self._answered = True
            self._ready_if_complete()

    def _on_reply(self, channel: str, tag: int | None, parts: list) -> None:
        if tag == 0:
            if peek.msg_type(parts[0]) == b"kernel_info_reply":
                self._answered = True
                self._learn(parts)
                self._ready_if_complete()
            return
        if self.info is None and peek.msg_type(parts[0]) == b"kernel_info_reply":
            self._learn(parts)
        self.on_reply(channel, tag, parts)

    def _learn(self, parts: list) -> None:
        self.info = json.loads(parts[3])

    def _ready_if_complete(self) -> None:
        if self._answered and self._heard and self.state in ("starting", "restarting") and not self._after_exit:
            self.state = "busy" if self._busy else "idle"
            self._open_if_heard()
            self.on_event({"event": "ready", "pid": self.pid, "incarnation": self.incarnation})

    def _open_if_heard(self) -> None:
        if not self._heard or self._accepting or self._after_exit:
            return
        self._accepting = True
        held, self._held, self._held_bytes = self._held, [], 0
        for message in held:
            self._channels.send(*message)
        self.on_accepting()

    def _on_exit(self, code: int | None, signum: int | None) -> None:
        out_of_memory = self._limits.out_of_memory(signum) or self._process.out_of_memory
        for pid in self._limits.members():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._cancel_timers()
        self._process = None
        self._accepting = False
        self._channels.drain()
        self._channels.close()
        after, self._after_exit = self._after_exit, ""
        if after == "restart":
            self.on_restarting()
        if after:
            self._spawn()
        else:
            self._ended(code, signum, out_of_memory)

    def _ended(self, code: int | None, signum: int | None, out_of_memory: bool) -> None:
        self.state = "exited"
        self._held, self._held_bytes = [], 0
        fields = {"pid": self.pid, "incarnation": self.incarnation, "code": code, "signal": signum}
        fields["outOfMemory"] = out_of_memory
        self.exit = {**fields, "wanted": self._wanted_end, **({"error": self._error} if self._error else {})}
        self._tell_answer({"error": self._error or "the kernel ended while it started", "code": "start_failed"})
        self.on_event({"event": "exit", **self.exit})

    def _tell_answer(self, result: dict) -> None:
        answer, self._answer = self._answer, None
        if answer:
            answer(result)

    def _watch_memory(self) -> None:
        if self._process and self._limits.exceeded(self._process.pid):
            self._process.signal(signal.SIGKILL, True)
        self._loop.later(WATCH_SECONDS, self._watch_memory)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timers.append(self._loop.later(seconds, call))

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []
