"""Several sessions of one kernel: who is owed what, for how long, and what a newcomer may still have."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from client import Closed

from beamgate_agent.frames import ACK, BYE, MSG, RESULT, WELCOME, frame

SHOW = "for n in range({}): display({{'text/plain': f'{{n:05}}' + 'x' * 1000}}, raw=True)"


def shown(*clients):
    return [int(m.content["data"]["text/plain"][:5]) for c in clients for m in c.messages if m.type == "display_data"]


def until_stats(control, holds):
    while not holds(stats := control.call("stats")):
        pass
    return stats


def test_two_tabs_see_the_same_at_their_own_pace(start):
    agent = start(ringBytes=1 << 19)
    agent.ready()
    fast, slow = agent.client(), agent.client()
    slow.acknowledge = False
    msg_id = fast.execute(SHOW.format(2000))
    fast.until_event("paused")  # for the slow one
    slow.acknowledge = True
    slow.raw(frame(ACK, 0))
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(slow.idle, msg_id)
        fast.finish(msg_id)
        reading.result()
    assert shown(fast) == shown(slow) == list(range(2000))


def test_who_keeps_up_is_not_held_up_by_who_is_gone(start):
    agent = start(ringBytes=1 << 19)
    control = agent.ready()
    gone = agent.client("gone")
    msg_id = gone.execute(SHOW.format(2000))
    gone.until(lambda m: m.type == "display_data")
    present = agent.client("present")
    present.acknowledge = False
    present.raw(frame(ACK, 0))
    gone.close()
    until_stats(control, lambda stats: stats["attached"] == 1 and stats["paused"])
    present.acknowledge = True
    present.raw(frame(ACK, present.welcome["last"]))
    present.idle(msg_id)
    assert shown(present)[-1] == 1999
    assert shown(present) == list(range(shown(present)[0], 2000))
    back = agent.client("gone")
    notice = back.until_event("dropped").value
    assert notice["messages"] > 0
    assert back.next().seq > notice["last"]


def test_a_newcomer_gets_what_is_kept_for_who_went_away(agent):
    gone = agent.client("gone")
    gone.acknowledge = False
    msg_id = gone.execute(SHOW.format(20))
    gone.until(lambda m: m.type == "display_data")
    gone.close()
    late = agent.client(seen=0)
    late.idle(msg_id)
    assert shown(late) == list(range(20))
    # Replies are for who asked.
    assert not any(m.channel == "shell" for m in late.messages)
    back = agent.client("gone")
    assert back.reply(msg_id).content["status"] == "ok"
    assert shown(back) == list(range(20))


def test_what_is_kept_is_let_go_of_after_the_retention_time_and_that_is_told(start):
    agent = start(retentionSeconds=0.2)
    control = agent.ready()
    gone = agent.client("gone")
    gone.acknowledge = False
    gone.run(SHOW.format(20))
    seen, epoch = gone.messages[4].seq, gone.welcome["epoch"]
    gone.close()
    until_stats(control, lambda stats: stats["sessions"] == 0)
    assert control.call("stats")["ringBytes"] == 0
    back = agent.client("gone", seen=seen, epoch=epoch)
    notice = back.until_event("dropped").value
    assert (notice["first"], notice["last"]) == (seen + 1, back.welcome["last"])
    assert agent.client(seen=0).until_event("dropped").value["last"] == back.welcome["last"]


def test_all_who_waited_for_the_kernel_get_its_first_output_whoever_comes_first(agent):
    first = agent.client(waited=True)
    first.run(SHOW.format(20))
    second = agent.client(waited=True)
    second.until(lambda m: m.type == "display_data" and m.content["data"]["text/plain"].startswith("00019"))
    assert shown(second) == list(range(20))
    late = agent.client()
    late.run("1")
    assert shown(late) == []


def test_the_first_output_is_not_kept_for_long(start):
    agent = start(retentionSeconds=0.2)
    control = agent.ready()
    agent.client(waited=True).run(SHOW.format(20))
    until_stats(control, lambda stats: stats["ringBytes"] == 0)
    late = agent.client(waited=True)
    late.run("1")
    assert shown(late) == []


def test_a_flood_takes_the_place_of_the_first_output(start):
    agent = start(ringBytes=1 << 19)
    control = agent.ready()
    first = agent.client(waited=True)
    first.run(SHOW.format(2000))
    assert shown(first) == list(range(2000))
    assert not any(m.event == "dropped" for m in first.messages)
    while control.call("stats")["ringBytes"]:
        # That output waited for it may be told after the last of it; it is read with any answer.
        first.call("lookup", msg_id="none")


def test_a_kernel_does_not_wait_for_ever_for_its_first_client(start, folder):
    profile = folder / "home" / ".ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    (profile / "show.py").write_text(
        "import threading\nfrom IPython.display import display\n"
        f"def show():\n    {SHOW.format(2000)}\nthreading.Thread(target=show).start()"
    )
    agent = start(ringBytes=1 << 19, retentionSeconds=0.3)
    control = agent.ready()
    control.until_event("paused")
    control.until_event("resumed")
    late = agent.client(seen=0)
    assert late.until_event("dropped").value["messages"] > 0
    late.until(lambda m: m.type == "display_data" and m.content["data"]["text/plain"].startswith("01999"))


def test_an_ephemeral_session_goes_with_its_connection(agent):
    client = agent.client("e", ephemeral=True)
    client.acknowledge = False
    client.run("x = 5")
    assert agent.launcher.call("stats")["ringBytes"] > 0
    seen, epoch = client.messages[1].seq, client.welcome["epoch"]
    client.close()
    stats = until_stats(agent.launcher, lambda stats: not stats["attached"])
    assert (stats["sessions"], stats["ringBytes"]) == (0, 0)
    back = agent.client("e", seen=seen, epoch=epoch)
    assert back.welcome["inputLast"] == 0
    assert back.next().event == "dropped"
    assert back.run("print(x)")[1] == "5\n"


def test_an_ephemeral_session_does_not_take_what_others_are_owed(agent):
    other = agent.client("other")
    other.close()
    client = agent.client(ephemeral=True)
    msg_id = client.execute(SHOW.format(20))
    client.finish(msg_id)
    client.close()
    until_stats(agent.launcher, lambda stats: stats["sessions"] == 1)
    back = agent.client("other")
    back.idle(msg_id)
    assert shown(back) == list(range(20))


def test_of_two_sockets_of_a_session_the_later_one_stays_whoever_comes_first(agent):
    late = agent.client("tab", since=2000)
    early = agent.client("tab", since=1999)
    assert early.welcome["stale"] is True
    assert late.run("print(6 * 7)")[1] == "42\n"
    assert early.messages[-1].kind == WELCOME
    again = agent.client("tab", since=2000)
    assert late.until(lambda m: m.kind == BYE).value["code"] == "replaced"
    assert again.run("print(6 * 7)")[1] == "42\n"


def test_what_was_asked_on_the_earlier_socket_is_answered_on_the_later_one_once(agent):
    late = agent.client("tab", since=2000)
    early = agent.client("tab", since=1999)
    twice = [early.execute("print('early')", seq=0, msg_id="asked") for _ in range(2)]
    assert early.call("lookup", msg_id="asked")["state"] != "unknown"
    late.finish(twice[0])
    assert late.run("print('late')")[1] == "late\n"
    assert [m.content["text"] for m in late.messages if m.type == "stream"] == ["early\n", "late\n"]
    assert [m.kind for m in early.messages] == [WELCOME, RESULT]


def test_who_says_that_it_is_stale_replaces_nobody(agent):
    late = agent.client("tab")
    assert agent.client("tab", since=5, stale=True).welcome["stale"] is True
    assert late.run("print(6 * 7)")[1] == "42\n"
    answer = agent.connect().hello(role="client", token="client-token", session="other", stale=True)
    assert (answer.kind, answer.value["code"]) == (BYE, "replaced")


@pytest.mark.parametrize("since", [-1, "soon", True, 1.5])
def test_a_time_that_is_none_is_refused(agent, since):
    client = agent.connect()
    answer = client.hello(role="client", token="client-token", session="s", since=since)
    assert (answer.kind, answer.value["code"]) == (BYE, "bad_frame")


def test_an_ephemeral_session_that_is_opened_twice_is_replaced(agent):
    first = agent.client("e", ephemeral=True)
    second = agent.client("e", ephemeral=True)
    assert first.until(lambda m: m.kind == BYE).value["code"] == "replaced"
    assert second.run("print(1)")[1] == "1\n"
    assert agent.launcher.call("stats")["sessions"] == 1


@pytest.mark.parametrize("value", [1, "yes", None])
def test_ephemeral_is_true_or_false(agent, value):
    client = agent.connect()
    answer = client.hello(role="client", token="client-token", session="s", ephemeral=value)
    assert answer.kind == BYE
    assert "ephemeral" in answer.value["reason"]
    with pytest.raises(Closed):
        client.next()


def test_a_newcomer_of_any_kernel_state_may_ask_for_a_replay(start):
    agent = start()
    early = agent.client(seen=0)
    agent.ready()
    early.until_event("ready")
    late = agent.client(seen=0)
    late.run("1")
    assert all(m.kind != MSG or m.seq for m in late.messages)
