import {
  type NodeSpec,
  type OpenbResult,
  type OpenbTask,
  openbArrivals,
  openbNodes,
  openbTasks,
  type PlacementPolicy,
  replayOpenb,
} from '#libs/scheduling';
import { sharedText } from './shared-data.js';

export const SEEDS = [42, 43, 44, 45, 46, 47, 48, 49, 50, 51] as const;
export const NODES = 'openb/openb_node_list_gpu_node.csv.gz';
export const ARRIVALS = 'golden/openb-arrivals-seeds42-51.json.gz';
export const listFile = (list: string): string => `openb/openb_pod_list_${list}.csv.gz`;

/** Of all nodes, in milli. */
export const CAPACITY = 6_212_000;

const once = <T>(make: (key: string) => T): ((key: string) => T) => {
  const made = new Map<string, T>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
};
const nodes = once((file): NodeSpec[] => openbNodes(sharedText(file)));
const tasks = once((list): OpenbTask[] => openbTasks(sharedText(listFile(list))));
const golden = once((file): number[][] => JSON.parse(sharedText(file)));

/** The golden order of arrival where there is one for the list, our own generator's otherwise. */
function arrivals(list: string, seed: number): readonly number[] {
  const given = list === 'default' || list === 'gpuspec33' ? golden(ARRIVALS)[seed - SEEDS[0]] : undefined;
  return given ?? openbArrivals(tasks(list), CAPACITY, seed);
}

export const replay = (list: string, seed: number, policy: PlacementPolicy, rankByOrder = true): OpenbResult =>
  replayOpenb({ nodes: nodes(NODES), tasks: tasks(list), arrivals: arrivals(list, seed), policy, rankByOrder });

export const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
