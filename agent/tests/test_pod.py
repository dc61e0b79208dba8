"""An agent and its kernel as the two containers of a pod: mutual TLS, and a kernel that is started by boot_pod."""

import os
import signal
import socket
import ssl

import pytest
from client import SECONDS, Closed, gone, wait_gone
from pod import AGENT_UID, AS_AGENT, PORT, Pod, certificate, own_network

STRANGER_UID = 65533


@pytest.fixture
def pod(folder):
    """An agent that listens; nothing boots a kernel yet"""
    with own_network():
        pod = Pod(folder)
        yield pod
        pod.close()


@pytest.fixture
def ready(pod):
    """Its kernel runs and is claimed; `control` is the launcher's connection"""
    pod.supervisor = pod.boot()
    pod.launcher = pod.control()
    pod.claim(pod.launcher)
    return pod


def refused(client):
    """Whether the connection ends without an answer to a HELLO that has the right token"""
    try:
        client.hello(role="client", token="client-token", session="s")
    except (Closed, OSError):
        return True
    return False


def test_who_shows_the_pods_certificate_is_let_in(pod):
    assert pod.client().welcome["claimed"] is False


def test_plain_text_is_refused(pod):
    assert refused(pod.connect(None))


def test_who_shows_no_certificate_is_refused(pod):
    assert refused(pod.connect({**pod.tls, "files": ()}))


def test_who_shows_a_certificate_of_its_own_is_refused(pod, folder):
    assert refused(pod.connect(certificate(folder, "stranger"), pod.tls))


def test_the_agent_shows_the_pods_certificate_and_no_other(pod, folder):
    with pytest.raises(ssl.SSLCertVerificationError):
        pod.connect(pod.tls, certificate(folder, "stranger"))


def test_an_older_tls_is_refused(pod):
    plain = socket.create_connection(("127.0.0.1", PORT), SECONDS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=pod.tls["certificate"])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with plain, pytest.raises(ssl.SSLError, match="alert protocol version"):
        context.wrap_socket(plain)


def test_large_messages_go_both_ways(ready):
    client = ready.client()
    reply, text = client.run(f"print('{'x' * (3 << 20)}')")
    assert reply.content["status"] == "ok"
    assert len(text) == (3 << 20) + 1


def test_a_client_that_reads_late_gets_all(ready):
    client = ready.client()
    msg_id = client.execute("for n in range(2000): print(str(n) * 500, flush=True)")
    ready.launcher.until(lambda m: m.event == "activity" and m.value["state"] == "idle")
    client.finish(msg_id)
    text = "".join(m.content["text"] for m in client.messages if m.type == "stream")
    assert text.split() == [str(n) * 500 for n in range(2000)]


def test_the_kernel_has_the_other_user(ready):
    _, text = ready.client().run("import os; print(os.getuid())")
    assert text == f"{os.getuid()}\n"
    assert os.getuid() != AGENT_UID


def test_an_interrupt_reaches_it(ready):
    client = ready.client()
    msg_id = client.execute("print('here', flush=True)\nwhile True: pass")
    client.until(lambda m: m.type == "stream")
    assert ready.launcher.call("signal", signum=int(signal.SIGINT), group=False) == {}
    assert client.finish(msg_id).content["ename"] == "KeyboardInterrupt"


def test_a_crash_is_told_with_its_signal_and_a_restart_forgets(ready):
    client = ready.client()
    client.run("x = 1")
    client.execute("import os; os.kill(os.getpid(), 9)")
    told = ready.launcher.until_event("exit").value
    assert (told["code"], told["signal"], told["outOfMemory"]) == (None, 9, False)
    ready.launcher.call("restart")
    ready.launcher.until_event("ready")
    reply, _ = ready.client().run("x")
    assert reply.content["ename"] == "NameError"


def test_its_use_is_measured_beside(ready):
    ready.client().run("sum(range(3_000_000))")
    stats = ready.launcher.call("stats")
    assert stats["rssBytes"] > 10 << 20
    assert stats["cpuSeconds"] > 0


def test_a_shutdown_ends_kernel_agent_and_boot(ready):
    client = ready.client()
    pid = int(client.run("import os; print(os.getpid())")[1])
    ready.launcher.call("shutdown", graceMs=5000)
    client.until_event("exit")
    assert ready.agent.wait(SECONDS) == 0
    assert ready.supervisor.wait(SECONDS) == 0
    wait_gone(pid)


def test_a_kernel_container_that_ends_is_told(ready):
    ready.supervisor.kill()
    told = ready.launcher.until_event("exit").value
    assert told["signal"] == 9


def test_what_comes_from_the_agents_own_user_is_not_taken_for_the_kernels_container(pod):
    impostor = pod.boot(prefix=AS_AGENT)
    assert impostor.wait(SECONDS) == 0
    pod.supervisor = pod.boot()
    pod.claim(pod.control())


def test_boot_takes_orders_of_the_agents_user_alone(pod):
    process = pod.boot(uid=STRANGER_UID)
    assert process.wait(SECONDS) == 1
    assert not gone(pod.agent.pid)
