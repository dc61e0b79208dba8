"""What a kernel under the agent does while it lives."""

import json
import os


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
