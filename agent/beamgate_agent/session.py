"""Sessions (one per client socket, named by its Jupyter session id) and the requests they made."""

from .loop import Loop, Timer
from .ring import Cursor, Ring
from .stream import Connection

MAX_SESSIONS = 4096
_MAX_TAG = 0xFFFF
_WHOEVER_COMES_FIRST = 0
# For gateways that hear later than others that the kernel is there.
_LATE_SECONDS = 10
_REQUESTS_REMEMBERED = 4096

QUEUED, SENT, RUNNING, ANSWERED, LOST = "queued", "sent", "running", "answered", "lost"


class Session:
    """A tag (the extra identity frame of its requests), a cursor in the ring and a counter of its input.

    Of one that is `ephemeral` nobody can come back to it: it goes with its connection.
    """

    __slots__ = ("connection", "cursor", "ephemeral", "expiry", "id", "input_last", "last_cell", "since", "tag")

    def __init__(self, session_id: str, tag: int, cursor: Cursor) -> None:
        self.id = session_id
        self.tag = tag
        self.cursor = cursor
        self.input_last = 0
        # Header of the last execution that is not silent: what a gateway that lost all can still attach a notice to.
        self.last_cell: bytes | None = None
        self.ephemeral = False
        # When the socket of its connection was opened, ms by the clock of its gateway; 0: unknown.
        self.since = 0
        self.connection: Connection | None = None
        self.expiry: Timer | None = None


class Sessions:
    def __init__(self, ring: Ring, loop: Loop, retention_seconds: float) -> None:
        self._ring = ring
        self._loop = loop
        self._retention_seconds = retention_seconds
        self._by_id: dict[str, Session] = {}
        self.by_tag: dict[int, Session] = {}
        self._last_tag = 0
        self._waiting: Timer | None = None
        ring.open(_WHOEVER_COMES_FIRST, 0)

    def __len__(self) -> int:
        return len(self._by_id)

    def attached(self) -> list[Session]:
        return [session for session in self._by_id.values() if session.connection]

    def find(self, session_id: str) -> Session | None:
        return self._by_id.get(session_id)

    def open(self, session_id: str, start: int, waited: bool) -> Session:
        """@param waited  its client was there before the kernel, and so may others be who come later than this one"""
        tag = self._free_tag()
        session = Session(session_id, tag, self._ring.open(tag, start))
        self._by_id[session_id] = self.by_tag[tag] = session
        if waited:
            self._keep_the_beginning(min(_LATE_SECONDS, self._retention_seconds))
        else:
            self._ring.forget(_WHOEVER_COMES_FIRST)
        return session

    def wait_for_the_first(self) -> None:
        """The kernel waits though no session was ever there: not for longer than for one that is gone."""
        self._keep_the_beginning(self._retention_seconds)

    def forget_the_late(self) -> None:
        """What those who are here are owed is not given up for others who may never come."""
        if self.attached():
            self._ring.forget(_WHOEVER_COMES_FIRST)

    def _keep_the_beginning(self, seconds: float) -> None:
        if _WHOEVER_COMES_FIRST in self._ring.cursors and not self._waiting:
            self._waiting = self._loop.later(seconds, lambda: self._ring.forget(_WHOEVER_COMES_FIRST))

    def attach(self, session: Session, connection: Connection, ephemeral: bool = False, since: int = 0) -> None:
        if session.expiry:
            session.expiry.cancel()
        session.ephemeral = ephemeral
        session.since = since
        session.connection = connection
        session.cursor.attached = True

    def detach(self, session: Session) -> None:
        """Its socket went; what it is owed is kept for the retention time."""
        session.connection = None
        session.cursor.attached = False
        if session.ephemeral:
            self._forget(session)
        else:
            session.expiry = self._loop.later(self._retention_seconds, lambda: self._forget(session))

    def _forget(self, session: Session) -> None:
        del self._by_id[session.id], self.by_tag[session.tag]
        self._ring.forget(session.tag)

    def _free_tag(self) -> int:
        while True:
            self._last_tag = self._last_tag % _MAX_TAG + 1
            if self._last_tag not in self.by_tag:
                return self._last_tag


class Request:
    __slots__ = ("channel", "state", "tag")

    def __init__(self, channel: str, tag: int, state: str) -> None:
        self.channel = channel
        self.tag = tag
        self.state = state


class Requests:
    """The last few thousand requests by message id: repeats are recognised, and `lookup` is answered from here."""

    def __init__(self) -> None:
        self._by_id: dict[str, Request] = {}

    def __contains__(self, msg_id: str) -> bool:
        return msg_id in self._by_id

    def add(self, msg_id: str, request: Request) -> None:
        self._by_id[msg_id] = request
        if len(self._by_id) > _REQUESTS_REMEMBERED:
            del self._by_id[next(iter(self._by_id))]

    def get(self, msg_id: str) -> Request | None:
        return self._by_id.get(msg_id)

    def mark_sent(self) -> None:
        """What was queued went to the kernel."""
        for request in self._by_id.values():
            if request.state == QUEUED:
                request.state = SENT

    def lose_unanswered(self) -> None:
        """The kernel that had them is gone. They stay known: a gateway that sends again what it is not sure of, as it
        does for a session that goes on elsewhere, must not have them run by the next one."""
        for request in self._by_id.values():
            if request.state != ANSWERED:
                request.state = LOST
