from beamgate_jupyter_server import positions as module
from beamgate_jupyter_server.positions import Positions


def test_a_session_finds_its_position_again():
    positions = Positions()
    position = positions.take("kernel", "session", 10, lambda: None)
    positions.leave(position)
    assert positions.take("kernel", "session", 10, lambda: None) is position
    assert positions.take("kernel", "other", 10, lambda: None) is not position


def test_a_newer_socket_of_a_session_replaces_the_older():
    positions, replaced = Positions(), []
    positions.take("kernel", "session", 10, lambda: replaced.append("first"))
    positions.take("kernel", "session", 10, lambda: replaced.append("second"))
    assert replaced == ["first"]


def test_those_left_are_bounded_by_number_and_bytes_and_those_in_use_stay(monkeypatch):
    monkeypatch.setattr(module, "_MAX_LEFT", 2)
    monkeypatch.setattr(module, "_MAX_LEFT_BYTES", 100)
    positions = Positions()
    taken = [positions.take("kernel", str(number), 1000, lambda: None) for number in range(4)]
    for position in taken[1:]:
        positions.leave(position)
    assert positions.take("kernel", "1", 1000, lambda: None) is not taken[1]
    taken[3].outbox.add("a", b"x" * 200)
    positions.leave(taken[3])
    assert positions.take("kernel", "3", 1000, lambda: None) is not taken[3]
    assert positions.take("kernel", "0", 1000, lambda: None) is taken[0]
