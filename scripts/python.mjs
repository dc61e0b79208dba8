/** Finds the Python that environments are made with. Node ≥ 20, builtins only. */
import { spawnSync } from 'node:child_process';

const CANDIDATES = ['python3', 'python3.13', 'python3.12', 'python3.11'];
const PROBE = `
import importlib.util, json, sys
print(json.dumps({
    "path": sys.executable,
    "version": ".".join(map(str, sys.version_info[:3])),
    "minor": ".".join(map(str, sys.version_info[:2])),
    "new": sys.version_info >= (3, 11),
    "venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
}))`;

function probe(command) {
  const { status, stdout } = spawnSync(command, ['-I', '-c', PROBE], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  try {
    return { command, ...JSON.parse(stdout) };
  } catch {
    return undefined;
  }
}

/**
 * The first Python ≥ 3.11 on the PATH that can make virtual environments.
 *
 * @param {string[]} candidates commands to try, in order
 * @returns {{path: string, version: string, minor: string}}
 * @throws Error that says what was found and what to install
 */
export function findPython(candidates = CANDIDATES) {
  const found = candidates.map(probe).filter(Boolean);
  const usable = found.find((python) => python.new && python.venv);
  if (usable) return usable;
  const bare = found.find((python) => python.new);
  if (bare) {
    throw new Error(
      `${bare.command} (${bare.version}) lacks the venv module. Install it and start again; on Debian and Ubuntu: ` +
        `apt install python${bare.minor}-venv`,
    );
  }
  const old = found.map((python) => `${python.command} is ${python.version}`).join(', ') || 'none was found';
  throw new Error(
    `Python 3.11 or newer is needed (${old}). Install it and start again; on Debian 12 and Ubuntu 24.04 or newer: ` +
      'apt install python3 python3-venv',
  );
}
