"""Restarts, deaths and ends of a kernel, and what becomes of its agent."""

import signal

import pytest
from client import RESULT, gone, wait_gone


@pytest.mark.parametrize("busy", [False, True])
def test_a_restart_gives_a_new_process_with_the_same_claim(agent, busy):
    client = agent.client()
    client.run("x = 1")
    old = client.welcome["pid"]
    if busy:
        client.execute("print('go', flush=True)\nwhile True: pass")
        client.until(lambda m: m.type == "stream")
        client.execute("print('never')")
    result = agent.launcher.start_call("restart")
    client.until(lambda m: m.type == "status" and m.content["execution_state"] == "restarting")
    msg_id = client.execute("import os; print('x' in dir(), os.environ['CLAIMED'])")
    ready = client.until_event("ready")
    assert agent.launcher.until(lambda m: m.kind == RESULT and m.seq == result).value == {"pid": ready.value["pid"]}
    reply = client.finish(msg_id)
    assert reply.content["execution_count"] == 1
    texts = [m.content["text"] for m in client.messages if m.type == "stream"]
    assert texts[-1] == "False yes\n"
    assert "never\n" not in texts
    assert not any(m.event == "exit" for m in client.messages)
    assert agent.kernel_pid() == ready.value["pid"] != old
    assert gone(old)


def test_a_restart_that_is_asked_for_twice_happens_once(agent):
    first = agent.launcher.call("restart", incarnation=1)
    assert agent.launcher.call("restart", incarnation=1) == first
    assert agent.launcher.call("restart", incarnation=0) == first
    assert agent.launcher.call("restart", incarnation=2)["pid"] != first["pid"]


def test_a_second_restart_drops_the_input_that_waited_for_the_first(agent):
    client = agent.client()
    first = agent.launcher.start_call("restart")
    client.until(lambda m: m.type == "status" and m.content["execution_state"] == "restarting")
    waiting = client.execute("print('never')")
    assert client.call("lookup", msg_id=waiting) == {"state": "queued"}
    second = agent.launcher.start_call("restart")
    assert agent.launcher.until(lambda m: m.kind == RESULT and m.seq == first).value["code"] == "superseded"
    assert "pid" in agent.launcher.until(lambda m: m.kind == RESULT and m.seq == second).value
    assert client.call("lookup", msg_id=waiting) == {"state": "lost"}
    assert client.run("print('now')")[1] == "now\n"


def test_a_restart_after_a_crash_brings_the_kernel_back(agent):
    client = agent.client()
    client.execute("import os; os._exit(3)")
    event = client.until_event("exit").value
    assert (event["code"], event["signal"], event["wanted"]) == (3, None, False)
    assert agent.client().welcome["exit"]["code"] == 3
    assert "pid" in agent.launcher.call("restart", claim=agent.claim(env={"CLAIMED": "again"}))
    client.until_event("ready")
    assert client.run("import os; print(os.environ['CLAIMED'])")[1] == "again\n"


def test_a_cell_that_ended_the_kernel_is_not_run_again_when_it_is_sent_again(agent):
    """As by a gateway whose session goes on at another, and which is not sure what arrived."""
    client = agent.client()
    fatal = "import os; os._exit(3)"
    msg_id = client.execute(fatal)
    client.until_event("exit")
    assert "pid" in agent.launcher.call("restart")
    assert client.execute(fatal, seq=0, msg_id=msg_id) == msg_id
    assert client.call("lookup", msg_id=msg_id) == {"state": "lost"}
    assert client.run("print('still here')")[1] == "still here\n"
    assert client.welcome["pid"] != agent.kernel_pid()


def test_an_agent_whose_kernel_was_restarted_after_a_crash_stays(start):
    agent = start(lingerSeconds=0.5)
    launcher = agent.ready()
    client = agent.client()
    client.execute("import os; os._exit(3)")
    client.until_event("exit")
    assert "pid" in launcher.call("restart")
    client.until_event("ready")
    # Longer than it would linger.
    assert client.run("import time; time.sleep(0.8); print('still here')")[1] == "still here\n"


@pytest.mark.parametrize(
    ("code", "signum"),
    [
        ("import os; print('last words', flush=True); os.kill(os.getpid(), 9)", signal.SIGKILL),
        ("import ctypes; print('last words', flush=True); ctypes.string_at(0)", signal.SIGSEGV),
    ],
)
def test_a_killed_kernel_is_told_after_its_last_output(agent, code, signum):
    client = agent.client()
    client.execute(code)
    event = client.until_event("exit")
    assert event.value == {
        "event": "exit", "pid": client.welcome["pid"], "incarnation": 0, "code": None, "signal": signum,
        "outOfMemory": False, "wanted": False,
    }  # fmt: skip
    assert event.seq > max(m.seq for m in client.messages if m.channel)
    assert agent.launcher.until_event("exit").value["signal"] == signum
    assert agent.control(term=2).until_event("exit").value["signal"] == signum


def test_the_kernel_dies_with_its_agent(agent):
    pid = agent.client().welcome["pid"]
    agent.process.kill()
    wait_gone(pid)


def test_shutdown_ends_kernel_and_agent_and_leaves_nothing(agent):
    client = agent.client()
    client.run("import atexit; atexit.register(lambda: open('bye', 'w').close())")
    assert agent.launcher.call("shutdown", graceMs=5000) == {}
    event = client.until_event("exit").value
    assert (event["code"], event["wanted"]) == (0, True)
    agent.launcher.until_event("exit")
    assert agent.wait() == 0
    assert not agent.record_path.exists()
    assert list(agent.directory.iterdir()) == []
    assert (agent.directory.parent / "bye").exists()


def test_shutdown_of_a_kernel_that_will_not_end_is_forced(agent):
    client = agent.client()
    client.execute("import signal, time\nsignal.signal(15, signal.SIG_IGN); print('go', flush=True)\nwhile True: pass")
    client.until(lambda m: m.type == "stream")
    agent.launcher.call("shutdown", graceMs=100)
    assert client.until_event("exit").value["signal"] == signal.SIGKILL
    agent.launcher.until_event("exit")
    assert agent.wait() == 0


def test_sigterm_shuts_down_in_good_order(agent):
    client = agent.client()
    agent.process.send_signal(signal.SIGHUP)
    agent.process.terminate()
    assert client.until_event("exit").value["wanted"] is True
    assert agent.wait() == 0


def test_exit_ends_at_once(agent):
    pid = agent.client().welcome["pid"]
    agent.launcher.call("exit")
    assert agent.wait() == 0
    assert gone(pid)
    assert list(agent.directory.iterdir()) == []


def test_an_unclaimed_agent_without_its_launcher_ends(start):
    agent = start(unclaimedSeconds=0.2)
    assert agent.wait() == 0
    assert not agent.record_path.exists()


def test_an_idle_orphan_ends(start):
    agent = start(orphanSeconds=0.3)
    agent.ready().close()
    assert agent.wait() == 0


def test_after_a_crash_the_agent_lingers_and_then_ends(start):
    agent = start(lingerSeconds=0.3)
    control = agent.ready()
    control.call("signal", signum=9, group=True)
    control.until_event("exit")
    assert agent.wait() == 0
