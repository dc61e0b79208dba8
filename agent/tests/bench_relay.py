"""How much the whole agent carries, from a kernel of plain sockets to one client. Run it; it is not a test.

The client counts frames and acknowledges every 64; sender, agent and client share the machine's cores.
"""

import sys
import tempfile
import time
from pathlib import Path

from client import MSG, AgentProcess

from beamgate_agent import proc
from beamgate_agent.frames import ACK, HEADER, HEADER_SIZE, frame

RAW_KERNEL = Path(__file__).with_name("raw_kernel.py")


def flood(client, count, size):
    """Seconds until `count` messages of `size` bytes arrived"""
    client.execute(f"{count} {size}")
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    seen = skip = 0
    rest = b""
    started = time.perf_counter()
    while seen < count:
        got = client.sock.recv_into(view)
        if skip >= got:
            skip -= got
            continue
        data = rest + bytes(view[skip:got])
        position = skip = 0
        while position + HEADER_SIZE <= len(data):
            length, kind, _, _, seq = HEADER.unpack_from(data, position)
            position += HEADER_SIZE + length
            if kind == MSG and length > size:
                seen += 1
            if seq and (seq % 64 == 0 or length > 100_000):
                client.raw(frame(ACK, seq))
        skip = max(0, position - len(data))
        rest = data[position:] if not skip else b""
    return time.perf_counter() - started


def main():
    kernel = {"kind": "generic", "argv": [sys.executable, str(RAW_KERNEL), "{connection_file}"]}
    kernel |= {"interruptMode": "signal", "resourceDir": ""}
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        agent = AgentProcess(Path(folder) / "k", kernel=kernel, env={"PYTHONPATH": str(root)})
        agent.ready()
        for count, size in ((50_000, 1000), (200_000, 1000), (300, 1 << 20), (1000, 1 << 20)):
            client = agent.client("bench")
            client.acknowledge = False
            before = proc.cpu_seconds(agent.process.pid) - proc.cpu_seconds(agent.kernel_pid())
            seconds = flood(client, count, size)
            cpu = proc.cpu_seconds(agent.process.pid) - proc.cpu_seconds(agent.kernel_pid()) - before
            client.close()
            rate = count / seconds
            print(
                f"{count} x {size} B: {rate:,.0f} messages/s, {rate * size / 1e6:,.0f} MB/s; agent CPU {cpu:.2f} s of"
                f" {seconds:.2f} s = {count / max(cpu, 0.01):,.0f} messages/s and"
                f" {count * size / 1e6 / max(cpu, 0.01):,.0f} MB/s a core"
            )
        agent.close()


if __name__ == "__main__":
    main()
