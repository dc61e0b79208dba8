"""Coverage-guided fuzzing of what reads foreign bytes: `python fuzz_parsers.py -runs=N`, options as of libFuzzer."""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
with atheris.instrument_imports(include=["beamgate_agent"]):
    from beamgate_agent import frames, peek, zmtp


def read(data: bytes) -> None:
    which, data = data[:1], data[1:]
    try:
        if which < b"\x40":
            _, parts = frames.unpack_message(data)
            peek.msg_id(parts[0])
            peek.msg_type(parts[0])
            peek.execution_state(parts[3])
        elif which < b"\x80":
            frames.parse_object(data)
        else:
            link = zmtp.Link.__new__(zmtp.Link)
            link.out, link._until_ready = zmtp.deque(), []
            link._parts, link._greeted, link._long = [], which < b"\xc0", None
            rest = b""
            for start in range(0, len(data), 64):
                rest = link._parse(rest + data[start : start + 64], [])
                if link._long:
                    break
    except (frames.BadFrame, zmtp.LinkError):
        pass


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
