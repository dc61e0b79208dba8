import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

import pytest

from beamgate_jupyter_server import OidcTokenRenewer, TokenFileRenewer


def test_a_file_is_read_again_when_it_changed(tmp_path, monkeypatch):
    file = tmp_path / "token"
    file.write_text("one\n")
    monkeypatch.setenv("BEAMGATE_TOKEN_FILE", str(file))
    renewer = TokenFileRenewer()
    assert renewer.get_token("Authorization", "Bearer", "old") == "one"
    file.write_text("two\n")
    os.utime(file, ns=(1, 1))
    assert renewer.get_token("Authorization", "Bearer", "old") == "two"


def test_without_a_file_the_token_stands(monkeypatch):
    monkeypatch.delenv("BEAMGATE_TOKEN_FILE", raising=False)
    assert TokenFileRenewer().get_token("Authorization", "Bearer", "old") == "old"


@pytest.fixture
def provider():
    """A token endpoint; `asked` are the forms that it got, `answers` what it says."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self):
            form = self.rfile.read(int(self.headers["content-length"])).decode()
            self.server.asked.append(dict(parse_qsl(form)))
            status, body = self.server.answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    server.asked, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def renewer_of(provider, **settings):
    url = f"http://127.0.0.1:{provider.server_port}/token"
    return OidcTokenRenewer(token_url=url, client_id="lab", client_secret="s", **settings)


def test_a_token_is_fetched_once_until_shortly_before_its_end(provider):
    provider.answers += [(200, {"access_token": "one", "expires_in": 3600})]
    renewer = renewer_of(provider)
    tokens = [renewer.get_token("Authorization", "Bearer", "old") for _ in range(3)]
    assert tokens == ["one"] * 3
    assert provider.asked == [{"client_id": "lab", "client_secret": "s", "grant_type": "client_credentials"}]


def test_a_refresh_token_is_used_and_replaced(provider):
    provider.answers += [
        (200, {"access_token": "one", "expires_in": 3600, "refresh_token": "next"}),
        (200, {"access_token": "two", "expires_in": 3600}),
    ]
    renewer = renewer_of(provider, refresh_token="first", early_seconds=3600)
    renewer._due = 0.0
    assert renewer.get_token("Authorization", "Bearer", "old") == "one"
    renewer._due = 0.0
    assert renewer.get_token("Authorization", "Bearer", "old") == "two"
    assert [form["refresh_token"] for form in provider.asked] == ["first", "next"]


def test_the_last_token_stands_while_the_provider_fails(provider):
    provider.answers += [(200, {"access_token": "one", "expires_in": 3600}), (500, {})]
    renewer = renewer_of(provider)
    assert renewer.get_token("Authorization", "Bearer", "old") == "one"
    renewer._due = 0.0
    assert renewer.get_token("Authorization", "Bearer", "old") == "one"
    assert len(provider.asked) == 2
