import pytest

from beamgate_jupyter_server import positions
from beamgate_jupyter_server.positions import Full, Position, Positions


def sent(position):
    return [(number, frame) for number, frame in position.take_unsent()]


def test_numbers_what_is_typed_and_sends_it_once():
    position = Position()
    position.welcome("e", 0)
    position.add("a", b"1")
    position.add("b", b"2")
    assert sent(position) == [(1, b"1"), (2, b"2")]
    assert sent(position) == []


def test_sends_again_what_the_kernel_does_not_have():
    position = Position()
    position.welcome("e", 0)
    for name in "abc":
        position.add(name, name.encode())
    position.take_unsent()
    position.add("d", b"d")  # typed while the gateway is away
    position.welcome("e", 1)
    assert sent(position) == [(2, b"b"), (3, b"c"), (4, b"d")]


def test_a_welcome_that_has_more_than_we_know_goes_on_behind_it():
    position = Position()
    position.welcome("e", 7)
    position.add("a", b"a")
    assert sent(position) == [(8, b"a")]


def test_another_ring_gets_what_no_kernel_was_sent_under_new_numbers():
    position = Position()
    position.welcome("e", 0)
    position.add("a", b"a")
    position.take_unsent()
    position.seen = 40
    position.add("b", b"b")
    position.welcome("other", 0)
    assert position.seen == 0
    assert sent(position) == [(1, b"b")]


def test_an_answer_confirms_all_before_it():
    position = Position()
    position.welcome("e", 0)
    for name in "abc":
        position.add(name, name.encode())
    position.take_unsent()
    position.answered("b")
    position.answered("unknown")
    position.welcome("e", 0)
    assert sent(position) == [(3, b"c")]


def test_keeps_so_much_and_no_more(monkeypatch):
    monkeypatch.setattr(positions, "MAX_PENDING_BYTES", 10)
    position = Position()
    position.add("a", b"12345678")
    with pytest.raises(Full):
        position.add("b", b"123")
    position.take_unsent()
    position.add("b", b"123")  # what was sent makes room
    assert sent(position) == [(2, b"123")]


def test_a_session_that_comes_back_finds_its_position_and_its_older_connection_loses_it():
    all_of_them = Positions()
    position = all_of_them.take("k", "s", "first")
    position.seen = 3
    assert all_of_them.take("k", "s", "second") is position
    assert position.owner == "second"
    assert all_of_them.take("k", "other", "third").seen == 0
