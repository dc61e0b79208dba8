import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as quiet } from 'node:timers/promises';
import { afterEach, beforeEach } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { type Identity, type KernelId, Unauthenticated } from '#libs/contracts';
import { ChannelClient, FakeAgent, FakeKernels, v1Message } from '#libs/testing';
import { OpenConnections } from '../events/open-connections.js';
import { ChannelFactory } from './channel-factory.js';
import { ChannelMetrics } from './channel-metrics.js';
import { ChannelServer } from './channel-server.js';
import type { ChannelOptions } from './options.js';

Logger.overrideLogger(false);

// What the specs of channels share: a server before a fake agent, anew for each test.

export const TORNADO = { 'user-agent': 'Tornado/6.6.1' };
export const ada: Identity = { user: 'ada', scopes: ['kernels'], groups: [], actAs: [], tokenId: 'token-1' };
export const execute = (id: string, code = '1') =>
  v1Message('shell', 'execute_request', { code, silent: false }, { id });
export const info = {
  protocol_version: '5.3',
  implementation: 'ipython',
  implementation_version: '9.7.0',
  language_info: { name: 'python', version: '3.13.1', mimetype: 'text/x-python', file_extension: '.py' },
};
export const printed = (text: string, parent?: string) =>
  v1Message('iopub', 'stream', { name: 'stdout', text }, parent === undefined ? {} : { parent });
export const reply = (parent: string) =>
  v1Message('shell', 'execute_reply', { status: 'ok', execution_count: 1 }, { parent });

export let kernels: FakeKernels;
export let agent: FakeAgent;
const others: FakeAgent[] = [];
export let http: Server;
export let server: ChannelServer;
export let metrics: ChannelMetrics;
export let counts: OpenConnections;
/** Called before a token of that name is judged. */
export const checks = new Map<string, () => Promise<void>>();
const clients: ChannelClient[] = [];

export function serve(changes: Partial<ChannelOptions> = {}): void {
  const options: ChannelOptions = {
    baseUrl: '/base/',
    endedVisibleSeconds: 3600,
    pendingBytes: 1024 * 1024,
    maxMessageBytes: 64 * 1024 * 1024,
    pingIntervalSeconds: 30,
    stalledSeconds: 60,
    maxMalformed: 32,
    sockets: { all: 100, perUser: 100, perKernel: 100 },
    expiryToleranceSeconds: 0,
    drainSeconds: 1,
    ...changes,
    timing: { noticeAfter: 0, explainEvery: 20, drain: 50, linger: 60_000, setAside: 60_000, ...changes.timing },
  };
  metrics = new ChannelMetrics();
  counts = new OpenConnections();
  const gatekeeper = { send: () => kernels.explain() as never };
  const factory = new ChannelFactory(options, kernels, kernels, gatekeeper, metrics);
  const authenticate = async (request: { url?: string | undefined }): Promise<Identity> => {
    const token = new URL(request.url ?? '', 'http://x').searchParams.get('token') ?? 'ada';
    await checks.get(token)?.();
    if (token === 'bad') throw new Unauthenticated('The token has expired.');
    if (token === 'root') return { ...ada, user: 'root', scopes: ['admin'] };
    if (token === 'nothing') return { ...ada, scopes: [] };
    return { ...ada, user: token };
  };
  server = new ChannelServer(options, authenticate, kernels, factory, counts);
  server.attach(http);
}

export async function open(id: string, query = '', protocol?: string, headers = {}): Promise<ChannelClient> {
  const { port } = http.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/base/api/kernels/${id}/channels?${query}`;
  const client = await ChannelClient.open(url, protocol, headers);
  clients.push(client);
  return client;
}

/** All sockets are closed, as the server sees it. */
export const gone = async () => {
  while (metrics.sockets > 0) await quiet(1);
};

export const ready = () => kernels.add({ phase: 'ready', endpoint: agent.endpoint }).id;

/** Opens and waits until the session is known to the agent. */
export async function attach(id: KernelId, session: string, protocol?: string, headers = {}): Promise<ChannelClient> {
  const client = await open(id, `session_id=${session}`, protocol, headers);
  await agent.hellos.find((hello) => hello['session'] === session);
  return client;
}

/** An agent after the first one, where a kernel gets another. */
export async function another(epoch: string): Promise<FakeAgent> {
  const other = await FakeAgent.listen(epoch);
  others.push(other);
  return other;
}

beforeEach(async () => {
  kernels = new FakeKernels();
  agent = await FakeAgent.listen();
  checks.clear();
  http = createServer();
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});

afterEach(async () => {
  server.beforeApplicationShutdown();
  for (const client of clients.splice(0)) client.ws.terminate();
  await gone();
  agent.close();
  for (const other of others.splice(0)) other.close();
  http.closeAllConnections();
  http.close();
});
