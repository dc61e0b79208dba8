"""What is said between a browser's session and its gateway: numbering, resuming, and telling the user. No sockets."""

import json
from collections.abc import Callable
from logging import Logger
from typing import Protocol

from .framing import NUMBERED, V1, number_frame, read_legacy, unnumber, write_legacy
from .messages import Peek, header_of, made, notice, peek, session_of
from .outage_notice import OutageNotice
from .outbox import Full
from .positions import Position


class Reader(Protocol):
    """A browser."""

    def send(self, frame: bytes, parting: bool = False) -> None:
        """@raises Malformed"""

    async def relief(self) -> None:
        """Until it can take more."""


class Conversation:
    """Of one session with one kernel, over one connection after another. `transmit` writes to the current one."""

    def __init__(
        self, position: Position, session_id: str, browser: Reader, log: Logger, notice_seconds: float = 3.0
    ) -> None:
        self.transmit: Callable[[str | bytes], object] = lambda _: None
        self._position = position
        self._session_id = session_id
        self._browser = browser
        self._log = log
        self._notice = OutageNotice(browser.send, notice_seconds)
        self._protocol: str | None = None
        self._open = self._welcomed = self._gone = False
        # The cell below which the gateway shows why its kernel waits.
        self._explained = ""
        # What the gateway said of the kernel's end.
        self._ended_why = ""
        # Requests that the agent had when this connection opened, and where its ring ended then.
        self._taken: list[str] = []
        self._last_before = 0

    def query(self) -> dict[str, str]:
        query = {"session_id": self._session_id}
        if self._position.epoch is not None:
            query |= {"epoch": self._position.epoch, "seen": str(self._position.seen)}
        return query

    def opened(self, protocol: str | None) -> None:
        if protocol != NUMBERED:
            self._log.warning(
                "The gateway does not speak %s: it is no Beamgate, and messages can be lost when it or its way breaks.",
                NUMBERED,
            )
        self._protocol = protocol
        self._open, self._welcomed, self._gone = True, False, False
        self._position.outbox.reopen()
        self._flush()

    def away(self, why: str) -> None:
        """No connection for now."""
        self._open = False
        self._take_explanation_away()
        self._notice.away()
        for msg_id in self._position.requests:
            self._watch(msg_id)

    def gone(self, why: str) -> None:
        """The gateway does not have the kernel: all that is open fails, as the gateway itself would have told."""
        self._open = False
        if self._gone:
            return
        self._gone = True
        self._notice.back()
        self._fail_all(f"The kernel ended while it could not be reached ({why.rstrip('.')}).")
        self._position.outbox.clear()
        self._tell("status", {"execution_state": "dead"})

    def close(self) -> None:
        self._notice.stop()

    def asked(self, frame: bytes) -> None:
        """The browser sent a message. @raises Malformed"""
        seen = peek(frame)
        header = header_of(seen)
        msg_id = header["msg_id"]
        requests, outbox = self._position.requests, self._position.outbox
        requests.sent(msg_id, header["msg_type"], seen)
        if self._gone:
            self._fail(msg_id, "KernelEnded", "The kernel has ended.")
            return
        try:
            outbox.add(msg_id, frame)
        except Full:
            limit = outbox.limit_bytes >> 20
            why = f"Not sent: Beamgate can't be reached, and as much waits for it already as may be kept ({limit} MiB)."
            if not self._fail(msg_id, "NotSent", why):
                self._browser.send(notice(f"{why}\n", self._position.kernel_session, seen.header))
            return
        self._flush()
        self._watch(msg_id)

    async def received(self, data: str | bytes) -> None:
        """The gateway sent a frame."""
        try:
            if self._protocol != NUMBERED:
                self._pass(0, data if self._protocol == V1 and isinstance(data, bytes) else read_legacy(data))
            elif isinstance(data, str):
                self._take_news(json.loads(data))
            else:
                self._pass(*unnumber(data))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._log.warning("Ignoring a frame of the gateway that can't be read: %r", error)
        await self._browser.relief()

    def _pass(self, number: int, frame: bytes) -> None:
        position = self._position
        seen = peek(frame)
        if number:
            if number <= position.seen:
                return
            position.seen = number
            position.kernel_session = session_of(seen) or position.kernel_session
            position.outbox.answered(seen.parent_id)
            if number <= self._last_before and _is_restart(seen):
                self._fail_taken("The kernel was restarted while the gateway could not be reached.")
        elif b'"display_data"' in seen.header:
            self._explained = seen.parent_id
        elif b'"clear_output"' in seen.header:
            self._explained = ""
        elif b'"KernelEnded"' in seen.content:
            self._ended_why = json.loads(seen.content).get("evalue", "")
        elif not seen.parent_id and b'"dead"' in seen.content:
            self._fail_all(self._ended_why or "The kernel has ended.")
        if seen.channel in ("shell", "control"):
            # Answered, by the kernel or in its place: either way it must not be asked again.
            position.requests.answered(seen.parent_id)
            position.outbox.remove(seen.parent_id)
        # Notebooks take it for the news that the kernel is started again by itself, and connect anew.
        self._browser.send(frame, parting=not seen.parent_id and b'"restarting"' in seen.content)

    def _take_news(self, news: dict) -> None:
        position = self._position
        if "welcome" in news:
            self._welcome(news["welcome"])
        elif "inputLast" in news:
            position.outbox.confirm(news["inputLast"])
        elif news.get("seq", 0) > position.seen:
            position.seen = news["seq"]
            if news.get("event") == "dropped":
                what = f"{news['messages']} messages ({news['bytes']} bytes) of output were dropped here"
                text = f"Beamgate: {what}, because nobody was connected to take them.\n"
                self._browser.send(notice(text, position.kernel_session, position.requests.running or b"{}"))

    def _welcome(self, welcome: dict) -> None:
        position = self._position
        known, position.epoch = position.epoch, welcome["epoch"]
        if known != position.epoch:
            position.seen = welcome.get("from", 0)
        if known not in (None, position.epoch):
            position.outbox.drop_doubtful()
        position.outbox.welcome(welcome["inputLast"])
        self._taken = [msg_id for msg_id in position.requests if msg_id not in position.outbox]
        self._last_before = welcome["last"]
        if known not in (None, position.epoch):
            self._fail_taken("The kernel was replaced while the gateway could not be reached; its variables are lost.")
        self._welcomed = True
        self._flush()

    def _flush(self) -> None:
        """Send what was not sent on this connection. What may have reached an agent before waits for a welcome, which
        may be another's, and the rest with it, since an agent takes numbers in order. Where no agent was met yet
        nothing waits: the gateway shows below a cell why its kernel does.
        """
        outbox = self._position.outbox
        numbered = self._protocol == NUMBERED
        met = self._position.epoch is not None
        if not self._open or (numbered and met and not self._welcomed and outbox.doubtful):
            return
        self._notice.back()
        for number, frame in outbox.take_unsent():
            if numbered:
                self.transmit(number_frame(number, frame))
            else:
                self.transmit(frame if self._protocol == V1 else write_legacy(frame)[0])
        if not numbered:
            outbox.clear()

    def _watch(self, msg_id: str) -> None:
        # Also what was written to a connection that was lost already: the kernel has said nothing of it.
        if msg_id in self._position.outbox:
            self._notice.held(self._position.requests.visible(msg_id), self._position.kernel_session)

    def _take_explanation_away(self) -> None:
        """The gateway that wrote it may be dead, and the next one writes its own."""
        parent = self._position.requests.visible(self._explained)
        if parent is not None:
            self._browser.send(made("iopub", "clear_output", {"wait": False}, self._position.kernel_session, parent))
        self._explained = ""

    def _fail_taken(self, why: str) -> None:
        for msg_id in self._taken:
            self._fail(msg_id, "KernelRestarted", why)
        self._taken = []

    def _fail_all(self, why: str) -> None:
        """Also what an earlier gateway was sent: the one that tells of the end does not know of it."""
        for msg_id in self._position.requests:
            self._fail(msg_id, "KernelEnded", why)

    def _fail(self, msg_id: str, ename: str, evalue: str) -> bool:
        """@returns whether there was such a request"""
        frames = self._position.requests.fail(msg_id, ename, evalue, self._position.kernel_session)
        for frame in frames:
            self._browser.send(frame)
        return bool(frames)

    def _tell(self, kind: str, content: dict) -> None:
        self._browser.send(made("iopub", kind, content, self._position.kernel_session))


def _is_restart(seen: Peek) -> bool:
    """Beamgate's word that the agent let go of a process; the status of a kernel that starts looks much the same."""
    return not seen.parent_id and b'"beamgate"' in seen.header and b'"starting"' in seen.content
