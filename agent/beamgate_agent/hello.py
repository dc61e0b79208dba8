"""The first frame of a connection: who comes, which versions it speaks, and where in the output it stands."""

from hmac import compare_digest

from .frames import BadFrame, parse_object
from .spec import Spec

# Oldest and newest version of the stream that is spoken here. Services are upgraded while agents run: the version
# before the newest stays until no agent and no service of it is left.
SPOKEN = (1, 1)
_MAX_SESSION_ID = 200


class Hello:
    """A HELLO whose token is the one of its role; docs/reference/agent-stream.md has its fields."""

    __slots__ = ("ephemeral", "epoch", "role", "seen", "session", "since", "stale", "term", "version", "waited")

    def __init__(self, body: bytes, spec: Spec) -> None:
        """@raises BadFrame that says what is wrong with it"""
        fields = parse_object(body)
        self.role = fields.get("role")
        self.version = _common_version(fields.get("v"), fields.get("upTo", fields.get("v")))
        token = fields.get("token")
        if self.role not in ("client", "control") or not isinstance(token, str):
            raise BadFrame("bad_frame", "HELLO needs a role, client or control, and a token")
        expected = spec.control_token if self.role == "control" else spec.client_token
        if not compare_digest(token.encode(errors="surrogatepass"), expected.encode()):
            raise BadFrame("bad_token", "the token is not the one of this role")
        self.term = fields.get("term")
        # None: it may call, and has no session.
        self.session: str | None = None
        if self.role == "control":
            if not _is_count(self.term):
                raise BadFrame("bad_frame", "HELLO of the control role needs a term, a whole number")
        elif "session" in fields:
            self._read_session(fields)

    def _read_session(self, fields: dict) -> None:
        self.session, self.seen, self.since = fields["session"], fields.get("seen"), fields.get("since", 0)
        self.epoch = fields.get("epoch")
        self.ephemeral = fields.get("ephemeral", False)
        self.stale, self.waited = fields.get("stale", False), fields.get("waited", False)
        if not isinstance(self.session, str) or not 0 < len(self.session) <= _MAX_SESSION_ID:
            raise BadFrame("bad_frame", "the session of a HELLO must be a name")
        if self.seen is not None and not _is_count(self.seen):
            raise BadFrame("bad_frame", "seen must be a whole number")
        if not isinstance(self.ephemeral, bool):
            raise BadFrame("bad_frame", "ephemeral must be true or false")
        if not _is_count(self.since):
            raise BadFrame("bad_frame", "since must be a whole number of milliseconds")
        if not isinstance(self.stale, bool) or not isinstance(self.waited, bool):
            raise BadFrame("bad_frame", "stale and waited must be true or false")


def _is_count(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _common_version(oldest, newest) -> int:
    """The newest version that both sides speak.

    @param oldest  of those that the other side speaks, all from here to `newest`
    """
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in (oldest, newest)):
        raise BadFrame("bad_frame", "HELLO needs the versions that are spoken, whole numbers")
    common = min(newest, SPOKEN[1])
    if common < max(oldest, SPOKEN[0]):
        spoken = "{} to {}".format(*SPOKEN)
        raise BadFrame("bad_version", f"the agent speaks versions {spoken} of the stream, not {oldest} to {newest}")
    return common
