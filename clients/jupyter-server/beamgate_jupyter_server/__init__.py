"""Beamgate's add-on for notebook servers: see README.md."""

from .connection import BeamgateWebSocketConnection
from .extension import load
from .oidc_token_renewer import OidcTokenRenewer
from .token_file_renewer import TokenFileRenewer

__version__ = "0.1.0"
__all__ = ["BeamgateWebSocketConnection", "OidcTokenRenewer", "TokenFileRenewer"]


def _jupyter_server_extension_points():
    return [{"module": "beamgate_jupyter_server"}]


_load_jupyter_server_extension = load
