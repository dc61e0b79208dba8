"""Output that boot bounds: whatever way it is made, and whoever interrupts it."""

import time

import pytest
from client import frame
from flood import FULL, Reader, Tally, peak_bytes, until_waits

from beamgate_agent.frames import ACK, BYE

SIZE = 500_000_000 if FULL else 50_000_000
MARGIN = 40 << 20


@pytest.fixture
def agent(start):
    agent = start(ringBytes=4 << 20)
    agent.launcher = agent.ready()
    return agent


def flood(agent, code):
    """Run to the end; @returns lengths of the stream texts by name, the texts' characters, growth of the kernel"""
    client = agent.client()
    client.run("import os, subprocess, sys, threading; display({}, raw=True)")
    before = peak_bytes(client.welcome["pid"])
    client.execute(code)
    texts = Texts()
    reply = Reader(client, texts).until_replied()
    assert reply["status"] == "ok", reply
    assert texts.largest < 1_000_000
    return texts, peak_bytes(client.welcome["pid"]) - before


class Texts(Tally):
    """Counts characters only."""

    def __init__(self):
        super().__init__()
        self.characters = {}

    def _add_text(self, text):
        for character in set(text):
            self.characters[character] = self.characters.get(character, 0) + text.count(character)


def test_one_huge_text_is_split(agent):
    # The text itself, and what IPython makes of the code, are the user's own.
    texts, growth = flood(agent, f"print('é\\n' * {SIZE // 2})")
    assert texts.characters == {"é": SIZE // 2, "\n": SIZE // 2 + 1}
    assert growth < 2 * SIZE + MARGIN


def test_what_json_makes_long_is_split_finer(agent):
    texts, _ = flood(agent, f"print('\\x00' * {SIZE // 10})")
    assert texts.characters == {"\0": SIZE // 10, "\n": 1}


def test_small_pieces_are_gathered(agent):
    count = SIZE // 50
    texts, growth = flood(agent, f"for n in range({count}): _ = sys.stdout.write('y')")
    assert texts.characters == {"y": count}
    assert texts.types["stream"] < count // 1000 + 100
    print(f" kernel +{growth >> 20} MB", end="")
    assert growth < MARGIN


def test_stderr_is_bounded_too(agent):
    texts, growth = flood(agent, f"for n in range({SIZE // 1000}): print('e' * 999, file=sys.stderr)")
    assert texts.characters == {"e": SIZE // 1000 * 999, "\n": SIZE // 1000}
    print(f" kernel +{growth >> 20} MB", end="")
    assert growth < MARGIN


def test_children_wait_and_leave_the_log_small(agent):
    texts, growth = flood(agent, f"_ = subprocess.run(['sh', '-c', 'yes cc | head -c {SIZE // 5}'])")
    assert sum(texts.characters.values()) == SIZE // 5
    print(f" kernel +{growth >> 20} MB", end="")
    assert growth < MARGIN
    assert agent.log_path.stat().st_size < 3_000_000


def test_threads_wait_each(agent):
    code = (
        f"def shout():\n    for n in range({SIZE // 8000}): print('t' * 999)\n"
        "threads = [threading.Thread(target=shout) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()"
    )
    texts, growth = flood(agent, code)
    assert texts.characters["t"] == SIZE // 8000 * 8 * 999
    print(f" kernel +{growth >> 20} MB", end="")
    assert growth < MARGIN


def test_prints_and_displays_keep_their_order(agent):
    client = agent.client()
    client.run("for n in range(300): print(n); display({'text/plain': str(n)}, raw=True)")
    shown = [
        m.content["text"].strip() if m.type == "stream" else m.content["data"]["text/plain"]
        for m in client.messages
        if m.type in ("stream", "display_data")
    ]
    assert [int(n) for text in shown for n in text.split()] == [n for n in range(300) for _ in range(2)]


BLOCKED = {
    "prints": "while True: print('x' * 1000)",
    "flushed": "while True: print('x' * 1000, flush=True)",
    "displays": "while True: display({'text/plain': 'x' * 1000}, raw=True)",
    "buffers": "while True: channel.send({}, buffers=[os.urandom(1 << 20)])",
    "huge": "print('x' * 50_000_000)",
}


def block(agent, kind):
    """A cell that waits for room; @returns (client, message id)"""
    client = agent.client()
    client.run("import comm, os; channel = comm.create_comm(target_name='flood')")
    client.acknowledge = False
    msg_id = client.execute(BLOCKED[kind])
    agent.launcher.until_event("paused")
    until_waits(client.welcome["pid"])
    return client, msg_id


@pytest.mark.parametrize("kind", BLOCKED)
def test_an_interrupt_is_heard_while_output_waits(agent, kind):
    client, msg_id = block(agent, kind)
    client.call("interrupt")
    # Told although what the cell printed before still waits.
    assert client.reply(msg_id).content["ename"] == "KeyboardInterrupt"
    assert not any(m.type == "error" for m in client.messages)
    client.acknowledge = True
    client.raw(frame(ACK, client.messages[-1].seq))
    client.until(lambda m: m.type == "error")
    client.idle(msg_id)
    assert client.run("print('goes on')")[1] == "goes on\n"


def test_the_control_channel_answers_while_output_waits(agent):
    client, _ = block(agent, "prints")
    for _ in range(3):
        msg_id = client.send("control", "kernel_info_request", {})
        client.until(lambda m, id=msg_id: m.channel == "control" and m.parent["msg_id"] == id)


@pytest.mark.parametrize("kind", BLOCKED)
def test_a_restart_goes_through_while_output_waits(agent, kind):
    client, _ = block(agent, kind)
    assert "pid" in agent.launcher.call("restart")
    agent.launcher.until_event("ready")
    client.acknowledge = True
    client.raw(frame(ACK, client.messages[-1].seq))
    client.until(lambda m: m.type == "status" and m.content["execution_state"] == "restarting")
    assert client.run("print('new')")[1] == "new\n"


@pytest.mark.parametrize("kind", BLOCKED)
def test_a_shutdown_goes_through_while_output_waits(agent, kind):
    client, _ = block(agent, kind)
    agent.launcher.call("shutdown", graceMs=100)
    agent.launcher.until_event("exit")
    client.acknowledge = True
    client.raw(frame(ACK, client.messages[-1].seq))
    client.until(lambda m: m.kind == BYE)
    assert any(m.event == "exit" for m in client.messages)
    assert agent.wait() == 0


ENDS = """
import atexit
for n in range({}): display({{'text/plain': f'{{n:04}}' + 'x' * 1000}}, raw=True)
atexit.register(lambda: open('bye', 'w').close())
exit()
"""


# More than libzmq holds, and less.
@pytest.mark.parametrize("count", [3800, 2900])
def test_a_kernel_that_ends_itself_leaves_nothing_unsaid(agent, folder, count):
    client = agent.client()
    client.acknowledge = False
    client.execute(ENDS.format(count))
    agent.launcher.until_event("paused")
    while not (folder / "bye").exists():
        agent.launcher.call("ping")
    if FULL:
        time.sleep(31)  # ipykernel itself waits for 30
    client.acknowledge = True
    client.raw(frame(ACK, 0))
    client.until_event("exit")
    shown = [m.content["data"]["text/plain"][:4] for m in client.messages if m.type == "display_data"]
    assert shown == [f"{n:04}" for n in range(count)]
