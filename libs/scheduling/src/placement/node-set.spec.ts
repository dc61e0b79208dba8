import { describe, expect, it } from '@jest/globals';
import { fgdPolicy } from './fgd.policy.js';
import { NodeSet } from './node-set.js';
import type { NodeSpec, Sharing } from './node-state.js';
import { rankedGradientPolicy } from './ranked-gradient.policy.js';
import type { ShapeRequest } from './shape.js';
import { stableRank } from './stable-rank.js';

const spec = (id: string, devices: Sharing[] = ['share'], changes: Partial<NodeSpec> = {}): NodeSpec => ({
  ...{ id, cpuMilli: 8_000, memoryBytes: 8 },
  ...(devices.length > 0 ? { gpu: { model: 'T4', devices } } : {}),
  ...changes,
});
const ask = (gpuCount: number, gpuMilli: number, changes: Partial<ShapeRequest> = {}): ShapeRequest => ({
  ...{ cpuMilli: 1_000, memoryBytes: 1, gpuCount, gpuMilli },
  ...changes,
});
function setOf(...nodes: NodeSpec[]): NodeSet {
  const set = new NodeSet(rankedGradientPolicy());
  for (const node of nodes) set.addNode(node);
  return set;
}
const onto = (set: NodeSet, request: ShapeRequest) => {
  const placement = set.place(set.shape(request));
  if (placement) set.take(placement);
  return placement && { node: placement.node, devices: placement.devices };
};

describe('a placement', () => {
  it('is whole devices, lowest index first, past those that are shared', () => {
    const set = setOf(spec('a', ['share', 'share', 'share', 'share']));
    expect(onto(set, ask(1, 400))).toEqual({ node: 'a', devices: [0] });
    expect(onto(set, ask(2, 1_000))).toEqual({ node: 'a', devices: [1, 2] });
    expect(onto(set, ask(2, 1_000))).toBeUndefined();
    expect(onto(set, ask(1, 600))).toEqual({ node: 'a', devices: [0] });
    expect(onto(set, ask(1, 1_000))).toEqual({ node: 'a', devices: [3] });
    expect(set.node('a')?.gpuFree).toBe(0);
  });

  it('leaves a device that is given out whole alone when a share is asked for', () => {
    const set = setOf(spec('a', ['whole']));
    expect(onto(set, ask(1, 500))).toBeUndefined();
    expect(onto(set, ask(1, 1_000))).toEqual({ node: 'a', devices: [0] });
  });

  it('goes where a model will do', () => {
    const set = setOf(spec('a'), spec('b', [], { gpu: { model: 'A10', devices: ['share'] } }));
    expect(onto(set, ask(1, 100, { gpuModels: ['V100', 'A10'] }))?.node).toBe('b');
    expect(onto(set, ask(1, 100, { gpuModels: ['V100'] }))).toBeUndefined();
  });

  it('puts work without a GPU on nodes without one first', () => {
    const set = setOf(spec('gpu', ['share'], { rank: 0 }), spec('cpu', [], { rank: 1 }));
    expect(onto(set, ask(0, 0, { cpuMilli: 8_000 }))?.node).toBe('cpu');
    expect(onto(set, ask(0, 0))?.node).toBe('gpu');
  });

  it('cuts MIG instances so that larger ones still fit', () => {
    const mig = spec('a', [], { gpu: { model: 'H200', devices: ['mig'] } });
    const large = { ...ask(1, 0), migProfile: '3g.71gb' };
    const { memoryBytes: _, ...typical } = large;
    const set = new NodeSet(rankedGradientPolicy(), [{ ...typical, count: 1 }]);
    set.addNode(mig);
    const starts = ['1g.18gb', '1g.18gb', '3g.71gb'].map((migProfile) => {
      const placement = set.place(set.shape(ask(1, 0, { migProfile })));
      if (placement) set.take(placement);
      return placement?.mig;
    });
    expect(starts).toEqual([
      { profile: '1g.18gb', start: 0 },
      { profile: '1g.18gb', start: 1 },
      { profile: '3g.71gb', start: 4 },
    ]);
    expect(set.fits(set.shape(ask(1, 1_000)))).toBe(false);
  });

  it('keeps the CPU that typical work wants beside a device', () => {
    const typical = [{ cpuMilli: 4_000, gpuCount: 1, gpuMilli: 1_000, count: 1 }];
    const nodes = [spec('tight', ['share', 'share'], { rank: 0 }), spec('ample', ['share'], { rank: 0.1 })];
    const chosen = (starved: number) => {
      const set = new NodeSet(rankedGradientPolicy({ lambda: 2, starved, leftover: 0 }), typical);
      for (const node of nodes) set.addNode(node);
      return onto(set, ask(0, 0))?.node;
    };
    expect([chosen(0), chosen(1)]).toEqual(['tight', 'ample']);
  });
});

it('puts a share where the least is expected to be left over', () => {
  const typical = [600, 400].map((gpuMilli) => ({ cpuMilli: 0, gpuCount: 1, gpuMilli, count: 1 }));
  const chosen = (leftover: number) => {
    const set = new NodeSet(rankedGradientPolicy({ lambda: 0.001, starved: 0, leftover }), typical);
    set.addNode(spec('whole', ['share'], { rank: 0 }));
    set.addNode(spec('used', ['share'], { rank: 1 }));
    set.take({ node: 'used', cpuMilli: 0, memoryBytes: 0, devices: [0], gpuMilli: 350 });
    return onto(set, ask(1, 50))?.node;
  };
  // Both devices would still take either; but 950 ends in crumbs, and 600 may be filled by one.
  expect([chosen(0), chosen(1)]).toEqual(['whole', 'used']);
});

describe('devices without CPU', () => {
  it('that are so already are used up rather than kept', () => {
    const set = new NodeSet(rankedGradientPolicy({ lambda: 2, starved: 2, leftover: 0 }), [
      { cpuMilli: 4_000, gpuCount: 1, gpuMilli: 1_000, count: 1 },
    ]);
    set.addNode(spec('ample', ['share', 'share'], { rank: 0 }));
    set.addNode(spec('starved', ['share', 'share'], { rank: 0.1, cpuMilli: 1_000 }));
    expect(onto(set, ask(1, 1_000, { cpuMilli: 0 }))?.node).toBe('starved');
  });
});

describe('nodes', () => {
  it('that are cordoned take nothing new, and give back what they hold', () => {
    const set = setOf(spec('a'));
    const shape = set.shape(ask(1, 500));
    const placement = set.place(shape);
    if (!placement) throw new Error('did not fit');
    set.take(placement);
    set.setAvailability('a', 'cordoned');
    expect([set.fits(shape), set.freeInSum(shape).gpuMilli]).toEqual([false, 0]);
    set.release(placement);
    expect(set.fits(shape)).toBe(false);
    set.setAvailability('a', 'open');
    expect(set.place(shape)).toEqual(placement);
  });

  it('that are to go are taken last', () => {
    const set = setOf(spec('a', ['share'], { rank: 0 }), spec('b', ['share'], { rank: 1 }));
    set.setAvailability('a', 'last');
    expect([onto(set, ask(1, 1_000))?.node, onto(set, ask(1, 1_000))?.node]).toEqual(['b', 'a']);
  });

  it('come and go, those that stay keep their order', () => {
    const set = new NodeSet(fgdPolicy);
    const shape = set.shape(ask(1, 1_000));
    for (let index = 0; index < 200; index += 1) set.addNode(spec(`n${index}`));
    expect(set.place(shape)?.node).toBe('n0');
    for (let index = 0; index < 150; index += 1) set.removeNode(`n${index}`);
    expect([set.size, set.place(shape)?.node]).toEqual([50, 'n150']);
    set.addNode(spec('n0'));
    expect(set.place(shape)?.node).toBe('n150');
    for (let index = 150; index < 200; index += 1) set.removeNode(`n${index}`);
    expect(onto(set, ask(1, 1_000))?.node).toBe('n0');
    set.removeNode('n0');
    set.removeNode('n0');
    expect([set.size, set.fits(shape)]).toEqual([0, false]);
  });

  it('may change so often between two looks at a shape that its scores are forgotten', () => {
    const set = setOf(spec('a', ['share'], { rank: 0 }), spec('b', ['share'], { rank: 1 }));
    const whole = set.shape(ask(1, 1_000));
    expect(set.place(whole)?.node).toBe('a');
    onto(set, ask(1, 100));
    set.setAvailability('a', 'cordoned');
    const held = set.place(set.shape(ask(1, 600)));
    if (held?.node !== 'b') throw new Error('expected b');
    for (let turn = 0; turn < 10_000; turn += 1) {
      set.take(held);
      set.release(held);
    }
    expect(set.place(whole)?.node).toBe('b');
    set.take(held);
    expect(set.fits(whole)).toBe(false);
  });

  it('refuse what a bug would do to them', () => {
    const set = setOf(spec('a', ['share', 'mig'], { gpu: { model: 'H200', devices: ['share', 'mig'] } }));
    const held = { node: 'a', cpuMilli: 1, memoryBytes: 1, devices: [0], gpuMilli: 500 };
    for (const wrong of [
      { ...held, cpuMilli: 8_001 },
      { ...held, memoryBytes: 9 },
      { ...held, gpuMilli: 1_001 },
      { ...held, devices: [1] },
      { ...held, devices: [7] },
      { ...held, gpuMilli: 0, devices: [1], mig: { profile: '3g.71gb', start: 1 } },
    ]) {
      expect(() => set.take(wrong)).toThrow('Bounds of node a passed');
    }
    const instance = { ...held, gpuMilli: 0, devices: [1], mig: { profile: '3g.71gb', start: 4 } };
    expect(() => set.release(held)).toThrow('Bounds of node a passed');
    expect(() => set.release({ ...instance, cpuMilli: 0, memoryBytes: 0 })).toThrow('Bounds of node a passed');
    expect(() => set.take({ ...instance, mig: { profile: '9g.99gb', start: 0 } })).toThrow('no MIG profile 9g.99gb');
    expect(() => set.take({ ...held, node: 'z' })).toThrow('No node z');
    expect(() => set.addNode(spec('a'))).toThrow('there already');
    expect(() => set.trial(() => set.removeNode('a'))).toThrow('not in a trial');
    expect(() => setOf(spec('b', ['mig']))).toThrow('T4 has no MIG profiles');
    expect(set.place(set.shape(ask(1, 1_000)))?.devices).toEqual([0]);
  });

  it('are the same in a copy, which goes its own way', () => {
    const set = setOf(spec('a'));
    onto(set, ask(1, 500));
    const copy = set.copy();
    onto(copy, ask(1, 500));
    copy.addNode(spec('b'));
    expect([set.node('a')?.gpuFree, copy.node('a')?.gpuFree, set.size, copy.size]).toEqual([500, 0, 1, 2]);
  });

  it('tell what is free in sum, and what could never fit', () => {
    const set = setOf(spec('a'), spec('b'), spec('c', []));
    onto(set, ask(1, 400));
    onto(set, ask(1, 700));
    const [whole, two] = [set.shape(ask(1, 1_000)), set.shape(ask(2, 1_000))];
    expect([set.fits(whole), set.couldFit(whole), set.couldFit(two)]).toEqual([false, true, false]);
    expect(set.freeInSum(whole)).toEqual({ cpuMilli: 14_000, memoryBytes: 14, gpuMilli: 900 });
  });
});

describe('shapes', () => {
  it('are one object for all requests that ask for the same', () => {
    const set = setOf();
    const shape = set.shape(ask(1, 500, { gpuModels: ['T4', 'A10'] }));
    expect(set.shape(ask(1, 500, { gpuModels: ['A10', 'T4', 'T4'] }))).toBe(shape);
    expect(set.shape(ask(1, 500))).not.toBe(shape);
    expect(set.shape(ask(0, 0, { gpuModels: ['T4'] }))).toBe(set.shape(ask(0, 0)));
  });

  it.each([
    ask(1, 0),
    ask(1, 1_001),
    ask(2, 500),
    ask(1, 500, { cpuMilli: -1 }),
    ask(1, 500, { memoryBytes: 0.5 }),
    ask(2, 0, { migProfile: '1g.18gb' }),
  ])('are refused where they are none: %j', (request) => {
    expect(() => setOf().shape(request)).toThrow(RangeError);
  });
});

it('ranks nodes by their names alone, spread evenly', () => {
  const ranks = Array.from({ length: 1_000 }, (_, index) => stableRank(`node-${index}`));
  const tenths = ranks.reduce(
    (counts, rank) => counts.with(Math.floor(rank * 10), (counts[Math.floor(rank * 10)] ?? 0) + 1),
    Array<number>(10).fill(0),
  );
  expect(Math.min(...tenths)).toBeGreaterThan(70);
  expect(stableRank('node-7')).toBe(ranks[7]);
});
