# The agent's container of a kernel's pod: the standard library alone.
#   docker build -f k8s/images/agent.Dockerfile -t beamgate/agent:0.1.0 .
FROM python:3.14-slim-bookworm
COPY agent/beamgate_agent /opt/beamgate/agent/beamgate_agent
RUN python3 -m compileall -q /opt/beamgate/agent
USER 10001:10001
