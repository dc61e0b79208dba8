import asyncio
import json
import logging
from contextlib import suppress

import pytest
from kernel_messages import execute, message, printed, read, reply

from beamgate_jupyter_server.conversation import Conversation
from beamgate_jupyter_server.framing import NUMBERED, V1, Malformed, number_frame, unnumber, write_legacy
from beamgate_jupyter_server.messages import made
from beamgate_jupyter_server.positions import Position

LIMIT = 10_000


class Browser:
    def __init__(self):
        self.frames = []

    def send(self, frame, parting=False):
        self.frames.append(frame)

    async def relief(self):
        pass

    def told(self, *types):
        return [told for told in map(read, self.frames) if told["type"] in types or not types]

    @property
    def text(self):
        return "".join(told["content"]["text"] for told in self.told("stream"))


class Stage:
    """A conversation, with what it sent to the gateway and to the browser."""

    def __init__(self, position=None, notice_seconds=0.0):
        self.position = position or Position(LIMIT)
        self.browser = Browser()
        self.sent = []
        log = logging.getLogger("test")
        self.conversation = Conversation(self.position, "session", self.browser, log, notice_seconds)
        self.conversation.transmit = self.sent.append

    def open(self, protocol=NUMBERED):
        self.sent.clear()
        self.conversation.opened(protocol)

    def welcome(self, epoch="e1", input_last=0, last=0, start=None):
        welcome = {"epoch": epoch, "inputLast": input_last, "first": 1, "last": last}
        self.news({"welcome": {**welcome, "from": last if start is None else start}})

    def news(self, news):
        self.receive(json.dumps(news))

    def entry(self, number, frame):
        self.receive(number_frame(number, frame))

    def receive(self, data):
        # The browser of these tests never makes it wait.
        with suppress(StopIteration):
            self.conversation.received(data).send(None)

    def ask(self, frame):
        self.conversation.asked(frame)

    @property
    def inputs(self):
        """Code of the executions that were sent on this connection."""
        return [read(unnumber(frame)[1])["content"]["code"] for frame in self.sent]


def connected(**options):
    stage = Stage(**options)
    stage.open()
    stage.welcome()
    return stage


def test_input_is_sent_before_the_kernel_has_started_so_that_the_gateway_can_show_the_queue():
    stage = Stage()
    stage.open()
    stage.ask(execute("a", "one"))
    assert stage.inputs == ["one"]
    stage.welcome()
    assert stage.inputs == ["one"]


def test_what_the_gateway_itself_says_below_a_waiting_cell_does_not_count_as_the_kernels_answer():
    stage = Stage()
    stage.open()
    stage.ask(execute("a", "one"))
    stage.entry(0, message("iopub", "display_data", {"data": {}}, parent_id="a"))
    stage.conversation.away("killed")
    stage.open()
    assert stage.inputs == ["one"]


def test_what_a_killed_gateway_said_below_a_waiting_cell_is_taken_away():
    stage = Stage()
    stage.open()
    stage.ask(execute("a", "one"))
    stage.entry(0, message("iopub", "display_data", {"data": {}}, parent_id="a"))
    stage.conversation.away("killed")
    stage.conversation.away("still away")
    (cleared,) = stage.browser.told("clear_output")
    assert cleared["parent"] == "a"


def test_the_position_is_stated_when_it_is_known():
    stage = Stage()
    assert stage.conversation.query() == {"session_id": "session"}
    stage.open()
    stage.welcome("e1", last=7)
    assert stage.conversation.query() == {"session_id": "session", "epoch": "e1", "seen": "7"}
    stage.entry(9, printed("x"))
    stage.news({"event": "ready", "pid": 1, "seq": 10})
    assert stage.conversation.query()["seen"] == "10"


def test_a_notebook_server_that_was_started_again_gets_what_was_not_confirmed():
    stage = Stage()
    stage.open()
    stage.welcome("e1", last=20, start=12)
    assert stage.conversation.query()["seen"] == "12"
    stage.entry(13, printed("x"))
    assert stage.browser.text == "x"


def test_each_message_of_the_ring_is_shown_once():
    stage = connected()
    for number in (1, 2, 2, 1, 3):
        stage.entry(number, printed(f"{number} "))
    assert stage.browser.text == "1 2 3 "


def test_cells_of_an_outage_are_sent_after_it_and_what_the_agent_has_is_not_sent_again():
    stage = connected()
    stage.ask(execute("a", "one"))
    stage.ask(execute("b", "two"))
    (number, _), _ = map(unnumber, stage.sent)
    stage.conversation.away("killed")
    stage.ask(execute("c", "three"))
    stage.open()
    # The agent takes numbers in order: nothing may overtake what it may not have.
    assert stage.inputs == []
    stage.welcome(input_last=number)
    assert stage.inputs == ["two", "three"]


def test_a_message_that_the_kernel_answered_is_not_sent_again():
    stage = connected()
    stage.ask(execute("a", "one"))
    stage.ask(execute("b", "two"))
    stage.entry(1, message("iopub", "status", {"execution_state": "busy"}, parent_id="a"))
    stage.news({"inputLast": 0})
    stage.conversation.away("killed")
    stage.open()
    stage.welcome()
    assert stage.inputs == ["two"]


def test_what_the_agent_confirms_is_forgotten_at_once():
    stage = connected()
    stage.ask(execute("a"))
    stage.news({"inputLast": unnumber(stage.sent[0])[0]})
    assert len(stage.position.outbox) == 0


def test_a_request_that_the_gateway_answered_with_an_error_is_not_run_on_the_next_kernel():
    stage = connected()
    stage.ask(execute("a", "one"))
    stage.entry(0, message("shell", "execute_reply", {"status": "error"}, parent_id="a"))
    stage.conversation.away("killed")
    stage.open()
    stage.welcome()
    assert stage.inputs == []


def test_on_another_agent_what_the_old_one_had_fails_and_what_was_never_sent_runs():
    stage = connected()
    stage.ask(execute("a", "one"))
    stage.conversation.away("killed")
    stage.ask(execute("b", "two"))
    stage.open()
    stage.welcome("e2", last=3)
    assert stage.inputs == ["two"]
    (failed,) = stage.browser.told("execute_reply")
    assert (failed["parent"], failed["content"]["ename"]) == ("a", "KernelRestarted")
    assert stage.conversation.query()["seen"] == "3"


def test_requests_that_a_restart_during_the_outage_cut_off_fail():
    stage = connected()
    stage.ask(execute("a"))
    taken = unnumber(stage.sent[0])[0]
    stage.conversation.away("killed")
    stage.open()
    stage.welcome(input_last=taken, last=5, start=0)
    starting = {"execution_state": "starting"}
    stage.entry(4, message("iopub", "status", starting))
    assert stage.browser.told("execute_reply") == []
    stage.entry(5, made("iopub", "status", starting, "kernel-session"))
    (failed,) = stage.browser.told("execute_reply")
    assert (failed["parent"], failed["content"]["ename"]) == ("a", "KernelRestarted")


def test_a_restart_that_is_seen_fails_nothing_here_because_the_gateway_does():
    stage = connected()
    stage.ask(execute("a"))
    stage.entry(1, made("iopub", "status", {"execution_state": "starting"}, "kernel-session"))
    assert stage.browser.told("execute_reply") == []


def test_a_gone_kernel_fails_what_is_open_and_what_is_asked_later():
    stage = connected()
    stage.ask(execute("a"))
    stage.conversation.away("killed")
    stage.ask(execute("b"))
    for _ in range(2):
        stage.conversation.gone("Kernel does not exist: k.")
    stage.ask(execute("c"))
    replies = stage.browser.told("execute_reply")
    assert [told["parent"] for told in replies] == ["a", "b", "c"]
    assert {told["content"]["ename"] for told in replies} == {"KernelEnded"}
    assert [told["content"] for told in stage.browser.told("status")].count({"execution_state": "dead"}) == 1
    stage.open()
    stage.welcome("e2")
    assert stage.inputs == []


def test_a_cell_that_an_earlier_gateway_was_sent_fails_with_the_reason_that_the_next_one_gives():
    stage = connected()
    stage.ask(execute("a"))
    stage.conversation.away("killed")
    stage.ask(execute("b"))
    stage.open()
    error = {"ename": "KernelEnded", "evalue": "Its node was lost."}
    stage.entry(0, message("iopub", "error", error, parent_id="b"))
    stage.entry(0, message("shell", "execute_reply", {"status": "error", **error}, parent_id="b"))
    stage.entry(0, message("iopub", "status", {"execution_state": "dead"}))
    told = {told["parent"]: told["content"]["evalue"] for told in stage.browser.told("error")}
    assert told == {"a": "Its node was lost.", "b": "Its node was lost."}
    assert [told["parent"] for told in stage.browser.told("execute_reply")] == ["b", "a"]
    assert stage.browser.told("status")[-1]["content"] == {"execution_state": "dead"}


def test_more_than_may_wait_is_refused_in_the_cell():
    stage = Stage()
    stage.ask(execute("a", "x" * 8000))
    stage.ask(execute("b", "y" * 4000))
    (failed,) = stage.browser.told("execute_reply")
    assert (failed["parent"], failed["content"]["ename"]) == ("b", "NotSent")
    assert [told["content"]["execution_state"] for told in stage.browser.told("status")] == ["idle"]
    stage.ask(message("shell", "comm_msg", {"data": "z" * 4000}, "c"))
    (said,) = stage.browser.told("stream")
    assert said["parent"] == "c"
    stage.open()
    assert [code[0] for code in stage.inputs] == ["x"]


def test_dropped_output_is_told_below_the_cell_that_runs():
    stage = connected()
    stage.ask(execute("a"))
    stage.news({"event": "dropped", "first": 1, "last": 4, "messages": 4, "bytes": 99, "seq": 4})
    (told,) = stage.browser.told("stream")
    assert told["parent"] == "a"
    assert "4 messages (99 bytes) of output were dropped" in told["content"]["text"]
    assert stage.position.seen == 4


async def test_a_cell_run_in_an_outage_says_so_until_it_is_sent():
    stage = Stage()
    stage.conversation.away("refused")
    stage.ask(execute("quiet", silent=True))
    stage.ask(execute("a"))
    while not stage.browser.frames:
        await asyncio.sleep(0)
    (shown,) = stage.browser.told()
    assert (shown["type"], shown["parent"]) == ("display_data", "a")
    assert "can't be reached since" in shown["content"]["data"]["text/plain"]
    stage.open()
    assert [told["type"] for told in stage.browser.told()] == ["display_data", "clear_output"]
    assert stage.browser.told()[1]["parent"] == "a"


async def test_a_cell_that_was_sent_into_an_outage_that_nobody_knew_of_says_so_and_one_that_runs_does_not():
    stage = connected()
    stage.ask(execute("a"))
    stage.entry(1, message("iopub", "status", {"execution_state": "busy"}, parent_id="a"))
    stage.ask(execute("b"))
    stage.browser.frames.clear()
    stage.conversation.away("lost")
    while not stage.browser.frames:
        await asyncio.sleep(0)
    assert [(told["type"], told["parent"]) for told in stage.browser.told()] == [("display_data", "b")]
    stage.open()
    stage.welcome()
    assert [told["type"] for told in stage.browser.told()] == ["display_data", "clear_output"]


async def test_a_short_outage_is_not_worth_a_word():
    stage = Stage(notice_seconds=60)
    stage.conversation.away("refused")
    stage.ask(execute("a"))
    stage.open()
    assert stage.browser.frames == []


@pytest.mark.parametrize("protocol", [V1, None])
def test_another_gateway_is_spoken_to_in_what_it_speaks(protocol):
    stage = Stage()
    stage.ask(execute("a", "one"))
    stage.open(protocol)
    asked = execute("b", "two")
    stage.ask(asked)
    assert stage.sent[1] == (asked if protocol == V1 else write_legacy(asked)[0])
    stage.receive(printed("x", "a") if protocol == V1 else write_legacy(printed("x", "a"))[0])
    assert stage.browser.text == "x"
    stage.conversation.away("killed")
    stage.open(protocol)
    assert stage.sent == []


def test_what_cannot_be_read_ends_nothing():
    stage = connected()
    for data in ("no json", "[]", '{"welcome": {}}', b"", b"12345678", number_frame(1, b"\xff" * 9)):
        stage.receive(data)
    stage.entry(1, printed("on"))
    assert stage.browser.text == "on"
    with pytest.raises(Malformed):
        stage.ask(message("shell", "execute_request", {}).replace(b'"msg_id"', b'"msg_no"'))


def test_a_reply_ends_the_request():
    stage = connected()
    stage.ask(execute("a"))
    stage.entry(1, reply("a"))
    stage.conversation.gone("gone")
    assert [told["content"] for told in stage.browser.told("execute_reply")] == [{"status": "ok"}]
