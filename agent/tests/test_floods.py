"""Floods of output from a real kernel, at clients that are fast, slow, stalled, away or never there.

Short unless BEAMGATE_FULL=1: then 500 MB of prints, 40,000 displays, 500 buffers of 1 MB. `-s` shows the figures.
"""

import textwrap
import time

import pytest
from client import ACK, frame
from flood import CODE, COUNT, FULL, LINES, START_UP, Reader, Tally, peak_bytes, until_waits

RING = (64 if FULL else 4) << 20
SLOW = 20_000_000
# What docs/explanation/nothing-lost.md promises.
KERNEL_MARGIN = 40 << 20
AGENT_MARGIN = 24 << 20


@pytest.fixture
def flooded(start):
    """An agent on a ready kernel; afterwards neither it nor the kernel was ever larger than promised."""
    agent = start(ringBytes=RING)
    agent.launcher = agent.ready()
    client = agent.client("s")
    client.run("import comm, os; display({}, raw=True)")
    agent.pid = client.welcome["pid"]
    agent.before = peak_bytes(agent.pid)
    agent.own_before = peak_bytes(agent.process.pid)
    client.close()
    agent.started = time.monotonic()
    yield agent
    kernel, own = peak_bytes(agent.pid) - agent.before, peak_bytes(agent.process.pid) - agent.own_before
    print(f" {time.monotonic() - agent.started:.1f} s, kernel +{kernel >> 20} MB, agent +{own >> 20} MB", end="")
    assert kernel < KERNEL_MARGIN
    assert own < RING + AGENT_MARGIN


def begin(agent, kind):
    """The flood's client, and a reader's tally; the cell ends with a result"""
    client = agent.client("s")
    client.raw(frame(ACK, agent.launcher.welcome["last"]))
    client.execute(CODE[kind] + "\n'end'")
    return client, Tally()


def check(tally, kind, reply):
    assert reply["status"] == "ok"
    assert tally.types["execute_result"] == tally.types["execute_input"] == 1
    assert tally.statuses[-2:] == ["busy", "idle"]
    assert len(tally.numbers[kind]) + tally.gaps == COUNT[kind]
    assert tally.largest < 1_200_000


def check_whole(tally, kind, reply):
    check(tally, kind, reply)
    assert tally.gaps == 0
    assert tally.notices == []


def until_stats(agent, holds):
    while not holds(agent.launcher.call("stats")):
        pass


KINDS = pytest.mark.parametrize("kind", CODE)


@KINDS
@pytest.mark.parametrize("pace", [None, SLOW], ids=["fast", "slow"])
def test_who_reads_gets_everything(flooded, kind, pace):
    client, tally = begin(flooded, kind)
    check_whole(tally, kind, Reader(client, tally, pace).until_replied())


@KINDS
def test_who_stalls_gets_everything(flooded, kind):
    client, tally = begin(flooded, kind)
    reader = Reader(client, tally)
    flooded.launcher.until_event("paused")
    until_waits(flooded.pid)
    if FULL:
        time.sleep(5)
    check_whole(tally, kind, reader.until_replied())
    assert tally.types["paused"] > 0


@KINDS
def test_who_was_away_is_told_what_prints_are_missing(flooded, kind):
    client, tally = begin(flooded, kind)
    reader = Reader(client, tally)
    told = None
    while told is None or told[1] not in ("stream", "display_data", "comm_msg"):
        _, seq, told = reader.next()
    reader.close()
    # Without it the cell ends, or nothing may be dropped and the kernel waits.
    until_stats(
        flooded,
        lambda stats: not stats["attached"] and stats["state" if kind == "prints" else "paused"] in ("idle", True),
    )
    back = flooded.client("s", seen=seq, epoch=client.welcome["epoch"])
    reply = Reader(back, tally).until_replied()
    if kind == "prints":
        check(tally, kind, reply)
        assert tally.gaps > 0
        assert tally.numbers["prints"][-1] == LINES - 1
        assert sum(notice["messages"] for notice in tally.notices) > 0
    else:
        check_whole(tally, kind, reply)


@KINDS
def test_who_comes_first_gets_what_was_there_before(start, folder, kind):
    profile = folder / "home" / ".ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    (profile / "flood.py").write_text(START_UP.format(code=textwrap.indent(CODE[kind], "    ")))
    agent = start(ringBytes=RING)
    own = peak_bytes(agent.process.pid)
    agent.launcher = launcher = agent.ready()
    if kind != "prints":
        until_stats(agent, lambda stats: stats["paused"])
    elif not any(message.event == "dropped" for message in launcher.messages):
        launcher.until_event("dropped")
    client, tally = agent.client("s", seen=0), Tally()
    reader = Reader(client, tally)
    while not tally.ended:
        reader.next()
    assert len(tally.numbers[kind]) + tally.gaps == COUNT[kind]
    assert (tally.gaps > 0) == (kind == "prints") == bool(tally.notices)
    kernel, grown = peak_bytes(client.welcome["pid"]), peak_bytes(agent.process.pid) - own
    print(f" kernel {kernel >> 20} MB in all, agent +{grown >> 20} MB", end="")
    assert kernel < KERNEL_MARGIN + (60 << 20)
    assert grown < RING + AGENT_MARGIN
