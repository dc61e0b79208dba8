import json

import pytest
from jupyter_server.services.kernels.connection.base import deserialize_binary_message, serialize_binary_message

from beamgate_jupyter_server import framing

MESSAGE = {
    "channel": "shell",
    "header": {"msg_id": "m1", "msg_type": "comm_msg"},
    "parent_header": {"msg_id": "p1"},
    "metadata": {},
    "content": {"text": "ä"},
}


def test_json_text_of_a_browser_arrives_as_it_was():
    frame = framing.from_browser(json.dumps({**MESSAGE, "buffers": []}), v1=False)
    assert framing.message_id(frame) == "m1"
    assert framing.answered_id(frame) == "p1"
    back, binary = framing.to_browser(frame, v1=False)
    assert not binary
    assert json.loads(back)["content"] == {"text": "ä"}


def test_buffers_pass_in_the_binary_form_of_the_legacy_framing():
    data = bytes(range(256))
    frame = framing.from_browser(serialize_binary_message({**MESSAGE, "buffers": [data, b""]}), v1=False)
    back, binary = framing.to_browser(frame, v1=False)
    assert binary
    assert deserialize_binary_message(back)["buffers"] == [data, b""]


def test_v1_passes_unread():
    frame = framing.from_browser(json.dumps(MESSAGE), v1=False)
    assert framing.from_browser(frame, v1=True) is frame
    assert framing.to_browser(frame, v1=True) == (frame, True)


def test_a_missing_channel_is_shell():
    frame = framing.from_browser(json.dumps({"header": {"msg_id": "x"}}), v1=False)
    assert json.loads(framing.to_browser(frame, v1=False)[0])["channel"] == "shell"


def test_numbers_stand_before_the_frame():
    assert framing.unnumber(framing.number_frame(2**40, b"rest")) == (2**40, b"rest")
    with pytest.raises(ValueError, match="8 bytes"):
        framing.unnumber(b"short")


def test_a_notice_prints_below_the_request():
    back, _ = framing.to_browser(framing.notice("hello", b'{"msg_id":"p"}'), v1=False)
    told = json.loads(back)
    assert (told["msg_type"], told["parent_header"]["msg_id"]) == ("stream", "p")
    assert told["content"] == {"name": "stderr", "text": "hello"}
