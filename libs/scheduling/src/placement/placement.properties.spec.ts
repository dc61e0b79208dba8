import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bestFitPolicy } from './best-fit.policy.js';
import { fgdPolicy } from './fgd.policy.js';
import { Fragmentation } from './fragmentation.js';
import { migFits, migMask } from './mig.js';
import { NodeSet } from './node-set.js';
import type { NodeSpec, NodeState, Sharing } from './node-state.js';
import type { Placement } from './placement.js';
import type { Choice } from './placement-policy.js';
import { rankedGradientPolicy } from './ranked-gradient.policy.js';
import type { Shape, ShapeRequest } from './shape.js';
import type { TypicalShape } from './typical-set.js';

const models = ['T4', 'A100-40', 'H200'];
const policies = [bestFitPolicy, fgdPolicy, rankedGradientPolicy()];

/** Few distinct numbers, so that things often just fit. */
const milli = fc.constantFrom(100, 190, 250, 500, 810, 1000);
const cpuMilli = fc.constantFrom(0, 500, 1_000, 2_000, 4_000);
const gpuModels = fc.subarray(models).filter(({ length }) => length !== 1);
const asked = fc.record({ cpuMilli, memoryBytes: fc.constantFrom(0, 1, 2), gpuModels });
const arbitraryRequest: fc.Arbitrary<ShapeRequest> = fc.oneof(
  asked.map((request) => ({ ...request, gpuCount: 0, gpuMilli: 0 })),
  fc.tuple(asked, milli).map(([request, gpuMilli]) => ({ ...request, gpuCount: 1, gpuMilli })),
  fc.tuple(asked, fc.integer({ min: 1, max: 4 })).map(([r, gpuCount]) => ({ ...r, gpuCount, gpuMilli: 1_000 })),
  fc
    .tuple(asked, fc.constantFrom('1g.5gb', '2g.10gb', '3g.20gb', '1g.18gb', '3g.71gb', '1g.35gb'))
    .map(([request, migProfile]) => ({ ...request, gpuCount: 1, gpuMilli: 0, migProfile })),
);
const arbitraryNode: fc.Arbitrary<NodeSpec> = fc
  .record({
    cpuMilli: fc.constantFrom(2_000, 4_000, 8_000),
    memoryBytes: fc.constantFrom(2, 8),
    model: fc.constantFrom(...models),
  })
  .chain(({ model, ...rest }) => {
    const sharing = fc.constantFrom<Sharing>(
      ...(model === 'T4' ? (['share', 'whole'] as const) : (['share', 'mig'] as const)),
    );
    return fc.array(sharing, { maxLength: 4 }).map((devices) => ({ ...rest, id: '', gpu: { model, devices } }));
  });
const arbitraryTypical: fc.Arbitrary<TypicalShape[]> = fc.array(
  fc
    .tuple(arbitraryRequest, fc.integer({ min: 1, max: 9 }))
    .map(([{ memoryBytes: _, ...shape }, count]) => ({ ...shape, count })),
  { maxLength: 8 },
);
/** What is done to a set, one number each: its meaning depends on what there is by then. */
const arbitraryDeeds = fc.array(fc.nat(999), { maxLength: 60 });
const arbitraryScene = fc.record({
  nodes: fc.array(arbitraryNode, { minLength: 1, maxLength: 8 }),
  requests: fc.array(arbitraryRequest, { minLength: 1, maxLength: 6 }),
  typical: arbitraryTypical,
  policy: fc.constantFrom(...policies),
  deeds: arbitraryDeeds,
});
type Scene = typeof arbitraryScene extends fc.Arbitrary<infer T> ? T : never;

interface Stage {
  set: NodeSet;
  shapes: Shape[];
  held: Placement[];
}

function build({ nodes, requests, typical, policy }: Scene): Stage {
  const set = new NodeSet(policy, typical);
  for (const [index, node] of nodes.entries()) set.addNode({ ...node, id: `n${index}` });
  return { set, shapes: requests.map((request) => set.shape(request)), held: [] };
}

/** Places, releases, and opens and closes nodes. */
function act({ set, shapes, held }: Stage, deed: number): void {
  const ids = [...set.all()].map(({ spec }) => spec.id);
  if (deed % 10 < 6) {
    const placement = set.place(shapes[deed % shapes.length] as Shape);
    if (placement) {
      set.take(placement);
      held.push(placement);
    }
  } else if (deed % 10 < 9) {
    const [released] = held.splice(deed % Math.max(1, held.length), 1);
    if (released) set.release(released);
  } else {
    const availability = (['open', 'last', 'cordoned'] as const)[deed % 3] ?? 'open';
    set.setAvailability(ids[deed % ids.length] as string, availability);
  }
}

function play(scene: Scene, check: (stage: Stage) => void): void {
  const stage = build(scene);
  check(stage);
  for (const deed of scene.deeds) {
    act(stage, deed);
    check(stage);
  }
}

const freeOf = (set: NodeSet) =>
  [...set.all()].map(({ spec, cpuFree, memoryFree, gpuFree, free, taken, availability }) => ({
    ...{ id: spec.id, cpuFree, memoryFree, gpuFree, availability },
    ...{ free: [...free], taken: [...taken] },
  }));
const inProperty = (check: (scene: Scene) => void, numRuns = 150): void =>
  fc.assert(fc.property(arbitraryScene, check), { numRuns });

describe('a set of nodes', () => {
  it('never passes the bounds of a node or device, and holds what its placements say', () =>
    inProperty((scene) =>
      play(scene, ({ set, held }) => {
        for (const node of set.all()) {
          const here = held.filter((placement) => placement.node === node.spec.id);
          const sum = (amount: (placement: Placement) => number): number => here.reduce((all, p) => all + amount(p), 0);
          expect(node.cpuFree).toBe(node.spec.cpuMilli - sum((p) => p.cpuMilli));
          expect(node.memoryFree).toBe(node.spec.memoryBytes - sum((p) => p.memoryBytes));
          expect(Math.min(node.cpuFree, node.memoryFree, ...node.free)).toBeGreaterThanOrEqual(0);
          expect(node.gpuFree).toBe(node.free.reduce((all, free) => all + free, 0));
          expect(node.migFree).toBe(
            node.free.reduce((all, free, i) => all + (node.sharing[i] === 'mig' ? free : 0), 0),
          );
          for (const [device, free] of node.free.entries()) {
            const on = here.filter(({ devices }) => devices.includes(device));
            const masks = on.flatMap(({ mig }) =>
              mig ? [migMask(node.profiles?.get(mig.profile) as never, mig.start)] : [],
            );
            // Slices that overlapped would make the sum of the masks differ from their union.
            expect(masks.reduce((all, mask) => all + mask, 0)).toBe(node.taken[device]);
            if (node.sharing[device] !== 'mig') expect(free).toBe(1_000 - on.reduce((all, p) => all + p.gpuMilli, 0));
          }
        }
      }),
    ));

  it('gives a placement if and only if some node fits, and the placement can be taken', () =>
    inProperty((scene) =>
      play(scene, ({ set, shapes }) => {
        for (const shape of shapes) {
          const placement = set.place(shape);
          expect(set.fits(shape)).toBe([...set.all()].some((node) => node.fits(shape)));
          expect(placement !== undefined).toBe(set.fits(shape));
          if (!placement) continue;
          expect(placement.devices).toHaveLength(shape.gpuCount);
          expect(new Set(placement.devices).size).toBe(shape.gpuCount);
          const node = set.node(placement.node) as NodeState;
          expect(node.fits(shape)).toBe(true);
          set.trial(() => set.take(placement));
        }
      }),
    ));

  it('answers from its cache what it would answer without', () =>
    inProperty((scene) => {
      const fragmentation = new Fragmentation(scene.typical);
      play(scene, ({ set, shapes }) => {
        for (const shape of shapes) {
          expect(set.place(shape)).toEqual(set.copy().place(shape));
          let best = { id: undefined as string | undefined, last: true, score: Number.NEGATIVE_INFINITY };
          for (const node of set.all()) {
            if (!node.fits(shape)) continue;
            const choice: Choice = { score: 0, device: -1, start: 0 };
            node.stranded = Number.NaN;
            scene.policy.choose(node, shape, fragmentation, choice);
            const last = node.availability === 'last';
            if (last === best.last ? choice.score > best.score : best.last)
              best = { id: node.spec.id, last, score: choice.score };
          }
          expect(set.place(shape)?.node).toBe(best.id);
        }
      });
    }));

  it('is after a trial exactly as before, also when the trial was broken off or nested', () =>
    inProperty((scene) => {
      const stage = build(scene);
      const half = Math.floor(scene.deeds.length / 2);
      for (const deed of scene.deeds.slice(0, half)) act(stage, deed);
      const before = freeOf(stage.set);
      const answers = stage.shapes.map((shape) => stage.set.place(shape));
      const tried = { ...stage, held: [...stage.held] };
      const attempt = (): void => {
        for (const deed of scene.deeds.slice(half)) act(tried, deed);
        const inside = freeOf(stage.set);
        stage.set.trial(() => act(tried, 0));
        expect(freeOf(stage.set)).toEqual(inside);
        if (scene.deeds.length % 2 === 1) throw new RangeError('broken off');
      };
      try {
        stage.set.trial(attempt);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
      expect(freeOf(stage.set)).toEqual(before);
      expect(stage.shapes.map((shape) => stage.set.place(shape))).toEqual(answers);
    }));

  it('is empty again once all is released, in whatever order', () =>
    inProperty((scene) => {
      const stage = build(scene);
      const before = freeOf(stage.set);
      for (const deed of scene.deeds) if (deed % 10 < 6) act(stage, deed);
      for (const [index, placement] of stage.held.entries()) if (index % 2 === 0) stage.set.release(placement);
      for (const [index, placement] of stage.held.entries()) if (index % 2 === 1) stage.set.release(placement);
      expect(freeOf(stage.set)).toEqual(before);
    }));

  it('places without some what it would place had they never come', () =>
    inProperty((scene) => {
      const stage = build(scene);
      for (const deed of scene.deeds) if (deed % 10 < 9) act(stage, deed);
      const [gone, stay] = [stage.held.filter((_, i) => i % 2 === 0), stage.held.filter((_, i) => i % 2 === 1)];
      const other = build(scene);
      for (const placement of stay) other.set.take(placement);
      for (const shape of stage.shapes) expect(stage.set.placeWithout(shape, gone)).toEqual(other.set.place(shape));
    }));
});

/** The definition, word by word. */
function byDefinition(node: NodeState, typical: readonly TypicalShape[]): number {
  let sum = 0;
  for (const { cpuMilli, gpuCount, gpuMilli, gpuModels = [], migProfile, count } of typical) {
    const hosts = Array.from(node.free, (free, device) => {
      const profile = node.profiles?.get(migProfile ?? '');
      const sharing = node.sharing[device];
      if (migProfile)
        return sharing === 'mig' && profile !== undefined && migFits(profile, node.taken[device] as number);
      return sharing !== 'mig' && free >= gpuMilli && (sharing === 'share' || gpuMilli === 1_000);
    });
    const model = gpuModels.length === 0 || gpuModels.includes(node.model ?? '');
    const fits = gpuCount > 0 && model && cpuMilli <= node.cpuFree && hosts.filter(Boolean).length >= gpuCount;
    for (const [device, free] of node.free.entries()) if (!fits || !hosts[device]) sum += count * free;
  }
  return sum;
}

describe('fragmentation', () => {
  it('is what its definition says', () =>
    inProperty((scene) => {
      const fragmentation = new Fragmentation(scene.typical);
      play(scene, ({ set }) => {
        for (const node of set.all())
          expect(fragmentation.with(node, node.cpuFree, node.gpuFree)).toBe(byDefinition(node, scene.typical));
      });
    }));
});
