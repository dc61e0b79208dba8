import type { ShapeRequest } from '../placement/shape.js';
import { rowsOf } from './openb-rows.js';

export interface OpenbTask extends ShapeRequest {
  name: string;
}

/**
 * Tasks of the Alibaba openb trace, in the order of the file.
 *
 * @param csv `openb_pod_list_*.csv`, unpacked: name, cpu_milli, memory_mib, num_gpu, gpu_milli, and gpu_spec where the
 *   list has it: models that will do, parted by bars
 * @throws RangeError where a column is missing or a number is none
 */
export const openbTasks = (csv: string): OpenbTask[] =>
  rowsOf(csv).map((row) => ({
    name: row.text('name'),
    cpuMilli: row.number('cpu_milli'),
    memoryBytes: row.number('memory_mib') * 2 ** 20,
    gpuCount: row.number('num_gpu'),
    gpuMilli: row.number('gpu_milli'),
    gpuModels: row.text('gpu_spec', '').split('|').filter(Boolean),
  }));
