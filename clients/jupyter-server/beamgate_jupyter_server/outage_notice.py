"""Tells in a cell that it waits for the gateway."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timezone
from uuid import uuid4

from .messages import made


class OutageNotice:
    """Shown below the first cell that was run during an outage, once that is worth a word, and taken away when it is
    sent. A cell that the kernel has begun has output of its own that can't be cleared, so it gets none.
    """

    def __init__(self, tell: Callable[[bytes], None], after_seconds: float) -> None:
        self._tell = tell
        self._after_seconds = after_seconds
        self._since: datetime | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._request: bytes | None = None
        self._session = ""
        self._shown = False

    def away(self) -> None:
        self._since = self._since or datetime.now(timezone.utc)

    def held(self, request: bytes | None, session: str) -> None:
        """An execution waits; its header, None for one that shows no output."""
        if self._request is None and request is not None and self._since:
            self._request, self._session = request, session
            self._timer = asyncio.get_running_loop().call_later(self._after_seconds, self._show)

    def back(self) -> None:
        """Before anything that waited is sent."""
        if self._shown:
            self._tell(made("iopub", "clear_output", {"wait": False}, self._session, self._request or b"{}"))
        self.stop()

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._request = self._since = None
        self._shown = False

    def _show(self) -> None:
        self._shown = True
        text = f"Beamgate can't be reached since {self._since:%H:%M} UTC.\nThis cell runs as soon as it is back."
        content = {"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": f"beamgate-{uuid4()}"}}
        self._tell(made("iopub", "display_data", content, self._session, self._request or b"{}"))
