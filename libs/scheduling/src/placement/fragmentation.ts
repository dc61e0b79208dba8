import { expectedLeftover } from './expected-leftover.js';
import { migFits } from './mig.js';
import type { NodeState } from './node-state.js';
import { DEVICE_MILLI } from './shape.js';
import type { TypicalSet, TypicalShape } from './typical-set.js';

/** The typical shapes that one GPU model may take, in columns, by CPU ascending. */
interface Columns {
  cpuMilli: Float64Array;
  count: Float64Array;
  gpuCount: Int32Array;
  /** Index into `levels`. */
  level: Int32Array;
  /** Distinct milli per device, ascending; the last is a whole device. */
  levels: Int32Array;
  /** How many levels lie at or below a device's free milli. */
  reached: Int16Array;
  mig: readonly TypicalShape[];
}

/**
 * How much free GPU is of no use to typical work: sum over typical shapes of weight * the free milli of the devices that
 * cannot take the shape, all devices of a node that it does not fit. Weights are counts, so it is an exact integer.
 *
 * @see Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 4.2
 */
export class Fragmentation {
  /** Sum of all weights: divide by it for milli. */
  readonly weight: number;
  /** CPU milli that typical work asks for with one device, the mean over devices; 0: nothing is known. */
  readonly cpuPerDevice: number;
  /** By free milli of a device. */
  readonly leftover: Float64Array;
  private readonly byModel = new Map<string, Columns>();
  private readonly devices = new Int32Array(DEVICE_MILLI + 1);
  private readonly milli = new Float64Array(DEVICE_MILLI + 1);

  constructor(readonly typical: TypicalSet) {
    this.weight = typical.reduce((sum, { count }) => sum + count, 0);
    this.leftover = expectedLeftover(typical);
    let [cpu, gpu] = [0, 0];
    for (const { count, cpuMilli, gpuCount, gpuMilli } of typical) {
      if (gpuMilli > 0) cpu += count * cpuMilli;
      gpu += count * gpuCount * gpuMilli;
    }
    this.cpuPerDevice = gpu > 0 ? (cpu / gpu) * DEVICE_MILLI : 0;
  }

  /** In weight * milli, of the node as it is. */
  of(node: NodeState): number {
    if (Number.isNaN(node.stranded)) node.stranded = this.with(node, node.cpuFree, node.gpuFree);
    return node.stranded;
  }

  /** The same as if the node had so much CPU and GPU free; its devices are read as they stand. */
  with(node: NodeState, cpuFree: number, gpuFree: number): number {
    if (gpuFree === 0) return 0;
    const columns = this.columns(node.model as string);
    const wholeOnly = this.spread(node, columns);
    const { cpuMilli, count, gpuCount, level, levels } = columns;
    let usable = 0;
    for (let row = 0; row < cpuMilli.length && (cpuMilli[row] as number) <= cpuFree; row += 1) {
      const at = level[row] as number;
      const whole = at === levels.length - 1 ? wholeOnly : 0;
      if ((this.devices[at] as number) + whole < (gpuCount[row] as number)) continue;
      usable += (count[row] as number) * ((this.milli[at] as number) + whole * DEVICE_MILLI);
    }
    if (columns.mig.length > 0) usable += this.usableByMig(node, columns.mig, cpuFree);
    return this.weight * gpuFree - usable;
  }

  /** Fills `devices` and `milli` per level with what is free at it or above; gives the free devices for whole use only. */
  private spread({ free, sharing }: NodeState, { levels, reached }: Columns): number {
    const { devices, milli } = this;
    for (let at = 0; at < levels.length; at += 1) {
      devices[at] = 0;
      milli[at] = 0;
    }
    let wholeOnly = 0;
    for (let device = 0; device < free.length; device += 1) {
      const amount = free[device] as number;
      if (sharing[device] !== 'share') {
        if (sharing[device] === 'whole' && amount === DEVICE_MILLI) wholeOnly += 1;
        continue;
      }
      const at = (reached[amount] as number) - 1;
      if (at < 0) continue;
      devices[at] = (devices[at] as number) + 1;
      milli[at] = (milli[at] as number) + amount;
    }
    for (let at = levels.length - 2; at >= 0; at -= 1) {
      devices[at] = (devices[at] as number) + (devices[at + 1] as number);
      milli[at] = (milli[at] as number) + (milli[at + 1] as number);
    }
    return wholeOnly;
  }

  private usableByMig(node: NodeState, shapes: readonly TypicalShape[], cpuFree: number): number {
    let usable = 0;
    for (const { cpuMilli, count, migProfile } of shapes) {
      const profile = node.profiles?.get(migProfile as string);
      if (!profile || cpuMilli > cpuFree) continue;
      for (let device = 0; device < node.free.length; device += 1) {
        if (node.sharing[device] !== 'mig' || !migFits(profile, node.taken[device] as number)) continue;
        usable += count * (node.free[device] as number);
      }
    }
    return usable;
  }

  private columns(model: string): Columns {
    const known = this.byModel.get(model);
    if (known) return known;
    const takes = ({ gpuCount, gpuModels = [] }: TypicalShape): boolean =>
      gpuCount > 0 && (gpuModels.length === 0 || gpuModels.includes(model));
    const all = this.typical.filter(takes);
    const shapes = all.filter(({ migProfile }) => migProfile === undefined).sort((a, b) => a.cpuMilli - b.cpuMilli);
    const distinct = [...new Set([...shapes.map(({ gpuMilli }) => gpuMilli), DEVICE_MILLI])].sort((a, b) => a - b);
    const columns = {
      cpuMilli: Float64Array.from(shapes, ({ cpuMilli }) => cpuMilli),
      count: Float64Array.from(shapes, ({ count }) => count),
      gpuCount: Int32Array.from(shapes, ({ gpuCount }) => gpuCount),
      level: Int32Array.from(shapes, ({ gpuMilli }) => distinct.indexOf(gpuMilli)),
      levels: Int32Array.from(distinct),
      reached: Int16Array.from({ length: DEVICE_MILLI + 1 }, (_, free) => distinct.filter((l) => l <= free).length),
      mig: all.filter(({ migProfile }) => migProfile !== undefined),
    };
    this.byModel.set(model, columns);
    return columns;
  }
}
