from beamgate_jupyter_server.inbox import Inbox


def asked(inbox):
    pings = []
    inbox.ask(pings.append)
    return pings


def test_what_was_confirmed_is_forgotten_and_the_rest_goes_again():
    inbox, pings = Inbox(1000), []
    for frame in (b"a", b"b"):
        inbox.add(frame, pings.append)
    assert pings == []
    (ping,) = asked(inbox)
    inbox.add(b"c", pings.append)
    inbox.pong(ping)
    assert list(inbox) == [b"c"]
    assert inbox.bytes == 1


def test_a_flood_is_asked_for_every_32_messages():
    inbox, pings = Inbox(10_000), []
    for _ in range(100):
        inbox.add(b"x", pings.append)
    assert pings == [b"32", b"64", b"96"]
    inbox.pong(b"64")
    assert len(inbox) == 36


def test_pongs_that_nobody_asked_for_are_ignored():
    inbox = Inbox(1000)
    inbox.add(b"a", lambda _: None)
    for payload in (b"", b"1", b"99", b"nonsense", b"9" * 30):
        inbox.pong(payload)
    assert len(inbox) == 1


def test_another_socket_is_asked_anew():
    inbox = Inbox(1000)
    inbox.add(b"a", lambda _: None)
    first = asked(inbox)
    assert asked(inbox) == []
    inbox.reopen(0.0)
    inbox.pong(first[0])
    assert len(inbox) == 1
    assert asked(inbox) == first


def test_upon_what_a_browser_parts_it_is_not_told_again_when_it_comes_back_at_once():
    for back, left in ((12.0, [b"a", b"c"]), (60.0, [b"a", b"restarting", b"c"])):
        inbox = Inbox(1000)
        for frame in (b"a", b"restarting"):
            inbox.add(frame, lambda _: None)
        inbox.parting(10.0)
        inbox.add(b"c", lambda _: None)
        inbox.reopen(back)
        assert list(inbox) == left
        assert inbox.bytes == sum(map(len, left))
        inbox.pong(*asked(inbox))
        assert len(inbox) == inbox.bytes == 0


def test_a_browser_that_took_what_it_parted_upon_parts_once():
    inbox = Inbox(1000)
    inbox.add(b"restarting", lambda _: None)
    inbox.parting(10.0)
    inbox.pong(*asked(inbox))
    inbox.add(b"c", lambda _: None)
    inbox.reopen(11.0)
    assert list(inbox) == [b"c"]


def test_what_is_kept_is_bounded_by_dropping_the_oldest():
    inbox = Inbox(10)
    for frame in (b"x" * 6, b"y" * 6, b"z" * 30):
        inbox.add(frame, lambda _: None)
    assert list(inbox) == [b"z" * 30]
