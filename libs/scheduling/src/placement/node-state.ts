import { MIG_SLICES, type MigProfile, migFits, migFreeMilli, migLegal, migMask, migProfiles } from './mig.js';
import type { Placement } from './placement.js';
import { DEVICE_MILLI, type Shape } from './shape.js';
import { stableRank } from './stable-rank.js';

/** What a device may be given out as: whole only, whole or in shares of milli, or as MIG instances only. */
export type Sharing = 'whole' | 'share' | 'mig';

export interface NodeSpec {
  id: string;
  cpuMilli: number;
  memoryBytes: number;
  /** All devices of a node are of one model; one entry for each. */
  gpu?: { model: string; devices: readonly Sharing[] };
  /** Workloads at once; absent: as many as fit. */
  places?: number;
  /** In [0, 1], lower is filled first; absent: a hash of the id. */
  rank?: number;
}

/** `last`: only when no open node will do (about to be scaled down); `cordoned`: takes nothing new. */
export type NodeAvailability = 'open' | 'last' | 'cordoned';

/** One node and what is free on it. */
export class NodeState {
  availability: NodeAvailability = 'open';
  cpuFree: number;
  memoryFree: number;
  placesFree: number;
  readonly model: string | null;
  readonly rank: number;
  readonly sharing: readonly Sharing[];
  /** Milli per device; for a MIG device its free memory slices, in milli. */
  readonly free: Int32Array;
  /** Sum of `free`. */
  gpuFree: number;
  /** The part of `gpuFree` that lies on MIG devices. */
  migFree: number;
  /** Memory slices that are taken, a mask per MIG device. */
  readonly taken: Uint8Array;
  readonly profiles: ReadonlyMap<string, MigProfile> | undefined;
  /** Kept by `Fragmentation`; -1: to be computed anew. */
  stranded = -1;

  /** @throws RangeError where MIG is asked of a model that has no table */
  constructor(readonly spec: NodeSpec) {
    this.cpuFree = spec.cpuMilli;
    this.memoryFree = spec.memoryBytes;
    this.placesFree = spec.places ?? Infinity;
    this.model = spec.gpu?.model ?? null;
    this.rank = spec.rank ?? stableRank(spec.id);
    this.sharing = spec.gpu?.devices ?? [];
    this.free = new Int32Array(this.sharing.length).fill(DEVICE_MILLI);
    this.gpuFree = this.free.length * DEVICE_MILLI;
    this.migFree = this.sharing.filter((sharing) => sharing === 'mig').length * DEVICE_MILLI;
    this.taken = new Uint8Array(this.sharing.length);
    this.profiles = migProfiles.get(this.model ?? '');
    if (this.sharing.includes('mig') && !this.profiles) throw new RangeError(`${this.model} has no MIG profiles`);
  }

  copy(): NodeState {
    const copy = new NodeState(this.spec);
    copy.availability = this.availability;
    copy.cpuFree = this.cpuFree;
    copy.memoryFree = this.memoryFree;
    copy.placesFree = this.placesFree;
    copy.free.set(this.free);
    copy.gpuFree = this.gpuFree;
    copy.migFree = this.migFree;
    copy.taken.set(this.taken);
    return copy;
  }

  /** Whether the node's model will do and the node takes new work at all. */
  accepts(shape: Shape): boolean {
    if (this.availability === 'cordoned') return false;
    return shape.models === null || (this.model !== null && shape.models.has(this.model));
  }

  fits(shape: Shape): boolean {
    if (shape.cpuMilli > this.cpuFree || shape.memoryBytes > this.memoryFree || this.placesFree < 1) return false;
    if (shape.kind === 'cpu') return this.availability !== 'cordoned';
    if (shape.gpuCount > this.free.length || !this.accepts(shape)) return false;
    let devices = 0;
    for (let device = 0; device < this.free.length; device += 1) if (this.hosts(shape, device)) devices += 1;
    return devices >= shape.gpuCount;
  }

  /** Whether a device can give the part of it that the shape asks for. */
  hosts(shape: Shape, device: number): boolean {
    const sharing = this.sharing[device];
    if (shape.kind === 'mig') {
      const profile = this.profiles?.get(shape.migProfile as string);
      return sharing === 'mig' && profile !== undefined && migFits(profile, this.taken[device] as number);
    }
    if (sharing === 'mig' || (sharing === 'whole' && shape.kind === 'share')) return false;
    return (this.free[device] as number) >= shape.gpuMilli;
  }

  /** How much of `gpuFree` the shape takes here. */
  gpuMilliOf(shape: Shape): number {
    if (shape.kind !== 'mig') return shape.gpuCount * shape.gpuMilli;
    const slices = this.profiles?.get(shape.migProfile as string)?.slices ?? 0;
    return (slices * DEVICE_MILLI) / MIG_SLICES;
  }

  /** The first free whole devices, lowest index first; fewer where there are not so many. */
  wholeDevices(count: number): number[] {
    const devices: number[] = [];
    for (let device = 0; device < this.free.length && devices.length < count; device += 1) {
      if (this.free[device] === DEVICE_MILLI && this.sharing[device] !== 'mig') devices.push(device);
    }
    return devices;
  }

  /** Books; sign -1 gives back. Exactly undone by the other sign. @throws Error where a bound would be passed: a bug */
  book({ cpuMilli, memoryBytes, devices, gpuMilli, mig, places = 1 }: Placement, sign: 1 | -1): void {
    const cpuFree = this.cpuFree - sign * cpuMilli;
    const memoryFree = this.memoryFree - sign * memoryBytes;
    const within = (free: number, all: number): boolean => free >= 0 && free <= all;
    const placesFree = this.placesFree - sign * places;
    let legal = within(cpuFree, this.spec.cpuMilli) && within(memoryFree, this.spec.memoryBytes);
    legal &&= placesFree >= 0;
    for (const device of devices) legal &&= this.legal(device, gpuMilli, mig, sign);
    if (!legal) throw new Error(`Bounds of node ${this.spec.id} passed`);
    this.cpuFree = cpuFree;
    this.memoryFree = memoryFree;
    this.placesFree = placesFree;
    for (const device of devices) {
      const before = this.free[device] as number;
      if (mig) {
        this.taken[device] = (this.taken[device] as number) ^ migMask(this.profile(mig.profile), mig.start);
        this.free[device] = migFreeMilli(this.taken[device]);
      } else this.free[device] = before - sign * gpuMilli;
      const change = (this.free[device] as number) - before;
      this.gpuFree += change;
      if (mig) this.migFree += change;
    }
    this.stranded = -1;
  }

  private legal(device: number, gpuMilli: number, mig: Placement['mig'], sign: 1 | -1): boolean {
    if ((this.sharing[device] === 'mig') !== (mig !== undefined)) return false;
    const free = (this.free[device] ?? Number.NaN) - sign * gpuMilli;
    if (!mig) return free >= 0 && free <= DEVICE_MILLI;
    const taken = this.taken[device] as number;
    return migLegal(this.profile(mig.profile), mig.start, sign === 1 ? taken : ~taken);
  }

  private profile(name: string): MigProfile {
    const profile = this.profiles?.get(name);
    if (!profile) throw new Error(`${this.model} has no MIG profile ${name}`);
    return profile;
  }
}
