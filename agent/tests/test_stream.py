"""Connections, sessions and the relay, against a real kernel."""

import json
import shutil

import pytest
from client import Closed
from flood import peak_bytes

from beamgate_agent.frames import (
    ACK,
    BYE,
    CALL,
    EVENT,
    HEADER,
    HELLO,
    MSG,
    RESULT,
    WELCOME,
    frame,
    json_frame,
    message_frame,
)

PRINT = "for n in range({}): print(n, flush=True)"


def numbers(client):
    return [m.seq for m in client.messages if m.seq and m.kind in (MSG, EVENT)]


def said_bye(client):
    """Code of the BYE with which the connection ends"""
    bye = client.until(lambda m: m.kind == BYE)
    with pytest.raises(Closed):
        client.next()
    return bye.value["code"]


def test_two_sessions_share_output_and_keep_their_replies_apart(agent):
    one, two = agent.client(), agent.client()
    msg_id = one.execute("print('both')")
    assert one.finish(msg_id).content["status"] == "ok"
    two.idle(msg_id)
    assert any(m.type == "stream" for m in two.messages)
    assert not any(m.channel == "shell" for m in two.messages)
    other = two.execute("1")
    two.finish(other)
    assert not any(m.channel == "shell" and m.parent["msg_id"] == other for m in one.messages)


def test_a_second_connection_of_a_session_replaces_the_first(agent):
    first = agent.client("s")
    msg_id = first.execute("input()")
    first.until(lambda m: m.channel == "stdin")
    second = agent.client("s")
    assert said_bye(first) == "replaced"
    second.send("stdin", "input_reply", {"value": "x"})
    assert second.reply(msg_id).content["status"] == "ok"


def test_a_session_that_returns_without_seen_gets_what_it_did_not_acknowledge(agent):
    client = agent.client("s")
    client.acknowledge = False
    msg_id = client.execute(PRINT.format(20))
    client.finish(msg_id)
    last = client.messages[-1].seq
    client.raw(frame(ACK, last - 5))
    assert client.call("lookup", msg_id="x") == {"state": "unknown"}
    client.close()
    back = agent.client("s")
    assert [back.next().seq for _ in range(5)] == list(range(last - 4, last + 1))


def test_a_session_that_states_what_it_saw_gets_every_message_once(agent):
    client = agent.client("s")
    client.acknowledge = False
    msg_id = client.execute("import time\nfor n in range(100): print(n, flush=True); time.sleep(0.002)\n'end'")
    client.until(lambda m: m.type == "stream")
    seen, epoch = client.messages[-1].seq, client.welcome["epoch"]
    client.close()
    back = agent.client("s", seen=seen, epoch=epoch)
    assert back.finish(msg_id).content["status"] == "ok"
    assert numbers(back) == list(range(seen + 1, back.messages[-1].seq + 1))
    text = "".join(m.content["text"] for m in client.messages + back.messages if m.type == "stream")
    assert text.split() == [str(n) for n in range(100)]


def test_seen_of_another_epoch_is_ignored(agent):
    client = agent.client("s")
    client.acknowledge = False
    client.run("1")
    client.close()
    back = agent.client("s", seen=9999, epoch="other")
    assert back.welcome["epoch"] != "other"
    assert back.next().seq == client.welcome["from"] + 1


def test_a_new_session_starts_at_the_present_or_on_wish_at_the_beginning(agent):
    client = agent.client()
    client.acknowledge = False
    client.run("print('old')")
    late, replay = agent.client(), agent.client(seen=0)
    late.finish(late.execute("print('new')"))
    assert [m.content["text"] for m in late.messages if m.type == "stream"] == ["new\n"]
    assert replay.until(lambda m: m.type == "stream").content["text"] == "old\n"


def test_a_forgotten_session_that_returns_is_told_of_the_hole(start):
    agent = start(retentionSeconds=0)
    agent.ready()
    client = agent.client("s")
    client.run("1")
    seen, epoch = client.messages[-1].seq, client.welcome["epoch"]
    client.close()
    other = agent.client()
    other.run(PRINT.format(5))
    other.call("lookup", msg_id="x")
    back = agent.client("s", seen=seen, epoch=epoch)
    event = back.next()
    assert event.event == "dropped"
    assert event.value["first"] == seen + 1
    assert event.seq == event.value["last"] == back.welcome["first"] - 1


def test_numbered_input_is_taken_once(agent):
    client = agent.client("s")
    client.run("n = 0")
    for _ in range(3):
        client.execute("n += 1", seq=2)
    client.close()
    back = agent.client("s")
    assert back.welcome["inputLast"] == 2
    back.execute("n += 10", seq=1)
    back.execute("n += 100", seq=0, msg_id="once")
    # Other words, for ipykernel itself refuses a repeated signature.
    back.execute("n += 1000", seq=0, msg_id="once")
    assert back.run("print(n)")[1] == "101\n"


@pytest.mark.parametrize("role", ["client", "control"])
def test_a_wrong_token_is_refused(agent, role):
    for token in ("", "nonsense", "client-token" if role == "control" else "control-token"):
        connection = agent.connect()
        answer = connection.hello(role=role, token=token, session="s", term=1)
        assert (answer.kind, answer.value["code"]) == (BYE, "bad_token")
        with pytest.raises(Closed):
            connection.next()


def test_a_client_without_a_session_may_call_and_is_owed_nothing(agent):
    caller = agent.connect()
    assert caller.hello(role="client", token="client-token").kind == WELCOME
    assert caller.call("lookup", msg_id="x") == {"state": "unknown"}
    assert caller.call("stats")["code"] == "forbidden"
    assert agent.launcher.call("stats")["sessions"] == 0
    caller.raw(frame(ACK, 1))
    assert said_bye(caller) == "bad_frame"


def test_an_agent_ends_although_its_folder_is_gone(start):
    agent = start()
    launcher = agent.ready()
    shutil.rmtree(agent.directory)
    launcher.call("exit")
    assert agent.process.wait(20) == 0


def test_a_client_may_not_do_what_the_launcher_may(agent):
    client = agent.client()
    for verb in ("claim", "signal", "shutdown", "restart", "exit", "stats"):
        assert client.call(verb)["code"] == "forbidden"
    assert client.call("dance")["code"] == "unknown_verb"
    assert client.call(["exit"])["code"] == "unknown_verb"


def test_the_term_fences_older_launchers(agent):
    later = agent.control(term=5)
    assert said_bye(agent.launcher) == "fenced"
    old = agent.connect()
    answer = old.hello(role="control", token="control-token", term=4)
    assert (answer.kind, answer.value["code"]) == (BYE, "fenced")
    again = agent.control(term=5)
    assert said_bye(later) == "replaced"
    assert again.call("ping") == {}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (HEADER.pack(0, 99, 0, 0, 0), "bad_frame"),
        (json_frame(HELLO, 0, {"v": 2, "role": "client", "token": "client-token", "session": "s"}), "bad_version"),
        (json_frame(HELLO, 0, {"v": "1", "role": "client", "token": "client-token", "session": "s"}), "bad_frame"),
        (json_frame(HELLO, 0, {"v": 1, "upTo": 0, "role": "client", "token": "client-token"}), "bad_version"),
        (json_frame(HELLO, 0, {"v": 1, "role": "client", "token": "client-token", "session": ""}), "bad_frame"),
        (json_frame(HELLO, 0, {"v": 1, "role": "client", "token": "client-token", "session": 5}), "bad_frame"),
        (json_frame(HELLO, 0, {"v": 1, "role": "client", "token": "é", "session": "s"}), "bad_token"),
        (json_frame(HELLO, 0, {"v": 1, "role": "client", "token": "\ud800", "session": "s"}), "bad_token"),
        (json_frame(HELLO, 0, {"v": 1, "role": "root", "token": "client-token"}), "bad_frame"),
        (json_frame(HELLO, 0, {"v": 1, "role": "control", "token": "control-token", "term": "x"}), "bad_frame"),
        (frame(HELLO, 0, b"[]"), "bad_frame"),
        (frame(HELLO, 0, b"\xff{"), "bad_frame"),
        (frame(HELLO, 0, b"[" * 4000), "bad_frame"),
        (HEADER.pack(4097, HELLO, 0, 0, 0), "too_large"),
        (b"GET / HTTP/1.1\r\n\r\n", "bad_frame"),
    ],
)
def test_a_bad_greeting_ends_that_connection_alone(start, data, code):
    agent = start()
    connection = agent.connect()
    connection.raw(data)
    assert said_bye(connection) == code
    assert agent.control().call("ping") == {}


@pytest.mark.parametrize(("oldest", "newest"), [(1, 1), (1, 2), (0, 7)])
def test_the_newest_version_that_both_speak_is_chosen(start, oldest, newest):
    welcome = start().connect().hello(v=oldest, upTo=newest, role="client", token="client-token")
    assert (welcome.kind, welcome.value["v"]) == (WELCOME, 1)


PARTS = [b'{"msg_id":"a","msg_type":"x"}', b"{}", b"{}", b"{}"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(MSG, 1, b"\0" * 100), "bad_frame"),
        (message_frame(1, b"iopub", PARTS), "bad_frame"),
        (message_frame(1, b"\xff\xfe", PARTS), "bad_frame"),
        (message_frame(1, b"shell", [b"{}", b"{}", b"{}", b"{}"]), "bad_frame"),
        (HEADER.pack((1 << 20) + 1, CALL, 0, 0, 0), "too_large"),
        (HEADER.pack((1 << 30) + 1, MSG, 0, 0, 0), "too_large"),
        (frame(CALL, 1, b"null"), "bad_frame"),
        (frame(WELCOME, 1, b"{}"), "bad_frame"),
        (frame(77, 1, b"{}"), "bad_frame"),
    ],
)
def test_a_bad_frame_ends_that_connection_alone(start, data, code):
    agent = start()
    client = agent.client()
    client.raw(data)
    assert said_bye(client) == code
    assert agent.client().call("lookup", msg_id="a") == {"state": "unknown"}


def test_a_body_that_only_begins_costs_no_more_than_its_beginning(agent):
    client = agent.client()
    before = peak_bytes(agent.process.pid)
    client.raw(HEADER.pack(1 << 30, MSG, 0, 0, 1) + b"x" * 300_000)
    other = agent.client()
    assert other.call("lookup", msg_id="a") == {"state": "unknown"}
    assert peak_bytes(agent.process.pid) - before < 16 << 20


def test_frames_may_come_in_pieces(start):
    agent = start()
    client = agent.connect()
    for byte in json_frame(HELLO, 0, {"v": 1, "role": "client", "token": "client-token", "session": "s"}):
        client.raw(bytes((byte,)))
    assert client.next().kind == WELCOME
    client.raw(frame(CALL, 1, json.dumps({"verb": "lookup", "msg_id": "a"}).encode()) * 3)
    for _ in range(3):
        assert client.next().kind == RESULT


def test_a_silent_connection_is_closed_after_five_seconds(start):
    agent = start()
    assert said_bye(agent.connect()) == "bad_frame"


def test_a_slow_client_stops_the_kernel_and_loses_nothing(start):
    agent = start(ringBytes=1 << 19)
    control = agent.ready()
    client = agent.client()
    client.acknowledge = False
    msg_id = client.execute("for n in range(2500): display({'text/plain': f'{n:04}' + 'x' * 1000}, raw=True)")
    control.until_event("paused")
    assert control.call("stats")["paused"] is True
    client.acknowledge = True
    client.raw(frame(ACK, 0))
    client.finish(msg_id)
    shown = [m.content["data"]["text/plain"][:4] for m in client.messages if m.type == "display_data"]
    assert shown == [f"{n:04}" for n in range(2500)]
    control.until_event("resumed")
    assert numbers(client) == sorted(set(numbers(client)))


def test_a_client_that_stalled_holds_up_nobody_once_it_is_gone(start):
    agent = start(ringBytes=1 << 19)
    control = agent.ready()
    stalled = agent.client("stalled")
    stalled.acknowledge = False
    other = agent.client("other")
    msg_id = other.execute("for n in range(2500): display({'text/plain': f'{n:04}' + 'x' * 1000}, raw=True)")
    control.until_event("paused")
    stalled.close()
    other.finish(msg_id)
    shown = [m.content["data"]["text/plain"][:4] for m in other.messages if m.type == "display_data"]
    assert shown == [f"{n:04}" for n in range(2500)]


def test_a_blocked_kernel_can_be_interrupted(start):
    agent = start(ringBytes=1 << 20)
    control = agent.ready()
    client = agent.client()
    client.acknowledge = False
    msg_id = client.execute("while True: display({'text/plain': 'x' * 1000}, raw=True)")
    control.until_event("paused")
    size = control.call("stats")["ringBytes"]
    for _ in range(200):
        control.call("ping")
    assert control.call("stats")["ringBytes"] == size
    client.call("interrupt")
    client.acknowledge = True
    assert client.reply(msg_id).content["ename"] == "KeyboardInterrupt"


def test_a_flood_of_prints_takes_neither_kernel_nor_agent_past_its_bound(start):
    agent = start(ringBytes=8 << 20)
    control = agent.ready()
    client = agent.client()
    client.acknowledge = False
    before = control.call("stats")["rssBytes"]
    msg_id = client.execute("for n in range(20_000): print('x' * 10_000)")
    control.until_event("paused")
    rss = max(control.call("stats")["rssBytes"] for _ in range(300))
    assert rss - before < 200 << 20
    client.acknowledge = True
    client.raw(frame(ACK, 0))
    client.finish(msg_id)
    assert sum(len(m.content["text"]) for m in client.messages if m.type == "stream") == 20_000 * 10_001
    with open(f"/proc/{agent.process.pid}/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    assert peak < 100_000


def test_what_a_killed_kernel_had_written_is_kept_even_when_blocked(start):
    agent = start(ringBytes=1 << 19)
    control = agent.ready()
    client = agent.client()
    client.acknowledge = False
    client.execute("for n in range(3000): display({'text/plain': 'x' * 1000}, raw=True)")
    paused = client.until_event("paused").seq
    same, used = 0, 0.0
    while same < 200:  # it stands still: what is between them is full
        now = control.call("stats")["cpuSeconds"]
        same, used = (same + 1, used) if now == used else (0, now)
    control.call("signal", signum=9)
    # What lay in the socket between them; what lay in the kernel is gone with it.
    assert client.until_event("exit").seq > paused + 1


def test_with_nobody_attached_old_prints_give_way_to_a_notice(start):
    agent = start(ringBytes=1 << 20)
    control = agent.ready()
    client = agent.client("s")
    msg_id = client.execute("import time\nfor n in range(300): print('x' * 10_000, flush=True)")
    client.until(lambda m: m.type == "execute_input")
    client.close()
    control.until_event("dropped")
    while control.call("lookup", msg_id=msg_id)["state"] != "answered":
        pass
    back = agent.client("s")
    back.finish(msg_id)
    notices = [m.value for m in back.messages if m.event == "dropped"]
    assert notices
    came = sum(m.content["text"].count("\n") for m in (*client.messages, *back.messages) if m.type == "stream")
    assert 0 < came < 300
