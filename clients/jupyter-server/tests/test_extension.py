import logging
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hatchling.build import build_wheel
from jupyter_server.extension.config import ExtensionConfigManager
from jupyter_server.gateway.connections import GatewayWebSocketConnection
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from beamgate_jupyter_server import BeamgateWebSocketConnection, extension

KEY = "kernel_websocket_connection_class"
ROOT = Path(__file__).parents[1]


class Chosen(GatewayWebSocketConnection):
    pass


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (GatewayWebSocketConnection, BeamgateWebSocketConnection),
        (ZMQChannelsWebsocketConnection, ZMQChannelsWebsocketConnection),
        (Chosen, Chosen),
    ],
)
def test_it_takes_the_place_of_the_stock_class_for_gateways_alone(before, after):
    app = SimpleNamespace(web_app=SimpleNamespace(settings={KEY: before}), log=logging.getLogger("test"))
    extension.load(app)
    assert app.web_app.settings[KEY] is after


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The wheel, installed without its dependencies: its folder of modules and its folder of configuration."""
    folder = tmp_path_factory.mktemp("wheel")
    here = os.getcwd()
    os.chdir(ROOT)
    try:
        wheel = folder / build_wheel(str(folder))
    finally:
        os.chdir(here)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--prefix", folder, wheel]
    subprocess.run(command, check=True, timeout=120)
    (modules,) = folder.glob("lib/python*/site-packages")
    return wheel, modules, folder / "etc" / "jupyter"


def test_the_wheel_holds_the_package_and_what_switches_it_on(installed):
    wheel, modules, _ = installed
    names = [name for name in zipfile.ZipFile(wheel).namelist() if "dist-info" not in name]
    source = {f"beamgate_jupyter_server/{path.name}" for path in (ROOT / "beamgate_jupyter_server").glob("*.py")}
    data = "beamgate_jupyter_server-0.1.0.data/data/etc/jupyter/jupyter_server_config.d/beamgate_jupyter_server.json"
    assert set(names) == source | {data}
    assert (modules / "beamgate_jupyter_server" / "connection.py").exists()


def test_a_notebook_server_finds_it_enabled(installed):
    _, _, configuration = installed
    found = ExtensionConfigManager(read_config_path=[str(configuration)]).get_jpserver_extensions()
    assert found == {"beamgate_jupyter_server": True}
