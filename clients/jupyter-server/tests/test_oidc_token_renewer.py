import json
import threading
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from beamgate_jupyter_server import OidcTokenRenewer
from beamgate_jupyter_server import oidc_token_renewer as module


class Provider:
    """A token endpoint. `answer` is what it says to a form; it may raise."""

    def __init__(self):
        self.asked = []
        self.life_seconds = 600
        self.away = False
        provider = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                provider.asked.append(({key: value for key, (value,) in form.items()}, self.headers["Authorization"]))
                told = {"access_token": f"token {len(provider.asked)}", "expires_in": provider.life_seconds}
                told |= {"refresh_token": f"refresh {len(provider.asked)}"} if "refresh_token" in form else {}
                self.send_response(500 if provider.away else 200)
                self.end_headers()
                self.wfile.write(b"<html>" if provider.away else json.dumps(told).encode())

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        self._serving = threading.Thread(target=self._server.serve_forever)
        self._serving.start()

    def stop(self):
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()


@pytest.fixture
def provider():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def ask(renewer):
    token = renewer.get_token("Authorization", "Bearer", "configured")
    # Whoever asks is answered at once; the test wants to see what comes of it.
    renewer._renewing.join()
    return token


def test_credentials_of_the_client_by_variables_and_the_token_kept_until_shortly_before_its_end(
    provider, clock, monkeypatch
):
    settings = {"TOKEN_URL": provider.url, "CLIENT_ID": "pipe line", "CLIENT_SECRET": "s:e", "RESOURCE": "urn:beamgate"}
    for name, value in settings.items():
        monkeypatch.setenv(f"BEAMGATE_OIDC_{name}", value)
    renewer = OidcTokenRenewer()
    assert [ask(renewer), ask(renewer)] == ["token 1", "token 1"]
    ((form, authorization),) = provider.asked
    assert form == {"grant_type": "client_credentials", "resource": "urn:beamgate"}
    assert b64decode(authorization.removeprefix("Basic ")) == b"pipe%20line:s%3Ae"
    clock.now += 539
    assert ask(renewer) == "token 1"
    clock.now += 2
    # Nobody waits for the renewal while there is a token.
    assert [ask(renewer), ask(renewer)] == ["token 1", "token 2"]


def test_a_refresh_token_that_is_replaced_at_each_use(provider, clock):
    renewer = OidcTokenRenewer(token_url=provider.url, client_id="me", refresh_token="refresh 0", scope="openid")
    ask(renewer)
    clock.now += 600
    ask(renewer)
    forms = [form for form, _ in provider.asked]
    assert [form["refresh_token"] for form in forms] == ["refresh 0", "refresh 1"]
    assert forms[0] | {"refresh_token": ""} == {
        "grant_type": "refresh_token",
        "refresh_token": "",
        "client_id": "me",
        "scope": "openid",
    }


def test_a_secret_in_the_form_where_the_provider_wants_it(provider, clock):
    renewer = OidcTokenRenewer(
        token_url=provider.url, client_id="me", client_secret="secret", client_authentication="post"
    )
    ask(renewer)
    assert provider.asked[0] == (
        {"grant_type": "client_credentials", "client_id": "me", "client_secret": "secret"},
        None,
    )


def test_while_the_provider_is_away_the_last_token_stands_and_it_is_asked_now_and_then(provider, clock, caplog):
    provider.away = True
    renewer = OidcTokenRenewer(token_url=provider.url)
    assert [ask(renewer), ask(renewer)] == ["configured", "configured"]
    assert len(provider.asked) == 1
    assert "could not be renewed" in caplog.text
    provider.away = False
    clock.now += 11
    assert ask(renewer) == "token 2"
    provider.away = True
    clock.now += 600
    assert [ask(renewer), ask(renewer)] == ["token 2", "token 2"]


def test_a_token_that_lives_shorter_than_the_margin_is_not_fetched_without_end(provider, clock):
    provider.life_seconds = 20
    renewer = OidcTokenRenewer(token_url=provider.url)
    for _ in range(3):
        ask(renewer)
    assert len(provider.asked) == 1
