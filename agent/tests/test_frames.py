import pytest

from beamgate_agent.frames import HEADER, HEADER_SIZE, MSG, BadFrame, message_frame, unpack_message

PARTS = [b'{"msg_id":"a"}', b"{}", b"{}", b'{"code":"1"}']


@pytest.mark.parametrize("buffers", [[], [b"", b"\0" * 300], [b"x"] * 80])
def test_a_message_survives_the_wire(buffers):
    data = message_frame(7, b"shell", PARTS + buffers)
    size, kind, _, _, seq = HEADER.unpack_from(data)
    assert (size, kind, seq) == (len(data) - HEADER_SIZE, MSG, 7)
    assert unpack_message(data[HEADER_SIZE:]) == ("shell", PARTS + buffers)


def test_the_layout_is_the_one_of_jupyter_server():
    body = message_frame(1, b"iopub", PARTS)[HEADER_SIZE:]
    offsets = [56, 61, 75, 77, 79, 91]
    assert body == b"".join(n.to_bytes(8, "little") for n in (6, *offsets)) + b"iopub" + b"".join(PARTS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\1" * 8,
        (2**63).to_bytes(8, "little"),
        (6).to_bytes(8, "little") + b"\xff" * 48,
        (6).to_bytes(8, "little") + b"".join(n.to_bytes(8, "little") for n in (56, 70, 60, 61, 62, 70)) + b"x" * 14,
        message_frame(1, b"shell", PARTS)[HEADER_SIZE:] + b"more",
        message_frame(1, b"shell", PARTS)[HEADER_SIZE:-1],
    ],
)
def test_offsets_that_do_not_fit_are_refused(body):
    with pytest.raises(BadFrame):
        unpack_message(body)
