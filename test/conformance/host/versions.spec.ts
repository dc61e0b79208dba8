import { EventEmitter, once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { aLaunch, execute, hostOptions, interpreter, newHost, newKernelId, root, whom } from './host-under-test.js';

jest.setTimeout(60_000);

/** Agents of another version of ours: the agent, but for what it says it speaks, which a file tells. */
describe('an agent that speaks', () => {
  let python: string;
  let data: string;
  let said: EventEmitter;
  let stage: ReturnType<typeof newHost>;

  const speak = (oldest: number, newest: number): void =>
    writeFileSync(join(data, 'spoken.json'), JSON.stringify([oldest, newest]));
  const begin = () => {
    said = new EventEmitter();
    const tell = (fields: object, message: string) => void said.emit(message, fields);
    const agent = join(data, 'beamgate_agent', '__main__.py');
    stage = newHost({ ...hostOptions(data, python), agent, log: { info: tell, warn: tell } });
  };
  const launched = async () => {
    const id = newKernelId();
    await stage.host.launch(id, whom('ada'), aLaunch(python));
    await stage.facts.until(id, 'ready');
    return { id, endpoint: (await stage.facts.until(id, 'agent-up')).endpoint };
  };

  beforeAll(() => {
    python = interpreter();
  }, 300_000);
  beforeEach(() => {
    data = mkdtempSync('/tmp/bg-versions-');
    cpSync(join(root, 'agent/beamgate_agent'), join(data, 'beamgate_agent'), { recursive: true });
    const file = join(data, 'beamgate_agent', 'hello.py');
    const line = '    common = min(newest, SPOKEN[1])\n';
    const source = readFileSync(file, 'utf8');
    expect(source).toContain(line);
    const told = `    SPOKEN = __import__("json").load(open(${JSON.stringify(join(data, 'spoken.json'))}))\n`;
    writeFileSync(file, source.replace(line, `${told}${line}`));
    begin();
  });
  afterEach(async () => {
    speak(1, 1);
    await stage.host.reconcile([]);
    await stage.host.close();
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  });

  it('more than we do is spoken to', async () => {
    speak(1, 2);
    const { endpoint } = await launched();
    await expect(execute(endpoint, 'print(6 * 7)')).resolves.toMatchObject({ text: '42\n' });
  });

  it('nothing that we do starts no kernel, and the reason is told', async () => {
    speak(2, 3);
    const id = newKernelId();
    await stage.host.launch(id, whom('ada'), aLaunch(python));
    const { detail } = await stage.facts.until(id, 'launch-failed');
    expect(detail).toMatch(/agent speaks versions 2 to 3 of the stream, not 1 to 1/);
  });

  it('nothing that the next service does goes on, holds up nobody, and is found again', async () => {
    speak(1, 1);
    const { id, endpoint } = await launched();
    await execute(endpoint, 'x = 41');
    await stage.host.close();
    speak(2, 3);
    begin();
    const unspoken = once(said, 'an agent of another version is not spoken to');
    await stage.host.reconcile([id]);
    expect(await unspoken).toMatchObject([{ kernelId: id }]);
    const other = newKernelId();
    await stage.host.launch(other, whom('ada'), aLaunch(python));
    await stage.facts.until(other, 'launch-failed');
    expect(stage.facts.of(id)).toEqual([]);
    speak(1, 2);
    await stage.facts.until(id, 'ready');
    await expect(execute(endpoint, 'print(x + 1)')).resolves.toMatchObject({ text: '42\n' });
  });
});
