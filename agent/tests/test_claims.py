"""What a claim makes of the agent's kernel, and what can't be claimed."""

import json
import os
import sys

import pytest
from client import AgentProcess, wait_gone

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


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"surprise": 1}, "surprise"), ({"env": {"A": 1}}, "env"), ({"kernel": {"kind": "lisp"}}, "kind")],
)
def test_a_bad_specification_is_told_to_the_launcher(folder, changes, word):
    agent = AgentProcess(folder / "k", **changes)
    assert agent.called_home.startswith("error: ")
    assert word in agent.called_home
    assert agent.wait() == 1
