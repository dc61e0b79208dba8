"""Tokens that live shorter than a notebook server: asked for before every call to the gateway."""

import json
import os
import time
import urllib.parse
import urllib.request

from jupyter_server.gateway.gateway_client import GatewayTokenRenewerBase
from traitlets import Float, Unicode

_HTTP_SECONDS = 10


class TokenFileRenewer(GatewayTokenRenewerBase):
    """The token stands in a file that another program keeps fresh, a hub or a sidecar."""

    token_file = Unicode(config=True, help="Path of the file; default: the variable BEAMGATE_TOKEN_FILE.")
    _known = ("", -1)

    def get_token(self, auth_header_key, auth_scheme, auth_token, **kwargs) -> str:
        path = self.token_file or os.environ.get("BEAMGATE_TOKEN_FILE", "")
        if not path:
            return auth_token
        changed = os.stat(path).st_mtime_ns
        if changed != self._known[1]:
            with open(path, encoding="utf-8") as file:
                self._known = (file.read().strip(), changed)
        return self._known[0] or auth_token


class OidcTokenRenewer(GatewayTokenRenewerBase):
    """Fetches tokens from an OIDC provider: by a refresh token where one is given, else by the client's credentials."""

    token_url = Unicode(config=True, help="Token endpoint; default: BEAMGATE_OIDC_TOKEN_URL.")
    client_id = Unicode(config=True, help="Default: BEAMGATE_OIDC_CLIENT_ID.")
    client_secret = Unicode(config=True, help="Default: BEAMGATE_OIDC_CLIENT_SECRET.")
    refresh_token = Unicode(config=True, help="Default: BEAMGATE_OIDC_REFRESH_TOKEN.")
    resource = Unicode(config=True, help="Resource that the token is for; default: BEAMGATE_OIDC_RESOURCE.")
    early_seconds = Float(30.0, config=True, help="A token is renewed so long before it expires, seconds.")

    _token = ""
    _due = 0.0

    def get_token(self, auth_header_key, auth_scheme, auth_token, **kwargs) -> str:
        """The last token stands while the provider can't be reached."""
        if time.monotonic() >= self._due:
            try:
                self._renew()
            except (OSError, ValueError, KeyError) as error:
                self.log.error("The token could not be renewed: %s", error)
        return self._token or auth_token

    def _setting(self, name: str) -> str:
        return getattr(self, name) or os.environ.get(f"BEAMGATE_OIDC_{name.upper()}", "")

    def _renew(self) -> None:
        """@raises OSError, ValueError, KeyError when the provider does not answer with a token"""
        refresh = self._setting("refresh_token")
        form = {"client_id": self._setting("client_id"), "grant_type": "client_credentials"}
        if refresh:
            form |= {"grant_type": "refresh_token", "refresh_token": refresh}
        for name in ("client_secret", "resource"):
            if self._setting(name):
                form[name] = self._setting(name)
        request = urllib.request.Request(self._setting("token_url"), urllib.parse.urlencode(form).encode())
        with urllib.request.urlopen(request, timeout=_HTTP_SECONDS) as answer:
            told = json.load(answer)
        self._token = told["access_token"]
        # A provider may replace the refresh token at each use.
        self.refresh_token = told.get("refresh_token", refresh)
        self._due = time.monotonic() + max(1.0, float(told.get("expires_in", 300)) - self.early_seconds)
