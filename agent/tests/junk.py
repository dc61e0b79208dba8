"""Bytes that are nearly right, from a seed."""

import json
import random

from beamgate_agent.frames import ACK, BYE, CALL, HEADER, HELLO, frame, json_frame, message_frame

_WORDS = [None, True, -1, 0, 1 << 70, 1e308, "", "x" * 300, "\0", "é\ud800", [], [[]], {}, {"verb": "ping"}]
_HEADER = {"msg_id": "a", "msg_type": "kernel_info_request", "session": "s", "date": "", "version": "5.3"}


def mutate(rng: random.Random, data: bytes) -> bytes:
    """One to four small changes"""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at % len(data)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                data[at:at] = rng.randbytes(rng.randint(1, 16))
            case 3:
                del data[at : at + rng.randint(1, 16)]
            case 4:
                del data[at:]
            case 5:
                data[at : at + 8] = rng.choice((0, 1, 7, 0xFF, 1 << 31, 1 << 63, (1 << 64) - 1)).to_bytes(8, "little")
            case 6:
                data[at:at] = data[: rng.randint(0, 64)]
    return bytes(data)


def word(rng: random.Random):
    return rng.choice(_WORDS)


def agent_frame(rng: random.Random) -> bytes:
    """What a client could send after its welcome, malformed in header, table, JSON or meaning"""
    kind = rng.randrange(6)
    if kind == 0:
        return HEADER.pack(rng.getrandbits(32) >> rng.randrange(32), rng.randrange(12), 0, 0, rng.getrandbits(64))
    if kind == 1:
        return frame(rng.choice((CALL, HELLO, ACK, BYE)), rng.getrandbits(64), rng.randbytes(rng.randrange(64)))
    if kind == 2:
        verb = rng.choice(("lookup", "interrupt", "exit", "stats", word(rng)))
        return json_frame(CALL, 1, {"verb": verb, rng.choice(("msg_id", "x")): word(rng)})
    if kind == 3:
        return mutate(rng, json_frame(CALL, 1, {"verb": "lookup", "msg_id": "a"}))
    parts = [json.dumps(part).encode() for part in (_HEADER, {}, {}, {})]
    if kind == 4:
        parts[rng.randrange(4)] = rng.choice((b"", b"{", b"[]", b"\xff", b"null", json.dumps(word(rng)).encode()))
        return message_frame(rng.randrange(3), rng.choice((b"shell", b"control", b"stdin", b"iopub", b"\xff")), parts)
    return mutate(rng, message_frame(1, b"shell", parts + [rng.randbytes(50)] * rng.randrange(3)))


def greeting(rng: random.Random) -> bytes:
    """What a stranger could send first"""
    fields = {"v": 1, "role": "client", "token": "client-token", "session": "fuzz", "ephemeral": True}
    if rng.randrange(2):
        fields[rng.choice((*fields, "seen", "epoch", "term"))] = word(rng)
        return json_frame(HELLO, 0, fields)
    return mutate(rng, json_frame(HELLO, 0, fields))


def kernel_parts(rng: random.Random) -> list[bytes]:
    """Frames of a message as a kernel could send it, malformed in number, delimiter, JSON or meaning"""
    kind = rng.choice(("status", "stream", "display_data", "execute_reply", "x" * 50))
    content = {"execution_state": rng.choice(("busy", "idle", word(rng))), "text": word(rng)}
    parts = [json.dumps(part).encode() for part in (_HEADER | {"msg_type": kind}, {"msg_id": word(rng)}, {}, content)]
    parts = [rng.choice((b"topic", b"\1\0", b"")), b"<IDS|MSG>", b"0" * 64, *parts]
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(parts) + 1)
        match rng.randrange(4):
            case 0 if len(parts) > 1:
                del parts[at % len(parts)]
            case 1:
                parts.insert(at, rng.randbytes(rng.randrange(300)))
            case 2 if parts:
                parts[at % len(parts)] = mutate(rng, parts[at % len(parts)])
            case 3:
                parts.insert(at, b"<IDS|MSG>")
    return parts
