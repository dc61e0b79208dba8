"""Tokens fetched from an OIDC provider."""

import base64
import json
import os
import threading
import time
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from jupyter_server.gateway.gateway_client import GatewayTokenRenewerBase
from traitlets import Enum, Float, Unicode

_HTTP_SECONDS = 10
_RETRY_SECONDS = 10
_DEFAULT_LIFE_SECONDS = 300
_LEAST_LIFE_SECONDS = 1


class OidcTokenRenewer(GatewayTokenRenewerBase):
    """By a refresh token where one is given, else by the client's own credentials. jupyter_server asks before every
    call to the gateway and waits for the answer, so only the first token is fetched while it waits: the next ones are
    fetched beside, shortly before the last expires. While the provider can't be reached the last token stands.
    """

    token_url = Unicode(config=True, help="Token endpoint. (BEAMGATE_OIDC_TOKEN_URL env var)")
    client_id = Unicode(config=True, help="(BEAMGATE_OIDC_CLIENT_ID env var)")
    client_secret = Unicode(config=True, help="(BEAMGATE_OIDC_CLIENT_SECRET env var)")
    refresh_token = Unicode(config=True, help="(BEAMGATE_OIDC_REFRESH_TOKEN env var)")
    scope = Unicode(config=True, help="Asked for, where set. (BEAMGATE_OIDC_SCOPE env var)")
    resource = Unicode(config=True, help="What the token is for, where set. (BEAMGATE_OIDC_RESOURCE env var)")
    client_authentication = Enum(
        ["basic", "post"], "basic", config=True, help="How the client's secret is sent: as a header or in the form."
    )
    early_seconds = Float(60.0, config=True, help="A token is renewed so long before it expires, seconds.")

    _token = ""
    _due = 0.0
    _renewing: threading.Thread | None = None

    def get_token(self, auth_header_key: str, auth_scheme: str | None, auth_token: str, **kwargs) -> str:
        if time.monotonic() >= self._due and not (self._renewing and self._renewing.is_alive()):
            # At once: a provider that does not answer is not asked before every call.
            self._due = time.monotonic() + _RETRY_SECONDS
            self._renewing = threading.Thread(target=self._renew, name="token-renewal", daemon=True)
            self._renewing.start()
            if not self._token:
                self._renewing.join()
        return self._token or auth_token

    def _renew(self) -> None:
        try:
            told = self._fetch()
            life_seconds = float(told.get("expires_in") or _DEFAULT_LIFE_SECONDS)
            self._token = told["access_token"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.log.error("The token for the gateway could not be renewed, the last one stands: %r", error)
            return
        # A provider may replace the refresh token at each use.
        self.refresh_token = told.get("refresh_token") or self.refresh_token
        # A token that lives shorter than we are early for would be fetched without end.
        early_seconds = min(self.early_seconds, life_seconds / 2)
        self._due = time.monotonic() + max(life_seconds - early_seconds, _LEAST_LIFE_SECONDS)

    def _fetch(self) -> dict:
        """@raises OSError, ValueError when the provider does not answer with JSON"""
        form = {name: self._setting(name) for name in ("scope", "resource") if self._setting(name)}
        refresh, secret, client = (self._setting(name) for name in ("refresh_token", "client_secret", "client_id"))
        form |= (
            {"grant_type": "refresh_token", "refresh_token": refresh}
            if refresh
            else {"grant_type": "client_credentials"}
        )
        headers = {"Accept": "application/json"}
        if secret and self.client_authentication == "basic":
            # RFC 6749, 2.3.1: both are encoded as in a form first.
            pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client, **({"client_secret": secret} if secret else {})}
        request = Request(self._setting("token_url"), urlencode(form).encode(), headers)
        with urlopen(request, timeout=_HTTP_SECONDS) as answer:
            return json.load(answer)

    def _setting(self, name: str) -> str:
        return getattr(self, name) or os.environ.get(f"BEAMGATE_OIDC_{name.upper()}", "")
