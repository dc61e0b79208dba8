import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Config } from '../config.schema.js';
import { createLog } from './log.js';
import { NestLog } from './nest-log.js';
import { requestContext } from './request-context.js';

const lines: string[] = [];
const config = Config.parse({ log: { level: 'trace' } });
const log = createLog(config, { write: (line) => void lines.push(line) });
const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}');

it('writes one JSON line with level, time and ids', () => {
  log.info({ kernelId: 'k1' }, 'kernel ended');
  expect(last()).toEqual({ level: 'info', time: expect.stringMatching(/Z$/), kernelId: 'k1', msg: 'kernel ended' });
});

it('names the request and user that a line is written for', async () => {
  await requestContext.run({ requestId: 'r1', user: 'ana' }, async () => {
    await Promise.resolve();
    log.info('started');
  });
  expect(last()).toMatchObject({ requestId: 'r1', user: 'ana' });
  log.info('elsewhere');
  expect(last()).not.toHaveProperty('requestId');
});

it.each([
  [{ url: '/api/kernels?a=1&token=sesame-opens' }],
  [{ headers: { authorization: 'token sesame-opens' } }],
  [{ endpoint: { clientToken: 'sesame-opens', controlToken: 'sesame-"opens' } }],
  [{ detail: 'got Bearer sesame-opens, why' }],
  [{ detail: 'header eyJhbGciOiJFUzI1NiJ9.eyJzZXNhbWUiOjF9.sesame-opens end' }],
  [{ err: new Error('GET /x?token=sesame-opens failed') }],
])('never writes a token: %j', (fields) => {
  log.warn(fields, 'look');
  expect(lines.at(-1)).not.toMatch(/sesame/);
  expect(last()).toMatchObject({ msg: 'look' });
});

it('takes what Nest and its Logger say', () => {
  const nest = new NestLog(log);
  nest.log('Mapped {/api, GET} route', 'RouterExplorer');
  expect(last()).toMatchObject({ level: 'debug', context: 'RouterExplorer' });
  nest.log({ kernelId: 'k1', msg: 'kernel ended' }, 'Host');
  expect(last()).toMatchObject({ level: 'info', context: 'Host', kernelId: 'k1', msg: 'kernel ended' });
  nest.error(new Error('broken'));
  expect(last()).toMatchObject({ level: 'error', msg: 'broken' });
});

it('appends to a file that only its user may read', () => {
  const data = mkdtempSync(join(tmpdir(), 'beamgate-log-'));
  createLog({ ...config, data }).info('one');
  createLog({ ...config, data }).info('two');
  const file = join(data, 'logs/beamgate.log');
  expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});
