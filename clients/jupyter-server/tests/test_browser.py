import asyncio

from kernel_messages import message, printed, read
from tornado.websocket import WebSocketClosedError

from beamgate_jupyter_server import browser as module
from beamgate_jupyter_server.browser import Browser
from beamgate_jupyter_server.framing import V1
from beamgate_jupyter_server.inbox import Inbox


class Handler:
    """The socket of a browser as tornado's handler has it; `writing` resolve when the browser read what was written."""

    def __init__(self, protocol=V1):
        self.selected_subprotocol = protocol
        self.written = []
        self.pings = asyncio.Queue()
        self.pongs = []
        self.gone = False
        self.writing = []

    def on_pong(self, payload):
        self.pongs.append(payload)

    def write_message(self, data, binary):
        if self.gone:
            raise WebSocketClosedError
        self.written.append((data, binary))
        future = asyncio.get_running_loop().create_future()
        self.writing.append(future)
        return future

    def ping(self, payload):
        self.pings.put_nowait(payload)


async def test_a_browser_of_either_framing_is_written_to_in_its_own():
    frame = message("iopub", "comm_msg", {}, buffers=[b"\xff"])
    v1, legacy = Handler(), Handler(None)
    Browser(v1, Inbox(1000)).send(frame)
    Browser(legacy, Inbox(1000)).send(frame)
    assert v1.written == [(frame, True)]
    assert legacy.written[0][1] is True and legacy.written[0][0] != frame


async def test_what_a_browser_did_not_confirm_goes_to_its_next_socket():
    inbox, first = Inbox(100_000), Handler()
    browser = Browser(first, inbox)
    browser.send(printed("one"))
    first.on_pong(await first.pings.get())
    assert first.pongs == [b"1"]
    browser.send(printed("two"))
    browser.closed()
    first.gone = True
    browser.send(printed("three"))
    second = Handler()
    Browser(second, inbox).send(printed("four"))
    assert [read(data)["content"]["text"] for data, _ in second.written] == ["two", "three", "four"]


async def test_a_browser_that_reads_slowly_is_waited_for(monkeypatch):
    monkeypatch.setattr(module, "_CONGESTED_BYTES", 1000)
    handler = Handler()
    browser = Browser(handler, Inbox(100_000))
    browser.send(printed("x" * 500))
    await browser.relief()
    browser.send(printed("x" * 900))
    waiting = asyncio.create_task(browser.relief())
    await asyncio.wait([waiting], timeout=0)
    assert not waiting.done()
    for written in handler.writing:
        written.set_exception(WebSocketClosedError())
    await asyncio.wait_for(waiting, 20)
