"""A token that another program keeps fresh in a file."""

import os

from jupyter_server.gateway.gateway_client import GatewayTokenRenewerBase
from traitlets import Unicode, default


class TokenFileRenewer(GatewayTokenRenewerBase):
    """Read anew whenever the file changes: a hub, a sidecar or a cron job writes it. While it can't be read, or is
    empty because it is just being written, the last token stands.
    """

    token_file = Unicode(config=True, help="Path of the file. (BEAMGATE_TOKEN_FILE env var)")

    @default("token_file")
    def _default_token_file(self) -> str:
        return os.environ.get("BEAMGATE_TOKEN_FILE", "")

    _token = ""
    _read_at: tuple[int, ...] = ()
    _complained = False

    def get_token(self, auth_header_key: str, auth_scheme: str | None, auth_token: str, **kwargs) -> str:
        try:
            self._look()
        except (OSError, ValueError) as error:
            if not self._complained:
                self.log.error("No token from the file %r, the last one stands: %s", self.token_file, error)
            self._complained = True
        return self._token or auth_token

    def _look(self) -> None:
        """@raises OSError, ValueError when there is no token in the file"""
        status = os.stat(self.token_file)
        version = status.st_mtime_ns, status.st_size, status.st_ino
        if version == self._read_at:
            return
        with open(self.token_file, encoding="utf-8") as file:
            token = file.read().strip()
        if not token:
            raise ValueError("it is empty")
        self._token, self._read_at, self._complained = token, version, False
