import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Kernel } from '#libs/contracts';
import { clientMessageFromV1 } from '#libs/jupyter';
import { aKernel, v1Message } from '#libs/testing';
import { EndWarning } from './end-warning.js';

const ending = {
  at: Date.UTC(2026, 0, 1, 14, 5),
  reason: 'culled',
  detail: 'It has been idle for 55 minutes; the limit is 1 hour.',
} as const;
const TEXT = [
  'Beamgate: this kernel will be ended at 14:05 UTC; its variables will be lost.',
  'It has been idle for 55 minutes;',
  'the limit is 1 hour.',
  'Run any cell to keep it.',
].join('\n');
const ready = (changes: Partial<Kernel> = {}): Kernel =>
  aKernel({ phase: 'ready', executionState: 'idle', ...changes });
const executed = (id: string, silent = false) =>
  clientMessageFromV1(v1Message('shell', 'execute_request', { code: '1', silent }, { id }));

let told: { type: string; text: unknown; displayId: unknown; cell: string | undefined }[];
let warning: EndWarning;
const create = (): EndWarning =>
  new EndWarning((type, content, parent) => {
    const { text, data, transient } = content as Record<string, never> & {
      data?: Record<string, string>;
      transient?: { display_id: string };
    };
    const cell = parent && (JSON.parse(parent.toString()) as { msg_id: string }).msg_id;
    told.push({ type, text: text ?? data?.['text/plain'], displayId: transient?.display_id, cell });
  });
beforeEach(() => {
  told = [];
  warning = create();
});

describe('the warning of an end', () => {
  it('stands in the cell that was run last, silent ones apart, and is taken back there', () => {
    warning.connected(null);
    for (const message of [executed('one'), executed('two'), executed('quiet', true)]) warning.asked(message);
    warning.changed(ready({ ending }));
    warning.changed(ready({ ending }));
    expect(told).toMatchObject([{ type: 'display_data', text: TEXT, cell: 'two' }]);
    warning.asked(executed('three'));
    warning.changed(ready());
    expect(told).toHaveLength(2);
    expect(told[1]).toMatchObject({ type: 'update_display_data', cell: 'two', displayId: told[0]?.displayId });
    expect(told[1]?.text).toMatch(/is kept/);
  });

  it('waits for the agent, which knows the last cell of a session that comes back', () => {
    warning.changed(ready({ ending }));
    expect(told).toEqual([]);
    warning.connected({ msg_id: 'earlier', msg_type: 'execute_request' });
    warning.connected({ msg_id: 'earlier', msg_type: 'execute_request' });
    expect(told).toMatchObject([{ type: 'display_data', cell: 'earlier' }]);
  });

  it('goes to the log of the notebook where no cell was run', () => {
    warning.connected(null);
    warning.changed(ready({ ending }));
    warning.changed(ready());
    expect(told).toMatchObject([{ type: 'stream', text: `${TEXT}\n`, cell: undefined }]);
  });

  it('goes on in a newer socket of the session', () => {
    warning.connected({ msg_id: 'one' });
    warning.changed(ready({ ending }));
    const newer = create();
    newer.adopt(warning);
    newer.connected({ msg_id: 'one' });
    newer.changed(ready({ ending }));
    newer.changed(ready());
    expect(told.map(({ type }) => type)).toEqual(['display_data', 'update_display_data']);
    expect(new Set(told.map(({ displayId }) => displayId)).size).toBe(1);
  });

  it('of another time stands where the first stood', () => {
    warning.connected({ msg_id: 'one' });
    warning.changed(ready({ ending }));
    warning.changed(ready({ ending: { ...ending, at: ending.at + 60_000 } }));
    expect(told[1]).toMatchObject({ type: 'update_display_data', text: TEXT.replace('14:05', '14:06'), cell: 'one' });
  });

  it('of a busy kernel says how else it is kept', () => {
    warning.connected({ msg_id: 'one' });
    const kernel = ready({ ending, executionState: 'busy' });
    warning.changed(kernel);
    expect(told[0]?.text).toMatch(`POST /v1/kernels/${kernel.id}/keep keeps it.`);
  });

  it('stays when the kernel ends', () => {
    warning.connected({ msg_id: 'one' });
    warning.changed(ready({ ending }));
    warning.changed(ready({ phase: 'stopping' }));
    warning.changed(ready({ phase: 'ended' }));
    expect(told).toHaveLength(1);
  });
});
