import pytest

from beamgate_jupyter_server import outbox as module
from beamgate_jupyter_server.outbox import Full, Outbox


def frames(sent):
    return [frame for _, frame in sent]


def filled(*ids, limit_bytes=1000):
    outbox = Outbox(limit_bytes)
    for msg_id in ids:
        outbox.add(msg_id, msg_id.encode())
    return outbox


def test_everything_is_sent_once_on_a_connection_and_again_on_the_next():
    outbox = filled("a", "b")
    first = outbox.take_unsent()
    assert frames(first) == [b"a", b"b"]
    assert outbox.take_unsent() == []
    outbox.add("c", b"c")
    assert frames(outbox.take_unsent()) == [b"c"]
    outbox.reopen()
    assert outbox.take_unsent()[:2] == first


def test_numbers_of_a_notebook_server_that_was_started_again_are_above_those_of_the_one_before(monkeypatch):
    before = filled(*map(str, range(500)), limit_bytes=10_000).take_unsent()
    second_later = module.time.time_ns() + 10**9
    monkeypatch.setattr(module.time, "time_ns", lambda: second_later)
    after = filled("a").take_unsent()
    assert after[0][0] > before[-1][0]
    assert after[0][0] < 2**53


def test_what_the_agent_has_is_forgotten_and_the_rest_kept():
    outbox = filled("a", "b", "c")
    numbers = [number for number, _ in outbox.take_unsent()]
    outbox.confirm(numbers[0])
    assert "a" not in outbox
    outbox.answered("b")
    assert ("b" in outbox, "c" in outbox, outbox.bytes) == (False, True, 1)
    outbox.answered("unknown")
    assert "c" in outbox


def test_more_than_may_wait_is_refused_but_one_message_of_any_size_passes():
    outbox = Outbox(10)
    outbox.add("large", b"x" * 100)
    with pytest.raises(Full):
        outbox.add("small", b"y")
    outbox.remove("large")
    outbox.add("small", b"y" * 10)
    assert outbox.bytes == 10


def test_only_what_went_out_on_an_earlier_connection_is_doubtful():
    outbox = filled("a")
    assert not outbox.doubtful
    outbox.take_unsent()
    assert not outbox.doubtful
    outbox.reopen()
    outbox.add("b", b"b")
    assert outbox.doubtful
    outbox.drop_doubtful()
    assert frames(outbox.take_unsent()) == [b"b"]


def test_a_clock_that_was_set_back_loses_nothing(monkeypatch):
    monkeypatch.setattr(module.time, "time_ns", lambda: 5_000_000)
    outbox = filled("a", "b")
    outbox.take_unsent()
    outbox.welcome(9_000_000)
    sent = outbox.take_unsent()
    assert frames(sent) == [b"a", b"b"]
    assert sent[0][0] > 9_000_000


def test_an_id_is_taken_once():
    outbox = filled("a", "a")
    assert frames(outbox.take_unsent()) == [b"a"]
