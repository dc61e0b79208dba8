import json
import tracemalloc

import pytest

from beamgate_agent.frames import EVENT, HEADER, HEADER_SIZE, MSG, unpack_message
from beamgate_agent.ring import Ring

TEXT = b"x" * 1000


def fill(ring, count, owner=0, droppable=False, text=TEXT):
    for _ in range(count):
        ring.append_message(b"iopub", [b"{}", b"{}", b"{}", text], owner, droppable)


def numbers(frames):
    return [HEADER.unpack_from(frame)[4] for frame in frames]


def pull_all(ring, cursor):
    out = []
    while frames := ring.pull(cursor):
        out += frames
    return out


def notices(frames):
    return [json.loads(frame[HEADER_SIZE:]) for frame in frames if HEADER.unpack_from(frame)[1] == EVENT]


@pytest.fixture
def ring():
    return Ring(1 << 20)


def test_a_session_gets_broadcasts_and_its_own_replies_in_order(ring):
    one, two = ring.open(1, 0), ring.open(2, 0)
    fill(ring, 1)
    fill(ring, 1, owner=1)
    fill(ring, 1, owner=2)
    fill(ring, 1)
    assert numbers(pull_all(ring, one)) == [1, 2, 4]
    assert numbers(pull_all(ring, two)) == [1, 3, 4]
    assert pull_all(ring, one) == []


def test_an_entry_stays_until_each_session_that_is_owed_it_acknowledged(ring):
    one, two = ring.open(1, 0), ring.open(2, 0)
    fill(ring, 4)
    for cursor in (one, two):
        pull_all(ring, cursor)
    ring.acknowledge(one, 4)
    assert (len(ring), ring.first) == (4, 1)
    ring.acknowledge(two, 3)
    assert (len(ring), ring.first) == (1, 4)
    ring.acknowledge(two, 4)
    assert (len(ring), ring.bytes, ring.first) == (0, 0, 5)


def test_an_acknowledgement_never_goes_back_nor_ahead_of_the_ring(ring):
    cursor = ring.open(1, 0)
    fill(ring, 3)
    pull_all(ring, cursor)
    ring.acknowledge(cursor, 99)
    assert cursor.acked == 0
    ring.acknowledge(cursor, 2)
    ring.acknowledge(cursor, 1)
    assert cursor.acked == 2


def test_a_resume_without_seen_repeats_what_was_not_acknowledged(ring):
    cursor = ring.open(1, 0)
    fill(ring, 5)
    pull_all(ring, cursor)
    ring.acknowledge(cursor, 2)
    fill(ring, 2)
    ring.rewind(cursor, None)
    assert numbers(pull_all(ring, cursor)) == [3, 4, 5, 6, 7]


def test_a_resume_with_seen_trims_what_was_sent_and_what_was_not(ring):
    cursor = ring.open(1, 0)
    fill(ring, 5)
    pull_all(ring, cursor)  # 1 to 5 are sent, unacknowledged
    fill(ring, 5)  # 6 to 10 are not sent
    ring.rewind(cursor, 7)
    assert (len(ring), ring.first) == (3, 8)
    assert numbers(pull_all(ring, cursor)) == [8, 9, 10]
    ring.rewind(cursor, None)
    assert numbers(pull_all(ring, cursor)) == [8, 9, 10]


def test_seen_may_be_older_than_what_was_acknowledged(ring):
    cursor, _other = ring.open(1, 0), ring.open(2, 0)
    fill(ring, 5)
    pull_all(ring, cursor)
    ring.acknowledge(cursor, 5)
    ring.rewind(cursor, 2)
    assert numbers(pull_all(ring, cursor)) == [3, 4, 5]
    assert cursor.acked == 5


def test_a_new_session_starts_at_the_present(ring):
    fill(ring, 3)
    cursor = ring.open(1, ring.last)
    fill(ring, 1)
    assert numbers(pull_all(ring, cursor)) == [4]


def test_a_forgotten_session_frees_what_it_was_owed(ring):
    ring.open(1, 0)
    two = ring.open(2, 0)
    fill(ring, 2)
    fill(ring, 1, owner=1)
    pull_all(ring, two)
    ring.acknowledge(two, 3)
    assert len(ring) == 3
    ring.forget(1)
    assert (len(ring), ring.bytes) == (0, 0)


def test_overflow_with_nobody_attached_drops_old_streams_and_says_so_in_their_place(ring):
    cursor = ring.open(1, 0)
    fill(ring, 1)
    fill(ring, 500, droppable=True)
    fill(ring, 1, owner=1)
    fill(ring, 500, droppable=True)
    dropped = ring.make_room()
    assert not ring.overfull
    frames = pull_all(ring, cursor)
    notice, *rest = notices(frames)
    assert rest == []
    assert (notice["event"], notice["first"]) == ("dropped", 2)
    assert notice["messages"] == dropped.messages == 1002 - (len(frames) - 1)
    assert numbers(frames) == [1, *range(notice["last"], 1003)]
    assert 502 in numbers(frames)
    assert notice["bytes"] == dropped.bytes == notice["messages"] * len(frames[-1])


def test_notices_next_to_each_other_become_one(ring):
    cursor = ring.open(1, 0)
    total = 0
    for _ in range(10):
        fill(ring, 1000, droppable=True)
        total += ring.make_room().messages
    found = notices(pull_all(ring, cursor))
    assert len(found) == 1
    assert (found[0]["first"], found[0]["messages"]) == (1, total)
    assert found[0]["last"] == total


def test_a_stream_is_not_dropped_when_someone_attached_still_waits_for_it(ring):
    cursor = ring.open(1, 0)
    cursor.attached = True
    fill(ring, 2000, droppable=True)
    assert ring.make_room() is None
    assert ring.overfull
    assert len(pull_all(ring, cursor)) == 2000


def test_what_is_no_stream_is_never_dropped(ring):
    ring.open(1, 0)
    fill(ring, 2000)
    assert ring.make_room() is None
    assert len(ring) == 2000


def test_an_absent_session_does_not_hold_up_one_that_keeps_up_and_is_told_on_return(ring):
    absent, present = ring.open(1, 0), ring.open(2, 0)
    present.attached = True
    fill(ring, 2000)
    pull_all(ring, present)
    ring.acknowledge(present, 1990)
    ring.make_room()
    assert not ring.overfull
    hole = ring.rewind(absent, None)
    assert hole.fields() | {"bytes": 0} == {"first": 1, "last": 1990, "messages": 1990, "bytes": 0}
    assert numbers(pull_all(ring, absent)) == list(range(1991, 2001))


def test_nobody_ever_attached_keeps_the_newest_for_a_replay(ring):
    fill(ring, 2000)
    assert ring.make_room() is None
    assert not ring.overfull
    cursor = ring.open(1, 0)
    got = numbers(pull_all(ring, cursor))
    assert got == list(range(got[0], 2001))
    assert len(got) > 500


def test_bytes_are_counted_rightly_over_a_long_life(ring):
    cursor = ring.open(1, 0)
    for round_number in range(200):
        fill(ring, 100, text=b"y" * round_number)
        pull_all(ring, cursor)
        ring.acknowledge(cursor, ring.last - 7)
    frames = [ring._entries[i].frame for i in range(ring._head, len(ring._entries))]
    assert ring.bytes == sum(len(frame) + 200 for frame in frames)
    assert len(ring._entries) < 10_000
    assert HEADER.unpack_from(frames[0])[1] == MSG
    assert unpack_message(frames[0][HEADER_SIZE:])[0] == "iopub"


def test_tiny_messages_without_number_stay_within_the_limit_too():
    ring = Ring(4 << 20)
    ring.open(1, 0)
    tracemalloc.start()
    for _ in range(100_000):
        ring.append_message(b"iopub", [b"{}", b"{}", b"{}", b""], 0, True)
        if ring.overfull:
            ring.make_room()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.25 * ring.limit_bytes


def test_what_nobody_was_owed_is_counted_when_it_goes(ring):
    fill(ring, 2000)
    ring.make_room()
    assert ring.lost.fields() | {"bytes": 0} == {
        "first": 1,
        "last": ring.first - 1,
        "messages": ring.first - 1,
        "bytes": 0,
    }
    before = ring.lost.messages
    cursor = ring.open(1, 0)
    pull_all(ring, cursor)
    ring.acknowledge(cursor, 1990)
    ring.forget(1)
    assert (ring.lost.messages, ring.lost.last) == (before + 10, 2000)


def test_who_has_all_that_is_theirs_is_caught_up_whatever_others_are_owed(ring):
    gone, present = ring.open(1, 0), ring.open(2, 0)
    assert ring.caught_up()
    present.attached = True
    fill(ring, 2)
    fill(ring, 1, owner=1)
    pull_all(ring, present)
    ring.acknowledge(present, 1)
    assert not ring.caught_up()
    ring.acknowledge(present, 2)
    assert ring.caught_up()
    gone.attached = True
    assert not ring.caught_up()
