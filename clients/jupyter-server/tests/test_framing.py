import json
import struct

import pytest
from jupyter_server.services.kernels.connection.base import deserialize_binary_message, serialize_binary_message
from kernel_messages import message, read

from beamgate_jupyter_server.framing import Malformed, number_frame, read_legacy, split, unnumber, write_legacy

EVERY_BYTE = bytes(range(256))


def test_number_comes_first_and_passes_both_ways():
    assert number_frame(258, b"frame") == b"\x02\x01\0\0\0\0\0\0frame"
    assert unnumber(number_frame(2**52 + 1, EVERY_BYTE)) == (2**52 + 1, EVERY_BYTE)
    with pytest.raises(Malformed):
        unnumber(b"1234567")


def test_legacy_text_of_a_browser_becomes_a_v1_frame():
    header = {"msg_id": "a", "msg_type": "execute_request"}
    frame = read_legacy(json.dumps({"header": header, "channel": "control", "content": {"code": "é"}, "buffers": []}))
    assert read(frame) == {"channel": "control", "type": "execute_request", "parent": "", "content": {"code": "é"}}
    assert read(read_legacy(json.dumps({"header": header, "buffers": {}})))["channel"] == "shell"


def test_legacy_binary_of_a_browser_keeps_every_byte_and_the_date_as_it_was():
    header = {"msg_id": "a", "msg_type": "comm_msg", "date": "2026-11-23T10:00:00.000Z"}
    whole = {"header": header, "parent_header": {}, "metadata": {}, "content": {}, "channel": "shell"}
    channel, parts = split(read_legacy(serialize_binary_message({**whole, "buffers": [EVERY_BYTE, b"", b"\xff"]})))
    assert (channel, parts[4:]) == ("shell", [EVERY_BYTE, b"", b"\xff"])
    assert json.loads(parts[0])["date"] == "2026-11-23T10:00:00.000Z"


def test_legacy_for_a_browser_is_text_without_buffers_and_binary_with_them():
    text, binary = write_legacy(message("iopub", "stream", {"text": "é"}, "x", "p"))
    told = json.loads(text)
    assert not binary
    assert (told["msg_id"], told["msg_type"], told["channel"], told["buffers"]) == ("x", "stream", "iopub", [])
    assert (told["content"], told["parent_header"]["msg_id"]) == ({"text": "é"}, "p")

    data, binary = write_legacy(message("iopub", "comm_msg", {}, "y", buffers=[EVERY_BYTE, b"z"]))
    assert binary
    told = deserialize_binary_message(data)
    assert [bytes(buffer) for buffer in told["buffers"]] == [EVERY_BYTE, b"z"]
    assert told["msg_id"] == "y"


def test_legacy_passes_the_parts_as_the_kernel_wrote_them():
    text, _ = write_legacy(message("iopub", "display_data", {"big": 2**60 + 1}))
    assert str(2**60 + 1) in text


@pytest.mark.parametrize(
    "data",
    ["", "no json", "[]", "7", b"\0\0\0\1", b"\0\0\0\2\0\0\0\x0c", struct.pack("!II", 1, 8) + b"no json", b"\0" * 64],
)
def test_what_is_no_message_is_named_as_such(data):
    with pytest.raises(Malformed):
        read_legacy(data)


GOOD = message("shell", "execute_request", {})


@pytest.mark.parametrize(
    "data",
    [b"", b"\3", b"\3" + b"\0" * 7, b"\0" * 80, b"\xff" * 80, GOOD[:-1], GOOD + b"x", GOOD[:9] + b"\xff" + GOOD[10:]],
)
def test_what_is_no_v1_frame_is_named_as_such(data):
    with pytest.raises(Malformed):
        split(data)
