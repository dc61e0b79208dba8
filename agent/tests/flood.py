"""Floods of output and a client that takes them at its own pace, checking that nothing is missing or out of order."""

import json
import os
import time
from collections import Counter

from client import EVENT, HEADER, HEADER_SIZE, MSG, RESULT, frame, unpack_message

from beamgate_agent.frames import ACK

FULL = os.environ.get("BEAMGATE_FULL") == "1"
LINE = 1000
BUFFER = 1 << 20
LINES, DISPLAYS, BUFFERS = (500_000, 40_000, 500) if FULL else (50_000, 10_000, 100)
_ACK_MESSAGES, _ACK_BYTES = 32, 1 << 20

CODE = {
    "prints": f"for n in range({LINES}): print(f'{{n:08}}' + 'x' * {LINE - 9})",
    "displays": f"for n in range({DISPLAYS}): display({{'text/plain': f'{{n:08}}' + 'x' * {LINE - 8}}}, raw=True)",
    "buffers": "import comm, os\n"
    "channel = comm.create_comm(target_name='flood')\n"
    f"for n in range({BUFFERS}): channel.send({{}}, buffers=[b'%08d' % n + os.urandom({BUFFER - 8})])",
}
END = "text/x-end"
# Prints and shows while nobody asked for anything.
START_UP = """
def flood():
    from IPython.display import display
{code}
    display({{"text/x-end": ""}}, raw=True)
import threading
threading.Thread(target=flood).start()
"""
COUNT = {"prints": LINES, "displays": DISPLAYS, "buffers": BUFFERS}


def peak_bytes(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024


def until_waits(pid, looks=15):
    """The main thread is found asleep every time; one that makes output is caught running"""
    asleep = 0
    while asleep < looks:
        with open(f"/proc/{pid}/task/{pid}/stat") as stat:
            asleep = asleep + 1 if stat.read().rpartition(")")[2].split()[0] == "S" else 0
        time.sleep(0.01)


class Tally:
    """What arrived of one flood. Numbers must grow; where one is missing a notice must have come."""

    def __init__(self):
        self.types = Counter()
        self.numbers = {kind: [] for kind in CODE}
        self.notices = []
        self.gaps = 0
        self.rest = ""
        self.statuses = []
        self.ended = False
        self.largest = 0
        self.mark = False

    def add(self, kind, body):
        self.largest = max(self.largest, len(body))
        if kind == EVENT:
            event = json.loads(body)
            self.types[event["event"]] += 1
            if event["event"] == "dropped":
                self.notices.append(event)
                self.mark, self.rest = True, ""
            return None
        channel, parts = unpack_message(body)
        kind = json.loads(parts[0])["msg_type"]
        self.types[kind] += 1
        content = json.loads(parts[3])
        if kind == "stream":
            self._add_text(content["text"])
        elif kind == "display_data" and END in content["data"]:
            self.ended = True
        elif kind == "display_data":
            self._add_number("displays", content["data"]["text/plain"][:8])
        elif kind == "comm_msg":
            assert len(parts[4]) == BUFFER
            self._add_number("buffers", parts[4][:8])
        elif kind == "status":
            self.statuses.append(content["execution_state"])
        return channel, kind, content

    def _add_text(self, text):
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            if len(line) != LINE - 1:
                assert self.mark, f"a line of {len(line)} characters"
                continue  # the first after a notice may have lost its beginning
            self._add_number("prints", line[:8])

    def _add_number(self, kind, text):
        numbers, number = self.numbers[kind], int(text)
        after = numbers[-1] + 1 if numbers else 0
        assert number == after or (self.mark and number > after), f"{kind}: {number} after {after - 1}"
        numbers.append(number)
        self.gaps += number - after
        self.mark = False


class Reader:
    """Takes frames off a client's connection.

    @param bytes_per_second  pace; None is as fast as it comes
    """

    def __init__(self, client, tally, bytes_per_second=None):
        self._client = client
        self._file = client.sock.makefile("rb", 1 << 20)
        self._tally = tally
        self._rate = bytes_per_second
        self._taken = self._unacked = self._unacked_bytes = 0
        self._started = time.monotonic()

    def _read(self, count):
        kept, self._client.data = self._client.data[:count], self._client.data[count:]
        data = kept + self._file.read(count - len(kept))
        assert len(data) == count, "the agent closed the connection"
        return data

    def next(self):
        """@returns (kind, number, what the tally made of it)"""
        size, kind, _, _, seq = HEADER.unpack(self._read(HEADER_SIZE))
        body = self._read(size)
        if kind == RESULT:
            return kind, seq, json.loads(body)
        told = self._tally.add(kind, body) if kind in (MSG, EVENT) else json.loads(body)
        self._unacked += 1
        self._unacked_bytes += size
        if self._unacked >= _ACK_MESSAGES or self._unacked_bytes >= _ACK_BYTES:
            self.acknowledge(seq)
        if self._rate:
            self._taken += size
            ahead = self._started + self._taken / self._rate - time.monotonic()
            if ahead > 0.02:
                time.sleep(ahead)
        return kind, seq, told

    def close(self):
        self._file.close()
        self._client.close()

    def acknowledge(self, seq):
        self._unacked = self._unacked_bytes = 0
        self._client.raw(frame(ACK, seq))

    def until_replied(self):
        """Reply and, after it, idle; @returns the reply's content"""
        reply, idle = None, False
        while reply is None or not idle:
            _, seq, told = self.next()
            if told and told[0] == "shell":
                reply = told[2]
            if told and told[1] == "status":
                idle = told[2]["execution_state"] == "idle"
        self.acknowledge(seq)
        return reply
