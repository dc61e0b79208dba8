import { Fragmentation } from './fragmentation.js';
import { type NodeAvailability, type NodeSpec, NodeState } from './node-state.js';
import { NO_NODE, type Placement } from './placement.js';
import type { Choice, PlacementPolicy } from './placement-policy.js';
import { NOWHERE, ScoreCache } from './score-cache.js';
import { type Shape, type ShapeRequest, shapeKey, shapeOf } from './shape.js';
import type { TypicalSet } from './typical-set.js';

/** What a shape could draw on if its nodes were one machine. */
export interface FreeSum {
  cpuMilli: number;
  memoryBytes: number;
  /** Over the devices that could ever host the shape. */
  gpuMilli: number;
}

/** Outweighs every score: such nodes are taken when no other will do. */
const LAST = 1_000_000;
/** Shapes whose scores are kept: 10,000 nodes make 80 KB of each. */
const MOST_CACHES = 1_024;

/**
 * The nodes, what is free on them, and where a shape goes. Deterministic: the same calls give the same answers. Scores
 * are kept per shape and node and computed anew only for nodes that have changed since the shape was last asked about.
 */
export class NodeSet {
  private readonly nodes: (NodeState | undefined)[] = [];
  private readonly slotOf = new Map<string, number>();
  private readonly shapes = new Map<string, Shape>();
  /** By least recent use. */
  private readonly caches = new Map<Shape, ScoreCache>();
  private fragmentation: Fragmentation;
  /** Slots in the order in which they changed. */
  private changed: number[] = [];
  /** Per slot the last round in which it was brought up to date: twice in one round is once too often. */
  private seen = new Int32Array(0);
  private round = 0;
  /** What undoes the trial under way, last first. */
  private undo: (() => void)[] | null = null;
  private readonly choice: Choice = { score: 0, device: -1, start: 0 };

  constructor(
    readonly policy: PlacementPolicy,
    typical: TypicalSet = [],
  ) {
    this.fragmentation = new Fragmentation(typical);
  }

  get size(): number {
    return this.slotOf.size;
  }

  /** The one object for all requests that ask for the same. @throws RangeError where the request is none */
  shape(request: ShapeRequest): Shape {
    const key = shapeKey(request);
    const known = this.shapes.get(key);
    if (known) return known;
    const shape = shapeOf(request);
    this.shapes.set(key, shape);
    return shape;
  }

  /** Measures fragmentation by another typical set from now on. */
  learn(typical: TypicalSet): void {
    this.fragmentation = new Fragmentation(typical);
    for (const node of this.nodes) if (node) node.stranded = -1;
    this.caches.clear();
  }

  /** Whether some node would take it now. */
  fits(shape: Shape): boolean {
    return this.upToDate(shape).best() >= 0;
  }

  /** Where it would go now; books nothing. Undefined: on no node. */
  place(shape: Shape): Placement | undefined {
    const slot = this.upToDate(shape).best();
    return slot < 0 ? undefined : this.placed(shape, this.nodes[slot] as NodeState);
  }

  /** Where it would go on one node now; books nothing. Undefined: does not fit there, or the node is not known. */
  placeOn(shape: Shape, id: string): Placement | undefined {
    const node = this.node(id);
    return node?.fits(shape) ? this.placed(shape, node) : undefined;
  }

  /** Books a placement. @throws Error where the node is not known or a bound would be passed */
  take(placement: Placement): void {
    this.book(placement, 1);
  }

  /** Gives a placement back; a placement on a node that has gone is to be forgotten instead. @throws as `take` does */
  release(placement: Placement): void {
    this.book(placement, -1);
  }

  /** Runs `attempt` with these nodes and undoes every take and release in it. Trials may be nested. */
  trial<T>(attempt: () => T): T {
    const outer = this.undo;
    const undo: (() => void)[] = [];
    this.undo = undo;
    try {
      return attempt();
    } finally {
      this.undo = null;
      for (const back of undo.reverse()) back();
      this.undo = outer;
    }
  }

  /** Where it would go if these were released; changes nothing. */
  placeWithout(shape: Shape, released: Iterable<Placement>): Placement | undefined {
    return this.trial(() => {
      for (const placement of released) this.release(placement);
      return this.place(shape);
    });
  }

  /** @throws Error in a trial, and where the node is there already */
  addNode(spec: NodeSpec): void {
    this.notInTrial();
    if (this.slotOf.has(spec.id)) throw new Error(`Node ${spec.id} is there already`);
    this.slotOf.set(spec.id, this.nodes.length);
    this.touch(this.nodes.push(new NodeState(spec)) - 1);
  }

  /** With all that lies on it. @throws Error in a trial */
  removeNode(id: string): void {
    this.notInTrial();
    const slot = this.slotOf.get(id);
    if (slot === undefined) return;
    this.nodes[slot] = undefined;
    this.slotOf.delete(id);
    this.touch(slot);
    if (this.nodes.length > 64 && this.nodes.length > 2 * this.slotOf.size) this.closeRanks();
  }

  /** @throws Error where the node is not known */
  setAvailability(id: string, availability: NodeAvailability): void {
    const slot = this.slotNamed(id);
    const node = this.nodes[slot] as NodeState;
    const was = node.availability;
    node.availability = availability;
    this.undo?.push(() => this.setAvailability(id, was));
    this.touch(slot);
  }

  /** Undefined: not known. To be read only. */
  node(id: string): NodeState | undefined {
    const slot = this.slotOf.get(id);
    return slot === undefined ? undefined : this.nodes[slot];
  }

  /** In the order in which they were added. To be read only. */
  *all(): IterableIterator<NodeState> {
    for (const node of this.nodes) if (node) yield node;
  }

  /** What is free over all nodes that would take the shape: enough in sum, on no node, is fragmentation. */
  freeInSum(shape: Shape): FreeSum {
    const sum = { cpuMilli: 0, memoryBytes: 0, gpuMilli: 0 };
    for (const node of this.nodes) {
      if (!node?.accepts(shape) || (shape.kind !== 'cpu' && node.free.length === 0)) continue;
      sum.cpuMilli += node.cpuFree;
      sum.memoryBytes += node.memoryFree;
      sum.gpuMilli += shape.kind === 'mig' ? node.migFree : node.gpuFree - node.migFree;
    }
    return sum;
  }

  /** Whether it would fit if all nodes were empty and open: what does not, never fits. */
  couldFit(shape: Shape): boolean {
    for (const { spec } of this.all()) if (new NodeState(spec).fits(shape)) return true;
    return false;
  }

  /** A set of its own, with the same nodes in the same order: for a dry run with other nodes. */
  copy(): NodeSet {
    const copy = new NodeSet(this.policy, this.fragmentation.typical);
    for (const node of this.all()) {
      copy.slotOf.set(node.spec.id, copy.nodes.length);
      copy.touch(copy.nodes.push(node.copy()) - 1);
    }
    return copy;
  }

  /** On a node that it fits. */
  private placed(shape: Shape, node: NodeState): Placement {
    this.policy.choose(node, shape, this.fragmentation, this.choice);
    const { device, start } = this.choice;
    const { cpuMilli, memoryBytes, gpuCount, gpuMilli, migProfile } = shape;
    return {
      node: node.spec.id,
      cpuMilli,
      memoryBytes,
      devices: device < 0 ? node.wholeDevices(gpuCount) : [device],
      gpuMilli,
      ...(migProfile === undefined ? {} : { mig: { profile: migProfile, start } }),
    };
  }

  private book(placement: Placement, sign: 1 | -1): void {
    if (placement.node === NO_NODE) return;
    const slot = this.slotNamed(placement.node);
    (this.nodes[slot] as NodeState).book(placement, sign);
    this.undo?.push(() => this.book(placement, sign === 1 ? -1 : 1));
    this.touch(slot);
  }

  private slotNamed(id: string): number {
    const slot = this.slotOf.get(id);
    if (slot === undefined) throw new Error(`No node ${id}`);
    return slot;
  }

  private notInTrial(): void {
    if (this.undo) throw new Error('Nodes come and go in a copy, not in a trial');
  }

  private touch(slot: number): void {
    this.changed.push(slot);
    if (this.changed.length < 4 * this.nodes.length + 4_096) return;
    // A cache that has not read for so long is dropped: bringing it up to date would cost as much as a new one.
    const forgotten = this.changed.length - this.nodes.length;
    for (const [shape, cache] of this.caches) {
      if (cache.readUpTo < forgotten) this.caches.delete(shape);
      else cache.readUpTo -= forgotten;
    }
    this.changed = this.changed.slice(forgotten);
  }

  /** Gives up the slots of nodes that have gone; those that are left keep their order. */
  private closeRanks(): void {
    const left = [...this.all()];
    this.nodes.splice(0, this.nodes.length, ...left);
    for (const [slot, node] of left.entries()) this.slotOf.set(node.spec.id, slot);
    this.caches.clear();
    this.changed = [];
  }

  private upToDate(shape: Shape): ScoreCache {
    let cache = this.caches.get(shape);
    if (!cache || cache.slots < this.nodes.length) {
      cache = new ScoreCache(this.nodes.length + (this.nodes.length >> 3));
      for (let slot = 0; slot < this.nodes.length; slot += 1) cache.set(slot, this.scoreOf(shape, slot));
    } else if (cache.readUpTo < this.changed.length) this.catchUp(shape, cache);
    else return cache;
    cache.readUpTo = this.changed.length;
    this.caches.delete(shape);
    this.caches.set(shape, cache);
    if (this.caches.size > MOST_CACHES) this.caches.delete(this.caches.keys().next().value as Shape);
    return cache;
  }

  private catchUp(shape: Shape, cache: ScoreCache): void {
    if (this.seen.length < this.nodes.length) this.seen = new Int32Array(cache.slots);
    this.round += 1;
    for (let at = cache.readUpTo; at < this.changed.length; at += 1) {
      const slot = this.changed[at] as number;
      if (this.seen[slot] === this.round) continue;
      this.seen[slot] = this.round;
      cache.set(slot, this.scoreOf(shape, slot));
    }
  }

  private scoreOf(shape: Shape, slot: number): number {
    const node = this.nodes[slot];
    if (!node?.fits(shape)) return NOWHERE;
    this.policy.choose(node, shape, this.fragmentation, this.choice);
    return node.availability === 'last' ? this.choice.score - LAST : this.choice.score;
  }
}
