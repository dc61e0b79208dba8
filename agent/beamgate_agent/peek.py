"""The few fields of Jupyter messages that the agent looks at, found without parsing the JSON."""

import re

# Jupyter headers are flat; every kernel writes the key and value with at most white space around the colon.
MSG_TYPE = re.compile(rb'"msg_type"\s*:\s*"([^"]*)"')
_MSG_ID = re.compile(rb'"msg_id"\s*:\s*"([^"]*)"')
_EXECUTION_STATE = re.compile(rb'"execution_state"\s*:\s*"([^"]*)"')
_SILENT = re.compile(rb'"silent"\s*:\s*true')


def _find(pattern: re.Pattern[bytes], data: bytes) -> bytes:
    match = pattern.search(data)
    return match[1] if match else b""


def msg_type(header: bytes) -> bytes:
    return _find(MSG_TYPE, header)


def msg_id(header: bytes) -> str:
    return _find(_MSG_ID, header).decode("utf-8", "replace")


def execution_state(content: bytes) -> bytes:
    return _find(_EXECUTION_STATE, content)


def is_silent(content: bytes) -> bool:
    """Of an execute_request. Quotes in its code are escaped, so they look otherwise."""
    return _SILENT.search(content) is not None
