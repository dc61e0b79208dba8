import { everyChoice } from './every-choice.js';
import type { PlacementPolicy } from './placement-policy.js';

/** The largest machine that the score is scaled by: 128 CPUs, 8 GPUs. */
const MOST_CPU_MILLI = 128_000;
const MOST_GPU_MILLI = 8_000;

/**
 * The fullest node: least free CPU and GPU after placement, each as a part of a large machine, half and half. In 100
 * steps, as the reference has it. A share goes to the fullest device.
 *
 * @see hkust-adsl/kubernetes-scheduler-simulator, pkg/simulator/plugin/best_fit_score.go
 */
export const bestFitPolicy: PlacementPolicy = {
  name: 'best-fit',
  choose(node, shape, _, choice) {
    choice.device = -1;
    let least = Number.POSITIVE_INFINITY;
    everyChoice(node, shape, (device, start) => {
      const left = device < 0 ? 0 : (node.free[device] as number);
      if (left >= least) return;
      least = left;
      choice.device = device;
      choice.start = start;
    });
    const cpu = (node.cpuFree - shape.cpuMilli) / MOST_CPU_MILLI;
    const gpu = (node.gpuFree - node.gpuMilliOf(shape)) / MOST_GPU_MILLI;
    choice.score = Math.trunc((1 - (cpu * 0.5 + gpu * 0.5)) * 100);
  },
};
