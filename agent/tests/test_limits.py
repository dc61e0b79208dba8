import os
from pathlib import Path

import pytest
from client import AgentProcess, wait_gone

from beamgate_agent.limits import Limits, own_cgroups

EAT = "import time\nx = []\nwhile True: x.append(bytearray(b'x' * 8_000_000)); time.sleep(0.01)"
LIMIT = 200 << 20


def test_own_cgroups_are_found_in_both_hierarchies():
    mountinfo = (
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
        "35 31 0:32 /pod7 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    )
    cgroup = "4:memory:/pod7/inner\n1:cpu,cpuacct:/\n9:name=systemd:/\n0::/user.slice/a\n"
    assert own_cgroups(mountinfo, cgroup) == {
        "memory": "/sys/fs/cgroup/memory/inner",
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "": "/sys/fs/cgroup/unified/user.slice/a",
    }


def test_a_v2_group_is_made_beside_our_own_when_ours_cannot_hand_down(tmp_path):
    own = tmp_path / "slice" / "service"
    own.mkdir(parents=True)
    (own.parent / "cgroup.subtree_control").write_text("cpu memory\n")
    limits = Limits("id", 100, 1500, False)
    folder = own.parent / "beamgate-id"
    folder.mkdir()
    (folder / "memory.events").write_text("low 0\noom 0\noom_kill 3\n")
    limits._make_v2(str(own), "beamgate-id", 1500)
    assert limits.way == "cgroup-v2"
    assert limits.join == [f"{folder}/cgroup.procs"]
    assert (folder / "memory.max").read_text() == "100"
    assert (folder / "cpu.max").read_text() == "150000 100000"
    assert limits.out_of_memory(9) is False
    (folder / "memory.events").write_text("oom 1\noom_kill 4\n")
    assert limits.out_of_memory(9) is True
    assert limits.out_of_memory(9) is False


def test_without_cgroups_memory_is_watched_and_cpu_is_not_limited():
    assert Limits("id", 100, None, False).way == "watched"
    assert Limits("id", None, 500, False).way == "none"
    assert Limits("id", None, None, True).way == "none"


def memory_cgroup():
    """Folder for a v1 memory group, if one can be made here"""
    with open("/proc/self/mountinfo") as mounts, open("/proc/self/cgroup") as groups:
        own = own_cgroups(mounts.read(), groups.read()).get("memory")
    return own if own and os.access(own, os.W_OK) else None


@pytest.mark.parametrize("way", ["cgroup-v1", "watched"])
def test_a_kernel_over_its_memory_is_killed_and_that_is_told(start, way):
    if way == "cgroup-v1" and not memory_cgroup():
        pytest.skip("no writable memory cgroup")
    limits = {"memoryBytes": LIMIT, "cpuMilli": 1500, "cgroups": way != "watched"}
    agent: AgentProcess = start(limits=limits)
    control = agent.ready()
    assert control.welcome["limits"] == way
    client = agent.client()
    client.execute("print('hungry', flush=True)\n" + EAT)
    event = client.until_event("exit").value
    assert (event["signal"], event["outOfMemory"], event["wanted"]) == (9, True, False)
    assert any(m.type == "stream" for m in client.messages)
    assert "pid" in control.call("restart")
    assert client.run("print(1)")[1] == "1\n"
    control.call("signal", signum=9, group=True)
    assert client.until_event("exit").value["outOfMemory"] is False
    control.call("exit")
    agent.wait()
    if way != "watched":
        assert not Path(memory_cgroup(), f"beamgate-{agent.kernel_id}").exists()


def test_children_of_the_kernel_count_and_go_with_it(start):
    agent = start(limits={"memoryBytes": LIMIT, "cgroups": False})
    agent.ready()
    client = agent.client()
    run = f"p = subprocess.Popen([sys.executable, '-c', {EAT!r}])"
    client.execute(f"import subprocess, sys\n{run}\nprint(p.pid, flush=True)\np.wait()")
    child = int(client.until(lambda m: m.type == "stream").content["text"])
    assert client.until_event("exit").value["outOfMemory"] is True
    wait_gone(child)
