/**
 * How many kernel requests a second a gatekeeper accepts over RabbitMQ and PostgreSQL, both flushing to disk, with
 * confirms and commits; nothing is launched. The gatekeeper is a process of its own.
 * A part of `npm run bench:scale-out`; its arguments: [requests a second] [seconds].
 */
import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandClient, rabbitClient } from '#libs/bus';
import { GatekeeperCommands } from '#libs/contracts';
import { aSubmission } from '../../libs/testing/src/builders.js';
import { typescriptExecArgv } from '../../libs/testing/src/typescript-exec-argv.js';
import { PostgresServer } from '../support/postgres-server.js';
import { RabbitServer } from '../support/rabbit-server.js';
import { quantile } from './statistics.js';

const [rate = 1_200, seconds = 20] = process.argv.slice(2).map(Number);
const TICK_MS = 10;

async function gatekeeper(parts: object): Promise<{ end(): Promise<void> }> {
  const source = JSON.stringify(new URL('../support/scale-out-gatekeeper.ts', import.meta.url).href);
  const script = `
    await import('reflect-metadata');
    const { ScaleOutGatekeeper } = await import(${source});
    const gatekeeper = await ScaleOutGatekeeper.start(${JSON.stringify(parts)});
    console.log('leads');
    process.stdin.once('end', () => gatekeeper.stop().then(() => process.exit())).resume();
  `;
  const args = [...typescriptExecArgv(), '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    end: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

const [server, broker] = await Promise.all([PostgresServer.start({ durable: true }), RabbitServer.start()]);
const database = await server.createDatabase();
const leader = await gatekeeper({ database, broker: broker.url, scheduling: { maxKernels: 1, maxQueued: 1_000_000 } });
const client = new CommandClient(await rabbitClient({ url: broker.url, name: 'bench' }, 'gatekeeper'));
for (let warm = 0; warm < 500; warm += 1) await client.send(GatekeeperCommands.submitKernel, aSubmission());

// At a fixed rate, whatever the answers do: a slow answer is not paid back by a pause.
const took: number[] = [];
const acknowledged: string[] = [];
let failed = 0;
const answers: Promise<void>[] = [];
const began = performance.now();
for (let sent = 0; sent < rate * seconds; await delay(TICK_MS)) {
  const due = Math.min(rate * seconds, ((performance.now() - began) / 1000) * rate);
  for (; sent < due; sent += 1) {
    const dueAt = began + (sent / rate) * 1000;
    answers.push(
      client.send(GatekeeperCommands.submitKernel, aSubmission()).then(
        ({ id }) => {
          took.push(performance.now() - dueAt);
          acknowledged.push(id);
        },
        () => {
          failed += 1;
        },
      ),
    );
  }
}
await Promise.all(answers);
const elapsed = (performance.now() - began) / 1000;
const figures = [0.5, 0.95, 0.99, 1].map((q) => `p${q * 100} ${quantile(took, q).toFixed(1)} ms`).join(', ');
console.log(
  `${rate}/s asked for ${seconds} s: ${(took.length / elapsed).toFixed(0)}/s accepted, ${failed} failed; ${figures}`,
);
const rows = new Set((await server.query('select id from kernels', database)).map(({ id }) => id));
const lost = acknowledged.filter((id) => !rows.has(id)).length;
console.log(`${acknowledged.length} acknowledged, ${lost} of them not on disk`);
await client.close();
await leader.end();
await server.remove();
await broker.remove();
