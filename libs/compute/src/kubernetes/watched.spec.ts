import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CoreV1Api, KubeConfig, type V1Pod, Watch } from '@kubernetes/client-node';
import { labelled } from './labelled.js';
import { Watched } from './watched.js';

const aPod = (name: string, resourceVersion: string) => ({ metadata: { name, namespace: 'n', resourceVersion } });
const log = { info: () => {}, warn: () => {} };

/** Answers as an API server would: lists what it is told, and hands each watch to the test. */
class Api {
  items: object[] = [];
  version = '1';
  lists = 0;
  mostInPage = Number.POSITIVE_INFINITY;
  /** Pages from this object on are answered no more. */
  forgotten = Number.POSITIVE_INFINITY;
  readonly #server: Server;
  /** What it answers to a list; 0: nothing. */
  status = 200;
  readonly #watches: { from: string | null; response: ServerResponse }[] = [];
  #onWatch = (): void => {};

  constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://x');
      response.setHeader('content-type', 'application/json');
      if (url.searchParams.get('watch') === 'true') {
        response.flushHeaders();
        this.#watches.push({ from: url.searchParams.get('resourceVersion'), response });
        return this.#onWatch();
      }
      this.lists += 1;
      if (this.status === 0) return;
      response.statusCode = this.status;
      this.#answerList(url, response);
    });
  }

  /** In pages of at most what is asked for; a place that it does not know is gone. */
  #answerList(url: URL, response: ServerResponse): void {
    const begin = Number(url.searchParams.get('continue') ?? 0);
    if (begin >= this.forgotten) {
      response.statusCode = 410;
      return void response.end(JSON.stringify({ kind: 'Status', code: 410, message: 'continue token is too old' }));
    }
    const end = begin + Math.min(Number(url.searchParams.get('limit')), this.mostInPage);
    const more = end < this.items.length ? { continue: String(end) } : {};
    const metadata = { resourceVersion: this.version, ...more };
    response.end(JSON.stringify({ items: this.items.slice(begin, end), metadata }));
  }

  async start(): Promise<KubeConfig> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'c', server: this.url, skipTLSVerify: true }, { name: 'u' });
    return config;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next watch that comes, or came. */
  async watch(): Promise<{ from: string | null; say(type: string, object: object): void; end(): void }> {
    if (this.#watches.length === 0) {
      await new Promise<void>((resolve) => {
        this.#onWatch = resolve;
      });
    }
    const watch = this.#watches.shift();
    if (watch === undefined) throw new Error('no watch');
    const { from, response } = watch;
    return {
      from,
      say: (type, object) => response.write(`${JSON.stringify({ type, object })}\n`),
      end: () => response.end(),
    };
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let api: Api;
let watched: Watched<V1Pod>;
let told: string[];
let onTold: () => void;
let outages: (string | null)[];

beforeEach(async () => {
  api = new Api();
  api.items = [aPod('a', '1'), aPod('b', '1')];
  told = [];
  outages = [];
  onTold = () => {};
  const config = await api.start();
  const core = config.makeApiClient(CoreV1Api);
  const tell = (word: string) => (pod: V1Pod) => {
    told.push(`${word} ${pod.metadata?.name}`);
    onTold();
  };
  watched = new Watched<V1Pod>({
    watch: new Watch(config),
    path: '/api/v1/pods',
    list: (page) => core.listPodForAllNamespaces(page),
    keep: labelled,
    onChange: tell('is'),
    onGone: tell('gone'),
    onOutage: (reason) => {
      outages.push(reason);
      onTold();
    },
    log,
  });
});
afterEach(async () => {
  await watched.close();
  api.close();
});

const until = (word: string): Promise<void> =>
  new Promise((resolve) => {
    onTold = () => told.includes(word) && resolve();
    onTold();
  });

it('tells what there is, then what changes', async () => {
  await watched.listed;
  expect(told).toEqual(['is a', 'is b']);
  const watch = await api.watch();
  watch.say('ADDED', aPod('c', '2'));
  watch.say('DELETED', aPod('a', '3'));
  await until('gone a');
  expect(told.slice(2)).toEqual(['is c', 'gone a']);
  expect(['a', 'b', 'c'].map((name) => watched.kept(name, 'n')?.metadata?.name)).toEqual([undefined, 'b', 'c']);
});

it('resumes where a stream ended, bookmarks counted, and lists no more', async () => {
  const first = await api.watch();
  expect(first.from).toBe('1');
  first.say('BOOKMARK', { metadata: { resourceVersion: '7' } });
  first.end();
  const second = await api.watch();
  expect(second.from).toBe('7');
  expect(api.lists).toBe(1);
});

it('lists anew when its place is gone, and tells what went meanwhile', async () => {
  const watch = await api.watch();
  api.items = [aPod('b', '9')];
  api.version = '9';
  watch.say('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' });
  await until('gone a');
  expect((await api.watch()).from).toBe('9');
  expect(api.lists).toBe(2);
});

it('lists in pages, and tells what went only when all have come', async () => {
  const watch = await api.watch();
  api.items = ['b', 'c', 'd', 'e'].map((name) => aPod(name, '9'));
  api.mostInPage = 2;
  api.version = '9';
  watch.say('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' });
  await until('gone a');
  expect(told.slice(2)).toEqual(['is b', 'is c', 'is d', 'is e', 'gone a']);
  expect((await api.watch()).from).toBe('9');
  expect(api.lists).toBe(3);
});

it('begins anew when the server forgets the list between its pages', async () => {
  const watch = await api.watch();
  api.items = ['b', 'c', 'd'].map((name) => aPod(name, '9'));
  api.mostInPage = 2;
  api.forgotten = 2;
  watch.say('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' });
  await until('is c');
  api.forgotten = Number.POSITIVE_INFINITY;
  await until('gone a');
  expect(new Set(told)).toEqual(new Set(['is a', 'is b', 'is c', 'is d', 'gone a']));
});

describe('an API server that', () => {
  const outage = (count: number): Promise<void> =>
    new Promise((resolve) => {
      onTold = () => outages.length >= count && resolve();
      onTold();
    });
  /** Its place is gone, so that it has to be listed anew. */
  const relist = async (status: number): Promise<void> => {
    await watched.listed;
    api.status = status;
    (await api.watch()).say('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' });
  };

  it('does not know us is told of, and that it does again', async () => {
    await relist(401);
    await outage(1);
    expect(outages).toEqual([expect.stringMatching(/does not accept the credentials of this service \(401/)]);
    api.status = 200;
    await outage(2);
    expect(outages[1]).toBeNull();
  });

  it('is not there is told of', async () => {
    await watched.listed;
    api.close();
    await outage(1);
    expect(outages[0]).toMatch(/^The API server of the cluster can not be reached \(.*ECONN.*\); it is tried again/);
  });

  it('answers nothing is told of', async () => {
    await relist(0);
    await outage(1);
    expect(outages).toEqual(['The API server of the cluster has not answered for 1.5 s (/api/v1/pods).']);
  });

  it('lets us see nothing is waited for no longer, and is no outage', async () => {
    await watched.close();
    api.status = 403;
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'c', server: api.url, skipTLSVerify: true }, { name: 'u' });
    const list = () => config.makeApiClient(CoreV1Api).listPodForAllNamespaces();
    const nothing = () => {};
    const onOutage = (reason: string | null) => void outages.push(reason);
    const options = {
      watch: new Watch(config),
      path: '/api/v1/pods',
      list,
      keep: labelled,
      onChange: nothing,
      onGone: nothing,
    };
    watched = new Watched<V1Pod>({ ...options, onOutage, log });
    await watched.answered;
    expect(watched.isListed).toBe(false);
    expect(outages).toEqual([]);
  });
});
