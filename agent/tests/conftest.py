import shutil
import tempfile
from pathlib import Path

import pytest
from client import AgentProcess


@pytest.fixture
def folder():
    """A short path: unix sockets have no room for pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="bg-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start(folder):
    """Start agents that end with the test."""
    agents = []

    def start_agent(**options):
        agents.append(AgentProcess(folder / f"k{len(agents)}", **options))
        return agents[-1]

    yield start_agent
    for agent in agents:
        agent.close()


@pytest.fixture
def agent(start):
    """An agent on a python kernel, claimed and ready"""
    agent = start()
    agent.launcher = agent.ready()
    return agent
