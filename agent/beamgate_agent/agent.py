"""The agent: connections and their roles, events, and how long all of it lives."""

import json
import os
import time
from contextlib import suppress

from . import proc
from .frames import ACK, CALL, EVENT, MSG, RESULT, WELCOME, BadFrame, json_frame, parse_object
from .hello import Hello
from .kernel import KernelProcess
from .lifecycle import Kernel
from .limits import Limits
from .loop import Loop, Timer
from .relay import Relay
from .ring import Hole, Ring
from .session import MAX_SESSIONS, Session, Sessions
from .spec import Spec
from .stream import Connection, Listener, TlsListener
from .verbs import CLIENT_VERBS, CONTROL_VERBS, VerbError

_ACTIVITY_SECONDS = 0.25


class Agent:
    def __init__(self, spec: Spec, loop: Loop, limits: Limits, first: KernelProcess | None) -> None:
        """@param first  the kernel's process, where it was started already"""
        self.spec = spec
        self.loop = loop
        self.epoch = os.urandom(8).hex()
        self.ring = Ring(spec.ring_bytes)
        self.sessions = Sessions(self.ring, loop, spec.retention_seconds)
        self.limits = limits
        self.kernel = Kernel(spec, loop, limits, f"beamgate-{self.epoch}", first)
        self.relay = Relay(self.kernel, self.ring, self.sessions)
        self.kernel.on_event = self._tell
        self.relay.on_event = self._tell
        self.relay.on_dropped = self._on_dropped
        self.relay.on_state = self.on_state
        self.relay.on_use = self.on_use
        self.last_activity = time.time()
        self._used_at = time.monotonic()
        self._control: Connection | None = None
        self._term = -1
        self._connections: set[Connection] = set()
        self._by_connection: dict[Connection, Session] = {}
        self._listener: Listener | TlsListener | None = None
        self._activity_timer: Timer | None = None
        self._activity_told = ""
        self._survival: Timer | None = None
        self._lingering = False
        loop.after_round = self._settle

    def listen(self) -> None:
        """@raises OSError when the socket can't be bound"""
        if self.spec.tls:
            self._listener = TlsListener(self.loop, self.spec.socket, self.spec.tls, self._on_connection)
        else:
            self._listener = Listener(self.loop, self.spec.socket, self._on_connection)
        self.write_record()
        self.plan_survival()

    def move(self, place: dict | None) -> None:
        """A warm kernel gets the place of the one that it becomes; the launcher has moved its directory there."""
        if place and self.kernel.claim is None:
            with suppress(OSError):
                os.unlink(self.spec.record)
            self.spec.directory, self.spec.socket, self.spec.record = (
                place["directory"],
                place["socket"],
                place["record"],
            )

    def update_record(self) -> None:
        """A full disk or a removed data folder must not stop an agent that runs."""
        with suppress(OSError):
            self.write_record()

    def write_record(self) -> None:
        """What a restarted launcher adopts by; a pod's own labels are that. @raises OSError"""
        if not self.spec.record:
            return
        pid = os.getpid()
        record = {
            "kernelId": (self.kernel.claim or {}).get("kernelId", self.spec.kernel_id),
            "pid": pid,
            "startTime": proc.start_time(pid),
            "bootId": proc.boot_id(),
            "socket": self.spec.socket,
            "epoch": self.epoch,
            "kernelPid": self.kernel.pid,
        }
        temporary = f"{self.spec.record}.{pid}"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(record, file)
        os.rename(temporary, self.spec.record)

    def end(self) -> None:
        """Kill what is left of the kernel, tell every peer, remove every trace, leave the loop."""
        self.kernel.kill()
        for connection in list(self._connections):
            connection.bye("ended", "the agent has ended")
        if self._listener:
            self._listener.close()
        self.limits.close()
        self._remove_files()
        self.loop.stop()

    def _remove_files(self) -> None:
        if not self.spec.record:
            return
        paths = [self.spec.record, self.spec.socket]
        with suppress(OSError):
            entries = os.scandir(self.spec.directory)
            paths += [entry.path for entry in entries if not entry.is_dir(follow_symlinks=False)]
        for path in paths:
            with suppress(OSError):
                os.unlink(path)

    # --- connections -----------------------------------------------------------------------------------------------

    def _on_connection(self, connection: Connection) -> None:
        self._connections.add(connection)
        connection.on_frame = self._on_hello
        connection.on_close = self._on_close

    def _on_hello(self, connection: Connection, _kind: int, _seq: int, body: bytes) -> None:
        hello = Hello(body, self.spec)
        if hello.role == "control":
            self._welcome_control(connection, hello)
        elif hello.session is None:
            connection.on_frame = self._on_caller_frame
            connection.welcome(json_frame(WELCOME, 0, self._welcome(hello.version, 0, self.ring.last)))
        else:
            self._welcome_client(connection, hello, hello.session)
        self.plan_survival()

    def _welcome_control(self, connection: Connection, hello: Hello) -> None:
        term = hello.term
        if term < self._term:
            raise BadFrame("fenced", f"term {term} is over, {self._term} rules")
        previous, self._control = self._control, connection
        if previous:
            previous.bye("fenced" if term > self._term else "replaced", f"a control connection of term {term} came")
        self._term = term
        connection.on_frame = self._on_control_frame
        connection.welcome(json_frame(WELCOME, 0, self._welcome(hello.version, 0, self.ring.last)))
        if self.kernel.exit:
            connection.send(json_frame(EVENT, self.ring.last, {"event": "exit", **self.kernel.exit}))

    def _welcome_client(self, connection: Connection, hello: Hello, session_id: str) -> None:
        seen, since, waited = hello.seen, hello.since, hello.waited
        if seen and hello.epoch != self.epoch:
            seen = None
        session = self.sessions.find(session_id)
        # Sockets of one session at two gateways come here in any order once there is an agent.
        if hello.stale or (session and session.connection and 0 < since < session.since):
            self._welcome_stale(connection, session, hello.version)
            return
        if session and session.connection:
            session.connection.bye("replaced", "the session was opened again")
            session = self.sessions.find(session_id)  # an ephemeral one went with its connection
        if session:
            hole = self.ring.rewind(session.cursor, seen)
        else:
            if len(self.sessions) >= MAX_SESSIONS:
                raise BadFrame("busy", f"the kernel has {MAX_SESSIONS} sessions already")
            if waited and seen is None:
                seen = 0
            session = self.sessions.open(session_id, self.ring.last if seen is None else seen, waited)
            hole = self._hole_after(seen) if seen else self.ring.lost if seen == 0 else None
        self.sessions.attach(session, connection, hello.ephemeral, since)
        self._by_connection[connection] = session
        connection.on_frame = self._on_client_frame
        welcome = self._welcome(hello.version, session.input_last, session.cursor.sent)
        connection.welcome(
            json_frame(
                WELCOME, 0, {**welcome, "stale": False, "lastCell": session.last_cell and json.loads(session.last_cell)}
            )
        )
        if hole:
            connection.send(hole.frame())
        connection.pull = lambda: self.ring.pull(session.cursor)

    def _welcome_stale(self, connection: Connection, session: Session | None, version: int) -> None:
        """A newer socket of the session is elsewhere. What was asked on the older one is taken, and answered there."""
        if not session:
            raise BadFrame("replaced", "the session is not open any more")

        def on_frame(connection: Connection, kind: int, _seq: int, body: bytes) -> None:
            if kind == MSG:
                self.relay.take_input(session, 0, body)
            else:
                self._on_caller_frame(connection, kind, _seq, body)

        connection.on_frame = on_frame
        connection.welcome(json_frame(WELCOME, 0, {**self._welcome(version, 0, self.ring.last), "stale": True}))

    def _hole_after(self, seen: int) -> Hole | None:
        """For a session forgotten by now: what the ring no longer holds may have been owed to it."""
        missing = self.ring.first - 1 - seen
        return Hole(seen + 1, self.ring.first - 1, missing, 0) if missing > 0 else None

    def _welcome(self, version: int, input_last: int, start: int) -> dict:
        kernel = self.kernel
        return {
            "v": version,
            "epoch": self.epoch,
            "first": self.ring.first,
            "last": self.ring.last,
            "from": start,
            "inputLast": input_last,
            "state": kernel.state,
            "pid": kernel.pid,
            "claimed": kernel.claim is not None,
            "initialised": kernel.initialised,
            "incarnation": kernel.incarnation,
            "limits": self.limits.way,
            **({"exit": kernel.exit} if kernel.exit else {}),
        }

    def _on_close(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection is self._control:
            self._control = None
        session = self._by_connection.pop(connection, None)
        if session and session.connection is connection:
            self.sessions.detach(session)
            self.relay.on_detached()
        self.plan_survival()

    # --- frames ----------------------------------------------------------------------------------------------------

    def _on_client_frame(self, connection: Connection, kind: int, seq: int, body: bytes) -> None:
        session = self._by_connection[connection]
        if kind == MSG:
            self.relay.take_input(session, seq, body)
        elif kind == ACK:
            self.ring.acknowledge(session.cursor, min(seq, session.cursor.sent))
        elif kind == CALL:
            self._call(connection, seq, body, CLIENT_VERBS)
        else:
            raise BadFrame("bad_frame", f"a client may not send frames of type {kind}")

    def _on_caller_frame(self, connection: Connection, kind: int, seq: int, body: bytes) -> None:
        """A client without a session is owed no output, so none is kept for it; it may only call."""
        if kind != CALL:
            raise BadFrame("bad_frame", f"a client without a session may not send frames of type {kind}")
        self._call(connection, seq, body, CLIENT_VERBS)

    def _on_control_frame(self, connection: Connection, kind: int, seq: int, body: bytes) -> None:
        if kind == ACK:
            return  # events to the control role are told once and not kept
        if kind != CALL:
            raise BadFrame("bad_frame", f"a control connection may not send frames of type {kind}")
        self._call(connection, seq, body, CONTROL_VERBS)

    def _call(self, connection: Connection, call: int, body: bytes, verbs: dict) -> None:
        arguments = parse_object(body)
        verb = arguments.pop("verb", None)

        def answer(result: dict) -> None:
            if connection.open:
                connection.send(json_frame(RESULT, call, result))
                connection.flush()

        handler = verbs.get(verb) if isinstance(verb, str) else None
        try:
            if handler is None:
                known = isinstance(verb, str) and verb in CONTROL_VERBS
                raise VerbError("forbidden" if known else "unknown_verb", f"{verb!r} can't be called here")
            handler(self, arguments, answer)
        except VerbError as error:
            answer({"error": str(error), "code": error.code})

    # --- events ----------------------------------------------------------------------------------------------------

    def _tell(self, fields: dict) -> None:
        """To all sessions, in order with the output, and to the control connection.

        `initialised` comes before anybody's output and concerns the launcher's pool alone.
        """
        if fields["event"] == "initialised":
            if self._listener:
                self.update_record()
            self._tell_control(json_frame(EVENT, 0, fields))
            return
        self._tell_control(self.ring.append_event(fields))
        if fields["event"] == "ready":
            self._activity_told = "idle"  # which this says
        if fields["event"] in ("ready", "exit"):
            self.on_state()
            self.update_record()
        if fields["event"] == "exit":
            self.plan_survival()

    def _tell_control(self, data: bytes) -> None:
        if self._control:
            self._control.send(data)

    def _on_dropped(self, hole: Hole) -> None:
        """The sessions get their notices from the ring, in place."""
        self._tell_control(json_frame(EVENT, hole.last, {"event": "dropped", **hole.fields()}))

    def on_state(self) -> None:
        """The last state is always told, at most one in 250 ms."""
        self.on_use()
        if not self._activity_timer:
            self._tell_activity()
        if not self._connections:
            self.plan_survival()

    def on_use(self) -> None:
        """Told to whoever asks for stats: it may come often."""
        self.last_activity = time.time()
        self._used_at = time.monotonic()

    @property
    def quiet_seconds(self) -> float:
        """Since its state changed or an idle kernel printed; a clock that is set and a sleeping machine don't count."""
        return time.monotonic() - self._used_at

    def _tell_activity(self) -> None:
        self._activity_timer = None
        if self.kernel.state != self._activity_told:
            self._activity_told = self.kernel.state
            activity = {"event": "activity", "state": self.kernel.state, "at": proc.moment(self.last_activity)}
            self._tell_control(json_frame(EVENT, 0, activity))
            self._activity_timer = self.loop.later(_ACTIVITY_SECONDS, self._tell_activity)

    # --- life ------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        self.relay.settle()
        full = self.relay.input_full
        for connection in tuple(self._connections):
            connection.throttled = full and connection is not self._control
            connection.flush()
        if self.kernel.exit and self.kernel.exit["wanted"] and self._all_delivered():
            self.end()

    def _all_delivered(self) -> bool:
        drained = self._control is None or self._control.drained
        return drained and self.ring.caught_up()

    def plan_survival(self) -> None:
        """When to end without being told: see the three ways below. Any change of circumstances plans anew."""
        spec, kernel = self.spec, self.kernel
        if kernel.exit and self._lingering:
            return  # whoever comes and goes in that time doesn't prolong it
        if self._survival:
            self._survival.cancel()
            self._survival = None
        self._lingering = kernel.exit is not None
        if self._lingering:
            self._survival = self.loop.later(spec.linger_seconds, self.end)
        elif kernel.claim is None:
            if self._control is None:
                self._survival = self.loop.later(spec.unclaimed_seconds, self.end)
        elif not self._connections and kernel.state == "idle":
            self._survival = self.loop.later(spec.orphan_seconds, self.end)
