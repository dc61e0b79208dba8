import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SchedulingConfig } from '#libs/contracts';
import { Deposed, type KernelReader, type LoggedInput, type Readers, type Store } from '#libs/store';
import { aBatch, aLaunchMessage } from './batch.js';
import { aKernel, aKernelId, aSession, aToken } from './builders.js';

export interface DatabaseUnderTest {
  /** Opens the writer; a second call deposes the first writer. */
  openStore(options?: { inputLogRows?: number }): Promise<Store>;
  openReaders(): Promise<Readers>;
  remove(): Promise<void>;
}

/** What every database of Beamgate must do. */
export function storeConformance(name: string, create: () => Promise<DatabaseUnderTest>): void {
  describe(`store conformance: ${name}`, () => {
    let database: DatabaseUnderTest;
    let store: Store;
    let readers: Readers;

    beforeEach(async () => {
      database = await create();
      store = await database.openStore();
      readers = await database.openReaders();
    });
    afterEach(async () => {
      await readers.close();
      await store.close();
      await database.remove();
    });

    const inputLog = async (from = 0, to = 2 ** 50): Promise<LoggedInput[]> => {
      const rows: LoggedInput[] = [];
      for await (const row of readers.inputLog.rows(from, to)) rows.push(row);
      return rows;
    };
    const visible = async (user: string, endedAfter = 0): Promise<string[]> =>
      (await readers.kernels.listVisible(user, endedAfter)).map(({ id }) => id);

    it('keeps past use as it was told last, and each version of the configuration once', async () => {
      expect([await store.shares(), await store.schedulingConfig(), await store.audit(10)]).toEqual([null, null, []]);
      const config = SchedulingConfig.parse({ queues: [{ name: 'users' }] });
      const made = { at: 5, actor: 'ada', action: 'scheduling', changes: [] };
      const added = { kind: 'added' as const, path: 'queues.users', after: { name: 'users' } };
      await store.commit({ ...aBatch(), shares: { at: 1, shares: { steps: [1] } } });
      await store.commit({
        ...aBatch(),
        shares: { at: 2, shares: { steps: [2] } },
        scheduling: { ...made, version: 1, config },
      });
      const second = { ...made, version: 2, config, action: 'queues', changes: [added] };
      await store.commit({ ...aBatch(), scheduling: second });
      const kernel = aKernel();
      await expect(store.commit({ ...aBatch(), kernels: [kernel], scheduling: second })).rejects.toThrow();
      expect(await store.kernels.find(kernel.id)).toBeUndefined();
      expect(await store.shares()).toEqual({ at: 2, shares: { steps: [2] } });
      expect(await store.schedulingConfig()).toEqual({ version: 2, config });
      expect((await store.audit(10)).map(({ version, action }) => [version, action])).toEqual([
        [2, 'queues'],
        [1, 'scheduling'],
      ]);
      expect((await store.audit(1))[0]?.changes).toEqual([added]);
    });

    it('gives back each row as it was, to writer and readers', async () => {
      const kernel = aKernel({
        phase: 'ready',
        executionState: 'busy',
        detail: 'é "quoted"',
        tokenId: 'jti',
        project: 'spectra',
        instrument: 'B7',
        admittedAt: 2,
        readyAt: 3,
        culling: { idleSeconds: 0 },
        ending: { at: 9, reason: 'culled', detail: 'Idle.' },
        endpoint: { socket: '/run/a.sock', clientToken: 'c', controlToken: 't' },
      });
      const [session, token] = [aSession({ kernelId: kernel.id }), aToken({ expiresAt: 9, actAs: ['*'] })];
      await store.commit(aBatch({ kernels: [kernel], sessions: [session], tokens: [token] }));
      for (const side of [store, readers]) {
        expect(await side.kernels.find(kernel.id)).toEqual(kernel);
        expect(await side.sessions.find(session.id)).toEqual(session);
        expect(await side.tokens.find(token.id)).toEqual(token);
      }
    });

    it('knows nothing of ids it was not given', async () => {
      expect(await readers.kernels.find(aKernelId())).toBeUndefined();
      expect(await readers.sessions.find(aKernelId())).toBeUndefined();
      expect(await readers.tokens.find('none')).toBeUndefined();
    });

    it('remembers what kernels say of themselves, by environment and version', async () => {
      const kernel = aKernel();
      const language = { name: 'python', version: '3.13.1', mimetype: '', file_extension: '.py' };
      const info = {
        protocol_version: '5.3',
        implementation: 'i',
        implementation_version: '1',
        language_info: language,
      };
      expect(await readers.kernels.infoFor(kernel)).toBeUndefined();
      await store.commit(aBatch({ kernelInfos: [{ of: kernel, info: { ...info, implementation: 'old' } }] }));
      await store.commit(aBatch({ kernelInfos: [{ of: kernel, info }] }));
      expect(await readers.kernels.infoFor(aKernel())).toEqual(info);
      expect(await readers.kernels.infoFor(aKernel({ kernelspec: 'r' }))).toBeUndefined();
      const command = { kind: 'python' as const, python: '/next/python3' };
      const next = aKernel({ launch: { ...kernel.launch, command } });
      expect(await readers.kernels.infoFor(next)).toBeUndefined();
    });

    it('knows how long places were held, newest first, failed launches left out', async () => {
      const ended = (admittedAt: number, endedAt: number, readyAt: number | null = admittedAt + 1) =>
        aKernel({ phase: 'ended', endReason: 'culled', admittedAt, readyAt, endedAt });
      const never = aKernel({ phase: 'ended', endReason: 'shut-down', endedAt: 900 });
      const kernels = [ended(100, 150), ended(100, 400), ended(100, 300), ended(100, 500, null), never, aKernel()];
      await store.commit(aBatch({ kernels }));
      expect(await store.heldTimes(2)).toEqual([300, 200]);
      expect(await store.heldTimes(100)).toEqual([300, 200, 50]);
    });

    it('knows how long kernels took to be ready, newest first', async () => {
      const ready = (kernelspec: string, submittedAt: number, ms: number | null) =>
        aKernel({ kernelspec, submittedAt, phase: 'ready', admittedAt: 900, readyAt: ms === null ? null : 900 + ms });
      const kernels = [ready('r', 5, 70), ready('python3', 7, 30), ready('r', 9, 50), ready('r', 8, null), aKernel()];
      await store.commit(aBatch({ kernels }));
      const told = [...[{ kernelspec: 'r', ms: 50 }], { kernelspec: 'python3', ms: 30 }, { kernelspec: 'r', ms: 70 }];
      expect(await store.startTimes(2)).toEqual(told.slice(0, 2));
      expect(await store.startTimes(100)).toEqual(told);
    });

    it('replaces a row by its id', async () => {
      const kernel = aKernel();
      await store.commit(aBatch({ kernels: [kernel] }));
      const later = aKernel({ ...kernel, revision: 2, phase: 'admitted', admittedAt: 5 });
      await store.commit(aBatch({ kernels: [later] }));
      expect(await readers.kernels.listAll(0)).toEqual([later]);
    });

    it('shows a user the kernels owned and made, oldest first, and nobody else’s', async () => {
      const mine = aKernel({ owner: 'ada', submittedAt: 2 });
      const made = aKernel({ owner: 'bob', actor: 'ada', submittedAt: 1 });
      const other = aKernel({ owner: 'bob', actor: 'bob' });
      await store.commit(aBatch({ kernels: [mine, made, other] }));
      expect(await visible('ada')).toEqual([made.id, mine.id]);
      expect(await visible('eve')).toEqual([]);
      expect(await readers.kernels.listAll(0)).toHaveLength(3);
    });

    it('shows ended kernels only for as long as asked', async () => {
      const ended = aKernel({ phase: 'ended', endReason: 'crashed', endedAt: 500 });
      const living = aKernel();
      await store.commit(aBatch({ kernels: [ended, living] }));
      expect(await visible('ada', 500)).toHaveLength(2);
      expect(await visible('ada', 501)).toEqual([living.id]);
      expect((await store.livingKernels()).map(({ id }) => id)).toEqual([living.id]);
    });

    it('lists sessions by owner, and removes them by id and by kernel', async () => {
      const [first, second, third] = [aSession(), aSession(), aSession({ owner: 'bob' })];
      await store.commit(aBatch({ sessions: [first, second, third] }));
      expect(await readers.sessions.listOwned('ada')).toHaveLength(2);
      await store.commit(aBatch({ deletedSessions: [first.id], deletedSessionsOf: [second.kernelId] }));
      expect(await readers.sessions.listOwned('ada')).toEqual([]);
      expect(await readers.sessions.listOwned('bob')).toEqual([third]);
    });

    it('keeps outbox entries in commit order until they are delivered', async () => {
      const first = await store.commit(aBatch({ outbox: [aLaunchMessage(1), aLaunchMessage(2)] }));
      const second = await store.commit(aBatch({ outbox: [aLaunchMessage(3)] }));
      const all = [...first, ...second];
      expect(all.map(({ payload }) => payload['n'])).toEqual([1, 2, 3]);
      expect(await store.undelivered()).toEqual(all);
      await store.commit(aBatch({ delivered: all.slice(0, 2).map(({ seq }) => seq) }));
      expect(await store.undelivered()).toEqual(second);
    });

    it('never numbers two outbox entries alike, even when the box was empty between', async () => {
      const [first] = await store.commit(aBatch({ outbox: [aLaunchMessage(1)] }));
      await store.commit(aBatch({ delivered: [first?.seq ?? 0] }));
      const [second] = await store.commit(aBatch({ outbox: [aLaunchMessage(2)] }));
      expect(second?.seq).toBeGreaterThan(first?.seq ?? 0);
    });

    it('writes a batch whole or not at all', async () => {
      const kernel = aKernel();
      const unwritable = { ...aLaunchMessage(1), pattern: null as never };
      await expect(
        store.commit(aBatch({ kernels: [kernel], outbox: [aLaunchMessage(0), unwritable] })),
      ).rejects.toThrow();
      expect(await readers.kernels.find(kernel.id)).toBeUndefined();
      expect(await store.undelivered()).toEqual([]);
      await store.commit(aBatch({ kernels: [kernel] }));
      expect(await readers.kernels.find(kernel.id)).toEqual(kernel);
    });

    it('shows a committed row to readers that were open before', async () => {
      const reader: KernelReader = readers.kernels;
      const kernel = aKernel();
      expect(await reader.find(kernel.id)).toBeUndefined();
      await store.commit(aBatch({ kernels: [kernel] }));
      expect(await reader.find(kernel.id)).toEqual(kernel);
    });

    it('keeps text of every kind, down to what one of the databases cannot hold', async () => {
      const session = aSession({ path: 'a\0b', name: '\u{1F600} \'"\\ %_ $1 ?' });
      await store.commit(aBatch({ sessions: [session] }));
      const found = await readers.sessions.find(session.id);
      expect(found?.name).toBe(session.name);
      expect(['a\0b', 'a\uFFFDb']).toContain(found?.path);
    });

    it('keeps instants and sizes of 53 bits', async () => {
      const far = Number.MAX_SAFE_INTEGER;
      const kernel = aKernel({ submittedAt: far, requests: { cpuMilli: 1, memoryBytes: far } });
      await store.commit(aBatch({ kernels: [kernel] }));
      expect(await readers.kernels.find(kernel.id)).toEqual(kernel);
    });

    it('writes hundreds of rows of each kind in one batch, in order', async () => {
      const many = Array.from({ length: 300 }, (_, index) => index);
      const kernels = many.map((submittedAt) => aKernel({ submittedAt }));
      const sessions = kernels.map(({ id }) => aSession({ kernelId: id }));
      const entries = await store.commit(aBatch({ kernels, sessions, outbox: many.map(aLaunchMessage) }));
      expect(entries.map(({ payload }) => payload['n'])).toEqual(many);
      expect(await store.undelivered()).toEqual(entries);
      expect(await readers.kernels.listAll(0)).toEqual(kernels);
      await store.commit(
        aBatch({
          delivered: entries.map(({ seq }) => seq),
          deletedSessions: sessions.slice(0, 150).map(({ id }) => id),
          deletedSessionsOf: kernels.slice(150).map(({ id }) => id),
        }),
      );
      expect(await store.undelivered()).toEqual([]);
      expect(await readers.sessions.listOwned('ada')).toEqual([]);
    });

    it('knows which messages had their effect, and only those of batches that were written', async () => {
      await store.commit(aBatch({ received: [{ id: 'one', at: 5 }], kernels: [aKernel()] }));
      const unwritable = { ...aLaunchMessage(1), pattern: null as never };
      const failing = store.commit(aBatch({ received: [{ id: 'two', at: 6 }], outbox: [unwritable] }));
      await expect(failing).rejects.toThrow();
      expect(await store.alreadyReceived(['one', 'two', 'three'])).toEqual(new Set(['one']));
      await store.commit(aBatch({ received: [{ id: 'one', at: 7 }] }));
      expect(await store.prune(6, 10)).toBe(0);
      expect(await store.prune(8, 10)).toBe(1);
      expect(await store.alreadyReceived(['one'])).toEqual(new Set());
    });

    it('lets a deposed writer write nothing', async () => {
      const next = await database.openStore();
      const kernel = aKernel();
      expect(next.epoch).toBe(store.epoch + 1);
      await expect(store.commit(aBatch({ kernels: [kernel] }))).rejects.toThrow(Deposed);
      expect(await next.kernels.find(kernel.id)).toBeUndefined();
      await next.commit(aBatch({ kernels: [kernel] }));
      expect(await next.kernels.find(kernel.id)).toEqual(kernel);
      await next.close();
    });

    it('keeps what was committed when it is opened again', async () => {
      const kernel = aKernel();
      const outbox = await store.commit(aBatch({ kernels: [kernel], outbox: [aLaunchMessage(1)] }));
      await store.close();
      store = await database.openStore();
      expect(await store.livingKernels()).toEqual([kernel]);
      expect(await store.undelivered()).toEqual(outbox);
    });

    it('knows what was admitted of late, newest first, page by page', async () => {
      const admitted = [5, 30, 20, 20, 10].map((admittedAt) => aKernel({ admittedAt, project: `of ${admittedAt}` }));
      await store.commit(aBatch({ kernels: [...admitted, aKernel()] }));
      const first = await store.admissions(10, null, 2);
      const second = await store.admissions(10, first.at(-1) ?? null, 2);
      expect(first.map(({ at }) => at)).toEqual([30, 20]);
      expect(second.map(({ at, project }) => [at, project])).toEqual([
        [20, 'of 20'],
        [10, 'of 10'],
      ]);
      expect(new Set([...first, ...second].map(({ id }) => id)).size).toBe(4);
      expect(await store.admissions(10, second.at(-1) ?? null, 2)).toEqual([]);
      const [newest] = first;
      expect(newest).toMatchObject({ requests: admitted[1]?.requests, scheduling: admitted[1]?.scheduling });
    });

    it('logs the input of each step, and reads it from a state on that it can be replayed from', async () => {
      expect(await inputLog()).toEqual([]);
      for (const at of [1, 2, 3, 4, 5, 6]) {
        const events = [{ kind: 'released', at }];
        await store.commit(
          aBatch({ input: { at, events, ...(at % 3 === 2 ? { origin: JSON.stringify({ now: at }) } : {}) } }),
        );
      }
      const times = async (...of: number[]): Promise<number[]> => (await inputLog(...of)).map(({ at }) => at);
      expect(await times()).toEqual([2, 3, 4, 5, 6]);
      expect([await times(4), await times(5), await times(5, 6)]).toEqual([[2, 3, 4, 5, 6], [5, 6], [5]]);
      const [first, second] = await inputLog(5);
      expect(first).toMatchObject({ at: 5, epoch: store.epoch, origin: { now: 5 }, events: [{ kind: 'released' }] });
      expect(second).toMatchObject({ at: 6, origin: null, seq: (first?.seq ?? 0) + 1 });
    });

    it('reads a long log in its order', async () => {
      const ats = Array.from({ length: 220 }, (_, at) => at);
      await Promise.all(
        ats.map((at) => store.commit(aBatch({ input: { at, events: [], ...(at === 0 ? { origin: '{}' } : {}) } }))),
      );
      expect((await inputLog()).map(({ at }) => at)).toEqual(ats);
    });

    it('keeps its bound of the input log, and what these rows begin with', async () => {
      const bounded = await database.openStore({ inputLogRows: 3 });
      const left: number[][] = [];
      for (const at of [1, 2, 3, 4, 5, 6, 7]) {
        const origin = at % 3 === 1 ? { origin: '{}' } : {};
        await bounded.commit(aBatch({ input: { at, events: [], ...origin } }));
        left.push((await inputLog()).map((row) => row.at));
      }
      expect(left.slice(4)).toEqual([
        [1, 2, 3, 4, 5],
        [4, 5, 6],
        [4, 5, 6, 7],
      ]);
      await bounded.close();
    });

    it('removes what is old in small batches, and nothing that lives or is young', async () => {
      const [old, older, young] = [300, 200, 900].map((endedAt) =>
        aKernel({ phase: 'ended', endReason: 'culled', endedAt }),
      );
      const living = aKernel({ submittedAt: 1 });
      const kernels = [old, older, young, living].flatMap((kernel) => kernel ?? []);
      const sessions = kernels.map(({ id }) => aSession({ kernelId: id }));
      const dead = [aToken({ expiresAt: 499 }), aToken({ revokedAt: 10 })];
      const good = [aToken({ expiresAt: 501 }), aToken()];
      await store.commit(
        aBatch({
          kernels,
          sessions,
          tokens: [...dead, ...good],
          input: { at: 498, events: [], origin: '{}' },
          outbox: [aLaunchMessage(1)],
        }),
      );
      await store.commit(aBatch({ input: { at: 499, events: [], origin: '{}' } }));
      await store.commit(aBatch({ input: { at: 501, events: [] } }));
      expect(await store.prune(500, 1)).toBe(3);
      expect(await readers.kernels.find(older?.id ?? aKernelId())).toBeUndefined();
      expect(await store.prune(500, 10)).toBe(2);
      expect(await store.prune(500, 10)).toBe(0);
      expect((await readers.kernels.listAll(0)).map(({ id }) => id).toSorted()).toEqual(
        [young?.id, living.id].toSorted(),
      );
      expect(await readers.sessions.listOwned('ada')).toHaveLength(2);
      expect((await readers.tokens.list()).map(({ id }) => id).toSorted()).toEqual(good.map(({ id }) => id).toSorted());
      // The younger row goes on from the older one.
      expect((await inputLog()).map(({ at }) => at)).toEqual([499, 501]);
      expect(await store.undelivered()).toHaveLength(1);
    });

    it('lets a deposed writer remove nothing', async () => {
      const next = await database.openStore();
      await expect(store.prune(500, 1)).rejects.toThrow(Deposed);
      await next.close();
    });

    it('commits batches given at once one after the other, each whole', async () => {
      const kernels = Array.from({ length: 50 }, (_, index) => aKernel({ submittedAt: index }));
      await Promise.all(
        kernels.map((kernel, n) => store.commit(aBatch({ kernels: [kernel], outbox: [aLaunchMessage(n)] }))),
      );
      expect(await readers.kernels.listAll(0)).toHaveLength(50);
      const payloads = (await store.undelivered()).map(({ payload }) => payload['n']);
      expect(payloads).toEqual(kernels.map((_, index) => index));
    });
  });
}
