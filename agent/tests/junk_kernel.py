"""A kernel that, asked to execute "<seed> <count>", sends that many malformed messages on each way it has."""

import json
import random
import sys

import junk
from raw_kernel import PORTS, Peer, header


def main():
    with open(sys.argv[1]) as file:
        ip = json.load(file)["ip"]
    peers = {name: Peer(f"{ip}-{port}", b"XPUB" if name == "iopub" else b"ROUTER") for name, port in PORTS.items()}
    for peer in peers.values():
        peer.accept()
    iopub, shell = peers["iopub"], peers["shell"]
    iopub.message()
    while True:
        tag, _, _, parent, _, _, content, *_ = shell.message()
        info = b"kernel_info_request" in parent
        if not info:
            seed, count = map(int, json.loads(content)["code"].split())
            rng = random.Random(seed)
            for _ in range(count):
                rng.choice((iopub, iopub, shell, peers["control"], peers["stdin"])).send(junk.kernel_parts(rng))
        for state in ("busy", "idle"):
            body = json.dumps({"execution_state": state}).encode()
            iopub.send([b"topic", b"<IDS|MSG>", b"", header("status"), parent, b"{}", body])
        kind = "kernel_info_reply" if info else "execute_reply"
        shell.send([tag, b"<IDS|MSG>", b"", header(kind), parent, b"{}", b"{}"])


if __name__ == "__main__":
    main()
