import { describe, expect, it } from '@jest/globals';
import { fgdPolicy } from '../placement/fgd.policy.js';
import { replayOpenb } from './openb.js';
import { openbArrivals } from './openb-arrivals.js';
import { openbNodes } from './openb-nodes.js';
import { openbTasks } from './openb-tasks.js';

const nodeList = `sn,cpu_milli,memory_mib,gpu,model
openb-node-0000,64000,262144,2,P100
openb-node-0001,32000,131072,0,
`;
const taskList = `name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos
openb-pod-0000,12000,16384,1,1000,,LS
openb-pod-0001,6000,12288,1,460,V100M16|V100M32|V100M32,LS
openb-pod-0002,2000,1024,0,0,,BE
`;
const MiB = 2 ** 20;

describe('the lists of openb', () => {
  it('are read by the names of their columns', () => {
    expect(openbNodes(nodeList)).toEqual([
      {
        id: 'openb-node-0000',
        cpuMilli: 64_000,
        memoryBytes: 262_144 * MiB,
        gpu: { model: 'P100', devices: ['share', 'share'] },
      },
      { id: 'openb-node-0001', cpuMilli: 32_000, memoryBytes: 131_072 * MiB },
    ]);
    const [first, second, third] = openbTasks(taskList);
    expect(first).toEqual({
      name: 'openb-pod-0000',
      cpuMilli: 12_000,
      memoryBytes: 16_384 * MiB,
      gpuCount: 1,
      gpuMilli: 1_000,
      gpuModels: [],
    });
    expect(second?.gpuModels).toEqual(['V100M16', 'V100M32', 'V100M32']);
    expect(third?.gpuCount).toBe(0);
  });

  it('may have no models asked for, and lines that end as on Windows', () => {
    const [task] = openbTasks('name,cpu_milli,memory_mib,num_gpu,gpu_milli\r\na,1,2,1,300\r\n');
    expect(task).toMatchObject({ cpuMilli: 1, memoryBytes: 2 * MiB, gpuMilli: 300, gpuModels: [] });
  });

  it('are refused where a column is missing or a number is none', () => {
    expect(() => openbNodes('sn,cpu_milli,memory_mib,model\na,1,2,T4\n')).toThrow('line 2: no column gpu in: a,1,2,T4');
    expect(() => openbTasks('name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,-1,2,1,300\n')).toThrow(
      'line 2: cpu_milli is no number',
    );
    expect(() => openbTasks('name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,,2,1,300\n')).toThrow(RangeError);
  });
});

describe('the order of arrival', () => {
  const tasks = openbTasks(taskList);

  it('has each task once, then others until the next would pass what is wanted', () => {
    const order = openbArrivals(tasks, 10_000, 42);
    expect(order.slice(0, 3).sort()).toEqual([0, 1, 2]);
    const milli = order.reduce((sum, index) => sum + (tasks[index]?.gpuMilli ?? 0), 0);
    expect(milli).toBeLessThanOrEqual(13_000);
    expect(milli).toBeGreaterThan(12_000);
  });

  it('is that of its seed', () => {
    expect(openbArrivals(tasks, 10_000, 42)).toEqual(openbArrivals(tasks, 10_000, 42));
    expect(openbArrivals(tasks, 10_000, 42)).not.toEqual(openbArrivals(tasks, 10_000, 43));
  });

  it('ends where no task asks for a GPU', () => {
    expect(openbArrivals([tasks[2] as never], 10_000, 1)).toEqual([0]);
  });
});

describe('the replay', () => {
  const node = (id: string, cpuMilli: number) => ({
    id,
    cpuMilli,
    memoryBytes: 8,
    gpu: { model: 'T4', devices: ['share'] as const },
  });
  const task = (gpuMilli: number, cpuMilli = 1_000) => ({ cpuMilli, memoryBytes: 1, gpuCount: 1, gpuMilli });

  it('tells where each went, what failed, and by what', () => {
    const tasks = [task(700), task(600), task(1_000, 9_000), task(200)];
    const nodes = [node('a', 4_000), node('b', 1_500)];
    const result = replayOpenb({ nodes, tasks, arrivals: [0, 1, 1, 2, 3], policy: fgdPolicy, rankByOrder: true });
    expect(result.placements.map((placement) => placement?.node ?? null)).toEqual(['a', 'b', null, null, 'a']);
    expect(result).toMatchObject({
      capacityMilli: 2_000,
      arrivedMilli: 3_100,
      allocatedMilli: 1_500,
      allocation: 75,
      failed: 2,
      failedBy: { never: 1, sum: 0, fragmentation: 1 },
    });
    // 1,900 of 2,000 have arrived with the third task, 2,900 with the fourth.
    expect(result.curve.slice(0, 3)).toEqual([
      { arrived: 90, allocation: 65 },
      { arrived: 95, allocation: 65 },
      { arrived: 100, allocation: 65 },
    ]);
    expect(result.curve).toHaveLength(9);
  });

  it('parts what is left by cause, without losing any', () => {
    const [small, large] = [task(500), task(1_000, 3_000)];
    const nodes = [node('a', 4_000), node('b', 1_000)];
    const { unallocatedMilli, capacityMilli, allocatedMilli } = replayOpenb({
      ...{ nodes, tasks: [small, large], arrivals: [0], policy: fgdPolicy },
    });
    const { model, cpu, gpu, usable } = unallocatedMilli;
    expect(model + cpu + gpu + usable).toBe(capacityMilli - allocatedMilli);
    expect(allocatedMilli).toBe(500);
  });
});
