"""Switches the add-on on in a notebook server that uses a gateway."""

from jupyter_server.gateway.connections import GatewayWebSocketConnection

from .connection import BeamgateWebSocketConnection

_KEY = "kernel_websocket_connection_class"


def load(app) -> None:
    """Only in place of the stock class for gateways: without a gateway kernels are the server's own, and a class that
    somebody chose stays.

    @param app  the ServerApp
    """
    if app.web_app.settings.get(_KEY) is GatewayWebSocketConnection:
        app.web_app.settings[_KEY] = BeamgateWebSocketConnection
        app.log.info("Beamgate's add-on carries the messages of kernels.")
