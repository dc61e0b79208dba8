import select
import socket

import pytest
import zmq

from beamgate_agent.zmtp import _GREETING, Link, LinkError


@pytest.fixture
def bound(folder):
    context = zmq.Context()
    sockets = []

    def bind(kind, name):
        bound_socket = context.socket(kind)
        bound_socket.linger = 0
        bound_socket.rcvtimeo = 5000
        bound_socket.bind(f"ipc://{folder}/{name}")
        sockets.append(bound_socket)
        return bound_socket

    yield bind
    for bound_socket in sockets:
        bound_socket.close()
    context.term()


def receive(link, count):
    """The next `count` messages"""
    messages = []
    while len(messages) < count:
        assert select.select([link.sock], [link.sock] if link.out else [], [], 5) != ([], [], [])
        link.flush()
        try:
            messages += link.receive()
        except BlockingIOError:
            continue
    return messages


def settle(link):
    """Finish the handshake"""
    while link._until_ready is not None:
        assert select.select([link.sock], [], [], 5)[0]
        link.flush()
        link.receive()
    link.flush()


SIZES = [0, 1, 255, 256, 65_535, 262_144, 262_145, 3_000_000]


def test_a_dealer_and_a_router_exchange_frames_of_all_sizes(bound, folder):
    router = bound(zmq.ROUTER, "r")
    link = Link(f"{folder}/r", "DEALER")
    link.flush()
    sent = [bytes([n]) * size for n, size in enumerate(SIZES)]
    link.send([b"tag", *sent])
    settle(link)
    poller = zmq.Poller()
    poller.register(router, zmq.POLLIN)
    while not poller.poll(10):
        link.flush()
    identity, *got = router.recv_multipart()
    assert got == [b"tag", *sent]
    router.send_multipart([identity, *sent], copy=False)
    router.send_multipart([identity, b"after"])
    assert receive(link, 2) == [sent, [b"after"]]


def test_a_subscription_is_told_and_all_topics_arrive(bound, folder):
    publisher = bound(zmq.XPUB, "p")
    link = Link(f"{folder}/p", "SUB")
    link.flush()
    settle(link)
    assert publisher.recv() == b"\x01"
    for number in range(2000):
        publisher.send_multipart([b"topic", b"%d" % number])
        if number % 500 == 499:
            assert receive(link, 500) == [[b"topic", b"%d" % n] for n in range(number - 499, number + 1)]


def test_a_long_frame_in_the_middle_of_a_message_keeps_its_place(bound, folder):
    router = bound(zmq.ROUTER, "m")
    link = Link(f"{folder}/m", "DEALER")
    link.send([b"hello"])
    link.flush()
    settle(link)
    identity, _ = router.recv_multipart()
    big = bytes(range(256)) * 5000
    for _ in range(3):
        router.send_multipart([identity, b"a", big, b"b", big])
    assert receive(link, 3) == [[b"a", big, b"b", big]] * 3


def test_a_ping_is_answered(bound, folder):
    router = bound(zmq.ROUTER, "h")
    link = Link(f"{folder}/h", "DEALER")
    link.flush()
    settle(link)
    link._on_command(b"\x04PING\x00\x0aabc")
    assert b"".join(link.out) == b"\x04\x08\x04PONGabc"
    assert router.closed is False


def test_the_end_is_told(bound, folder):
    router = bound(zmq.ROUTER, "e")
    link = Link(f"{folder}/e", "DEALER")
    link.flush()
    settle(link)
    router.close()
    with pytest.raises(EOFError):
        receive(link, 1)


def test_nobody_listening_is_an_error(folder):
    with pytest.raises(FileNotFoundError):
        Link(f"{folder}/none", "DEALER")


@pytest.mark.parametrize(
    "data",
    [b"\4\0", b"\2" + (1 << 62).to_bytes(8, "big"), b"\4\6\5ERROR"],
    ids=["a command without a name", "a frame beyond all bounds", "an error"],
)
def test_a_kernel_that_breaks_the_protocol_is_refused(folder, data):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/l")
    listener.listen()
    link = Link(f"{folder}/l", "DEALER")
    peer, _ = listener.accept()
    peer.sendall(_GREETING + data)
    assert select.select([link.sock], [], [], 5)[0]
    with pytest.raises(LinkError):
        link.receive()
    for sock in (link, peer, listener):
        sock.close()
