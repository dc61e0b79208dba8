import asyncio
import logging
from contextlib import asynccontextmanager

import pytest
from jupyter_server.gateway.gateway_client import GatewayClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from beamgate_jupyter_server.framing import NUMBERED, V1
from beamgate_jupyter_server.link import Link


class Heard:
    """What a link told, awaited in order."""

    def __init__(self):
        self.news = asyncio.Queue()

    def query(self):
        return {"session_id": "a session", "epoch": "e1", "seen": "7"}

    def opened(self, protocol):
        self.news.put_nowait(("opened", protocol))

    async def received(self, data):
        self.news.put_nowait(("received", data))

    def away(self, why):
        self.news.put_nowait(("away", why))

    def gone(self, why):
        self.news.put_nowait(("gone", why))

    async def next(self, kind):
        while True:
            found, value = await asyncio.wait_for(self.news.get(), 20)
            if found == kind:
                return value


class Gateway:
    """The sockets of a gateway, in this process."""

    def __init__(self):
        self.requests = []
        self.handlers = asyncio.Queue()
        self.received = asyncio.Queue()
        self.refusal = None
        self.offers = NUMBERED
        gateway = self

        class Channels(WebSocketHandler):
            async def prepare(self):
                gateway.requests.append(self.request)
                if gateway.refusal:
                    status, body = gateway.refusal
                    self.set_status(status)
                    self.finish(body)

            def select_subprotocol(self, offered):
                return gateway.offers if gateway.offers in offered else None

            def open(self, *_):
                gateway.handlers.put_nowait(self)

            def on_message(self, message):
                gateway.received.put_nowait(message)

            def on_close(self):
                gateway.received.put_nowait(None)

        self._application = Application([(r"/api/kernels/(.*)/channels", Channels)])
        self._port = 0
        self.start()

    def start(self):
        sockets = bind_sockets(self._port, "127.0.0.1")
        self._port = sockets[0].getsockname()[1]
        self._server = HTTPServer(self._application)
        self._server.add_sockets(sockets)

    def stop(self):
        self._server.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"


@asynccontextmanager
async def linked():
    GatewayClient.clear_instance()
    gateway, heard = Gateway(), Heard()
    GatewayClient.instance(url=gateway.url, auth_token="secret", auth_scheme="Bearer", headers='{"X-Site": "p06"}')
    link = Link("a kernel", heard, logging.getLogger("test"), 0.001, 0.002)
    running = asyncio.create_task(link.run())
    try:
        yield gateway, heard, link
    finally:
        link.close()
        await asyncio.wait_for(running, 20)
        gateway.stop()
        GatewayClient.clear_instance()


async def test_the_position_and_the_headers_of_the_gateway_client_go_with_each_attempt():
    async with linked() as (gateway, heard, _):
        assert await heard.next("opened") == NUMBERED
        (request,) = gateway.requests
        assert request.path == "/api/kernels/a%20kernel/channels"
        assert request.query == "session_id=a+session&epoch=e1&seen=7"
        assert request.headers["Authorization"] == "Bearer secret"
        assert request.headers["X-Site"] == "p06"


async def test_frames_pass_both_ways_with_their_opcode():
    async with linked() as (gateway, heard, link):
        socket = await gateway.handlers.get()
        await heard.next("opened")
        every_byte = bytes(range(256))
        await socket.write_message(every_byte, binary=True)
        await socket.write_message("text")
        assert [await heard.next("received"), await heard.next("received")] == [every_byte, "text"]
        assert link.send(every_byte) and link.send("text")
        assert [await gateway.received.get(), await gateway.received.get()] == [every_byte, "text"]


async def test_it_tries_until_the_gateway_is_back():
    async with linked() as (gateway, heard, link):
        socket = await gateway.handlers.get()
        await heard.next("opened")
        gateway.stop()
        socket.close(1012, "the gateway restarts")
        assert "the gateway restarts" in await heard.next("away")
        for _ in range(5):
            assert "can't be reached" in await heard.next("away")
        assert not link.send("nothing to write to")
        gateway.start()
        assert await heard.next("opened") == NUMBERED


@pytest.mark.parametrize(
    ("refusal", "kind", "what"),
    [
        ((404, '{"reason": "Not Found", "message": "Kernel does not exist: k"}'), "gone", "Kernel does not exist: k"),
        ((404, "<html>no such host</html>"), "away", "404"),
        ((401, '{"reason": "Unauthorized", "message": "The token has expired."}'), "away", "The token has expired."),
        ((503, ""), "away", "503"),
    ],
)
async def test_only_the_gateway_itself_can_say_that_the_kernel_is_gone(refusal, kind, what):
    async with linked() as (gateway, heard, _):
        await heard.next("opened")
        gateway.refusal = refusal
        (await gateway.handlers.get()).close()
        why = await heard.next(kind) if kind == "gone" else ""
        while what not in why:
            why = await heard.next(kind)
        gateway.refusal = None
        assert await heard.next("opened") == NUMBERED


@pytest.mark.parametrize("offers", [V1, None])
async def test_another_gateway_answers_with_another_protocol(offers):
    async with linked() as (gateway, heard, _):
        await heard.next("opened")
        gateway.offers = offers
        (await gateway.handlers.get()).close()
        assert await heard.next("opened") == offers


async def test_a_browser_that_leaves_while_a_connection_is_made_leaves_none_behind():
    async with linked() as (gateway, heard, link):
        (await gateway.handlers.get()).close()
        await heard.next("away")
        assert await gateway.received.get() is None
        while len(gateway.requests) < 2:
            await asyncio.sleep(0)
        link.close()
        await gateway.handlers.get()
        assert await asyncio.wait_for(gateway.received.get(), 20) is None
