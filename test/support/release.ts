import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './gateway.js';
import { root } from './parts.js';

/**
 * A release of services and agent as it will be some day: this one as it was built, but for the versions of the agent's
 * stream that both of them say they speak.
 *
 * @returns its folder, to be removed
 */
export function releaseSpeaking(oldest: number, newest: number): string {
  const folder = temporaryFolder(`release-${oldest}-${newest}`);
  for (const part of ['agent', 'scripts', 'package.json'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  for (const part of ['node_modules', 'environments']) symlinkSync(join(root, part), join(folder, part));
  mkdirSync(join(folder, 'dist'));
  cpSync(join(root, 'dist/bundle'), join(folder, 'dist/bundle'), { recursive: true });
  const bundle = join(folder, 'dist/bundle');
  const services = readdirSync(bundle).map((name) => join(bundle, name));
  edit(services, /STREAM_VERSIONS=\{oldest:\d+,newest:\d+\}/, `STREAM_VERSIONS={oldest:${oldest},newest:${newest}}`);
  edit([join(folder, 'agent/beamgate_agent/hello.py')], /^SPOKEN = .*$/m, `SPOKEN = (${oldest}, ${newest})`);
  return folder;
}

/** Changes the one place among the files where `what` stands. @throws Error where it stands nowhere */
function edit(files: readonly string[], what: RegExp, into: string): void {
  const file = files.find((path) => path.match(/\.(js|py)$/) && what.test(readFileSync(path, 'utf8')));
  if (file === undefined) throw new Error(`${what} is nowhere in ${files.join(', ')}`);
  writeFileSync(file, readFileSync(file, 'utf8').replace(what, into));
}
