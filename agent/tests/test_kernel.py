"""The agent on a real ipykernel: claim, messages, interrupt, restart, end."""

import json
import os
import signal
import sys

import pytest
from client import RESULT, AgentProcess, gone, wait_gone

GENERIC = {
    "kind": "generic",
    "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "interruptMode": "signal",
    "resourceDir": "/nowhere",
}
ECHO = "import os, sys, json; print(json.dumps({}))"


def test_a_claim_applies_environment_folder_umask_and_key(start, folder):
    agent = start(env={"OLD": "1", "TZ": "UTC"})
    control = agent.control()
    claim = agent.claim(
        env={"NEW": "2", "TZ": "Asia/Shanghai", "PYTHONPATH": "/tmp/modules", "JPY_SESSION_NAME": "a.ipynb"},
        unset=["OLD"],
        cwd=str(folder / "home"),
        umask=0o027,
    )
    result = control.call("claim", **claim)
    assert list(result) == ["pid"]
    control.until_event("ready")
    assert control.call("claim", **claim)["code"] == "claimed"
    client = agent.client()
    assert client.welcome["claimed"] is True
    reply, text = client.run(
        ECHO.format(
            "[os.environ['NEW'], 'OLD' in os.environ, os.getcwd(), os.umask(0o027), __import__('time').tzname[0],"
            " sys.path[0], _dh[0].__fspath__(), __session__, get_ipython().kernel.session.key.decode()]"
        )
    )
    assert reply.content["execution_count"] == 1
    assert json.loads(text) == [
        "2", False, claim["cwd"], 0o027, "CST", "/tmp/modules", claim["cwd"], "a.ipynb", claim["key"],
    ]  # fmt: skip


def test_the_kernel_looks_like_a_stock_one(agent):
    client = agent.client()
    _, text = client.run(
        "import sys, json, os\n"
        "from ipykernel.kernelapp import IPKernelApp\n"
        "app = IPKernelApp.instance()\n"
        "print(json.dumps([[m for m in sys.modules if 'beamgate' in m or m == 'boot'],"
        " [p for p in sys.path if 'beamgate_agent' in p], '' in sys.path, os.path.basename(sys.argv[0]), sys.argv[1],"
        " type(app) is IPKernelApp, os.environ['MPLBACKEND'], sorted((n for n in dir() if n[0] != '_'), key=str.lower),"
        " get_ipython().history_manager.enabled, 'init_code' in vars(app), sys.flags.isolated]))"
    )
    assert json.loads(text) == [
        [], [], True, "ipykernel_launcher.py", "-f", True, "module://matplotlib_inline.backend_inline",
        ["app", "exit", "get_ipython", "In", "IPKernelApp", "json", "open", "os", "Out", "quit", "sys"],
        True, False, 0,
    ]  # fmt: skip
    _, text = client.run("import os; print(sorted(os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if n == '3'))")  # fmt: skip  # noqa: E501
    assert "pipe" not in text
    reply, _ = client.run("1/0")
    assert reply.content["ename"] == "ZeroDivisionError"
    assert not any("boot" in line for line in reply.content["traceback"])
    msg_id = client.send("control", "kernel_info_request", {})
    info = client.until(lambda m: m.channel == "control" and m.parent["msg_id"] == msg_id).content
    assert "debugger" in info["supported_features"]


def test_start_up_files_and_configuration_of_the_claimed_home_are_honoured(start, folder):
    profile = folder / "other" / ".ipython" / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "startup" / "00.py").write_text("import os; started_for = os.environ['WHO']")
    (profile / "ipython_config.py").write_text("c.InteractiveShell.automagic = False")
    agent = start()
    control = agent.control()
    control.call("claim", **agent.claim(env={"HOME": str(folder / "other"), "WHO": "ann"}))
    client = agent.client()
    reply, text = client.run("print(started_for, get_ipython().automagic, get_ipython().history_manager.hist_file)")
    assert text.split() == ["ann", "False", str(profile / "history.sqlite")]
    assert reply.content["execution_count"] == 1


def test_a_kernel_that_is_heard_shows_that_it_serves_and_is_asked_nothing(start, folder):
    startup = folder / "home" / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text(
        "handlers = get_ipython().kernel.shell_handlers\n"
        "asked, answer = [], handlers['kernel_info_request']\n"
        "def counting(*request):\n"
        "    asked.append(request)\n"
        "    return answer(*request)\n"
        "handlers['kernel_info_request'] = counting\n"
    )
    agent = start()
    control = agent.ready()
    assert control.call("stats")["kernelInfo"]["implementation"] == "ipython"
    _, text = agent.client().run("print(len(asked))")
    assert text == "0\n"


def test_input_before_the_claim_is_held_and_sent_in_order(start):
    agent = start()
    client = agent.client(seen=0)
    first, second = client.execute("x = 1"), client.execute("print(x + 1)")
    assert client.call("lookup", msg_id=first) == {"state": "queued"}
    assert client.call("lookup", msg_id="other") == {"state": "unknown"}
    agent.control().call("claim", **agent.claim())
    client.finish(second)
    assert any(m.type == "stream" and m.content["text"] == "2\n" for m in client.messages)
    assert [m.event for m in client.messages if m.event] == ["ready"]
    assert client.call("lookup", msg_id=first) == {"state": "answered"}


def test_a_claim_that_cannot_be_applied_is_an_error_and_ends_the_kernel(start):
    agent = start()
    control = agent.control()
    result = control.call("claim", **agent.claim(cwd="/nowhere/at/all"))
    assert result["code"] == "start_failed"
    assert "/nowhere/at/all" in result["error"]
    found = control.messages if any(m.event == "exit" for m in control.messages) else [control.until_event("exit")]
    exit_event = next(m for m in found if m.event == "exit")
    assert "/nowhere/at/all" in exit_event.value["error"]


@pytest.mark.skipif(os.getuid() != 0, reason="taking another identity needs root")
def test_a_claim_may_take_another_identity(start, folder):
    agent = start(cwd="/")
    os.chmod(folder / "home", 0o777)
    control = agent.control()
    assert "pid" in control.call("claim", **agent.claim(uid=12345, gid=12346, groups=[12347], cwd="/"))
    pid = agent.kernel_pid()
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.split(":", 1) for line in file)
    assert (status["Uid"].split(), status["Gid"].split()) == (["12345"] * 4, ["12346"] * 4)
    assert status["Groups"].split() == ["12347"]
    agent.process.kill()
    wait_gone(pid)


def test_bad_claims_name_the_key(start):
    agent = start()
    control = agent.control()
    assert "'colour'" in control.call("claim", **agent.claim(colour="red"))["error"]
    assert "'env'" in control.call("claim", **agent.claim(env=None))["error"]
    assert control.call("restart")["code"] == "unclaimed"
    assert "pid" in control.call("claim", **agent.claim())


def test_stdin_makes_the_round_trip(agent):
    client = agent.client()
    msg_id = client.execute("print(input('name? '))")
    request = client.until(lambda m: m.channel == "stdin")
    assert (request.type, request.content["prompt"]) == ("input_request", "name? ")
    client.send("stdin", "input_reply", {"value": "ann"})
    client.finish(msg_id)
    assert any(m.type == "stream" and m.content["text"] == "ann\n" for m in client.messages)


def test_large_buffers_pass_both_ways(agent):
    client = agent.client()
    client.run(
        "def opened(comm, message):\n"
        "    comm.on_msg(lambda m: comm.send({'n': 1}, buffers=[bytes(m['buffers'][0])[::-1]]))\n"
        "get_ipython().kernel.comm_manager.register_target('echo', opened)"
    )
    client.send("shell", "comm_open", {"comm_id": "c", "target_name": "echo", "data": {}})
    data = bytes(range(256)) * 4096 * 3
    client.send("shell", "comm_msg", {"comm_id": "c", "data": {}}, buffers=[data])
    assert client.until(lambda m: m.type == "comm_msg").buffers == [data[::-1]]


def test_a_client_interrupts_a_running_cell(agent):
    client = agent.client()
    msg_id = client.execute("print('go', flush=True)\nwhile True: pass")
    client.until(lambda m: m.type == "stream")
    assert client.call("lookup", msg_id=msg_id) == {"state": "running"}
    assert client.call("interrupt") == {}
    assert client.reply(msg_id).content["ename"] == "KeyboardInterrupt"


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
    assert client.call("lookup", msg_id=waiting) == {"state": "unknown"}
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


def test_a_generic_kernel_starts_at_its_claim(start, folder):
    agent = start(kernel=GENERIC)
    control = agent.control()
    assert control.welcome["pid"] is None
    assert "pid" in control.call("claim", **agent.claim(cwd=str(folder / "home"), umask=0o022))
    control.until_event("ready")
    client = agent.client()
    assert client.run("import os; print(os.getcwd(), os.environ['CLAIMED'])")[1].split() == [
        str(folder / "home"),
        "yes",
    ]
    msg_id = client.execute("print('go', flush=True)\nwhile True: pass")
    client.until(lambda m: m.type == "stream" and m.parent["msg_id"] == msg_id)
    client.call("interrupt")
    assert client.reply(msg_id).content["ename"] == "KeyboardInterrupt"
    assert "pid" in control.call("restart")
    assert client.run("print(2)")[1] == "2\n"
    pid = control.call("stats")["pid"]
    agent.process.kill()
    wait_gone(pid)


def test_a_generic_command_that_does_not_exist_is_told(start):
    agent = start(kernel=GENERIC | {"argv": ["/no/such/kernel", "{connection_file}"]})
    result = agent.control().call("claim", **agent.claim())
    assert result["code"] == "start_failed"
    assert "/no/such/kernel" in result["error"]


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


def test_stats_tell_usage(agent):
    stats = agent.launcher.call("stats")
    assert stats["rssBytes"] > 20_000_000
    assert stats["cpuSeconds"] > 0.1
    assert stats["kernelInfo"]["implementation"] == "ipython"
    assert agent.launcher.call("ping") == {}


def test_activity_is_told_to_the_launcher(agent):
    client = agent.client()
    client.run("import time; time.sleep(0.4)")
    states = [agent.launcher.until_event("activity").value["state"]]
    # That it is idle at first is what `ready` says.
    assert states == ["busy"]
    while states[-2:] != ["busy", "idle"]:
        states.append(agent.launcher.until_event("activity").value["state"])
    assert not any(m.event == "activity" for m in client.messages)


def test_to_ask_what_a_kernel_is_is_no_use_of_it(agent):
    client = agent.client()
    client.run("pass")
    before = agent.launcher.call("stats")
    for request in ("kernel_info_request", "comm_info_request"):
        client.finish(client.send("shell", request, {}))
    after = agent.launcher.call("stats")
    assert after["lastActivity"] == before["lastActivity"]
    assert after["quietSeconds"] > before["quietSeconds"] > 0
    assert after["state"] == "idle"


def test_what_an_idle_kernel_prints_is_use_of_it(agent):
    client = agent.client()
    client.run("import threading; threading.Timer(0.5, lambda: print('late', flush=True)).start()")
    idle = agent.launcher.call("stats")["lastActivity"]
    client.until(lambda m: m.type == "stream" and "late" in m.content["text"])
    assert agent.launcher.call("stats")["lastActivity"] > idle


def test_a_session_that_comes_back_hears_of_its_last_cell(agent):
    client = agent.client()
    assert client.welcome["lastCell"] is None
    cell = client.execute("1")
    client.finish(cell)
    silent = {"code": "2", "silent": True, "store_history": False}
    client.finish(client.send("shell", "execute_request", silent))
    client.close()
    again = agent.client(session=client.session)
    assert again.welcome["lastCell"]["msg_id"] == cell
    assert agent.client().welcome["lastCell"] is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"surprise": 1}, "surprise"), ({"env": {"A": 1}}, "env"), ({"kernel": {"kind": "lisp"}}, "kind")],
)
def test_a_bad_specification_is_told_to_the_launcher(folder, changes, word):
    agent = AgentProcess(folder / "k", **changes)
    assert agent.called_home.startswith("error: ")
    assert word in agent.called_home
    assert agent.wait() == 1


def test_the_record_names_the_process_for_ever(agent):
    assert agent.called_home == "listening\n"
    record = json.loads(agent.record_path.read_text())
    with open(f"/proc/{agent.process.pid}/stat") as file:
        started = int(file.read().rpartition(")")[2].split()[19])
    with open("/proc/sys/kernel/random/boot_id") as file:
        assert record["bootId"] == file.read().strip()
    assert (record["pid"], record["startTime"]) == (agent.process.pid, started)
    assert record["epoch"] == agent.launcher.welcome["epoch"]
    assert agent.record_path.stat().st_mode & 0o777 == 0o600
    assert os.stat(agent.path).st_mode & 0o777 == 0o600
