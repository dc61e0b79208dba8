"""Beamgate's add-on for notebook servers: see README.md."""

from .connection import BeamgateWebSocketConnection
from .renewers import OidcTokenRenewer, TokenFileRenewer

__all__ = ["BeamgateWebSocketConnection", "OidcTokenRenewer", "TokenFileRenewer"]


def _jupyter_server_extension_points():
    return [{"module": "beamgate_jupyter_server"}]


def _load_jupyter_server_extension(app):
    """Act in gateway mode alone; without it kernels are this server's own."""
    if app.gateway_config.gateway_enabled:
        app.web_app.settings["kernel_websocket_connection_class"] = BeamgateWebSocketConnection
        app.log.info("Beamgate's add-on carries the messages of kernels")
