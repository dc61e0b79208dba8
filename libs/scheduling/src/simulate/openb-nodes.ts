import type { NodeSpec } from '../placement/node-state.js';
import { rowsOf } from './openb-rows.js';

/**
 * Nodes of the Alibaba openb trace, in the order of the file.
 *
 * @param csv `openb_node_list_*.csv`, unpacked: sn, cpu_milli, memory_mib, gpu, model
 * @throws RangeError where a column is missing or a number is none
 */
export const openbNodes = (csv: string): NodeSpec[] =>
  rowsOf(csv).map((row) => {
    const devices = row.number('gpu');
    return {
      id: row.text('sn'),
      cpuMilli: row.number('cpu_milli'),
      memoryBytes: row.number('memory_mib') * 2 ** 20,
      ...(devices > 0 ? { gpu: { model: row.text('model'), devices: Array(devices).fill('share') } } : {}),
    };
  });
